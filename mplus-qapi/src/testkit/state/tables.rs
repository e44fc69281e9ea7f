//! Which order sits at which table, and who has claimed it.

use std::collections::BTreeMap;

/// Branch, table, part of the table.
pub(in crate::testkit) type Place = (i32, i32, i32);

/// Which order sits where.
#[derive(Debug, Default)]
pub(in crate::testkit) struct Tables {
    pub(in crate::testkit) orders: BTreeMap<Place, String>,
    /// Workplaces that hold a table for themselves.
    pub(in crate::testkit) claims: BTreeMap<Place, i32>,
}

impl Tables {
    pub(in crate::testkit) fn order_id(&self, place: Place) -> Option<&str> {
        self.orders.get(&place).map(String::as_str)
    }

    pub(in crate::testkit) fn seat(&mut self, place: Place, order_id: &str) {
        self.orders.insert(place, order_id.to_owned());
    }

    pub(in crate::testkit) fn clear(&mut self, place: Place) {
        self.orders.remove(&place);
        self.claims.remove(&place);
    }

    /// Lets go of a claim, whoever has it.
    pub(in crate::testkit) fn release(&mut self, place: Place) {
        self.claims.remove(&place);
    }

    pub(in crate::testkit) fn claimed_by_other(&self, place: Place, workplace: i32) -> Option<i32> {
        self.claims.get(&place).copied().filter(|holder| *holder != workplace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_stands_in_the_way_of_other_workplaces_only() {
        let mut tables = Tables::default();
        tables.claims.insert((1, 4, 1), 2);
        assert_eq!(tables.claimed_by_other((1, 4, 1), 1), Some(2));
        assert_eq!(tables.claimed_by_other((1, 4, 1), 2), None);
        tables.seat((1, 4, 1), "a");
        tables.clear((1, 4, 1));
        assert_eq!((tables.order_id((1, 4, 1)), tables.claimed_by_other((1, 4, 1), 1)), (None, None));
    }
}
