//! A web server that the POS can call: sales printed, payments confirmed by hand, and what went wrong to look at and replay.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use clap::Parser;
use mplus_webhooks::inbox::{EntryFilter, EntryId, EntryState, InboxNotice};
use mplus_webhooks::payment::{OneProvider, PaymentKey, PaymentNotice, PaymentState};
use mplus_webhooks::testkit::ManualProvider;
use mplus_webhooks::{
    FixedSubscriptions, Handlers, InboxError, MemoryStore, MemoryTransactions, MerchantId, MysqlStore,
    Orchestrator, PostgresStore, SqliteStore, Store, Subscription, SubscriptionSecret, TokioRuntime, adapter,
};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};

/// Serves the webhook on /webhook/mpluskassa/{event}.
///
/// POST /admin/payments/{id}/confirm and /fail stand in for a provider. GET /admin/dead has the dead letters,
/// GET /admin/entries?state=done what arrived, GET /admin/entries/{id} one entry with its body, POST /admin/entries/{id}/replay
/// and /discard decide about it, GET /admin/sales has the sales since the start.
#[derive(Parser)]
struct Flags {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// The Subscription ID in the POS's webhook settings.
    #[arg(long)]
    subscription: String,
    /// The Secret Key in the POS's webhook settings, base64.
    #[arg(long, env = "MPLUS_WEBHOOK_SECRET", hide_env_values = true)]
    secret: SecretString,
    /// Where events and payments are kept: memory, the path of a SQLite file, postgres://..., or mysql://...
    #[arg(long, default_value = "memory")]
    database: String,
}

/// Whoever looks after the server.
#[derive(Clone)]
struct Admin {
    orchestrator: Orchestrator,
    provider: Arc<ManualProvider>,
    sales: Arc<MemoryTransactions>,
    merchant: MerchantId,
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    // What was refused, and why, stands in the log.
    tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::WARN).init();
    match serve(Flags::parse()).await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}

async fn open(database: &str) -> Result<Arc<dyn Store>, Box<dyn Error>> {
    Ok(match database {
        "memory" => Arc::new(MemoryStore::new()),
        url if url.starts_with("postgres") => Arc::new(PostgresStore::connect(url).await?),
        url if url.starts_with("mysql:") => Arc::new(MysqlStore::connect(url).await?),
        file => Arc::new(SqliteStore::open(file.trim_start_matches("sqlite:"))?),
    })
}

async fn serve(flags: Flags) -> Result<(), Box<dyn Error>> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", flags.port))
        .await
        .map_err(|error| format!("port {} cannot be used: {error}", flags.port))?;
    let address = listener.local_addr()?;
    let merchant = MerchantId::new("merchant");
    let secret = SubscriptionSecret::from_base64(&flags.secret)?;
    let subscription = Subscription::new(&flags.subscription, merchant.clone(), secret);
    let provider = Arc::new(ManualProvider::new());
    let sales = Arc::new(MemoryTransactions::new());
    let handlers = Handlers::new()
        .on_complete_session(|event| async move {
            println!("sold: session {}", event.payload.session.session_id.as_deref().unwrap_or("without id"));
            Ok(mplus_webhooks::reply::CompleteSessionReply::acknowledge())
        })
        .on_inbox_notice(move |notice| async move { look_at(address, &notice) })
        .on_payment_changed(move |notice| async move { tell(address, &notice) });
    let orchestrator = Orchestrator::builder(
        Arc::new(FixedSubscriptions::new([subscription])),
        open(&flags.database).await?,
        Arc::new(TokioRuntime),
    )
    .handler(handlers)
    .transactions(sales.clone())
    .payments(Arc::new(OneProvider(provider.clone())))
    .build();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let background = orchestrator.clone();
    let background = tokio::spawn(async move { background.run(async { drop(stopped.await) }).await });

    let admin = Router::new()
        .route("/admin/payments/{id}/confirm", post(confirm))
        .route("/admin/payments/{id}/fail", post(fail))
        .route("/admin/sales", get(sold))
        .route("/admin/dead", get(dead))
        .route("/admin/entries", get(entries))
        .route("/admin/entries/{id}", get(entry))
        .route("/admin/entries/{id}/replay", post(replay))
        .route("/admin/entries/{id}/discard", post(discard))
        .with_state(Admin { orchestrator: orchestrator.clone(), provider, sales, merchant });
    println!("listening on http://{address}{}", adapter::BASE_PATH);
    axum::serve(listener, adapter::axum::router(orchestrator).merge(admin))
        .with_graceful_shutdown(async {
            // Without a signal handler the server runs until it is killed.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        })
        .await?;
    drop(stop);
    println!("{:?}", background.await?);
    Ok(())
}

/// What happens to payments, and how to play the customer.
fn tell(address: SocketAddr, notice: &PaymentNotice) {
    match notice {
        PaymentNotice::Changed(payment) => {
            let id = &payment.key.id;
            println!("payment {id} of {} euros: {:?}", payment.amount, payment.state);
            if payment.state == PaymentState::Pending {
                println!("  curl -X POST http://{address}/admin/payments/{id}/confirm   (or .../fail)");
            }
        }
        needs_a_person => println!("LOOK AT THIS PAYMENT: {needs_a_person:?}"),
    }
}

/// What a person should know about an event.
fn look_at(address: SocketAddr, notice: &InboxNotice) {
    let entry = notice.entry();
    let what = match notice {
        InboxNotice::Dead(entry) => {
            format!("dead letter: {}", entry.last_error.as_deref().unwrap_or_default())
        }
        InboxNotice::FurtherPart { earlier, .. } => {
            format!("a further part of a sale; {} before it", earlier.len())
        }
        InboxNotice::CancelledAfterCompletion { .. } => "a completed sale was cancelled".to_owned(),
        InboxNotice::WithoutSession(_) => "without the id of a sale: nothing was touched".to_owned(),
        InboxNotice::Odd { oddities, .. } => format!("odd, and kept all the same: {}", oddities.join("; ")),
        other => format!("{other:?}"),
    };
    println!("LOOK AT THIS {}: {what}", entry.event.as_str());
    println!("  curl http://{address}/admin/entries/{}", entry.id);
}

async fn confirm(State(admin): State<Admin>, Path(id): Path<String>) -> (StatusCode, String) {
    let ended = admin.provider.confirm(&id);
    admin.tell(id, ended).await
}

async fn fail(State(admin): State<Admin>, Path(id): Path<String>) -> (StatusCode, String) {
    let ended = admin.provider.fail(&id);
    admin.tell(id, ended).await
}

impl Admin {
    /// Has the orchestrator ask the provider right away, as a provider's webhook would.
    async fn tell(&self, id: String, ended: bool) -> (StatusCode, String) {
        let key = PaymentKey { merchant: self.merchant.clone(), id };
        let refreshed = match self.orchestrator.payments() {
            Some(payments) => payments.refresh(&key).await,
            None => Ok(None),
        };
        match refreshed {
            Ok(Some(payment)) if ended => (StatusCode::OK, format!("{:?}\n", payment.state)),
            Ok(Some(payment)) => (StatusCode::CONFLICT, format!("already {:?}\n", payment.state)),
            Ok(None) => (StatusCode::NOT_FOUND, "no such payment\n".to_owned()),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
        }
    }
}

type Shown = Result<Json<Value>, (StatusCode, String)>;

fn shown(value: &impl serde::Serialize) -> Shown {
    serde_json::to_value(value).map(Json).map_err(|error| failed(&error))
}

fn failed(error: &dyn Error) -> (StatusCode, String) {
    (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n"))
}

async fn sold(State(admin): State<Admin>) -> Json<Value> {
    let sales = admin.sales.all();
    let shown = sales.iter().map(|(sale, status)| {
        json!({
            "id": sale.id, "session": sale.key.session_id, "total": sale.total_incl, "lines": sale.session.lines.len(),
            "status": format!("{status:?}"),
        })
    });
    Json(shown.collect())
}

async fn dead(State(admin): State<Admin>) -> Shown {
    list(&admin, &EntryFilter::dead()).await
}

/// Which entries to show.
#[derive(Deserialize)]
struct Wanted {
    /// Such as `retrying`.
    state: Option<String>,
}

async fn entries(State(admin): State<Admin>, Query(wanted): Query<Wanted>) -> Shown {
    let mut filter = EntryFilter::default();
    if let Some(name) = wanted.state {
        let unknown = || (StatusCode::BAD_REQUEST, format!("no state is named {name}\n"));
        filter.states.push(EntryState::from_name(&name).ok_or_else(unknown)?);
    }
    list(&admin, &filter).await
}

async fn list(admin: &Admin, filter: &EntryFilter) -> Shown {
    shown(&admin.orchestrator.inbox().list(filter).await.map_err(|error| failed(&error))?)
}

async fn entry(State(admin): State<Admin>, Path(id): Path<String>) -> Shown {
    let inbox = admin.orchestrator.inbox();
    let entry = inbox.entry(&EntryId::new(id)).await.map_err(|error| failed(&error))?;
    let entry = entry.ok_or((StatusCode::NOT_FOUND, "no such entry\n".to_owned()))?;
    let body = entry.body.as_deref().map(String::from_utf8_lossy);
    // An event that cannot be read shows why.
    let event = match inbox.event(&entry) {
        Ok(event) => serde_json::to_value(&event).map_err(|error| failed(&error))?,
        Err(error) => json!({ "error": error.to_string() }),
    };
    shown(&json!({ "entry": entry, "body": body, "event": event }))
}

async fn replay(State(admin): State<Admin>, Path(id): Path<String>) -> Shown {
    decided(admin.orchestrator.inbox().replay(&EntryId::new(id)).await)
}

async fn discard(State(admin): State<Admin>, Path(id): Path<String>) -> Shown {
    decided(admin.orchestrator.inbox().discard(&EntryId::new(id)).await)
}

fn decided(entry: Result<mplus_webhooks::inbox::Entry, InboxError>) -> Shown {
    let entry = entry.map_err(|error| {
        let status = match error {
            InboxError::Unknown(_) => StatusCode::NOT_FOUND,
            InboxError::Busy(_) | InboxError::Forgotten(_) => StatusCode::CONFLICT,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, format!("{error}\n"))
    })?;
    shown(&entry)
}
