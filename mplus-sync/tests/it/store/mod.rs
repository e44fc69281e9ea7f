//! Every store in the box shows every behaviour of the conformance suite.

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod agreement;
mod faulty;
mod memory;
#[cfg(feature = "mysql")]
pub(crate) mod mysql;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod server;
#[cfg(feature = "sqlite")]
mod sqlite;

/// The table, the column of the identifier, and the identifier of a row that is spoiled.
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
fn spoiled(row: &mplus_sync::testkit::conformance::Spoil) -> (&'static str, &'static str, &str) {
    use mplus_sync::testkit::conformance::Spoil;
    match row {
        Spoil::Order(number) => ("mplus_outbox", "number", number),
        Spoil::Item(id) => ("mplus_items", "id", id),
        other => panic!("no such row: {other:?}"),
    }
}
