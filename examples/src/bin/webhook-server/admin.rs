//! What an operator asks and decides, under /admin: for whoever has the key; without a key for programs of this machine alone, so
//! that whoever puts the webhook on the internet does not put this there too.

use std::error::Error;
use std::sync::Arc;

use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, Version, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use chrono::{DateTime, TimeDelta, Utc};
use mplus_examples::newest;
use mplus_webhooks::inbox::{EntryFilter, EntryId, EntryState};
use mplus_webhooks::payment::{PaymentFilter, PaymentKey};
use mplus_webhooks::testkit::ManualProvider;
use mplus_webhooks::{
    InboxError, MemoryTransactions, MerchantId, Orchestrator, Runtime as _, Secret, Store, TokioRuntime,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// Whoever looks after the server.
#[derive(Clone)]
pub(super) struct Admin {
    pub(super) orchestrator: Orchestrator,
    pub(super) store: Arc<dyn Store>,
    pub(super) provider: Arc<ManualProvider>,
    pub(super) sales: Arc<MemoryTransactions>,
    pub(super) merchant: MerchantId,
}

/// Who is let in.
#[derive(Clone)]
pub(super) enum Access {
    /// Whoever sends this as a bearer token.
    Key(Secret),
    /// Programs that ask this machine by its own name: nothing that says that a proxy, a tunnel or a browser's page sent it. A
    /// proxy need not say so: behind one a key is needed.
    ThisMachine,
}

impl Access {
    fn is_granted(&self, version: Version, headers: &HeaderMap) -> bool {
        let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        match self {
            Self::Key(key) => {
                text(&header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "))
                    == Some(key.expose())
            }
            Self::ThisMachine => {
                let host = text(&header::HOST).unwrap_or_default();
                let name = match host.rsplit_once(':') {
                    Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
                    _ => host,
                };
                let is_own = OWN_NAMES.contains(&name);
                // What still speaks HTTP/1.0 is a proxy (nginx as it comes), not a program of today.
                is_own
                    && version > Version::HTTP_10
                    && !SENT_ON.iter().any(|name| headers.contains_key(*name))
            }
        }
    }
}

/// This machine, as its own programs call it.
const OWN_NAMES: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];
/// What a proxy, a tunnel or a browser's page of somewhere else adds to a request.
const SENT_ON: [&str; 7] =
    ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "origin", "sec-fetch-site"];

pub(super) fn routes(admin: Admin, access: Access) -> Router {
    Router::new()
        .route("/admin/payments/{id}/confirm", post(confirm))
        .route("/admin/payments/{id}/fail", post(fail))
        .route("/admin/payments", get(payments))
        .route("/admin/sales", get(sold))
        .route("/admin/dead", get(dead))
        .route("/admin/entries", get(entries))
        .route("/admin/entries/{id}", get(entry))
        .route("/admin/entries/{id}/replay", post(replay))
        .route("/admin/entries/{id}/discard", post(discard))
        .with_state(admin)
        .layer(from_fn_with_state(access, only_with_access))
}

async fn only_with_access(State(access): State<Access>, request: Request, next: Next) -> Response {
    if access.is_granted(request.version(), request.headers()) {
        return next.run(request).await;
    }
    let how = match access {
        Access::Key(_) => "send `Authorization: Bearer` with the admin key\n",
        Access::ThisMachine => "without --admin-key only programs of this machine are let in\n",
    };
    (StatusCode::UNAUTHORIZED, how).into_response()
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

/// The most that is shown at once.
const PAGE: usize = 100;

/// Which part of a list to show, the newest first.
#[derive(Deserialize)]
struct Part {
    /// Only what came before: the time of the last one that was shown.
    before: Option<DateTime<Utc>>,
}

impl Part {
    fn before(&self) -> DateTime<Utc> {
        self.before.unwrap_or_else(|| TokioRuntime.now() + TimeDelta::minutes(1))
    }
}

async fn payments(State(admin): State<Admin>, Query(part): Query<Part>) -> Shown {
    let filter = PaymentFilter::default();
    let listed = newest::payments(&admin.store, &filter, |_| true, part.before(), PAGE).await;
    let (listed, _) = listed.map_err(|error| failed(&error))?;
    let shown = listed.iter().map(|payment| {
        json!({
            "startedAt": payment.started_at, "id": payment.key.id, "amount": payment.amount, "state": payment.state.name(),
            "provider": payment.provider, "account": payment.account, "terminal": payment.terminal,
            "reason": payment.reason.as_ref().map(ToString::to_string),
        })
    });
    Ok(Json(shown.collect()))
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

async fn dead(State(admin): State<Admin>, Query(part): Query<Part>) -> Shown {
    list(&admin, &EntryFilter::dead(), &part).await
}

/// Which entries to show.
#[derive(Deserialize)]
struct Wanted {
    /// Such as `retrying`.
    state: Option<String>,
    #[serde(flatten)]
    part: Part,
}

async fn entries(State(admin): State<Admin>, Query(wanted): Query<Wanted>) -> Shown {
    let mut filter = EntryFilter::default();
    if let Some(name) = wanted.state {
        let unknown = || (StatusCode::BAD_REQUEST, format!("no state is named {name}\n"));
        filter.states.push(EntryState::from_name(&name).ok_or_else(unknown)?);
    }
    list(&admin, &filter, &wanted.part).await
}

async fn list(admin: &Admin, filter: &EntryFilter, part: &Part) -> Shown {
    let listed = newest::entries(&admin.orchestrator, filter, part.before(), PAGE).await;
    shown(&listed.map_err(|error| failed(&error))?.0)
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

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http_body_util::BodyExt as _;
    use mplus_webhooks::testkit::{Till, TillLine};
    use mplus_webhooks::{FixedSubscriptions, MemoryStore, Subscription, SubscriptionSecret};
    use tower::ServiceExt as _;

    use super::*;

    fn admin() -> Admin {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let secret = SubscriptionSecret::from_bytes(b"key").unwrap();
        let subscription = Subscription::new("restaurant", MerchantId::new("merchant"), secret);
        let orchestrator = Orchestrator::builder(
            Arc::new(FixedSubscriptions::new([subscription])),
            store.clone(),
            Arc::new(TokioRuntime),
        )
        .build();
        Admin {
            orchestrator,
            store,
            provider: Arc::new(ManualProvider::new()),
            sales: Arc::new(MemoryTransactions::new()),
            merchant: MerchantId::new("merchant"),
        }
    }

    async fn ask(router: &Router, headers: &[(&str, &str)]) -> StatusCode {
        let mut request = Request::get("/admin/dead");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
    }

    #[tokio::test]
    async fn the_newest_hundred_are_shown_first_and_older_ones_by_their_time() {
        let admin = admin();
        let till = Till::in_process("restaurant", SubscriptionSecret::from_bytes(b"key").unwrap(), 1);
        for _ in 0..101 {
            till.sell(&admin.orchestrator, &[TillLine::new(1, "Coffee", 2.into())]).await.unwrap();
        }
        let router = routes(admin, Access::Key("the key".into()));
        let list = async |query: &str| -> Vec<Value> {
            let request = Request::get(format!("/admin/entries?state=done{query}"));
            let request = request.header("authorization", "Bearer the key").body(Body::empty()).unwrap();
            let body = router.clone().oneshot(request).await.unwrap().into_body();
            serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap()
        };
        let newest = list("").await;
        let times = |list: &[Value]| -> Vec<String> {
            list.iter().map(|entry| entry["receivedAt"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(newest.len(), PAGE);
        assert!(times(&newest).is_sorted_by(|one, next| one >= next));
        let older = list(&format!("&before={}", newest[PAGE - 1]["receivedAt"].as_str().unwrap())).await;
        assert_eq!(older.len(), 1);
    }

    #[tokio::test]
    async fn with_a_key_only_whoever_has_it_is_let_in() {
        let router = routes(admin(), Access::Key("the key".into()));
        assert_eq!(ask(&router, &[("authorization", "Bearer the key")]).await, StatusCode::OK);
        for given in ["", "Bearer ", "Bearer another key", "the key"] {
            let headers = [("authorization", given), ("host", "127.0.0.1:8080")];
            assert_eq!(ask(&router, &headers).await, StatusCode::UNAUTHORIZED, "{given:?}");
        }
    }

    #[tokio::test]
    async fn without_a_key_what_speaks_as_proxies_do_is_not_let_in() {
        let router = routes(admin(), Access::ThisMachine);
        let request = Request::get("/admin/dead").version(Version::HTTP_10).header("host", "127.0.0.1:8080");
        let answer = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    }

    #[tokio::test]
    async fn without_a_key_only_programs_of_this_machine_are_let_in() {
        let router = routes(admin(), Access::ThisMachine);
        for host in ["127.0.0.1:8080", "localhost:8080", "localhost", "[::1]:8080"] {
            assert_eq!(ask(&router, &[("host", host)]).await, StatusCode::OK, "{host}");
        }
        for host in
            ["pay.example.nl", "127.0.0.1.example.nl", "192.0.2.7:8080", "@127.0.0.1", "localhost:80:80", ""]
        {
            assert_eq!(ask(&router, &[("host", host)]).await, StatusCode::UNAUTHORIZED, "{host}");
        }
        assert_eq!(ask(&router, &[]).await, StatusCode::UNAUTHORIZED);
        for sent_on in ["x-forwarded-for", "Forwarded", "Via", "Origin", "Sec-Fetch-Site"] {
            let headers = [("host", "127.0.0.1:8080"), (sent_on, "192.0.2.7")];
            assert_eq!(ask(&router, &headers).await, StatusCode::UNAUTHORIZED, "{sent_on}");
        }
    }
}
