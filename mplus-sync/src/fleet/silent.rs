//! Merchants whose POS takes calls and does not answer them.
//!
//! Each call of theirs holds a place for as long as its time-outs say, which others need. So from the first silence on they have
//! one order under way at a time, all of them together a quarter of the places, and from the second on they rest in between,
//! each time longer, until their POS answers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::ConnectionId;
use crate::orders::Heard;

use super::share::{Place, Share};

/// After how many silences in a row a merchant rests.
const RESTS: u32 = 2;

/// The merchants whose POS kept silent the last time that an order of theirs was tried.
#[derive(Debug)]
pub(super) struct Silent {
    known: Arc<Mutex<HashMap<ConnectionId, Known>>>,
    share: Share,
}

#[derive(Debug, Default)]
struct Known {
    /// How often in a row.
    times: u32,
    /// Whether an order is being tried.
    is_tried: bool,
}

/// An order that may be tried.
#[derive(Debug)]
pub(super) struct Turn {
    known: Arc<Mutex<HashMap<ConnectionId, Known>>>,
    connection: ConnectionId,
    probe: Option<Place>,
}

/// What an order has to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waits {
    /// What comes of another order of the same merchant.
    ForItsOwn,
    /// Room, which other silent merchants have.
    ForOthers,
}

/// What follows from what was heard of a POS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// Nothing that was not known.
    Nothing,
    /// It kept silent so many times in a row: let it rest.
    Rest(u32),
    /// It was silent and answers again.
    Back,
}

impl Silent {
    /// Of a process that has so many orders under way at once.
    pub(super) fn new(orders: usize) -> Self {
        Self { known: Arc::default(), share: Share::quarter_of(orders) }
    }

    /// The turn of a merchant's order.
    ///
    /// # Errors
    /// When it has to wait for another one.
    pub(super) fn turn(&self, connection: &ConnectionId) -> Result<Turn, Waits> {
        let mut known = lock(&self.known);
        let mut probe = None;
        if let Some(silent) = known.get_mut(connection) {
            if silent.is_tried {
                return Err(Waits::ForItsOwn);
            }
            probe = Some(self.share.take().ok_or(Waits::ForOthers)?);
            silent.is_tried = true;
        }
        Ok(Turn { known: Arc::clone(&self.known), connection: connection.clone(), probe })
    }

    /// Whether an order of a silent merchant is being tried now.
    pub(super) fn is_tried(&self, connection: &ConnectionId) -> bool {
        lock(&self.known).get(connection).is_some_and(|silent| silent.is_tried)
    }
}

impl Turn {
    /// Whether others of the merchant wait for what comes of it.
    pub(super) fn is_probe(&self) -> bool {
        self.probe.is_some()
    }

    /// Takes in what was heard of the POS.
    pub(super) fn heard(&self, heard: Heard) -> After {
        let mut known = lock(&self.known);
        match heard {
            Heard::Silence => {
                let silent = known.entry(self.connection.clone()).or_default();
                silent.times = silent.times.saturating_add(1);
                if silent.times >= RESTS { After::Rest(silent.times) } else { After::Nothing }
            }
            Heard::Answer => match known.remove(&self.connection) {
                Some(_) => After::Back,
                None => After::Nothing,
            },
            Heard::Away | Heard::Nothing => After::Nothing,
        }
    }
}

/// However it ends, another one may be tried.
impl Drop for Turn {
    fn drop(&mut self) {
        if self.probe.is_some()
            && let Some(silent) = lock(&self.known).get_mut(&self.connection)
        {
            silent.is_tried = false;
        }
    }
}

fn lock(
    known: &Mutex<HashMap<ConnectionId, Known>>,
) -> std::sync::MutexGuard<'_, HashMap<ConnectionId, Known>> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn silent_once(silent: &Silent, id: &ConnectionId) -> After {
        silent.turn(id).unwrap().heard(Heard::Silence)
    }

    #[test]
    fn a_merchant_whose_pos_kept_silent_has_one_order_under_way_at_a_time_until_it_answers() {
        let (silent, id) = (Silent::new(64), ConnectionId::from("a"));
        let together: Vec<_> = (0..4).map(|_| silent.turn(&id).unwrap()).collect();
        assert_eq!(together[0].heard(Heard::Silence), After::Nothing);
        assert_eq!(together[1].heard(Heard::Silence), After::Rest(2));
        drop(together);
        let probe = silent.turn(&id).unwrap();
        assert!(probe.is_probe() && matches!(silent.turn(&id), Err(Waits::ForItsOwn)));
        assert_eq!(probe.heard(Heard::Nothing), After::Nothing);
        drop(probe);
        let probe = silent.turn(&id).unwrap();
        assert_eq!(probe.heard(Heard::Answer), After::Back);
        drop(probe);
        let again = silent.turn(&id).unwrap();
        assert!(!again.is_probe());
        assert_eq!(again.heard(Heard::Silence), After::Nothing, "it is counted anew");
    }

    #[test]
    fn all_silent_merchants_together_have_a_quarter_of_the_places() {
        let silent = Silent::new(16);
        let ids: Vec<_> = (0..100).map(|id| ConnectionId::from(format!("silent-{id}"))).collect();
        for id in &ids {
            silent_once(&silent, id);
        }
        let probes: Vec<_> = ids.iter().filter_map(|id| silent.turn(id).ok()).collect();
        assert_eq!(probes.len(), 4);
        assert!(silent.turn(&"others".into()).is_ok_and(|turn| !turn.is_probe()));
    }

    #[test]
    fn an_attempt_that_is_dropped_half_way_leaves_its_place() {
        let (silent, id) = (Silent::new(4), ConnectionId::from("a"));
        silent_once(&silent, &id);
        drop(silent.turn(&id).unwrap());
        assert!(silent.turn(&id).is_ok_and(|turn| turn.is_probe()));
    }
}
