//! What survives every kill: the host's table of sales, and a payment provider with its customers. Reached over HTTP; of its calls
//! one in five gets no proper answer.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use tokio::time::Instant;

use super::random::Random;

/// How long a call hangs that gets no answer: longer than anybody waits.
const SILENCE: Duration = Duration::from_secs(5);

pub(super) struct World {
    pub(super) url: String,
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    random: Random,
    /// The ids of the transactions of every session.
    sales: HashMap<String, HashSet<String>>,
    payments: HashMap<String, Shown>,
    calls: usize,
    misbehaved: usize,
}

/// A payment as the provider has it.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    /// How often it was presented to the customer.
    pub(super) created: u32,
    pub(super) status: Status,
    customer: Option<(Instant, Status)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Open,
    Captured,
    Failed,
    Cancelled,
}

/// How a call goes.
#[derive(Clone, Copy)]
enum Whim {
    Honest,
    /// It is carried out, and the answer says that something went wrong.
    Lies,
    /// It is not carried out.
    Refuses,
    /// It is carried out, or not, and nobody answers.
    IsSilent(bool),
    /// It is carried out and answered after this time.
    IsLate(Duration),
}

impl Inner {
    fn whim(&mut self) -> Whim {
        self.calls += 1;
        if !self.random.percent(20) {
            return Whim::Honest;
        }
        self.misbehaved += 1;
        match self.random.below(8) {
            0..3 => Whim::Lies,
            3..5 => Whim::Refuses,
            5 => Whim::IsSilent(self.random.percent(50)),
            _ => Whim::IsLate(Duration::from_millis(self.random.below(250) as u64)),
        }
    }

    /// Carries a call to the provider out, and says how the payment stands.
    fn provider(&mut self, call: &str, id: &str) -> &'static str {
        let now = Instant::now();
        if call == "create" {
            let customer = match self.random.below(10) {
                0..6 => Some(Status::Captured),
                6..8 => Some(Status::Failed),
                _ => None,
            };
            let at = now + Duration::from_millis(50 + self.random.below(1500) as u64);
            let shown = self.payments.entry(id.to_owned()).or_insert_with(|| Shown {
                created: 0,
                status: Status::Open,
                customer: customer.map(|status| (at, status)),
            });
            shown.created += 1;
        }
        let Some(shown) = self.payments.get_mut(id) else { return "absent" };
        shown.customer_acts(now);
        if call == "cancel" && shown.status == Status::Open {
            shown.status = Status::Cancelled;
        }
        match shown.status {
            // What is paid is sometimes told only the next time.
            Status::Captured if call == "get" && self.random.percent(20) => "open",
            Status::Open => "open",
            Status::Captured => "captured",
            Status::Failed => "failed",
            Status::Cancelled => "cancelled",
        }
    }
}

impl Shown {
    fn customer_acts(&mut self, now: Instant) {
        if self.status == Status::Open
            && let Some((at, status)) = self.customer
            && at <= now
        {
            self.status = status;
        }
    }
}

type Shared = Arc<Mutex<Inner>>;

impl World {
    pub(super) async fn serve(seed: u64) -> Self {
        let inner = Arc::new(Mutex::new(Inner {
            random: Random::new(seed),
            sales: HashMap::new(),
            payments: HashMap::new(),
            calls: 0,
            misbehaved: 0,
        }));
        let routes = Router::new()
            .route("/sales/{session}/{transaction}", post(sale))
            .route("/provider/{call}/{id}", post(provider))
            .with_state(inner.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { url, inner }
    }

    pub(super) fn sales(&self) -> HashMap<String, HashSet<String>> {
        self.inner.lock().unwrap().sales.clone()
    }

    /// The payments, as they stand now.
    pub(super) fn payments(&self) -> HashMap<String, Shown> {
        let mut inner = self.inner.lock().unwrap();
        inner.payments.values_mut().for_each(|shown| shown.customer_acts(Instant::now()));
        inner.payments.clone()
    }

    pub(super) fn told(&self) -> String {
        let inner = self.inner.lock().unwrap();
        format!("{} calls of the provider and the table, {} misbehaved", inner.calls, inner.misbehaved)
    }
}

async fn sale(
    State(world): State<Shared>,
    Path((session, transaction)): Path<(String, String)>,
) -> (StatusCode, &'static str) {
    carry_out(&world, move |inner| {
        inner.sales.entry(session).or_default().insert(transaction);
        ""
    })
    .await
}

async fn provider(
    State(world): State<Shared>,
    Path((call, id)): Path<(String, String)>,
) -> (StatusCode, &'static str) {
    carry_out(&world, move |inner| inner.provider(&call, &id)).await
}

/// Carries a call out, or not, and answers it, or not. What was begun goes on when the caller is killed.
async fn carry_out(
    world: &Shared,
    act: impl FnOnce(&mut Inner) -> &'static str + Send + 'static,
) -> (StatusCode, &'static str) {
    let whim = world.lock().unwrap().whim();
    let shared = world.clone();
    let now = move || (StatusCode::OK, act(&mut shared.lock().unwrap()));
    match whim {
        Whim::Honest => now(),
        Whim::Lies => (StatusCode::INTERNAL_SERVER_ERROR, now().1),
        Whim::Refuses => (StatusCode::SERVICE_UNAVAILABLE, ""),
        Whim::IsSilent(carried_out) => {
            if carried_out {
                now();
            }
            tokio::time::sleep(SILENCE).await;
            (StatusCode::GATEWAY_TIMEOUT, "")
        }
        Whim::IsLate(by) => {
            let late = tokio::spawn(async move {
                tokio::time::sleep(by).await;
                now()
            });
            late.await.unwrap()
        }
    }
}
