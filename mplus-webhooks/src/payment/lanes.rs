//! Who is asked at the same time: a few payments of each merchant's account, some of an account, and of a provider in all, so that a
//! silent provider keeps nobody else waiting and is not stormed.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::providers::ProviderAccount;
use super::record::{Payment, PaymentKey};
use crate::subscription::MerchantId;

/// How many payments of one merchant's account are asked about at the same time.
const OF_A_LANE: usize = 4;
/// How many of one account, over all merchants: a platform's account may be that of thousands.
const OF_AN_ACCOUNT: usize = 32;
/// How many of one provider, over all accounts.
const OF_A_PROVIDER: usize = 128;
/// How many more of a merchant's account may wait in memory; the rest stays in the store until its next turn.
const MOST_WAITING: usize = 256;

type Lane = (MerchantId, ProviderAccount);

/// The payments that are being refreshed by this process.
#[derive(Debug, Default)]
pub(super) struct Lanes(Mutex<Traffic>);

#[derive(Debug, Default)]
struct Traffic {
    queues: HashMap<Lane, Queue>,
    accounts: HashMap<ProviderAccount, usize>,
    providers: HashMap<String, usize>,
    /// The lanes in which somebody waits, whose turn is next first.
    turns: VecDeque<Lane>,
}

#[derive(Debug, Default)]
struct Queue {
    running: usize,
    waiting: VecDeque<Payment>,
    keys: HashSet<PaymentKey>,
}

fn lane(payment: &Payment) -> Lane {
    (payment.key.merchant.clone(), ProviderAccount::of(payment))
}

fn less_one<K: std::hash::Hash + Eq>(running: &mut HashMap<K, usize>, key: &K) {
    let left = running.get_mut(key).map_or(0, |running| {
        *running = running.saturating_sub(1);
        *running
    });
    if left == 0 {
        running.remove(key);
    }
}

impl Traffic {
    fn has_room(&self, lane: &Lane) -> bool {
        let account = &lane.1;
        self.queues.get(lane).is_none_or(|queue| queue.running < OF_A_LANE)
            && self.accounts.get(account).is_none_or(|running| *running < OF_AN_ACCOUNT)
            && self.providers.get(&account.provider).is_none_or(|running| *running < OF_A_PROVIDER)
    }

    fn begin(&mut self, lane: &Lane) {
        self.queues.entry(lane.clone()).or_default().running += 1;
        *self.accounts.entry(lane.1.clone()).or_default() += 1;
        *self.providers.entry(lane.1.provider.clone()).or_default() += 1;
    }

    fn end(&mut self, lane: &Lane, key: &PaymentKey) {
        if let Some(queue) = self.queues.get_mut(lane) {
            queue.keys.remove(key);
            queue.running = queue.running.saturating_sub(1);
            if queue.running == 0 && queue.waiting.is_empty() {
                self.queues.remove(lane);
            }
        }
        less_one(&mut self.accounts, &lane.1);
        less_one(&mut self.providers, &lane.1.provider);
    }

    /// Whoever waits in the first lane that has room; that lane then comes last.
    fn take_next(&mut self) -> Option<Payment> {
        let turn = self.turns.iter().position(|lane| self.has_room(lane))?;
        let lane = self.turns.remove(turn)?;
        let queue = self.queues.get_mut(&lane)?;
        let payment = queue.waiting.pop_front()?;
        let more = !queue.waiting.is_empty();
        self.begin(&lane);
        if more {
            self.turns.push_back(lane);
        }
        Some(payment)
    }
}

impl Lanes {
    fn traffic(&self) -> MutexGuard<'_, Traffic> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a payment in. `Some` is to be refreshed now, and then [`next`](Self::next) called; `None` waits, is
    /// refreshed already, or has no room.
    pub(super) fn enter(&self, payment: Payment) -> Option<Payment> {
        let mut traffic = self.traffic();
        let lane = lane(&payment);
        let queue = traffic.queues.entry(lane.clone()).or_default();
        if queue.waiting.len() >= MOST_WAITING || !queue.keys.insert(payment.key.clone()) {
            return None;
        }
        if queue.waiting.is_empty() && traffic.has_room(&lane) {
            traffic.begin(&lane);
            return Some(payment);
        }
        let queue = traffic.queues.entry(lane.clone()).or_default();
        queue.waiting.push_back(payment);
        if queue.waiting.len() == 1 {
            traffic.turns.push_back(lane);
        }
        None
    }

    /// One was refreshed; the next that there is room for now, whatever its account.
    pub(super) fn next(&self, done: &Payment) -> Option<Payment> {
        let mut traffic = self.traffic();
        traffic.end(&lane(done), &done.key);
        traffic.take_next()
    }

    /// Whether nothing is being refreshed.
    pub(super) fn is_idle(&self) -> bool {
        self.traffic().queues.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use rust_decimal::Decimal;

    use super::*;

    fn payment(merchant: usize, account: &str, id: usize) -> Payment {
        let key = PaymentKey::new(MerchantId::new(&format!("m{merchant}")), format!("p{id}"));
        let payment = Payment::new(key, Decimal::ONE, DateTime::UNIX_EPOCH);
        Payment { provider: "stripe".to_owned(), account: account.to_owned(), ..payment }
    }

    fn entered(lanes: &Lanes, payments: impl Iterator<Item = Payment>) -> Vec<Payment> {
        payments.filter_map(|payment| lanes.enter(payment)).collect()
    }

    #[test]
    fn a_merchant_an_account_and_a_provider_have_so_much_at_once_and_no_more() {
        let lanes = Lanes::default();
        let of_a_merchant = entered(&lanes, (0..50).map(|id| payment(0, "platform", id)));
        assert_eq!(of_a_merchant.len(), 4);
        let of_the_account = entered(&lanes, (1..100).map(|merchant| payment(merchant, "platform", 0)));
        assert_eq!(of_the_account.len(), 32 - 4);
        let others =
            entered(&lanes, (0..500).map(|merchant| payment(merchant, &format!("own{merchant}"), 0)));
        assert_eq!(others.len(), 128 - 32);
    }

    #[test]
    fn everybody_has_a_turn_and_nothing_is_left_over() {
        let lanes = Lanes::default();
        let busy = (0..200).map(|id| payment(0, "own", id));
        let rest = (1..200).flat_map(|merchant| (0..2).map(move |id| payment(merchant, "platform", id)));
        let mut running: VecDeque<Payment> = entered(&lanes, busy.chain(rest)).into();
        let (mut done, mut most) = (0, 0);
        while let Some(payment) = running.pop_front() {
            most = most.max(running.len() + 1);
            done += 1;
            running.extend(lanes.next(&payment));
        }
        assert_eq!((done, most), (200 + 2 * 199, 4 + 32));
        assert!(lanes.is_idle());
    }

    #[test]
    fn whoever_waits_at_another_account_goes_on_when_the_provider_has_room() {
        let lanes = Lanes::default();
        let running =
            entered(&lanes, (0..128).map(|merchant| payment(merchant, &format!("own{merchant}"), 0)));
        assert_eq!(running.len(), 128);
        assert!(lanes.enter(payment(500, "late", 0)).is_none());
        let next = running.first().and_then(|done| lanes.next(done)).map(|payment| payment.account);
        assert_eq!(next.as_deref(), Some("late"));
    }
}
