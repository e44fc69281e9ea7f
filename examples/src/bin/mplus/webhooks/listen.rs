//! A receiver that shows what arrives, and what is wrong with what it refuses.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, request::Parts};
use axum::response::Response;
use bytes::Bytes;
use clap::{Args, ValueEnum};
use mplus_webhooks::adapter::BASE_PATH;
use mplus_webhooks::payment::OneProvider;
use mplus_webhooks::testkit::ManualProvider;
use mplus_webhooks::{FixedSubscriptions, MemoryStore, MerchantId, Orchestrator, Subscription, TokioRuntime};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::failure::Failure;
use crate::{output, secret};

/// Receive events on this machine and show each with what it was answered. Nothing is kept.
///
/// The subscription's Secret Key comes from MPLUS_WEBHOOK_SECRET, or is asked for. What carries no right signature is refused, and
/// shown with the reason.
#[derive(Args)]
#[command(after_help = "\
Example, in two terminals with the same MPLUS_WEBHOOK_SECRET (openssl rand -base64 32 makes one):
  mplus webhooks listen --port 8080 --payments confirm
  mplus till sale --url http://127.0.0.1:8080/webhook/mpluskassa --subscription test")]
pub(crate) struct Listen {
    /// Port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// The Subscription ID that tills send.
    #[arg(long, env = "MPLUS_SUBSCRIPTION", value_name = "ID", default_value = "test")]
    subscription: String,
    /// What becomes of external payments.
    #[arg(long, value_name = "WHAT", default_value = "refuse")]
    payments: Payments,
    /// End after so many requests.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Each request as a line of JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Payments {
    /// Guests pay at once.
    Confirm,
    /// Guests cannot pay.
    Refuse,
    /// Guests never come to it.
    Wait,
}

/// What a request needs.
struct Receiver {
    orchestrator: Orchestrator,
    guest: Arc<ManualProvider>,
    payments: Payments,
    json: bool,
    left: Option<AtomicU64>,
    done: Notify,
}

impl Listen {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let secret = secret::webhook()?;
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.map_err(|error| {
            Failure::refused(format!("127.0.0.1:{} cannot be listened on: {error}", self.port))
        })?;
        let address = listener.local_addr().map_err(|error| Failure::refused(error.to_string()))?;
        let subscription = Subscription::new(&self.subscription, MerchantId::new("merchant"), secret);
        let guest = Arc::new(ManualProvider::new());
        let orchestrator = Orchestrator::builder(
            Arc::new(FixedSubscriptions::new([subscription])),
            Arc::new(MemoryStore::new()),
            Arc::new(TokioRuntime),
        )
        .payments(Arc::new(OneProvider(guest.clone())))
        .build();
        let receiver = Arc::new(Receiver {
            orchestrator: orchestrator.clone(),
            guest,
            payments: self.payments,
            json: self.json,
            left: self.count.map(AtomicU64::new),
            done: Notify::new(),
        });
        eprintln!("listening on http://{address}{BASE_PATH} for subscription {}", self.subscription);
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let background = tokio::spawn(async move { orchestrator.run(async { drop(stopped.await) }).await });
        let router = Router::new().fallback(receive).with_state(receiver.clone());
        let served = axum::serve(listener, router)
            .with_graceful_shutdown(async move {
                tokio::select! {
                    () = receiver.done.notified() => {}
                    () = interrupted() => {}
                }
            })
            .await;
        drop(stop);
        // It has kept nothing that could be lost.
        let _ = background.await;
        served.map_err(|error| Failure::refused(format!("http://{address}: {error}")))
    }
}

async fn interrupted() {
    // Without a handler it runs until it is killed.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn receive(State(receiver): State<Arc<Receiver>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, receiver.orchestrator.max_body()).await else {
        let mut refused = Response::new(Body::empty());
        *refused.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
        return refused;
    };
    receiver.play();
    let reply = receiver.orchestrator.handle(http::Request::from_parts(parts.clone(), body.clone())).await;
    // Whoever reads may have gone; the till gets its answer all the same.
    let _ = receiver.show(&parts, &body, reply.status(), reply.body());
    if let Some(left) = &receiver.left
        && left.fetch_sub(1, Ordering::Relaxed) == 1
    {
        receiver.done.notify_one();
    }
    reply.map(Body::from)
}

impl Receiver {
    /// The guests at the counter. A till asks again and again, so whatever was started by now is decided then.
    fn play(&self) {
        for (id, ..) in self.guest.payments() {
            match self.payments {
                Payments::Confirm => self.guest.confirm(&id),
                Payments::Refuse => self.guest.fail(&id),
                Payments::Wait => false,
            };
        }
    }

    fn show(&self, parts: &Parts, body: &Bytes, status: StatusCode, reply: &Bytes) -> Result<(), Failure> {
        let path = parts.uri.path();
        let event = path.rsplit('/').next().unwrap_or_default();
        if self.json {
            return output::json_line(&json!({
                "event": event, "path": path, "body": value(body), "status": status.as_u16(), "reply": value(reply),
            }));
        }
        let body = match serde_json::from_slice::<Value>(body) {
            Ok(body) => serde_json::to_string_pretty(&body).unwrap_or_default(),
            Err(_) => String::from_utf8_lossy(body).into_owned(),
        };
        let answered = match (status, reply.is_empty()) {
            (StatusCode::OK, true) => "acknowledged".to_owned(),
            (StatusCode::OK, false) => format!("answered {}", String::from_utf8_lossy(reply)),
            (status, _) => format!("REFUSED with {}: {}", status.as_u16(), String::from_utf8_lossy(reply)),
        };
        output::text(&format!("{event} {body}\n-> {answered}\n"))
    }
}

/// JSON as it is, anything else as text.
fn value(bytes: &Bytes) -> Value {
    match serde_json::from_slice(bytes) {
        Ok(value) => value,
        Err(_) if bytes.is_empty() => Value::Null,
        Err(_) => Value::String(String::from_utf8_lossy(bytes).into_owned()),
    }
}
