//! What the orchestrator costs on top of what cannot be avoided: checking and making signatures, reading and writing JSON.
//!
//! `cargo bench -p mplus-benches --bench webhooks -- memory` measures something else: how much memory a million events leave behind
//! in the store in memory, and how long they take.
//!
//! Both sides run in turns in the same process. Every round counts: a ratio is the median of the rounds' ratios, a time is the
//! median of the rounds' times, and the 99th percentile is that of all requests of all rounds.

use std::error::Error;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::Request;
use mplus_benches::figure::{self, Target};
use mplus_webhooks::event::EventName;
use mplus_webhooks::inbox::EntryFilter;
use mplus_webhooks::payment::{OneProvider, PaymentProfiles};
use mplus_webhooks::testkit::{ManualProvider, Till};
use mplus_webhooks::{
    FixedSubscriptions, MemoryStore, MemoryTransactions, MerchantId, Orchestrator, PostgresStore,
    SIGNATURE_HEADER, SqliteStore, Store, Subscription, SubscriptionSecret, TokioRuntime, adapter,
};
use rust_decimal::Decimal;
use sha2::Sha256;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_postgres::types::{ToSql, Type};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const KEY: &[u8] = b"thirty-two bytes of a secret key";
const CONNECTIONS: usize = 64;

fn main() -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    if std::env::args().any(|argument| argument == "memory") {
        return a_million_events(&runtime);
    }
    runtime.block_on(async {
        let fixture = Fixture::new().await?;
        handle_against_bare(&fixture).await?;
        inbox_against_insert().await?;
        server_against_bare(&fixture).await
    })
}

/// A host with one open payment, and the poll for it.
struct Fixture {
    orchestrator: Orchestrator,
    poll: Request<Bytes>,
    reply: Bytes,
}

impl Fixture {
    async fn new() -> Outcome<Self> {
        let secret = SubscriptionSecret::from_bytes(KEY)?;
        let subscription = Subscription::new("restaurant", MerchantId::new("merchant"), secret.clone());
        let orchestrator = Orchestrator::builder(
            Arc::new(FixedSubscriptions::new([subscription])),
            Arc::new(MemoryStore::new()),
            Arc::new(TokioRuntime),
        )
        .payments(Arc::new(OneProvider(Arc::new(ManualProvider::new()))))
        .build();
        let till = Till::in_process("restaurant", secret, 1);
        let payment = till.start_payment(Decimal::new(270, 2));
        payment.start(&orchestrator).await?;
        let fields = serde_json::json!({
            "externalPayment": { "externalPaymentId": payment.id, "amount": 2.7, "method": "K_WEBHOOK" }
        });
        let poll = till.signed(&EventName::PollExternalPayment, till.body(true, fields));
        let reply = orchestrator.handle(poll.clone()).await.into_body();
        Ok(Self { orchestrator, poll, reply })
    }
}

/// A million events on the store in memory: of ten, six change nothing, three are sales, and one is a payment that fails.
fn a_million_events(runtime: &tokio::runtime::Runtime) -> Outcome<()> {
    const EVENTS: usize = 1_000_000;
    let secret = SubscriptionSecret::from_bytes(KEY)?;
    let subscription = Subscription::new("restaurant", MerchantId::new("merchant"), secret.clone());
    let orchestrator = Orchestrator::builder(
        Arc::new(FixedSubscriptions::new([subscription])),
        Arc::new(MemoryStore::new()),
        Arc::new(TokioRuntime),
    )
    .payments(Arc::new(PaymentProfiles::new()))
    .build();
    let till = Till::in_process("restaurant", secret, 1);
    let mut half = None;
    let mut longest = Duration::ZERO;
    let begun = now();
    for part in ["the first half", "the second half"] {
        let (sent, grown) = mplus_benches::memory::growth(|| {
            runtime.block_on(async {
                for number in 0..EVENTS / 2 {
                    let (event, fields) = match number % 10 {
                        0..6 => (
                            EventName::StartSession,
                            serde_json::json!({ "session": { "sessionId": till.new_id() } }),
                        ),
                        6..9 => (EventName::CompleteSession, sale(&till.new_id())),
                        _ => {
                            let payment =
                                serde_json::json!({ "externalPaymentId": till.new_id(), "amount": 2.7 });
                            (
                                EventName::StartExternalPayment,
                                serde_json::json!({ "externalPayment": payment }),
                            )
                        }
                    };
                    let request = till.signed(&event, till.body(true, fields));
                    let asked = now();
                    let reply = orchestrator.handle(request).await;
                    longest = longest.max(asked.elapsed());
                    if reply.status() != 200 {
                        return Err(format!("refused: {:?}", reply.body()));
                    }
                }
                Ok(())
            })
        });
        sent?;
        let grown = grown.map_or("not known here".to_owned(), |grown| format!("{grown:.0} MiB"));
        println!("memory of {part:16} {grown}");
        half.get_or_insert(begun.elapsed());
    }
    println!(
        "{EVENTS} events in {:.1} s, the first half in {:.1} s; the longest answer took {:.1} ms",
        begun.elapsed().as_secs_f64(),
        half.unwrap_or_default().as_secs_f64(),
        longest.as_secs_f64() * 1e3,
    );
    Ok(())
}

/// A usual sale.
fn sale(session_id: &str) -> serde_json::Value {
    let lines: Vec<_> = (0..5)
        .map(|number| serde_json::json!({ "lineId": number.to_string(), "text": "Coffee", "priceIncl": 2.5, "quantity": 1 }))
        .collect();
    serde_json::json!({ "session": { "sessionId": session_id, "lines": lines, "totalInclAmount": 12.5 } })
}

/// The least that anybody has to do with these bodies.
fn bare(body: &[u8], signature: &[u8], reply: &serde_json::Value) -> Outcome<(Vec<u8>, String)> {
    let mut check = Hmac::<Sha256>::new_from_slice(KEY)?;
    check.update(body);
    check.verify_slice(&STANDARD.decode(signature)?)?;
    let parsed: serde_json::Value = serde_json::from_slice(body)?;
    std::hint::black_box(&parsed);
    let written = serde_json::to_vec(reply)?;
    let mut sign = Hmac::<Sha256>::new_from_slice(KEY)?;
    sign.update(&written);
    Ok((written, STANDARD.encode(sign.finalize().into_bytes())))
}

async fn handle_against_bare(fixture: &Fixture) -> Outcome<()> {
    const CALLS: usize = 200;
    const ROUNDS: usize = 301;
    let body = fixture.poll.body().clone();
    let signature = fixture.poll.headers()[SIGNATURE_HEADER].as_bytes().to_vec();
    let reply: serde_json::Value = serde_json::from_slice(&fixture.reply)?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let requests = vec![fixture.poll.clone(); CALLS];
        let begun = now();
        for request in requests {
            std::hint::black_box(fixture.orchestrator.handle(request).await);
        }
        ours.push(begun.elapsed().as_secs_f64() / CALLS as f64 * 1e6);
        let begun = now();
        for _ in 0..CALLS {
            std::hint::black_box(bare(&body, &signature, &reply)?);
        }
        theirs.push(begun.elapsed().as_secs_f64() / CALLS as f64 * 1e6);
    }
    let ratio = median(ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs));
    println!(
        "handle a poll            {:6.2} us, bare {:6.2} us, ratio {ratio:.2} (to reach: under 1.1)",
        median(ours.iter().copied()),
        median(theirs.iter().copied()),
    );
    Ok(figure::record("webhooks/poll, memory store", ratio, "x bare", Target::Under(1.1))?)
}

/// A sale that is kept before it is acknowledged, against one insert of the same row: what any inbox has to do.
async fn inbox_against_insert() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let store = Arc::new(SqliteStore::open(folder.path().join("inbox.sqlite"))?);
    let bare = rusqlite::Connection::open(folder.path().join("inbox.sqlite"))?;
    bare.execute_batch("PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000")?;
    let marks: Vec<String> = (1..=COLUMNS.len()).map(|number| format!("?{number}")).collect();
    let insert = insert(&marks);
    let mut row: Vec<rusqlite::types::Value> = Vec::new();
    sell("SQLite", store, async |entry, id, digest| {
        // On a thread that may wait for the disk, as every host would.
        tokio::task::block_in_place(|| {
            if row.is_empty() {
                let select = format!("SELECT {} FROM mplus_webhook_entry WHERE id = ?1", COLUMNS.join(", "));
                row = bare.query_row(&select, [entry], |row| {
                    (0..COLUMNS.len()).map(|column| row.get(column)).collect()
                })?;
            }
            (row[ID], row[DIGEST]) = (id.to_owned().into(), digest.to_owned().into());
            bare.prepare_cached(&insert)?.execute(rusqlite::params_from_iter(&row))
        })?;
        Ok(())
    })
    .await?;

    let Ok(url) = std::env::var("MPLUS_TEST_POSTGRES") else {
        println!("sell on Postgres         skipped: MPLUS_TEST_POSTGRES is not set");
        return Ok(());
    };
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    client.batch_execute("DROP SCHEMA IF EXISTS mplus_bench CASCADE; CREATE SCHEMA mplus_bench; SET search_path = mplus_bench").await?;
    let store = PostgresStore::connect(&format!("{url}?options=-c%20search_path%3Dmplus_bench")).await?;
    let marks: Vec<String> = (1..=COLUMNS.len()).map(|number| format!("${number}")).collect();
    let insert = client.prepare(&self::insert(&marks)).await?;
    let mut row: Vec<Box<dyn ToSql + Sync + Send>> = Vec::new();
    sell("Postgres", Arc::new(store), async |entry, id, digest| {
        if row.is_empty() {
            let select = format!("SELECT {} FROM mplus_webhook_entry WHERE id = $1", COLUMNS.join(", "));
            let found = client.query_one(&select, &[&entry]).await?;
            for (number, column) in found.columns().iter().enumerate() {
                row.push(match *column.type_() {
                    Type::INT8 => Box::new(found.try_get::<_, Option<i64>>(number)?),
                    Type::BYTEA => Box::new(found.try_get::<_, Option<Vec<u8>>>(number)?),
                    _ => Box::new(found.try_get::<_, Option<String>>(number)?),
                });
            }
        }
        (row[ID], row[DIGEST]) = (Box::new(id.to_owned()), Box::new(digest.to_owned()));
        let values: Vec<&(dyn ToSql + Sync)> = row.iter().map(|value| &**value as _).collect();
        client.execute(&insert, &values).await?;
        Ok(())
    })
    .await
}

/// The columns of an event's row, and which of them are its own.
const COLUMNS: [&str; 21] = [
    "id",
    "body_digest",
    "merchant",
    "subscription",
    "event",
    "branch_number",
    "workplace_number",
    "subject",
    "body",
    "state",
    "reply_status",
    "reply_body",
    "attempts",
    "progress",
    "last_error",
    "owner",
    "received_at",
    "due_at",
    "ended_at",
    "untold",
    "version",
];
const ID: usize = 0;
const DIGEST: usize = 1;

fn insert(marks: &[String]) -> String {
    format!("INSERT INTO mplus_webhook_entry ({}) VALUES ({})", COLUMNS.join(", "), marks.join(", "))
}

async fn sell(
    database: &str,
    store: Arc<dyn Store>,
    // Given the entry whose row is repeated, and the new row's id and digest.
    mut insert: impl AsyncFnMut(&str, &str, &str) -> Outcome<()>,
) -> Outcome<()> {
    const CALLS: usize = 20;
    const ROUNDS: usize = 31;
    let secret = SubscriptionSecret::from_bytes(KEY)?;
    let subscription = Subscription::new("restaurant", MerchantId::new("merchant"), secret.clone());
    let orchestrator = Orchestrator::builder(
        Arc::new(FixedSubscriptions::new([subscription])),
        store,
        Arc::new(TokioRuntime),
    )
    .transactions(Arc::new(MemoryTransactions::new()))
    .build();
    let till = Till::in_process("restaurant", secret, 1);
    let mut sold = 0;
    let mut sale = || {
        sold += 1;
        till.signed(&EventName::CompleteSession, till.body(true, sale(&format!("session {sold}"))))
    };
    orchestrator.handle(sale()).await;
    // The first one makes what is made once.
    insert(orchestrator.inbox().list(&EntryFilter::default()).await?.remove(0).id.as_str(), "bare", "digest")
        .await?;
    let row = orchestrator.inbox().list(&EntryFilter::default()).await?.remove(0).id;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let requests: Vec<_> = (0..CALLS).map(|_| sale()).collect();
        let begun = now();
        for request in requests {
            let reply = orchestrator.handle(request).await;
            if reply.status() != 200 {
                return Err(format!("refused: {:?}", reply.body()).into());
            }
        }
        ours.push(begun.elapsed().as_secs_f64() / CALLS as f64 * 1e6);
        let begun = now();
        for call in 0..CALLS {
            insert(row.as_str(), &format!("bare {round}.{call}"), &format!("digest {round}.{call}")).await?;
        }
        theirs.push(begun.elapsed().as_secs_f64() / CALLS as f64 * 1e6);
    }
    let ratio = median(ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs));
    println!(
        "sell on {database:8}         {:6.0} us, one insert {:6.0} us, ratio {ratio:.2} (to reach: under 1.5)",
        median(ours.iter().copied()),
        median(theirs.iter().copied()),
    );
    Ok(figure::record(&format!("webhooks/sale on {database}"), ratio, "x one insert", Target::Under(1.5))?)
}

async fn server_against_bare(fixture: &Fixture) -> Outcome<()> {
    const REQUESTS: usize = 100;
    const ROUNDS: usize = 41;
    let full = serve(adapter::axum::router(fixture.orchestrator.clone())).await?;
    let path = format!("{}/pollExternalPayment", adapter::BASE_PATH);
    let bare =
        serve(Router::new().route(&path, post(verify_and_sign)).with_state(fixture.reply.clone())).await?;
    let (mut ours, mut theirs, mut waits) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (seconds, our_waits) = load(full, &fixture.poll, REQUESTS).await?;
        ours.push((CONNECTIONS * REQUESTS) as f64 / seconds);
        waits.extend(our_waits);
        let (seconds, _) = load(bare, &fixture.poll, REQUESTS).await?;
        theirs.push((CONNECTIONS * REQUESTS) as f64 / seconds);
    }
    waits.sort();
    let p99 = waits.get(waits.len() * 99 / 100).copied().unwrap_or_default();
    let (ratio, p99) =
        (median(ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs)), p99.as_secs_f64() * 1e3);
    println!(
        "axum, {CONNECTIONS} connections     {:6.0}/s, bare {:6.0}/s, ratio {ratio:.2} (to reach: 0.8), p99 {p99:.2} ms (to reach: under 5), none of {} lost",
        median(ours.iter().copied()),
        median(theirs.iter().copied()),
        2 * CONNECTIONS * REQUESTS * ROUNDS,
    );
    figure::record("webhooks/axum server", ratio, "x the rate of bare axum", Target::AtLeast(0.8))?;
    Ok(figure::record("webhooks/axum server, p99", p99, "ms", Target::Under(5.0))?)
}

/// Only verifies and signs.
async fn verify_and_sign(State(reply): State<Bytes>, headers: HeaderMap, body: Bytes) -> Response {
    let check = || -> Outcome<String> {
        let signature = headers.get(SIGNATURE_HEADER).ok_or("unsigned")?;
        let mut check = Hmac::<Sha256>::new_from_slice(KEY)?;
        check.update(&body);
        check.verify_slice(&STANDARD.decode(signature)?)?;
        let mut sign = Hmac::<Sha256>::new_from_slice(KEY)?;
        sign.update(&reply);
        Ok(STANDARD.encode(sign.finalize().into_bytes()))
    };
    match check() {
        Ok(signature) => {
            ([("content-type", "application/json".to_owned()), (SIGNATURE_HEADER, signature)], reply)
                .into_response()
        }
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

async fn serve(router: Router) -> Outcome<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

/// Sends `requests` on each connection, one after the other. Returns the seconds for all of them and how long each took.
/// A request that is lost or refused is an error.
async fn load(
    address: SocketAddr,
    request: &Request<Bytes>,
    requests: usize,
) -> Outcome<(f64, Vec<Duration>)> {
    let wire: Arc<[u8]> = wire(request).into();
    let begun = now();
    let connections = (0..CONNECTIONS).map(|_| tokio::spawn(converse(address, wire.clone(), requests)));
    let mut waits = Vec::with_capacity(CONNECTIONS * requests);
    for connection in connections.collect::<Vec<_>>() {
        waits.extend(connection.await??);
    }
    Ok((begun.elapsed().as_secs_f64(), waits))
}

#[expect(clippy::manual_async_fn, reason = "says that it borrows nothing")]
fn converse(
    address: SocketAddr,
    wire: Arc<[u8]>,
    requests: usize,
) -> impl Future<Output = Outcome<Vec<Duration>>> {
    async move {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut buffer = Vec::with_capacity(4096);
        let mut times = Vec::with_capacity(requests);
        for _ in 0..requests {
            let begun = now();
            stream.write_all(&wire).await?;
            buffer.clear();
            while !is_whole(&buffer)? {
                if stream.read_buf(&mut buffer).await? == 0 {
                    return Err("the server hung up".into());
                }
            }
            times.push(begun.elapsed());
        }
        Ok(times)
    }
}

/// Whether the buffer holds one whole answer with status 200.
fn is_whole(buffer: &[u8]) -> Outcome<bool> {
    let text = std::str::from_utf8(buffer)?;
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return Ok(false) };
    if !head.starts_with("HTTP/1.1 200") {
        return Err(format!("refused: {text}").into());
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).ok_or("no length")?;
    Ok(body.len() >= length.parse::<usize>()?)
}

fn wire(request: &Request<Bytes>) -> Vec<u8> {
    let mut wire = format!("POST {} HTTP/1.1\r\nhost: localhost\r\n", request.uri().path());
    for (name, value) in request.headers() {
        wire.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap_or_default()));
    }
    wire.push_str(&format!("content-length: {}\r\n\r\n", request.body().len()));
    [wire.as_bytes(), request.body()].concat()
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn now() -> Instant {
    Instant::now()
}
