//! Several processes that sync one merchant on one Postgres. Needs `MPLUS_TEST_POSTGRES`.

use std::process::Command;
use std::sync::Arc;

use chrono::TimeDelta;
use mplus_qapi::testkit::Pos;
use mplus_qapi::{Client, Endpoint};
use mplus_sync::connection::NewConnection;
use mplus_sync::model::{ConnectionId, Environment, LeaseName};
use mplus_sync::report::RunOutcome;
use mplus_sync::runtime::{Runtime, TokioRuntime};
use mplus_sync::store::{
    CatalogStore, CredentialVault, Credentials, LeaseStore, MemoryVault, Page, PostgresStore, Select, Store,
};
use mplus_sync::sync::RunOptions;
use mplus_sync::{Host, Integration};

use crate::store::postgres::schema;

const POS: &str = "MPLUS_TEST_SYNC_POS";
const SCHEMA: &str = "MPLUS_TEST_SYNC_SCHEMA";
/// How a process ends whose sync was carried out, or whose merchant another worker was syncing.
const DONE: i32 = 40;
const BUSY: i32 = 41;

pub(crate) fn merchant() -> ConnectionId {
    ConnectionId::from("leeuw")
}

pub(crate) fn credentials() -> Credentials {
    Credentials { ident: "testkit".to_owned(), secret: "geheim & vertrouwelijk".into() }
}

/// A process of its own, as far as it knows.
pub(crate) async fn host(pos: &str, store: Arc<dyn Store>) -> Host {
    let (endpoint, vault) = (Endpoint::from_url(pos).unwrap(), MemoryVault::new());
    vault.save_credentials(&merchant(), credentials()).await.unwrap();
    let connector = move |_, credentials| {
        Client::connect(endpoint.clone(), credentials).map_err(|error| error.to_string())
    };
    Host::new(store, Arc::new(vault), connector, Arc::new(TokioRuntime))
}

#[tokio::test]
async fn of_processes_that_sync_one_merchant_at_once_one_works_and_the_others_say_so() {
    let Some(schema) = schema().await else { return };
    let pos = Pos::brasserie();
    let server = pos.serve().await.unwrap();
    let url = server.endpoint().as_str().to_owned();
    let store = PostgresStore::connect(schema.url()).await.unwrap();
    let new = NewConnection {
        id: merchant(),
        name: "De Gouden Leeuw".to_owned(),
        host: "localhost".to_owned(),
        port: 1,
        environment: Environment::Test,
    };
    Integration::connect(host(&url, Arc::new(store.clone())).await, new, credentials()).await.unwrap();

    let syncs = async |processes: usize| {
        let children: Vec<_> = (0..processes)
            .map(|_| {
                Command::new(std::env::current_exe().unwrap())
                    .args(["processes::one_sync_process", "--exact", "--ignored"])
                    .env(POS, &url)
                    .env(SCHEMA, schema.url())
                    .spawn()
                    .unwrap()
            })
            .collect();
        // The POS answers from this thread's runtime.
        let wait = |mut child: std::process::Child| {
            tokio::task::spawn_blocking(move || child.wait().unwrap().code().unwrap())
        };
        futures_util::future::try_join_all(children.into_iter().map(wait)).await.unwrap()
    };
    let now = TokioRuntime.now();
    let until = now + TimeDelta::hours(1);
    let lease = store.acquire(&merchant(), &LeaseName::RUN, &"elsewhere".into(), until, now).await.unwrap();
    assert_eq!(syncs(2).await, [BUSY, BUSY]);
    store.release(&lease.unwrap()).await.unwrap();

    let ends = syncs(3).await;
    assert!(ends.contains(&DONE) && ends.iter().all(|end| [DONE, BUSY].contains(end)), "{ends:?}");
    assert_eq!(syncs(1).await, [DONE]);
    let items = store.items(&merchant(), Select::Page(Page::first(1_000))).await.unwrap();
    assert!(items.len() > 50, "{} items", items.len());
    schema.drop().await.unwrap();
}

/// What each of the processes does; started by the test above.
#[tokio::test]
#[ignore = "a part of the test above"]
async fn one_sync_process() {
    let (Ok(pos), Ok(schema)) = (std::env::var(POS), std::env::var(SCHEMA)) else { return };
    let store = PostgresStore::connect(&schema).await.unwrap();
    let integration = Integration::open(host(&pos, Arc::new(store)).await, merchant()).await.unwrap();
    let outcome = integration.sync_menu(&RunOptions::manual()).await.outcome;
    std::process::exit(match outcome {
        RunOutcome::Completed => DONE,
        RunOutcome::Busy => BUSY,
        other => panic!("{other:?}"),
    })
}
