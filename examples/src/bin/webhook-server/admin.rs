//! What an operator asks and decides, under /admin: on a port of its own, so that whoever puts the webhook on the internet does not
//! put this there too, and only for whoever has the key.

use std::error::Error;
use std::sync::Arc;

use axum::extract::{Path, Query, Request, State};
use axum::http::{StatusCode, header};
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

pub(super) fn routes(admin: Admin, key: Secret) -> Router {
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
        .layer(from_fn_with_state(key, only_with_key))
}

async fn only_with_key(State(key): State<Secret>, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if given.and_then(|value| value.strip_prefix("Bearer ")) == Some(key.expose()) {
        return next.run(request).await;
    }
    (StatusCode::UNAUTHORIZED, "send `Authorization: Bearer` with the admin key\n").into_response()
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
    use mplus_webhooks::{FixedSubscriptions, MemoryStore, TokioRuntime, adapter};
    use tower::ServiceExt as _;

    use super::*;

    async fn ask(router: &Router, path: &str, key: Option<&str>) -> StatusCode {
        let mut request = Request::get(path);
        if let Some(key) = key {
            request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
        }
        router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
    }

    #[tokio::test]
    async fn only_whoever_has_the_key_is_let_in_and_the_tills_address_leads_nowhere() {
        let orchestrator = Orchestrator::builder(
            Arc::new(FixedSubscriptions::new([])),
            Arc::new(MemoryStore::new()),
            Arc::new(TokioRuntime),
        )
        .build();
        let admin = Admin {
            orchestrator: orchestrator.clone(),
            provider: Arc::new(ManualProvider::new()),
            sales: Arc::new(MemoryTransactions::new()),
            merchant: MerchantId::new("merchant"),
        };
        let router = routes(admin, "the key".into());
        assert_eq!(ask(&router, "/admin/dead", Some("the key")).await, StatusCode::OK);
        for key in [None, Some(""), Some("another key")] {
            assert_eq!(ask(&router, "/admin/dead", key).await, StatusCode::UNAUTHORIZED, "{key:?}");
        }
        let tills = adapter::axum::router(orchestrator);
        assert_eq!(ask(&tills, "/admin/dead", Some("the key")).await, StatusCode::NOT_FOUND);
    }
}
