//! Every store in the box shows every behaviour of the conformance suite.

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod agreement;
#[cfg(feature = "postgres")]
mod bounced;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod door;
mod faulty;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod fixture;
mod memory;
#[cfg(feature = "mysql")]
pub(crate) mod mysql;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod server;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(feature = "sqlite")]
mod sqlite_faults;

/// The statement that renames a field of a row, so that it cannot be read, or back.
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
fn renamed(row: &mplus_sync::testkit::conformance::Spoil, back: bool) -> String {
    use mplus_sync::testkit::conformance::Spoil;
    let (table, key, id, field) = match row {
        Spoil::Order(number) => ("mplus_outbox", "number", number, "number"),
        Spoil::Item(id) => ("mplus_items", "id", id, "name"),
        Spoil::Run(kind) => ("mplus_runs", "kind", kind, "reason"),
        Spoil::Notice(number) => ("mplus_order_notices", "number", number, "state"),
        Spoil::Connection => {
            let (from, to) = if back { ("\"port_\":", "\"port\":") } else { ("\"port\":", "\"port_\":") };
            return format!(
                "UPDATE mplus_connections SET body = replace(body, '{from}', '{to}') WHERE id = 'merchant'"
            );
        }
        other => panic!("no such row: {other:?}"),
    };
    let (from, to) = match back {
        false => (format!("\"{field}\":"), format!("\"{field}_\":")),
        true => (format!("\"{field}_\":"), format!("\"{field}\":")),
    };
    format!(
        "UPDATE {table} SET body = replace(body, '{from}', '{to}') WHERE connection = 'merchant' AND {key} = '{id}'"
    )
}
