//! Discounts by VAT rate: what is taken off carries the VAT of what it is taken off from. Pure.

use rust_decimal::{Decimal, RoundingStrategy};

/// Spreads an amount of whole cents over shares, in proportion and to the cent; the parts add up to the amount. All of it goes
/// to the first when the shares come to nothing.
pub(super) fn spread<K: Copy + PartialEq>(amount: Decimal, shares: &[(K, Decimal)]) -> Vec<(K, Decimal)> {
    let mut groups: Vec<(K, Decimal)> = Vec::new();
    for (key, share) in shares.iter().filter(|(_, share)| *share > Decimal::ZERO) {
        match groups.iter_mut().find(|(known, _)| known == key) {
            Some((_, sum)) => *sum += share,
            None => groups.push((*key, *share)),
        }
    }
    let whole: Decimal = groups.iter().map(|(_, share)| share).sum();
    if whole.is_zero() {
        return shares.first().map(|(key, _)| (*key, amount)).into_iter().collect();
    }
    // Each part is what is due up to it, less what was given before: no cent is lost or made.
    let (mut due, mut given) = (Decimal::ZERO, Decimal::ZERO);
    let parts = groups.into_iter().map(|(key, share)| {
        due += share;
        let up_to_here = amount * due / whole;
        let up_to_here = up_to_here.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
        let part = up_to_here - given;
        given = up_to_here;
        (key, part)
    });
    parts.filter(|(_, part)| !part.is_zero()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn euros(cents: i64) -> Decimal {
        Decimal::new(cents, 2)
    }

    #[test]
    fn a_discount_is_spread_in_proportion_and_to_the_cent() {
        assert_eq!(
            spread(euros(100), &[(9, euros(3000)), (21, euros(1000))]),
            [(9, euros(75)), (21, euros(25))]
        );
        assert_eq!(
            spread(euros(100), &[(1, euros(100)), (2, euros(100)), (3, euros(100))]),
            [(1, euros(33)), (2, euros(34)), (3, euros(33))]
        );
        assert_eq!(spread(euros(1), &[(9, euros(500)), (21, euros(500))]), [(9, euros(1))]);
    }

    #[test]
    fn lines_of_one_rate_are_one_share_and_a_free_order_has_one() {
        assert_eq!(spread(euros(50), &[(9, euros(10)), (9, euros(20))]), [(9, euros(50))]);
        assert_eq!(spread(euros(50), &[(9, euros(0)), (21, euros(0))]), [(9, euros(50))]);
    }
}
