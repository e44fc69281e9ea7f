//! A web server that the POS can call: sales printed, payments through real providers or confirmed by hand, and what went wrong to
//! look at and replay.

mod admin;

use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Parser;
use mplus_examples::providers;
use mplus_webhooks::inbox::InboxNotice;
use mplus_webhooks::payment::{PaymentNotice, PaymentState};
use mplus_webhooks::testkit::ManualProvider;
use mplus_webhooks::{
    FixedSubscriptions, Handlers, MemoryStore, MemoryTransactions, MerchantId, MysqlOptions, MysqlStore,
    Orchestrator, PostgresOptions, PostgresStore, Secret, SqliteStore, Store, Subscription,
    SubscriptionSecret, TokioRuntime, adapter,
};

use self::admin::{Access, Admin};

/// How an operator asks.
#[derive(Clone, Copy)]
struct Operator {
    address: SocketAddr,
    has_key: bool,
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = if self.has_key { "-H \"Authorization: Bearer $MPLUS_WEBHOOK_ADMIN_KEY\" " } else { "" };
        write!(f, "curl {key}http://{}/admin", self.address)
    }
}

/// Serves the webhook on /webhook/mpluskassa/{event}.
///
/// /webhook/payment-provider/{provider}/{account} is for the providers' own webhooks. Under /admin, for programs of this machine, or
/// with `Authorization: Bearer` and the admin key where one is set: GET payments, sales (since the start), dead (the dead letters), entries?state=done
/// (what arrived) and entries/{id} (one entry with its body), of lists the newest hundred, older ones with before=TIME; POST entries/{id}/replay and /discard decide about an entry,
/// payments/{id}/confirm and /fail stand in for a provider.
#[derive(Parser)]
struct Flags {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// A port of its own on 127.0.0.1 for /admin; 0 takes a free one. Where the webhook is on the internet, this does not belong there.
    #[arg(long)]
    admin_port: Option<u16>,
    /// What an operator has to send. Without it /admin is for programs of this machine alone: what came through a proxy is refused.
    #[arg(long, env = "MPLUS_WEBHOOK_ADMIN_KEY", hide_env_values = true)]
    admin_key: Option<Secret>,
    /// The Subscription ID in the POS's webhook settings.
    #[arg(long)]
    subscription: String,
    /// The Secret Key in the POS's webhook settings, base64.
    #[arg(long, env = "MPLUS_WEBHOOK_SECRET", hide_env_values = true)]
    secret: Secret,
    /// Where events and payments are kept: memory, the path of a SQLite file, postgres://..., or mysql://... One with a password
    /// belongs into the environment.
    #[arg(long, env = "MPLUS_WEBHOOK_DATABASE", hide_env_values = true, default_value = "memory")]
    database: String,
    /// A PEM file with the authorities that the database's certificate may come from; for a URL with sslmode=require or
    /// require_ssl=true.
    #[arg(long, value_name = "FILE")]
    database_authorities: Option<PathBuf>,
    #[command(flatten)]
    providers: providers::Flags,
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

async fn open(flags: &Flags) -> Result<Arc<dyn Store>, Box<dyn Error>> {
    Ok(match flags.database.as_str() {
        "memory" => Arc::new(MemoryStore::new()),
        url if url.starts_with("postgres") => {
            let mut options = PostgresOptions::new(url);
            options.root_certificates.clone_from(&flags.database_authorities);
            Arc::new(PostgresStore::open(options).await?)
        }
        url if url.starts_with("mysql:") => {
            let mut options = MysqlOptions::new(url);
            options.root_certificates.clone_from(&flags.database_authorities);
            Arc::new(MysqlStore::open(options).await?)
        }
        file => Arc::new(SqliteStore::open(file.trim_start_matches("sqlite:"))?),
    })
}

async fn serve(flags: Flags) -> Result<(), Box<dyn Error>> {
    let listener = listen(flags.port).await?;
    let address = listener.local_addr()?;
    let admin_listener = match flags.admin_port {
        Some(port) => Some(listen(port).await?),
        None => None,
    };
    let admin_address = admin_listener.as_ref().map_or(Ok(address), |listener| listener.local_addr())?;
    let operator = Operator { address: admin_address, has_key: flags.admin_key.is_some() };
    let merchant = MerchantId::new("merchant");
    let secret = SubscriptionSecret::from_base64(&flags.secret)?;
    let subscription = Subscription::new(&flags.subscription, merchant.clone(), secret);
    let provider = Arc::new(ManualProvider::new());
    let (profiles, accounts) = flags.providers.profiles(&merchant, provider.clone())?;
    let sales = Arc::new(MemoryTransactions::new());
    let handlers = Handlers::new()
        .on_complete_session(|event| async move {
            println!("sold: session {}", event.payload.session.session_id.as_deref().unwrap_or("without id"));
            Ok(mplus_webhooks::reply::CompleteSessionReply::acknowledge())
        })
        .on_inbox_notice(move |notice| async move { look_at(operator, &notice) })
        .on_payment_changed(move |notice| async move { tell(operator, &notice) });
    let store = open(&flags).await?;
    let orchestrator = Orchestrator::builder(
        Arc::new(FixedSubscriptions::new([subscription])),
        store.clone(),
        Arc::new(TokioRuntime),
    )
    .handler(handlers)
    .transactions(sales.clone())
    .payments(Arc::new(profiles))
    .build();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let background = orchestrator.clone();
    let background = tokio::spawn(async move { background.run(async { drop(stopped.await) }).await });

    let admin = Admin { orchestrator: orchestrator.clone(), store, provider, sales, merchant };
    println!("listening on http://{address}{}", adapter::BASE_PATH);
    println!("operators: {operator}/dead");
    let admin = admin::routes(admin, flags.admin_key.map_or(Access::ThisMachine, Access::Key));
    let mut router = adapter::axum::router(orchestrator.clone());
    let admin = match admin_listener {
        Some(listener) => Some(tokio::spawn(axum::serve(listener, admin).into_future())),
        None => {
            router = router.merge(admin);
            None
        }
    };
    for account in accounts {
        let path = format!("{}/{}/{}", adapter::PROVIDER_PATH, account.provider, account.account);
        println!("{account}: its webhook goes to http://{address}{path}");
        if let Some(payments) = orchestrator.payments() {
            match payments.check(&account).await {
                Ok(check) => println!("  {check:?}"),
                Err(error) => println!("  it does not work yet: {error}"),
            }
        }
    }
    axum::serve(listener, router)
        .with_graceful_shutdown(async {
            // Without a signal handler the server runs until it is killed.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        })
        .await?;
    if let Some(admin) = admin {
        admin.abort();
    }
    drop(stop);
    println!("{:?}", background.await?);
    Ok(())
}

async fn listen(port: u16) -> Result<tokio::net::TcpListener, String> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await;
    listener.map_err(|error| format!("port {port} cannot be used: {error}"))
}

/// What happens to payments, and how to play the customer.
fn tell(operator: Operator, notice: &PaymentNotice) {
    match notice {
        PaymentNotice::Changed(payment) => {
            let id = &payment.key.id;
            println!("payment {id} of {} euros: {:?}", payment.amount, payment.state);
            if payment.state == PaymentState::Pending {
                println!("  {operator}/payments/{id}/confirm -X POST   (or .../fail)");
            }
        }
        needs_a_person => println!("LOOK AT THIS PAYMENT: {needs_a_person:?}"),
    }
}

/// What a person should know about an event.
fn look_at(operator: Operator, notice: &InboxNotice) {
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
    println!("  {operator}/entries/{}", entry.id);
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_flags_of_the_program_and_of_the_providers_fit_together() {
        crate::Flags::command().debug_assert();
    }
}
