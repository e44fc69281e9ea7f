//! Receivers that are killed again and again while tills sell and customers pay: nothing that was acknowledged is lost, no money
//! is told wrongly, nothing is created twice.
//!
//! The world outside is in this process and survives: the host's table of sales and the payment provider ([`world`]). Two receivers
//! are processes of their own on one store ([`receiver`]); tills repeat what got no answer ([`tills`]). A receiver's minute takes
//! a second and a half, so that leases and patience run out within the test.
//!
//! `cargo test` runs a short story. The long one, by the numbers of `MPLUS_TEST_KILLS` (sales, payments, kills):
//!
//! ```text
//! MPLUS_TEST_KILLS=10000,2000,100 cargo test --release -p mplus-webhooks --all-features --test it kills::
//! ```

mod random;
mod receiver;
mod tills;
mod world;

use std::sync::Arc;
use std::time::Duration;

use mplus_webhooks::inbox::{EntryFilter, EntryState};
use mplus_webhooks::{PostgresStore, SqliteStore, Store};
use tokio::time::Instant;

use self::random::Random;
use self::receiver::Receivers;
use self::tills::{Ends, Progress};
use self::world::{Status, World};

/// How long everything may take that is left when the tills have gone home.
const REST: Duration = Duration::from_secs(90);

struct Story {
    sales: usize,
    payments: usize,
    kills: usize,
}

impl Story {
    fn told() -> Self {
        let numbers = std::env::var("MPLUS_TEST_KILLS").unwrap_or_else(|_| "300,60,8".to_owned());
        let numbers: Vec<usize> = numbers.split(',').map(|number| number.parse().unwrap()).collect();
        assert_eq!(numbers.len(), 3, "MPLUS_TEST_KILLS: sales,payments,kills");
        Self { sales: numbers[0], payments: numbers[1], kills: numbers[2] }
    }

    /// Tells the story on a store, from a seed.
    async fn on(&self, address: &str, store: Arc<dyn Store>, seed: u64) {
        let begun = Instant::now();
        let world = World::serve(seed).await;
        let receivers = Arc::new(Receivers::start(address, &world, seed));
        let progress = Progress::default();
        let tills = tills::work(self.sales, self.payments, &receivers, &progress, seed);
        let (ends, killed) = tokio::join!(tills, self.kill(&receivers, &progress, seed));
        let sold = begun.elapsed();

        let open =
            |entry: &mplus_webhooks::inbox::Entry| entry.state.is_open() || entry.state == EntryState::Dead;
        let mut filter = EntryFilter::default();
        filter.states = EntryState::ALL.into_iter().filter(|state| state.is_open()).collect();
        filter.states.push(EntryState::Dead);
        let deadline = Instant::now() + REST;
        loop {
            let left = store.list_entries(&filter).await.unwrap();
            let unpaid = world.payments().values().filter(|payment| payment.status == Status::Open).count();
            if !left.iter().any(open) && unpaid == 0 {
                break;
            }
            assert!(Instant::now() < deadline, "{unpaid} payments can still be paid; left over: {left:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        println!(
            "{} sales and {} payments in {sold:.1?}, {killed} kills; everything at rest after {:.1?}; {}",
            self.sales,
            self.payments,
            begun.elapsed(),
            world.told()
        );
        assert_eq!(killed, self.kills);
        self.judge(&ends, &world);
    }

    fn judge(&self, ends: &Ends, world: &World) {
        assert_eq!((ends.sold.len(), ends.paid.len()), (self.sales, self.payments));
        let (sales, payments) = (world.sales(), world.payments());
        for session in &ends.sold {
            let transactions = sales.get(session).map_or(0, |ids| ids.len());
            assert_eq!(transactions, 1, "the acknowledged sale {session}");
        }
        for (id, shown) in &payments {
            assert_eq!(shown.created, 1, "payment {id} was presented {} times", shown.created);
        }
        for (id, confirmed) in &ends.paid {
            let status = payments.get(id).map(|shown| shown.status);
            let captured = status == Some(Status::Captured);
            assert_eq!(
                *confirmed, captured,
                "payment {id}: what the till was told, and {status:?} at the provider"
            );
        }
        // A world in which nothing happens proves nothing.
        let captured = payments.values().filter(|shown| shown.status == Status::Captured).count();
        assert!(captured * 5 > self.payments, "{captured} of {} payments were paid", self.payments);
    }

    /// Kills the receivers in turn, at moments that the seed chooses.
    async fn kill(&self, receivers: &Receivers, progress: &Progress, seed: u64) -> usize {
        let mut random = Random::new(seed ^ 0x6b69_6c6c);
        let steps = self.sales + self.payments;
        // The last tenth is left to recover in.
        let mut moments: Vec<usize> = (0..self.kills).map(|_| random.below(steps * 9 / 10)).collect();
        moments.sort_unstable();
        for (number, moment) in moments.into_iter().enumerate() {
            progress.reaches(moment).await;
            tokio::time::sleep(Duration::from_millis(random.below(60) as u64)).await;
            receivers.kill_and_restart(number);
        }
        self.kills
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_receivers_lose_nothing_and_pay_nothing_twice_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("webhooks.sqlite");
    let store = Arc::new(SqliteStore::open(&path).unwrap());
    Story::told().on(path.to_str().unwrap(), store, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_receivers_lose_nothing_and_pay_nothing_twice_on_postgres() {
    let Some(url) = crate::stores::postgres("kills").await else { return };
    let store = Arc::new(PostgresStore::connect(&url).await.unwrap());
    Story::told().on(&url, store, 2).await;
}
