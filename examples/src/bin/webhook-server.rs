//! A web server that the POS can call: transactions in memory, payments confirmed by hand.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use clap::Parser;
use mplus_webhooks::payment::{OneProvider, PaymentKey, PaymentNotice, PaymentState};
use mplus_webhooks::testkit::ManualProvider;
use mplus_webhooks::{
    FixedSubscriptions, Handlers, MemoryStore, MemoryTransactions, MerchantId, Orchestrator, Subscription,
    SubscriptionSecret, TokioRuntime, adapter,
};
use secrecy::SecretString;

/// Serves the webhook on /webhook/mpluskassa/{event}. POST /admin/payments/{id}/confirm and /fail stand in for a provider.
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
}

/// Whoever confirms payments by hand.
#[derive(Clone)]
struct Admin {
    orchestrator: Orchestrator,
    provider: Arc<ManualProvider>,
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

async fn serve(flags: Flags) -> Result<(), Box<dyn Error>> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", flags.port))
        .await
        .map_err(|error| format!("port {} cannot be used: {error}", flags.port))?;
    let address = listener.local_addr()?;
    let merchant = MerchantId::new("merchant");
    let secret = SubscriptionSecret::from_base64(&flags.secret)?;
    let subscription = Subscription::new(&flags.subscription, merchant.clone(), secret);
    let provider = Arc::new(ManualProvider::new());
    let handlers = Handlers::new()
        .on_complete_session(|event| async move {
            println!("sold: session {}", event.payload.session.session_id.as_deref().unwrap_or("without id"));
            Ok(mplus_webhooks::reply::CompleteSessionReply::acknowledge())
        })
        .on_payment_changed(move |notice| async move { tell(address, &notice) });
    let orchestrator = Orchestrator::builder(
        Arc::new(FixedSubscriptions::new([subscription])),
        Arc::new(MemoryStore::new()),
        Arc::new(TokioRuntime),
    )
    .handler(handlers)
    .transactions(Arc::new(MemoryTransactions::new()))
    .payments(Arc::new(OneProvider(provider.clone())))
    .build();
    let background = orchestrator.clone();
    tokio::spawn(async move { background.run(std::future::pending()).await });

    let admin = Router::new()
        .route("/admin/payments/{id}/confirm", post(confirm))
        .route("/admin/payments/{id}/fail", post(fail))
        .with_state(Admin { orchestrator: orchestrator.clone(), provider, merchant });
    println!("listening on http://{address}{}", adapter::BASE_PATH);
    axum::serve(listener, adapter::axum::router(orchestrator).merge(admin))
        .with_graceful_shutdown(async {
            // Without a signal handler the server runs until it is killed.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        })
        .await?;
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
