//! What the POS does, operation by operation; a file for each domain of the service.

pub(super) mod article_groups;
pub(super) mod branches;
mod employees;
pub(super) mod external_payments;
pub(super) mod media;
mod nutrition;
pub(super) mod operations;
mod order_changes;
pub(super) mod orders;
mod payments;
pub(super) mod preparation;
pub(super) mod prices;
mod product_list;
mod products;
pub(super) mod relations;
mod special_prices;
pub(super) mod state;
pub(super) mod stock;
mod system;
mod table_orders;
pub(super) mod tables;
pub(super) mod terminals;

use std::sync::LazyLock;

use self::operations::Operations;

/// All operations that the test POS knows.
pub(super) fn operations() -> &'static Operations {
    static OPERATIONS: LazyLock<Operations> = LazyLock::new(table);
    &OPERATIONS
}

fn table() -> Operations {
    let mut operations = Operations::default();
    for register in [
        article_groups::register,
        branches::register,
        employees::register,
        external_payments::register,
        media::register,
        nutrition::register,
        order_changes::register,
        orders::register,
        payments::register,
        preparation::register,
        prices::register,
        products::register,
        relations::register,
        stock::register,
        system::register,
        table_orders::register,
        tables::register,
        terminals::register,
    ] {
        register(&mut operations);
    }
    operations
}

/// What a request with a marker and a limit gets: the items with the lowest markers from `marker` on. They do not come in
/// the order of their markers, as at the real POS.
fn page<T>(mut items: Vec<(i64, T)>, marker: Option<i64>, limit: Option<i32>) -> Vec<T> {
    if let Some(marker) = marker {
        items.retain(|(own, _)| *own >= marker);
        items.sort_by_key(|(own, _)| *own);
        if let Some(limit) = limit {
            items.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        }
        items.reverse();
    }
    items.into_iter().map(|(_, item)| item).collect()
}
