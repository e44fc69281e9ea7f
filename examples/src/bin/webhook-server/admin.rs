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
use mplus_webhooks::inbox::{EntryFilter, EntryId, EntryState};
use mplus_webhooks::payment::{PaymentFilter, PaymentKey};
use mplus_webhooks::testkit::ManualProvider;
use mplus_webhooks::{InboxError, MemoryTransactions, MerchantId, Orchestrator, Secret};
use serde::Deserialize;
use serde_json::{Value, json};

/// Whoever looks after the server.
#[derive(Clone)]
pub(super) struct Admin {
    pub(super) orchestrator: Orchestrator,
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

async fn payments(State(admin): State<Admin>) -> Shown {
    let payments =
        admin.orchestrator.payments().ok_or((StatusCode::NOT_FOUND, "no payments\n".to_owned()))?;
    let listed = payments.list(&PaymentFilter::default()).await.map_err(|error| failed(&error))?;
    let shown = listed.iter().map(|payment| {
        json!({
            "id": payment.key.id, "amount": payment.amount, "state": payment.state.name(),
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

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use mplus_webhooks::{FixedSubscriptions, MemoryStore, TokioRuntime};
    use tower::ServiceExt as _;

    use super::*;

    fn admin() -> Admin {
        let orchestrator = Orchestrator::builder(
            Arc::new(FixedSubscriptions::new([])),
            Arc::new(MemoryStore::new()),
            Arc::new(TokioRuntime),
        )
        .build();
        Admin {
            orchestrator,
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
