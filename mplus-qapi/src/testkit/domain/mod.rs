//! What the POS does, operation by operation; a file for each domain of the service.

mod article_groups;
mod branches;
mod employees;
mod external_payments;
mod media;
mod nutrition;
pub(super) mod operations;
mod order_changes;
mod orders;
mod page;
mod payments;
mod preparation;
mod prices;
mod product_list;
mod products;
mod receipts;
mod relations;
mod special_prices;
mod stock;
mod system;
mod table_orders;
mod tables;
mod terminals;

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
        receipts::register,
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
