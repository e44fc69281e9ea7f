//! How much is worked on as it arrives: a sink or a provider that hangs must not pile up events in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::subscription::MerchantId;

/// Counts the events that are worked on, of each merchant and in all.
#[derive(Debug)]
pub(super) struct Crowd {
    inside: Mutex<HashMap<MerchantId, usize>>,
    most: usize,
    most_of_one: usize,
}

/// A place among them, until it is dropped.
#[derive(Debug)]
pub(super) struct Admitted {
    crowd: Arc<Crowd>,
    merchant: MerchantId,
}

impl Crowd {
    pub(super) fn new(most: usize, most_of_one: usize) -> Self {
        Self { inside: Mutex::default(), most: most.max(1), most_of_one: most_of_one.max(1) }
    }

    /// A place, when there is any.
    pub(super) fn admit(self: &Arc<Self>, merchant: &MerchantId) -> Option<Admitted> {
        let mut inside = self.inside();
        let (all, own) = (inside.values().sum::<usize>(), inside.get(merchant).copied().unwrap_or_default());
        if all >= self.most || own >= self.most_of_one {
            return None;
        }
        *inside.entry(merchant.clone()).or_default() += 1;
        Some(Admitted { crowd: self.clone(), merchant: merchant.clone() })
    }

    fn inside(&self) -> MutexGuard<'_, HashMap<MerchantId, usize>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut inside = self.crowd.inside();
        if let Some(own) = inside.get_mut(&self.merchant) {
            *own -= 1;
            if *own == 0 {
                inside.remove(&self.merchant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_more_than_a_part_of_the_room_and_what_leaves_makes_some() {
        let crowd = Arc::new(Crowd::new(5, 3));
        let admit = |merchant: &str| crowd.admit(&MerchantId::new(merchant));
        let loud: Vec<_> = (0..10).filter_map(|_| admit("loud")).collect();
        assert_eq!(loud.len(), 3);
        let quiet: Vec<_> = (0..10).filter_map(|_| admit("quiet")).collect();
        assert_eq!(quiet.len(), 2);
        assert!(admit("third").is_none());
        drop(loud);
        assert!(admit("third").is_some());
        drop(quiet);
        assert!(crowd.inside().is_empty());
    }
}
