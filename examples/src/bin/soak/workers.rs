//! Workers that are killed at random: tasks that are cut off, or processes.

use std::error::Error;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::Duration;

use mplus_qapi::testkit::{Pos, PosServer};
use mplus_qapi::{Client, Endpoint};
use mplus_sync::cancel::CancelToken;
use mplus_sync::merchant::Merchant;
use mplus_sync::orders::{OrderService, OutboxWorker, WorkerOptions};
use mplus_sync::runtime::Runtime;
use mplus_sync::store::{PostgresStore, Store};
use tokio::task::JoinHandle;

use crate::random::SplitMix;
use crate::world::{FastRuntime, World, settings};

/// What a process is told.
const POS: &str = "MPLUS_SOAK_POS";
const STORE: &str = "MPLUS_SOAK_STORE";
const CLOCK: &str = "MPLUS_SOAK_CLOCK";

/// How long a claim holds without a sign of life, by the wall's clock: longer than a call may take.
const CLAIM: Duration = Duration::from_secs(2);

/// What workers are.
pub(crate) enum Workers {
    Tasks { pos: Pos, store: Arc<dyn Store>, runtime: FastRuntime },
    Processes { server: PosServer, store_url: String, clock: String },
}

/// One of them.
enum Worker {
    Task(JoinHandle<()>),
    Process(Child),
}

impl Workers {
    pub(crate) fn tasks(pos: &Pos, world: &World) -> Self {
        Self::Tasks { pos: pos.clone(), store: Arc::clone(&world.store), runtime: world.runtime }
    }

    pub(crate) async fn processes(pos: &Pos, store_url: &str, world: &World) -> Result<Self, Box<dyn Error>> {
        let server = pos.serve().await?;
        Ok(Self::Processes { server, store_url: store_url.to_owned(), clock: world.runtime.told() })
    }

    /// Lets workers work until nothing is open, and kills one now and then. Returns how many were killed.
    pub(crate) async fn forward_all(
        &self,
        world: &World,
        count: u32,
        random: &mut SplitMix,
    ) -> Result<u64, Box<dyn Error>> {
        let mut running = Vec::new();
        for number in 0..count {
            running.push(self.start(format!("worker-{number}"))?);
        }
        let mut killed = 0;
        while world.open().await? > 0 {
            let pause = self.life() / count;
            tokio::time::sleep(pause / 2 + pause.mul_f64(f64::from(random.below(1_000)) / 1_000.0)).await;
            let victim = random.below(count) as usize;
            running[victim].kill()?;
            killed += 1;
            running[victim] = self.start(format!("worker-{victim}-after-{killed}"))?;
        }
        running.into_iter().try_for_each(|mut worker| worker.kill())?;
        Ok(killed)
    }

    /// How long a worker lives on average.
    fn life(&self) -> Duration {
        match self {
            Self::Tasks { .. } => Duration::from_millis(400),
            Self::Processes { .. } => Duration::from_secs(3),
        }
    }

    fn start(&self, name: String) -> Result<Worker, Box<dyn Error>> {
        match self {
            Self::Tasks { pos, store, runtime } => {
                let worker = worker(pos.client(), Arc::clone(store), *runtime, &name, 60);
                Ok(Worker::Task(tokio::spawn(async move {
                    worker.run(&CancelToken::new()).await;
                })))
            }
            Self::Processes { server, store_url, clock } => {
                let process = Command::new(std::env::current_exe()?)
                    .args(["--worker", &name])
                    .env(POS, server.endpoint().as_str())
                    .env(STORE, store_url)
                    .env(CLOCK, clock)
                    .spawn()?;
                Ok(Worker::Process(process))
            }
        }
    }
}

impl Worker {
    /// Ends it wherever it is.
    fn kill(&mut self) -> std::io::Result<()> {
        match self {
            Self::Task(task) => {
                task.abort();
                Ok(())
            }
            Self::Process(process) => {
                process.kill()?;
                process.wait().map(drop)
            }
        }
    }
}

/// What a worker's process does until it is killed.
pub(crate) async fn work(name: &str) -> Result<(), Box<dyn Error>> {
    let clock = FastRuntime::of(&std::env::var(CLOCK)?);
    let store = Arc::new(PostgresStore::connect(&std::env::var(STORE)?).await?);
    let client = Client::connect(Endpoint::from_url(&std::env::var(POS)?)?, Pos::brasserie().credentials())?;
    // A second of the wall's clock: an answer that never comes is given up soon.
    worker(client, store, clock.ok_or("no clock")?, name, 1).run(&CancelToken::new()).await;
    Ok(())
}

/// A worker of its own process, as far as it knows.
fn worker(
    client: Client,
    store: Arc<dyn Store>,
    runtime: FastRuntime,
    name: &str,
    timeout_seconds: u32,
) -> OutboxWorker {
    let mut options = WorkerOptions::default();
    options.claim = runtime.during(CLAIM);
    // Faults by chance are no reason to call a person.
    options.retry.attempts = 1_000;
    options.retry.longest_pause = runtime.during(Duration::from_secs(1));
    let runtime: Arc<dyn Runtime> = Arc::new(runtime);
    let merchant = Merchant::new(client, World::connection(), store, runtime).worked_by(name);
    let mut settings = settings();
    settings.timeout_seconds = timeout_seconds;
    let service = OrderService::new(&merchant, settings);
    OutboxWorker::new(Arc::new(service), &merchant).with_options(options)
}
