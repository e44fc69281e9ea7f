//! How a payment lies in a table: the columns that are searched, and the whole record as JSON.

use chrono::{DateTime, Utc};

use super::StoreError;
use crate::payment::Payment;

/// A payment's columns.
pub(super) struct PaymentRow {
    pub(super) version: i64,
    pub(super) open: bool,
    /// Microseconds since 1970, UTC.
    pub(super) refresh_at: i64,
    pub(super) record: String,
}

impl PaymentRow {
    pub(super) fn write(payment: &Payment) -> Result<Self, StoreError> {
        Ok(Self {
            version: version(payment.version)?,
            open: !payment.state.is_terminal(),
            refresh_at: micros(payment.refresh_at),
            record: serde_json::to_string(payment)
                .map_err(|error| StoreError::new("write a payment's record", error))?,
        })
    }
}

pub(super) fn read_payment(record: &str) -> Result<Payment, StoreError> {
    serde_json::from_str(record).map_err(|error| StoreError::new("read a payment's record", error))
}

pub(super) fn version(version: u64) -> Result<i64, StoreError> {
    i64::try_from(version).map_err(|error| StoreError::new("count a payment's versions", error))
}

pub(super) fn micros(instant: DateTime<Utc>) -> i64 {
    instant.timestamp_micros()
}
