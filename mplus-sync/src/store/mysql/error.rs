//! What the errors of MySQL and MariaDB mean.

use mysql_async::Error;

use crate::store::{StoreError, StoreErrorKind};

/// Turns what the database said while doing `action` into a store's error.
pub(super) fn of(action: &str) -> impl Fn(Error) -> StoreError {
    move |error| {
        let (kind, transient) = match &error {
            Error::Server(server) => kind_of(server.code),
            Error::Io(_) | Error::Driver(_) => (StoreErrorKind::Unavailable, false),
            Error::Url(_) | Error::Other(_) => (StoreErrorKind::Invalid, false),
        };
        // Its chain ends with it: a source of its own would be said twice.
        let error = StoreError::new(kind, action).with_source(error.to_string());
        if transient { error.transient() } else { error }
    }
}

/// The same for what may stay: when the connection broke, the change may have been made.
pub(super) fn maybe_done(error: StoreError) -> StoreError {
    match error.kind() == StoreErrorKind::Unavailable && !error.is_transient() {
        true => error.maybe_done(),
        false => error,
    }
}

/// What a code means, and whether the transaction was rolled back for the sake of another.
fn kind_of(code: u16) -> (StoreErrorKind, bool) {
    match code {
        // Duplicate key
        1022 | 1062 | 1586 => (StoreErrorKind::Conflict, false),
        // Lock wait, deadlock, a row that changed since the snapshot, a lock that is held
        1020 | 1205 | 1213 | 3572 => (StoreErrorKind::Unavailable, true),
        // Too many connections, shutdown, disk full, interrupted, read only for now, gone, its time is up
        1021 | 1040 | 1053 | 1077 | 1080 | 1203 | 1226 | 1290 | 1317 | 1836 | 1927 | 1969 | 3024 | 4031 => {
            (StoreErrorKind::Unavailable, false)
        }
        // A table that is damaged
        1034 | 1035 | 1194 | 1195 | 1712 => (StoreErrorKind::Corrupt, false),
        _ => (StoreErrorKind::Invalid, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlocks_are_tried_again_and_taken_numbers_are_not() {
        assert_eq!(kind_of(1213), (StoreErrorKind::Unavailable, true));
        assert_eq!(kind_of(1062), (StoreErrorKind::Conflict, false));
        assert_eq!(kind_of(1040), (StoreErrorKind::Unavailable, false));
        assert_eq!(kind_of(1406), (StoreErrorKind::Invalid, false));
    }
}
