//! A merchant's way through the sync, against the test POS and against servers that repeat what they were sent.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::http::{StatusCode, Uri, header};
use axum::response::IntoResponse;
use mplus_qapi::testkit::{Fault, Pos};
use mplus_qapi::{Client, Credentials as PosCredentials, Endpoint};
use mplus_sync::connection::NewConnection;
use mplus_sync::model::{Environment, LocationId, Order, OrderKind};
use mplus_sync::runtime::TokioRuntime;
use mplus_sync::store::{ActivityLog as _, Credentials, MemoryVault, SqliteStore};
use mplus_sync::sync::RunOptions;
use mplus_sync::{Host, Integration};
use tokio::net::TcpListener;

/// Of a user whom no POS knows.
pub(super) const IDENT: &str = "kassa & koning/é";
pub(super) const SECRET: &str = "Gehe1m & \"vol\"/u+i't%7E<ö>";
/// The test POS's.
pub(super) const RIGHT_SECRET: &str = "geheim & vertrouwelijk";

/// What a person, a log or a database may get to see, with a word for where it is from.
pub(super) async fn everything_that_shows() -> Vec<(&'static str, String)> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sync.sqlite");
    let store = Arc::new(SqliteStore::open(&file).await.unwrap());
    let host = || Host::new(store.clone(), Arc::new(MemoryVault::new()), plain, Arc::new(TokioRuntime));
    let mut shown = Vec::new();

    let wrong = Credentials { ident: IDENT.to_owned(), secret: SECRET.into() };
    shown.push(("the credentials", format!("{wrong:?}")));
    for status in
        [StatusCode::OK, StatusCode::UNAUTHORIZED, StatusCode::FOUND, StatusCode::INTERNAL_SERVER_ERROR]
    {
        let port = repeating(status).await;
        let refused = Integration::connect(host(), at(port), wrong.clone()).await.expect_err("it is no POS");
        shown.push(("an error of a server that repeats", format!("{refused} {refused:?} {refused:#?}")));
    }
    let nobody = Integration::connect(host(), at(closed_port().await), wrong.clone()).await.err().unwrap();
    shown.push(("an error of a port where nobody listens", format!("{nobody} {nobody:?}")));

    let pos = Pos::brasserie();
    let server = pos.serve().await.unwrap();
    let port = server.endpoint().as_str().rsplit(':').next().unwrap().trim_end_matches('/').parse().unwrap();
    let refused = Integration::connect(host(), at(port), wrong).await.expect_err("nobody knows this user");
    shown.push(("the error of a wrong password", format!("{refused} {refused:?}")));

    let right = Credentials { ident: "testkit".to_owned(), secret: RIGHT_SECRET.into() };
    let (integration, report) = Integration::connect(host(), at(port), right).await.unwrap();
    shown.push(("the report of an import", format!("{report} {report:?}")));
    for faults in [0, 6] {
        let kinds = [Fault::ServerFault, Fault::Garbage, Fault::Truncated, Fault::ResetBefore];
        pos.faults().script(kinds.into_iter().cycle().take(faults));
        let report = integration.sync(&RunOptions::manual()).await;
        shown.push(("the report of a sync", format!("{report:?}")));
    }
    pos.faults().clear();
    let order = Order::new("1", LocationId::from("nowhere"), OrderKind::Pickup, integration.runtime().now());
    let refused = integration.orders().submit(&order, false).await.expect_err("there is no such location");
    shown.push(("the error of an order", format!("{refused} {refused:?}")));
    shown.push(("the client", format!("{:?}", integration.client())));
    let logged = store.activities(integration.connection_id(), None, 1_000).await.unwrap();
    assert!(!logged.is_empty());
    shown.push(("the activity log", format!("{logged:?}")));
    integration.disconnect().await.unwrap();
    shown.push(("the database", bytes_of(folder.path())));
    shown
}

/// Over plain HTTP, as no merchant is reached.
fn plain(endpoint: Endpoint, credentials: PosCredentials) -> Result<Client, String> {
    let plain = Endpoint::from_url(&endpoint.as_str().replacen("https://", "http://", 1));
    plain.and_then(|plain| Client::connect(plain, credentials)).map_err(|error| error.to_string())
}

fn at(port: u16) -> NewConnection {
    NewConnection {
        id: "merchant".into(),
        name: "Bistro".to_owned(),
        host: "127.0.0.1".to_owned(),
        port,
        environment: Environment::Test,
    }
}

/// A server that answers everything with what it was asked.
async fn repeating(status: StatusCode) -> u16 {
    let repeat = async move |uri: Uri, body: Bytes| {
        let text = format!("<html>cannot {uri}: {}</html>", String::from_utf8_lossy(&body));
        (status, [(header::LOCATION, uri.to_string()), (header::CONTENT_TYPE, "text/html".to_owned())], text)
            .into_response()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(repeat)).await });
    port
}

async fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

/// Every file of a folder.
pub(super) fn bytes_of(folder: &Path) -> String {
    let files = std::fs::read_dir(folder).unwrap();
    let texts =
        files.map(|file| String::from_utf8_lossy(&std::fs::read(file.unwrap().path()).unwrap()).into_owned());
    let text: String = texts.collect();
    assert!(text.contains("SQLite format"));
    text
}
