//! Who is asked at the same time: a few payments of each account, so that a silent provider keeps nobody else waiting.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::providers::ProviderAccount;
use super::record::{Payment, PaymentKey};
use crate::subscription::MerchantId;

/// How many payments of one merchant's account are asked about at the same time.
const AT_ONCE: usize = 4;
/// How many more may wait in memory; the rest stays in the store until its next turn.
const MOST_WAITING: usize = 256;

type Lane = (MerchantId, ProviderAccount);

/// The payments that are being refreshed by this process.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    queues: Mutex<HashMap<Lane, Queue>>,
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

impl Lanes {
    fn queues(&self) -> MutexGuard<'_, HashMap<Lane, Queue>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a payment in. `Some` is to be refreshed now, and then [`next`](Self::next) called; `None` waits, is
    /// refreshed already, or has no room.
    pub(super) fn enter(&self, payment: Payment) -> Option<Payment> {
        let mut queues = self.queues();
        let queue = queues.entry(lane(&payment)).or_default();
        if queue.waiting.len() >= MOST_WAITING || !queue.keys.insert(payment.key.clone()) {
            return None;
        }
        if queue.running < AT_ONCE {
            queue.running += 1;
            return Some(payment);
        }
        queue.waiting.push_back(payment);
        None
    }

    /// One was refreshed; the next of the same account, if any waits.
    pub(super) fn next(&self, done: &Payment) -> Option<Payment> {
        let mut queues = self.queues();
        let lane = lane(done);
        let queue = queues.get_mut(&lane)?;
        queue.keys.remove(&done.key);
        let next = queue.waiting.pop_front();
        if next.is_none() {
            queue.running -= 1;
            if queue.running == 0 {
                queues.remove(&lane);
            }
        }
        next
    }

    /// Whether nothing is being refreshed.
    pub(super) fn is_idle(&self) -> bool {
        self.queues().is_empty()
    }
}
