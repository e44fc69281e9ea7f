//! What SQLite's errors mean.

use rusqlite::{Error, ErrorCode};

use crate::store::{StoreError, StoreErrorKind};

/// Turns what SQLite said while doing `action` into a store's error.
pub(super) fn of(action: &str) -> impl Fn(Error) -> StoreError {
    move |error| {
        let kind = match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => StoreErrorKind::Conflict,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::TypeMismatch) => {
                StoreErrorKind::Corrupt
            }
            Some(
                ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::TooBig | ErrorCode::ApiMisuse,
            ) => StoreErrorKind::Invalid,
            Some(_) => StoreErrorKind::Unavailable,
            None => match error {
                Error::FromSqlConversionFailure(..)
                | Error::IntegralValueOutOfRange(..)
                | Error::InvalidColumnType(..)
                | Error::Utf8Error(..) => StoreErrorKind::Corrupt,
                _ => StoreErrorKind::Invalid,
            },
        };
        StoreError::new(kind, action).with_source(error)
    }
}
