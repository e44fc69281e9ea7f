//! What a guest has chosen, as the form of the kiosk has it.

use mplus_sync::model::{ItemId, Order, OrderKind, Sold};

use super::choices;
use super::tables::{read_table, written};
use crate::view::fields::Fields;

/// How the order reaches the guest; none when the table is missing.
pub(super) fn order_kind(fields: &Fields) -> Option<OrderKind> {
    let table = read_table(fields.text("table"));
    match fields.text("kind") {
        "table" => Some(OrderKind::DineInPayNow { table: table?, guests: None }),
        "table_later" => Some(OrderKind::DineInPayLater { table: table?, guests: None }),
        _ => Some(OrderKind::Pickup),
    }
}

/// The field of how many of an item.
pub(super) fn quantity_field(item: &ItemId) -> String {
    format!("quantity_{item}")
}

/// What was chosen of which item.
pub(super) fn chosen(fields: &Fields) -> impl Iterator<Item = (ItemId, u8)> {
    fields
        .starting_with("quantity_")
        .filter_map(|(id, quantity)| Some((ItemId::from(id), quantity.trim().parse::<u8>().ok()?)))
        .filter(|(_, quantity)| *quantity > 0)
}

/// The form that an order was made of; who the guest is and what they said is for no other guest to read.
pub(super) fn as_entered(order: &Order, is_here: bool) -> Fields {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("location", order.location.as_str());
    for line in &order.lines {
        let Sold::Item { item } = &line.sold else { continue };
        form.append_pair(&quantity_field(item), &line.quantity.to_string());
        for modifier in &line.modifiers {
            let name = choices::choice_field(item, modifier.group.as_str());
            form.append_pair(&name, modifier.modifier.as_str());
        }
    }
    if !is_here {
        return Fields::read(form.finish().as_bytes());
    }
    if let OrderKind::DineInPayNow { table, .. } = &order.kind {
        form.append_pair("kind", "table").append_pair("table", &written(table));
    }
    if let Some(customer) = &order.customer {
        form.append_pair("guest", &customer.name);
    }
    form.append_pair("note", order.note.as_deref().unwrap_or_default());
    Fields::read(form.finish().as_bytes())
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use mplus_sync::model::{Customer, OrderLine, TableRef};
    use rust_decimal::Decimal;

    use super::*;

    #[test]
    fn a_guest_who_walked_away_leaves_what_was_chosen_and_nothing_of_themselves() {
        let kind = OrderKind::DineInPayNow { table: TableRef { number: 3, sub_number: 2 }, guests: None };
        let mut order = Order::new("K-1", "city", kind, DateTime::UNIX_EPOCH);
        let sold = Sold::Item { item: "cola".into() };
        order.lines = vec![OrderLine::new(sold, "Cola", Decimal::TWO, Decimal::ONE)];
        order.note = Some("no ice".to_owned());
        order.customer = Some(Customer::new("kiosk-1", "Sam"));
        let shown = |is_here| {
            let form = as_entered(&order, is_here);
            ["quantity_cola", "guest", "note", "table"].map(|field| form.text(field).to_owned())
        };
        assert_eq!(shown(true), ["2", "Sam", "no ice", "3/2"]);
        assert_eq!(shown(false), ["2", "", "", ""]);
    }
}
