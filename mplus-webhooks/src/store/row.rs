//! How a payment lies in a table: the columns that are searched, and the whole record as JSON.

use chrono::{DateTime, Utc};

use crate::payment::Payment;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use crate::store_error::StoreError;

/// The account at the provider that the payment was started on.
pub(super) fn account(_: &Payment) -> &str {
    ""
}

/// When the payment is due. `None` when nothing is left to be done.
pub(super) fn due_at(payment: &Payment) -> Option<DateTime<Utc>> {
    (!payment.state.is_terminal()).then_some(payment.refresh_at)
}

/// When the payment ended.
pub(super) fn ended_at(payment: &Payment) -> Option<DateTime<Utc>> {
    payment.state.is_terminal().then_some(payment.refresh_at)
}

/// The payment with another time to refresh it.
pub(super) fn due_again(mut payment: Payment, refresh_at: DateTime<Utc>) -> Payment {
    payment.refresh_at = refresh_at;
    payment
}

/// A payment's columns.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(super) struct PaymentRow {
    pub(super) version: i64,
    pub(super) state: &'static str,
    /// Microseconds since 1970, UTC, as all instants are.
    pub(super) refresh_at: Option<i64>,
    pub(super) started_at: i64,
    pub(super) ended_at: Option<i64>,
    pub(super) record: String,
}

#[cfg(any(feature = "sqlite", feature = "postgres"))]
impl PaymentRow {
    pub(super) fn write(payment: &Payment) -> Result<Self, StoreError> {
        Ok(Self {
            version: version(payment.version)?,
            state: payment.state.name(),
            refresh_at: due_at(payment).map(micros),
            started_at: micros(payment.started_at),
            ended_at: ended_at(payment).map(micros),
            record: serde_json::to_string(payment)
                .map_err(|error| StoreError::new("write a payment's record", error))?,
        })
    }
}

/// Reads a record; `refresh_at` is the column's, which a claim moves.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(super) fn read_payment(record: &str, refresh_at: Option<i64>) -> Result<Payment, StoreError> {
    let payment: Payment =
        serde_json::from_str(record).map_err(|error| StoreError::new("read a payment's record", error))?;
    Ok(match refresh_at.and_then(DateTime::from_timestamp_micros) {
        Some(refresh_at) => due_again(payment, refresh_at),
        None => payment,
    })
}

/// Reads many records; one that cannot be read is logged and left out.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(super) fn read_payments(rows: Vec<(String, Option<i64>)>) -> Vec<Payment> {
    let read = rows.into_iter().filter_map(|(record, refresh_at)| {
        let read = read_payment(&record, refresh_at);
        read.inspect_err(|error| tracing::error!(%error, "a stored payment is passed over")).ok()
    });
    read.collect()
}

#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(super) fn version(version: u64) -> Result<i64, StoreError> {
    i64::try_from(version).map_err(|error| StoreError::new("count a payment's versions", error))
}

#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(super) fn micros(instant: DateTime<Utc>) -> i64 {
    instant.timestamp_micros()
}
