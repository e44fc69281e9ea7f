//! What an operator asks and decides, under /admin: for whoever has the key, and without one for nobody. Where a request comes from
//! proves nothing: behind a proxy every one comes from this machine, under whatever name the proxy gives it.

use std::error::Error;
use std::sync::Arc;

use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get, post};
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

/// Who is let in: whoever sends this key as a bearer token.
#[derive(Clone)]
pub(super) struct Access(pub(super) Option<Secret>);

impl Access {
    fn is_granted(&self, headers: &HeaderMap) -> bool {
        let given =
            headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        match (&self.0, given) {
            (Some(key), Some(given)) => given == key.expose(),
            _ => false,
        }
    }
}

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
        .route("/admin", any(nothing))
        .route("/admin/{*rest}", any(nothing))
        .with_state(admin)
        .layer(from_fn_with_state(access, only_with_access))
}

async fn only_with_access(State(access): State<Access>, request: Request, next: Next) -> Response {
    if access.is_granted(request.headers()) {
        return next.run(request).await;
    }
    let how = match access.0 {
        Some(_) => "send `Authorization: Bearer` with the admin key\n",
        None => "/admin is closed: start the server with --admin-key, or set MPLUS_WEBHOOK_ADMIN_KEY\n",
    };
    (StatusCode::UNAUTHORIZED, how).into_response()
}

async fn nothing() -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "no such page\n")
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

    const PAGES: [(&str, &str); 10] = [
        ("GET", "/admin"),
        ("GET", "/admin/payments"),
        ("GET", "/admin/sales"),
        ("GET", "/admin/dead"),
        ("GET", "/admin/entries"),
        ("GET", "/admin/entries/e"),
        ("POST", "/admin/entries/e/replay"),
        ("POST", "/admin/entries/e/discard"),
        ("POST", "/admin/payments/p/confirm"),
        ("POST", "/admin/payments/p/fail"),
    ];

    async fn ask(router: &Router, page: (&str, &str), headers: &[(&str, &str)]) -> StatusCode {
        let (method, path) = page;
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
    }

    #[tokio::test]
    async fn with_a_key_only_whoever_has_it_is_let_in() {
        let router = routes(admin(), Access(Some("the key".into())));
        for page in PAGES {
            let granted = ask(&router, page, &[("authorization", "Bearer the key")]).await;
            assert_ne!(granted, StatusCode::UNAUTHORIZED, "{page:?}");
            for given in ["", "Bearer ", "Bearer another key", "the key"] {
                let headers = [("authorization", given), ("host", "127.0.0.1:8080")];
                assert_eq!(
                    ask(&router, page, &headers).await,
                    StatusCode::UNAUTHORIZED,
                    "{page:?} {given:?}"
                );
            }
        }
        let dead = ask(&router, ("GET", "/admin/dead"), &[("authorization", "Bearer the key")]).await;
        assert_eq!(dead, StatusCode::OK);
    }

    /// A proxy in front of the server is a program of this machine, and the name that it asks for is this machine's: that is how nginx
    /// passes a request on unless it is told otherwise.
    #[tokio::test]
    async fn without_a_key_nobody_is_let_in_however_the_request_came_here() {
        let router = routes(admin(), Access(None));
        for page in PAGES {
            for host in ["127.0.0.1:8080", "localhost:8080", "pay.example.nl"] {
                for given in [None, Some("Bearer "), Some("Bearer None")] {
                    let mut headers = vec![("host", host)];
                    headers.extend(given.map(|given| ("authorization", given)));
                    let asked = ask(&router, page, &headers).await;
                    assert_eq!(asked, StatusCode::UNAUTHORIZED, "{page:?} {headers:?}");
                }
            }
        }
    }
}
