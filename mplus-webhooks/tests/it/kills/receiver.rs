//! The processes that receive: started, killed, and started again.

use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderMap, Request, Uri};
use mplus_webhooks::payment::{
    NoticeRefused, OneProvider, Payment, PaymentLimits, PaymentProvider, ProviderError, ProviderNews,
    ProviderStatus,
};
use mplus_webhooks::reply::CompleteSessionReply;
use mplus_webhooks::{
    Attempts, FixedSubscriptions, Handlers, HttpClient, HttpError, Orchestrator, PostgresStore, Refusal,
    ReqwestClient, Runtime, SessionKey, SqliteStore, Store, Subscription, Task, TokioRuntime, Transaction,
    TransactionError, TransactionSink,
};

use super::random::Random;
use super::world::World;
use crate::support::{SUBSCRIPTION, merchant, secret};

const STORE: &str = "MPLUS_TEST_KILLED_STORE";
const WORLD: &str = "MPLUS_TEST_KILLED_WORLD";
const PORT: &str = "MPLUS_TEST_KILLED_PORT";
const BEGAN: &str = "MPLUS_TEST_KILLED_BEGAN";
const SEED: &str = "MPLUS_TEST_KILLED_SEED";

/// How much faster time goes in a receiver.
const FASTER: u32 = 40;

/// A process that ends with the test, whatever becomes of it.
pub(super) struct Receiver(Child);

impl Drop for Receiver {
    fn drop(&mut self) {
        // SIGKILL: nothing is finished, nothing is said. It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Two receivers in front of one store.
pub(super) struct Receivers {
    store: String,
    world: String,
    began: DateTime<Utc>,
    seed: u64,
    ports: [u16; 2],
    running: Mutex<[Receiver; 2]>,
}

impl Receivers {
    pub(super) fn start(store: &str, world: &World, seed: u64) -> Self {
        let ports = [(); 2].map(|()| {
            let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            free.local_addr().unwrap().port()
        });
        let began = TokioRuntime.now();
        let receiver = |port, seed| Self::process(store, &world.url, began, port, seed);
        let running = Mutex::new([receiver(ports[0], seed), receiver(ports[1], seed + 1)]);
        Self { store: store.to_owned(), world: world.url.clone(), began, seed, ports, running }
    }

    fn process(store: &str, world: &str, began: DateTime<Utc>, port: u16, seed: u64) -> Receiver {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["kills::receiver::one_receiver", "--exact", "--ignored"])
            .env(STORE, store)
            .env(WORLD, world)
            .env(PORT, port.to_string())
            .env(BEGAN, began.timestamp_millis().to_string())
            .env(SEED, seed.to_string())
            .stdout(Stdio::null())
            .spawn();
        Receiver(child.unwrap())
    }

    pub(super) fn kill_and_restart(&self, number: usize) {
        let place = number % self.ports.len();
        let mut running = self.running.lock().unwrap();
        // The port has to be free before the next one takes it.
        running[place].0.kill().unwrap();
        running[place].0.wait().unwrap();
        let seed = self.seed + 2 + number as u64;
        running[place] = Self::process(&self.store, &self.world, self.began, self.ports[place], seed);
    }

    /// Where a request goes: one or the other.
    pub(super) fn address(&self, path: &str, random: &mut Random) -> Uri {
        let port = self.ports[random.below(self.ports.len())];
        format!("http://127.0.0.1:{port}{path}").parse().unwrap()
    }
}

/// What each of the processes does; started by the tests beside it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a part of the tests beside it"]
async fn one_receiver() {
    let Ok(address) = std::env::var(STORE) else { return };
    let variable = |name: &str| std::env::var(name).unwrap();
    let store: Arc<dyn Store> = match address.starts_with("postgres") {
        true => Arc::new(PostgresStore::connect(&address).await.unwrap()),
        false => Arc::new(SqliteStore::open(&address).unwrap()),
    };
    let client = Arc::new(ReqwestClient::new(Duration::from_secs(3)).unwrap());
    let world = Arc::new(Distant { url: variable(WORLD), client });
    let random = Arc::new(Mutex::new(Random::new(variable(SEED).parse().unwrap())));
    let handlers = Handlers::new().on_complete_session(move |_| {
        let fails = random.lock().unwrap().percent(20);
        async move { if fails { Err(Refusal::internal()) } else { Ok(CompleteSessionReply::acknowledge()) } }
    });
    let began = DateTime::from_timestamp_millis(variable(BEGAN).parse().unwrap()).unwrap();
    let mut attempts = Attempts::default();
    (attempts.most, attempts.longest_wait) = (1000, Duration::from_secs(60));
    let mut limits = PaymentLimits::default();
    limits.time_to_pay = Duration::from_secs(240);
    limits.start_patience = Duration::from_secs(15);
    let subscription = Subscription::new(SUBSCRIPTION, merchant(), secret());
    let orchestrator = Orchestrator::builder(
        Arc::new(FixedSubscriptions::new([subscription])),
        store,
        Arc::new(Hurried { began }),
    )
    .handler(handlers)
    .transactions(world.clone())
    .payments(Arc::new(OneProvider(world)))
    .attempts(attempts)
    .payment_limits(limits)
    .time_out(Duration::from_secs(60))
    // Ten seconds of the database's own time.
    .store_patience(Duration::from_secs(10) * FASTER)
    .build();
    let listener =
        tokio::net::TcpListener::bind(("127.0.0.1", variable(PORT).parse().unwrap())).await.unwrap();
    let background = orchestrator.clone();
    tokio::spawn(async move { background.run(std::future::pending()).await });
    axum::serve(listener, mplus_webhooks::adapter::axum::router(orchestrator)).await.unwrap();
}

/// Time that goes faster, and goes on over every kill.
#[derive(Debug)]
struct Hurried {
    began: DateTime<Utc>,
}

#[async_trait]
impl Runtime for Hurried {
    fn now(&self) -> DateTime<Utc> {
        let passed: TimeDelta = TokioRuntime.now() - self.began;
        self.began + passed * FASTER as i32
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration / FASTER).await;
    }

    fn spawn(&self, task: Task) {
        tokio::spawn(task);
    }
}

/// The world, as a receiver knows it.
#[derive(Debug)]
struct Distant {
    url: String,
    client: Arc<ReqwestClient>,
}

impl Distant {
    async fn tell(&self, path: &str) -> Result<String, HttpError> {
        let request = Request::post(format!("{}/{path}", self.url)).body(Bytes::new()).unwrap();
        let answer = self.client.send(request).await?;
        match answer.status().as_u16() {
            200 => Ok(String::from_utf8_lossy(answer.body()).into_owned()),
            status => Err(HttpError::new("the world", format!("HTTP {status}"))),
        }
    }

    async fn ask(&self, call: &str, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        let told = self.tell(&format!("provider/{call}/{}", payment.key.id)).await;
        let unreachable = |error: HttpError| {
            let (provider, message) = (self.name().to_owned(), error.to_string());
            ProviderError::Unreachable { provider, message }
        };
        let told = told.map_err(unreachable)?;
        let status = match told.as_str() {
            "absent" => return Ok(ProviderNews::new(ProviderStatus::Absent)),
            "open" => ProviderStatus::Pending,
            "captured" => ProviderStatus::Captured(payment.amount),
            "failed" => ProviderStatus::Failed,
            "cancelled" => ProviderStatus::Cancelled,
            other => return Err(unreachable(HttpError::new("the world", other))),
        };
        Ok(ProviderNews::new(status).with_reference(format!("distant-{}", payment.key.id)))
    }
}

#[async_trait]
impl TransactionSink for Distant {
    async fn create(&self, sale: &Transaction) -> Result<(), TransactionError> {
        let told = self.tell(&format!("sales/{}/{}", sale.key.session_id, sale.id)).await;
        told.map(drop).map_err(|error| TransactionError(Box::new(error)))
    }

    async fn cancel(&self, _: &SessionKey) -> Result<(), TransactionError> {
        Ok(())
    }
}

#[async_trait]
impl PaymentProvider for Distant {
    fn name(&self) -> &str {
        "distant"
    }

    async fn create(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        self.ask("create", payment).await
    }

    async fn get(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        self.ask("get", payment).await
    }

    async fn cancel(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        self.ask("cancel", payment).await
    }

    fn read_notice(&self, _: &HeaderMap, _: &Bytes, _: DateTime<Utc>) -> Result<Vec<String>, NoticeRefused> {
        Ok(Vec::new())
    }
}
