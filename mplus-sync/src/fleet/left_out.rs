//! The merchants that a process leaves to others, since it cannot read what is stored of them.
//!
//! A newer release may have written it: its processes can read it and do the work. Whatever it is, this process looks again a minute
//! later.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::connection::OpenError;
use crate::model::ConnectionId;
use crate::store::StoreErrorKind;

/// How long a merchant is left to others before this process looks again. What has waited as long was taken up by none of them.
pub(super) const LEFT: TimeDelta = TimeDelta::minutes(1);

/// How many are left out of a claim at once: a claim names them all.
const MOST: usize = 1000;

/// The merchants that are left to others, and until when.
#[derive(Debug, Default)]
pub(super) struct LeftOut(Mutex<BTreeMap<ConnectionId, DateTime<Utc>>>);

impl LeftOut {
    /// Leaves a merchant to others from now on; false where there are too many of them.
    pub(super) fn leave(&self, connection: &ConnectionId, now: DateTime<Utc>) -> bool {
        let mut left = self.lock();
        let has_room = left.len() < MOST || left.contains_key(connection);
        if has_room {
            left.insert(connection.clone(), now + LEFT);
        }
        has_room
    }

    /// Those that are left to others now.
    pub(super) fn now(&self, now: DateTime<Utc>) -> Vec<ConnectionId> {
        let mut left = self.lock();
        left.retain(|_, until| *until > now);
        left.keys().cloned().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<ConnectionId, DateTime<Utc>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a merchant cannot be taken up since this process cannot read what is stored.
pub(super) fn is_unreadable(error: &OpenError) -> bool {
    matches!(error, OpenError::Store(error) if error.kind() == StoreErrorKind::Corrupt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merchant_is_left_to_others_for_a_minute() {
        let (left, now) = (LeftOut::default(), DateTime::UNIX_EPOCH);
        assert!(left.leave(&"a".into(), now));
        assert_eq!(left.now(now + TimeDelta::seconds(59)), ["a".into()]);
        assert!(left.now(now + LEFT).is_empty());
    }

    #[test]
    fn a_claim_never_names_more_than_a_database_takes() {
        let (left, now) = (LeftOut::default(), DateTime::UNIX_EPOCH);
        for number in 0..MOST {
            assert!(left.leave(&ConnectionId::from(number.to_string()), now));
        }
        assert!(!left.leave(&"one more".into(), now));
        assert!(left.leave(&"7".into(), now), "it is one of them");
        assert_eq!(left.now(now).len(), MOST);
    }
}
