//! What Postgres' errors mean.

use deadpool_postgres::PoolError;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use crate::store::{StoreError, StoreErrorKind};

/// Turns what Postgres said while doing `action`, which changes nothing that stays, into a store's error.
pub(super) fn of(action: &str) -> impl Fn(Error) -> StoreError {
    move |error| {
        let kind = match error.code() {
            Some(state) => kind_of(state),
            None => StoreErrorKind::Unavailable,
        };
        // Rolled back for the sake of another: a deadlock, or a serialization failure.
        let transient = error.code().is_some_and(|state| state.code().starts_with("40"));
        let error = StoreError::new(kind, action).with_source(error);
        if transient { error.transient() } else { error }
    }
}

/// The same for what may stay: when the connection broke, the change may have been made.
pub(super) fn of_write(action: &str) -> impl Fn(Error) -> StoreError {
    move |error| {
        let answered = error.code().is_some();
        let error = of(action)(error);
        if answered { error } else { error.maybe_done() }
    }
}

pub(super) fn no_client(action: &str) -> impl Fn(PoolError) -> StoreError {
    move |error| match error {
        PoolError::Backend(error) => of(action)(error),
        error => StoreError::new(StoreErrorKind::Unavailable, action).with_source(error),
    }
}

/// What a state means by its class: the first two characters.
fn kind_of(state: &SqlState) -> StoreErrorKind {
    match &state.code()[..2] {
        // Integrity constraint
        "23" => StoreErrorKind::Conflict,
        // Connection, transaction rolled back (deadlock), resources, lock not available, operator, system
        "08" | "40" | "53" | "55" | "57" | "58" => StoreErrorKind::Unavailable,
        // A server that is read only for now, as after a failover.
        "25" if *state == SqlState::READ_ONLY_SQL_TRANSACTION => StoreErrorKind::Unavailable,
        // What is damaged. The rest of the class passes: what a pooler or a cloud answers while it is busy, and faults inside.
        "XX" if [SqlState::DATA_CORRUPTED, SqlState::INDEX_CORRUPTED].contains(state) => {
            StoreErrorKind::Corrupt
        }
        "XX" => StoreErrorKind::Unavailable,
        _ => StoreErrorKind::Invalid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlocks_and_shutdowns_can_be_tried_again_and_taken_numbers_cannot() {
        assert_eq!(kind_of(&SqlState::T_R_DEADLOCK_DETECTED), StoreErrorKind::Unavailable);
        assert_eq!(kind_of(&SqlState::ADMIN_SHUTDOWN), StoreErrorKind::Unavailable);
        assert_eq!(kind_of(&SqlState::TOO_MANY_CONNECTIONS), StoreErrorKind::Unavailable);
        assert_eq!(kind_of(&SqlState::UNIQUE_VIOLATION), StoreErrorKind::Conflict);
        assert_eq!(kind_of(&SqlState::UNDEFINED_TABLE), StoreErrorKind::Invalid);
        assert_eq!(kind_of(&SqlState::DATA_CORRUPTED), StoreErrorKind::Corrupt);
    }

    #[test]
    fn what_a_busy_pooler_or_a_server_after_a_failover_says_is_no_damage() {
        assert_eq!(kind_of(&SqlState::INTERNAL_ERROR), StoreErrorKind::Unavailable);
        assert_eq!(kind_of(&SqlState::READ_ONLY_SQL_TRANSACTION), StoreErrorKind::Unavailable);
        assert_eq!(kind_of(&SqlState::NO_ACTIVE_SQL_TRANSACTION), StoreErrorKind::Invalid);
    }
}
