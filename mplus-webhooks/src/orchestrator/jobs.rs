//! What this process works on in the background, and whose turn it is.

use std::collections::{HashMap, HashSet};

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};

use super::work::Outcome;
use crate::inbox::{Entry, EntryId};
use crate::subscription::MerchantId;

/// After so many merchants had a turn, all begin anew: a store is not asked to leave out more of them.
const TURNS: usize = 256;

/// How a job ended; none when it panicked.
type Ended = (EntryId, Option<Outcome>);

/// The entries that are in our hands, or for which we have reached.
#[derive(Default)]
pub(super) struct Jobs {
    running: FuturesUnordered<BoxFuture<'static, Ended>>,
    in_hand: HashMap<EntryId, MerchantId>,
    /// Who has had a turn: the others come first, however long somebody's backlog is.
    served: HashSet<MerchantId>,
}

impl Jobs {
    pub(super) fn len(&self) -> usize {
        self.running.len()
    }

    /// Whether the entry may be begun: it is in nobody's hands here, and its merchant has room.
    pub(super) fn may_begin(&self, entry: &Entry, per_merchant: usize) -> bool {
        !self.in_hand.contains_key(&entry.id) && self.of(&entry.merchant) < per_merchant
    }

    pub(super) fn begin(&mut self, entry: &Entry, job: BoxFuture<'static, Ended>) {
        if self.served.len() >= TURNS {
            self.served.clear();
        }
        self.served.insert(entry.merchant.clone());
        self.in_hand.insert(entry.id.clone(), entry.merchant.clone());
        self.running.push(job);
    }

    /// Waits for the next job to end. Never, when there is none.
    pub(super) async fn next(&mut self) -> (MerchantId, Option<Outcome>) {
        loop {
            match self.running.next().await {
                Some((id, outcome)) => {
                    if let Some(merchant) = self.in_hand.remove(&id) {
                        return (merchant, outcome);
                    }
                }
                None => std::future::pending().await,
            }
        }
    }

    /// Merchants who have to wait now: those without room, and those who have had a turn when others have not.
    pub(super) fn waiting(&self, per_merchant: usize) -> Vec<MerchantId> {
        self.full(per_merchant)
            .into_iter()
            .chain(self.served.iter().cloned())
            .collect::<HashSet<_>>()
            .into_iter()
            .collect()
    }

    /// Everybody who was waiting for a turn has had one. Merchants without room still wait.
    pub(super) fn all_anew(&mut self, per_merchant: usize) -> Vec<MerchantId> {
        self.served.clear();
        self.full(per_merchant).into_iter().collect()
    }

    pub(super) fn has_served(&self) -> bool {
        !self.served.is_empty()
    }

    fn full(&self, per_merchant: usize) -> HashSet<MerchantId> {
        let merchants: HashSet<_> = self.in_hand.values().collect();
        merchants.into_iter().filter(|merchant| self.of(merchant) >= per_merchant).cloned().collect()
    }

    fn of(&self, merchant: &MerchantId) -> usize {
        self.in_hand.values().filter(|whose| *whose == merchant).count()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::FutureExt as _;

    use super::*;
    use crate::event::EventName;

    fn entry(merchant: &str, id: usize) -> Entry {
        let body = (Bytes::new(), String::new());
        let id = EntryId::new(format!("{merchant}:{id}"));
        Entry::begun(id, EventName::CompleteSession, MerchantId::new(merchant), "s", body)
    }

    /// The store's part: of due entries, the oldest whose merchant is not left out.
    fn look(due: &[Entry], except: &[MerchantId]) -> Option<Entry> {
        due.iter().find(|entry| !except.contains(&entry.merchant)).cloned()
    }

    #[test]
    fn everybody_has_a_turn_before_a_backlog_has_its_second() {
        let backlogs = (0..10).flat_map(|id| ["a", "b"].map(|merchant| entry(merchant, id)));
        let mut due: Vec<Entry> = backlogs.chain([entry("late", 0)]).collect();
        let mut jobs = Jobs::default();
        let mut order = Vec::new();
        for _ in 0..5 {
            let next = look(&due, &jobs.waiting(4)).or_else(|| look(&due, &jobs.all_anew(4))).unwrap();
            due.retain(|entry| entry.id != next.id);
            order.push(next.merchant.to_string());
            let id = next.id.clone();
            jobs.begin(&next, Box::pin(async move { (id, Some(Outcome::Done)) }));
            // One thing at a time.
            assert_eq!(jobs.next().now_or_never(), Some((next.merchant, Some(Outcome::Done))));
        }
        assert_eq!(order, ["a", "b", "late", "a", "b"]);
    }

    #[test]
    fn a_merchant_has_no_more_room_than_it_may_and_no_entry_is_begun_twice() {
        let mut jobs = Jobs::default();
        for id in 0..2 {
            assert!(jobs.may_begin(&entry("a", id), 2));
            jobs.begin(&entry("a", id), Box::pin(std::future::pending()));
        }
        assert!(!jobs.may_begin(&entry("a", 2), 2));
        assert!(!jobs.may_begin(&entry("a", 0), 3));
        assert_eq!(jobs.all_anew(2), [MerchantId::new("a")]);
        assert!(jobs.may_begin(&entry("b", 0), 2));
    }
}
