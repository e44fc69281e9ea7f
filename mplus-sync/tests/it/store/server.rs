//! What the stores on a database server have in common, tried on each.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta};
use futures_util::future::join_all;
use mplus_sync::model::{Order, OrderKind, OutboxStateKind, Outcome, PosOrder};
use mplus_sync::store::{ClaimRequest, Enqueued, Store, StoreError, StoreErrorKind, Wake};
use mplus_sync::testkit::conformance::{self, Spoil, StoreFactory};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use tokio::sync::Mutex;

use super::door::Door;
use super::{agreement, fixture};

/// A database of a test's own on a server.
#[async_trait]
pub(crate) trait Server: Sized + Send + Sync + 'static {
    /// The name of its dumps.
    const NAME: &'static str;
    /// A number of rows of its own: `n` from 1 to 120,000, as the database counts.
    const NUMBERS: &'static str;
    /// An `m` with what stands between the brackets behind it, as the database writes it.
    const NAME_OF: (&'static str, &'static str);
    /// A number as text, in the same way.
    const TEXT_OF: (&'static str, &'static str);

    /// None, with a line that says so, when there is no server to test with.
    async fn begin() -> Option<Self>;

    fn url(&self) -> &str;

    /// The store at a URL.
    async fn connect(url: &str) -> Result<Arc<dyn Store>, StoreError>;

    /// Runs a statement as the host would; counts the rows.
    async fn run(&self, sql: &str) -> u64;

    /// Deletes what a store has written.
    async fn empty(&self) -> Result<(), StoreError>;

    /// Removes it.
    async fn end(self);
}

/// One database, emptied for each behaviour: they come one after the other.
struct Stores<S> {
    server: S,
    last: Mutex<String>,
}

#[async_trait]
impl<S: Server> StoreFactory for Stores<S> {
    async fn open(&self, name: &str) -> Result<Arc<dyn Store>, StoreError> {
        let store = S::connect(self.server.url()).await?;
        let mut last = self.last.lock().await;
        if *last != name {
            *last = name.to_owned();
            self.server.empty().await?;
        }
        Ok(store)
    }

    async fn spoil(&self, _: &str, row: &Spoil) -> Result<bool, StoreError> {
        self.server.run(&super::renamed(row, false)).await;
        Ok(true)
    }

    async fn mend(&self, _: &str, row: &Spoil) -> Result<(), StoreError> {
        self.server.run(&super::renamed(row, true)).await;
        Ok(())
    }
}

pub(super) async fn shows_every_behaviour<S: Server>() {
    let Some(server) = S::begin().await else { return };
    let stores = Stores { server, last: Mutex::default() };
    let report = conformance::run(&stores).await;
    stores.server.end().await;
    assert!(report.is_met() && report.untried.is_empty(), "{report}");
}

/// Runs a property on an emptied database for each of its cases.
pub(super) fn for_each_case<S: Server, G: Strategy>(steps: G, property: impl AsyncFn(&dyn Store, G::Value)) {
    agreement::block_on(async {
        let Some(server) = S::begin().await else { return };
        let store = S::connect(server.url()).await.unwrap();
        let mut runner = TestRunner::deterministic();
        for _ in 0..12 {
            server.empty().await.unwrap();
            property(&*store, steps.new_tree(&mut runner).unwrap().current()).await;
        }
        server.end().await;
    });
}

pub(super) async fn makes_its_tables_once<S: Server>() {
    let Some(server) = S::begin().await else { return };
    let opened = join_all((0..6).map(|_| S::connect(server.url()))).await;
    let opened: Vec<Arc<dyn Store>> = opened.into_iter().collect::<Result<_, _>>().unwrap();
    assert!(opened[5].checkpoints(&"merchant".into()).await.unwrap().is_empty());
    server.end().await;
}

pub(super) async fn goes_on_from_the_first_schema<S: Server>() {
    let Some(server) = S::begin().await else { return };
    for statement in fixture::tables(S::NAME).iter().chain(&fixture::rows()) {
        // MySQL reads a backslash in a text as the beginning of an escape.
        let escaped = if S::NAME == "mysql" { statement.replace('\\', "\\\\") } else { statement.clone() };
        server.run(&escaped).await;
    }
    fixture::goes_on(&*S::connect(server.url()).await.unwrap()).await;
    server.end().await;
}

/// The server goes away in the middle of work, three times, and comes back.
pub(super) async fn goes_on_after_a_restart<S: Server>() {
    const ROUNDS: usize = 3;
    const AT_ONCE: usize = 8;
    let Some(server) = S::begin().await else { return };
    let door = Door::before(server.url()).await;
    let store = S::connect(door.url()).await.unwrap();
    let (merchant, now) = ("merchant".into(), DateTime::UNIX_EPOCH);
    let order = |number: usize| Order::new(number.to_string(), "city", OrderKind::Pickup, now);
    store.enqueue(&merchant, &order(0), now).await.unwrap();
    let request = ClaimRequest::new("w".into(), 1, now + TimeDelta::minutes(5));
    let claimed = store.claim(&request, now).await.unwrap();
    for round in 0..ROUNDS {
        let numbers: Vec<usize> = (1..=AT_ONCE).map(|n| round * AT_ONCE + n).collect();
        let (store, merchant, order) = (&store, &merchant, &order);
        let queue = |number: usize| async move { store.enqueue(merchant, &order(number), now).await };
        let (queued, ()) = tokio::join!(join_all(numbers.iter().map(|number| queue(*number))), async {
            door.shut();
        });
        for error in queued.into_iter().filter_map(Result::err) {
            assert!(error.is_retryable(), "{error:?}");
        }
        let away = queue(numbers[0]).await.unwrap_err();
        assert_eq!(away.kind(), StoreErrorKind::Unavailable, "{away:?}");
        door.open();
        for number in numbers {
            let mut tries = 0;
            // As often as connections are kept that ended.
            while let Err(error) = queue(number).await {
                assert!(error.is_retryable(), "{error:?}");
                tries += 1;
                assert!(tries < 50, "it does not come back: {error:?}");
            }
            assert_eq!(queue(number).await.unwrap(), Enqueued::Known { state: OutboxStateKind::Waiting });
        }
    }
    let pos = PosOrder::with_id("x");
    store.finish(&claimed[0].claim(), Outcome::Accepted { pos }, now).await.unwrap();
    let counts = store.counts(&merchant).await.unwrap();
    server.end().await;
    let wanted = [(OutboxStateKind::Waiting, (ROUNDS * AT_ONCE) as u64), (OutboxStateKind::Accepted, 1)];
    assert_eq!(counts, wanted.into());
}

pub(super) async fn refuses_tables_of_a_newer_release<S: Server>() {
    let Some(server) = S::begin().await else { return };
    S::connect(server.url()).await.unwrap();
    server.run("INSERT INTO mplus_schema VALUES (99, 99)").await;
    let refused = S::connect(server.url()).await.err().expect("it is refused");
    server.end().await;
    assert_eq!(refused.kind(), StoreErrorKind::Invalid);
    assert!(refused.to_string().contains("version 99"), "{refused}");
}

/// `nowhere` cannot be reached, `odd` is no address; both hold the password `hunter2`.
pub(super) async fn tells_no_password<S: Server>(nowhere: &str, odd: &str) {
    let error = S::connect(nowhere).await.err().expect("nothing is there");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(error.is_retryable());
    let odd = S::connect(odd).await.err().expect("it is no address");
    assert_eq!(odd.kind(), StoreErrorKind::Invalid);
    for shown in [error.to_string(), format!("{error:?}"), odd.to_string(), format!("{odd:?}")] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

/// A claim finds its orders through an index, whatever else is stored: 20,000 orders of 1,000 merchants wait, and 100,000 have
/// ended.
pub(super) async fn claims_pass_over_the_backlog_of_others<S: Server>() {
    let Some(server) = S::begin().await else { return };
    let store = S::connect(server.url()).await.unwrap();
    let order = Order::new("1", "city", OrderKind::Pickup, DateTime::UNIX_EPOCH);
    store.enqueue(&"other".into(), &order, DateTime::UNIX_EPOCH).await.unwrap();
    let (name, text, numbers) = (S::NAME_OF, S::TEXT_OF, S::NUMBERS);
    let copies = format!(
        "INSERT INTO mplus_outbox \
         (connection, number, is_open, state, due_at, claims, queued_at, updated_at, body, progress) \
         SELECT {}n % 1000{}, {}n{}, CASE WHEN n <= 20000 THEN 1 ELSE 0 END, \
         CASE WHEN n <= 20000 THEN 'waiting' ELSE 'accepted' END, due_at - 1, 0, queued_at, updated_at, body, progress \
         FROM mplus_outbox CROSS JOIN {numbers} WHERE connection = 'other'",
        name.0, name.1, text.0, text.1
    );
    assert_eq!(server.run(&copies).await, 120_000);
    server.run("ANALYZE mplus_outbox").await;

    let now = DateTime::UNIX_EPOCH + TimeDelta::days(1);
    let request = ClaimRequest::new("w".into(), 16, now + TimeDelta::minutes(5));
    let (of_nobody, fair) = (request.clone().of("nobody".into()), request.clone().at_once(4));
    let mut took = [Duration::MAX; 3];
    for _ in 0..12 {
        let (found, time) = timed(store.claim(&of_nobody, now)).await;
        assert!(found.unwrap().is_empty());
        took[0] = took[0].min(time);

        let (found, time) = timed(store.claim(&fair, now)).await;
        let merchants: BTreeSet<_> = found.unwrap().into_iter().map(|entry| entry.connection).collect();
        assert_eq!(merchants.len(), 16, "one order of each");
        took[1] = took[1].min(time);

        let (found, time) = timed(store.claim(&request, now - TimeDelta::days(9))).await;
        assert!(found.unwrap().is_empty(), "nothing is due yet");
        took[2] = took[2].min(time);
    }
    server.end().await;
    eprintln!(
        "idle, of one: {:?}; 16 of 1,000 merchants: {:?}; idle, of all: {:?}",
        took[0], took[1], took[2]
    );
    // Far more than it takes, and far less than a look at every row.
    assert!(took[0] < Duration::from_millis(20), "{took:?}");
    assert!(took[1] < Duration::from_millis(400), "{took:?}");
    assert!(took[2] < Duration::from_millis(20), "{took:?}");
}

/// The same where the database knows little of what there is: a flood of one merchant's orders, and one each of 1,000 others, have come
/// since it last counted. First it never has, then when nothing waited, which is how most of its counts find an outbox.
pub(super) async fn claims_do_not_depend_on_what_was_counted<S: Server>() {
    let Some(server) = S::begin().await else { return };
    let store = S::connect(server.url()).await.unwrap();
    let order = Order::new("1", "city", OrderKind::Pickup, DateTime::UNIX_EPOCH);
    store.enqueue(&"other".into(), &order, DateTime::UNIX_EPOCH).await.unwrap();
    let (name, text, numbers) = (S::NAME_OF, S::TEXT_OF, S::NUMBERS);
    let mut took = Vec::new();
    for series in ["a", "b"] {
        let flood = format!(
            "INSERT INTO mplus_outbox \
             (connection, number, is_open, state, due_at, claims, queued_at, updated_at, body, progress) \
             SELECT {}CASE WHEN n <= 5000 THEN 0 ELSE n END{}, {}n{}, 1, 'waiting', n, 0, queued_at, updated_at, body, progress \
             FROM mplus_outbox CROSS JOIN {numbers} WHERE connection = 'other' AND n <= 6000",
            name.0, name.1, text.0, text.1
        );
        assert_eq!(server.run(&flood).await, 6_000);
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(1);
        let request = ClaimRequest::new("w".into(), 64, now + TimeDelta::minutes(5)).at_once(4);
        let (found, time) = timed(store.claim(&request, now)).await;
        let merchants: BTreeSet<_> = found.unwrap().into_iter().map(|entry| entry.connection).collect();
        assert_eq!(merchants.len(), 64, "one order of each");
        took.push(time);
        server.run(&format!("UPDATE mplus_outbox SET is_open = 0, state = 'accepted', number = CONCAT('{series}', number) WHERE connection <> 'other'")).await;
        server.run("ANALYZE mplus_outbox").await;
    }
    server.end().await;
    // Far more than it takes, and far less than a look at the flood for each of the others.
    assert!(took.iter().all(|took| *took < Duration::from_secs(1)), "{took:?}");
}

#[expect(clippy::disallowed_methods, reason = "the time it takes is what is looked at")]
async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let began = Instant::now();
    let done = work.await;
    (done, began.elapsed())
}

/// Processes hear of each other's work before they look by themselves.
pub(super) async fn tells_others<S: Server>() {
    let Some(server) = S::begin().await else { return };
    let (one, other) = (S::connect(server.url()).await.unwrap(), S::connect(server.url()).await.unwrap());
    let mut listener = other.listen();
    let mut number = 0;
    // The other one may not listen yet: nothing depends on the first call.
    let heard = async {
        loop {
            number += 1;
            let order = Order::new(number.to_string(), "city", OrderKind::Pickup, DateTime::UNIX_EPOCH);
            one.enqueue(&"merchant".into(), &order, DateTime::UNIX_EPOCH).await.unwrap();
            let wait = tokio::time::timeout(Duration::from_millis(300), listener.heard(&[Wake::Orders]));
            if wait.await.is_ok() {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), heard).await.expect("it hears");
    server.end().await;
}

/// Tries all of the above on a server.
macro_rules! tests_on {
    ($server:ty, nowhere: $nowhere:literal, odd: $odd:literal) => {
        #[tokio::test]
        async fn the_store_shows_every_behaviour() {
            $crate::store::server::shows_every_behaviour::<$server>().await;
        }

        #[test]
        fn the_outbox_answers_as_the_one_in_memory() {
            use $crate::store::{agreement, server};
            server::for_each_case::<$server, _>(agreement::order_steps(), agreement::orders_agree);
        }

        #[test]
        fn the_menu_answers_as_the_one_in_memory() {
            use $crate::store::{agreement, server};
            server::for_each_case::<$server, _>(agreement::item_steps(), agreement::items_agree);
        }

        #[tokio::test]
        async fn workers_that_start_at_the_same_time_make_the_tables_once() {
            $crate::store::server::makes_its_tables_once::<$server>().await;
        }

        #[tokio::test]
        async fn this_release_goes_on_from_the_fixture_of_the_first_schema() {
            $crate::store::server::goes_on_from_the_first_schema::<$server>().await;
        }

        #[tokio::test]
        async fn work_goes_on_after_the_server_was_away() {
            $crate::store::server::goes_on_after_a_restart::<$server>().await;
        }

        #[tokio::test]
        async fn tables_of_a_newer_release_are_refused() {
            $crate::store::server::refuses_tables_of_a_newer_release::<$server>().await;
        }

        #[tokio::test]
        async fn a_server_that_is_not_there_is_unavailable_and_no_password_is_shown() {
            $crate::store::server::tells_no_password::<$server>($nowhere, $odd).await;
        }

        #[tokio::test]
        async fn a_claim_does_not_depend_on_what_the_database_counted_last() {
            $crate::store::server::claims_do_not_depend_on_what_was_counted::<$server>().await;
        }

        #[tokio::test]
        async fn a_claim_passes_over_the_backlog_of_others() {
            $crate::store::server::claims_pass_over_the_backlog_of_others::<$server>().await;
        }

        #[tokio::test]
        async fn processes_hear_of_each_others_work() {
            $crate::store::server::tells_others::<$server>().await;
        }
    };
}
pub(crate) use tests_on;
