//! How often somebody may guess.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

/// Wrong passwords from one address before it has to wait.
const FREE: u32 = 5;
/// Addresses that are remembered; who comes on top of that counts as one.
const ADDRESSES: usize = 10_000;
/// How long a wrong password is held against an address.
const MEMORY: TimeDelta = TimeDelta::minutes(15);

/// How many wrong passwords, and when the last one came.
type Guesses = (u32, DateTime<Utc>);

/// Counts wrong passwords by address.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<HashMap<Option<IpAddr>, Guesses>>);

impl Throttle {
    /// Until when an address has to wait, if it has to.
    pub(crate) fn wait(&self, address: IpAddr, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let address = network(address);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (_, last)| *last + MEMORY > now);
        let seen = known.get(&Some(address)).or_else(|| known.get(&None));
        seen.filter(|(wrong, _)| *wrong >= FREE).map(|(_, last)| *last + MEMORY)
    }

    /// A wrong password.
    pub(crate) fn wrong(&self, address: IpAddr, now: DateTime<Utc>) {
        let address = network(address);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key =
            Some(address).filter(|address| known.len() < ADDRESSES || known.contains_key(&Some(*address)));
        let (wrong, last) = known.entry(key).or_insert((0, now));
        *wrong = wrong.saturating_add(1);
        *last = now;
    }

    /// The right one.
    pub(crate) fn right(&self, address: IpAddr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&Some(network(address)));
    }
}

/// One household of IPv6 has 2^64 addresses, and counts as one.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            [a, b, c, d, 0, 0, 0, 0].into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_wrong_passwords_make_an_address_wait_a_quarter_and_no_other() {
        let (throttle, now) = (Throttle::default(), DateTime::UNIX_EPOCH);
        let (guesser, other) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        for _ in 0..FREE {
            assert_eq!(throttle.wait(guesser, now), None);
            throttle.wrong(guesser, now);
        }
        assert_eq!(throttle.wait(guesser, now), Some(now + MEMORY));
        assert_eq!(throttle.wait(other, now), None);
        assert_eq!(throttle.wait(guesser, now + MEMORY), None);
    }

    #[test]
    fn one_network_of_ipv6_counts_as_one() {
        let (throttle, now) = (Throttle::default(), DateTime::UNIX_EPOCH);
        for host in 1..=5_u16 {
            throttle.wrong([0x2001, 0xdb8, 0, 1, 0, 0, 0, host].into(), now);
        }
        assert!(throttle.wait([0x2001, 0xdb8, 0, 1, 9, 9, 9, 9].into(), now).is_some());
        assert!(throttle.wait([0x2001, 0xdb8, 0, 2, 0, 0, 0, 1].into(), now).is_none());
    }

    #[test]
    fn the_right_password_wipes_the_slate() {
        let (throttle, now) = (Throttle::default(), DateTime::UNIX_EPOCH);
        let address = [192, 0, 2, 1].into();
        (0..FREE).for_each(|_| throttle.wrong(address, now));
        throttle.right(address);
        assert_eq!(throttle.wait(address, now), None);
    }
}
