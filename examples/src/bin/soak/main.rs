//! Sends orders through a faulty POS with workers that are killed at random, and counts at the POS what arrived.
//!
//! In memory the workers are tasks, which are cut off wherever they wait. With `--postgres` they are processes that share
//! the database and reach the POS over HTTP; they are killed outright. Meanwhile a waiter works at the same tables.

mod count;
mod orders;
mod random;
mod waiter;
mod workers;
mod world;

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use chrono::TimeDelta;
use clap::Parser;
use mplus_examples::argument;
use mplus_qapi::testkit::{Dialect, Pos};
use mplus_sync::store::{MemoryStore, PostgresStore, Store};
use mplus_sync::testkit::PostgresSchema;

use self::random::SplitMix;
use self::workers::Workers;
use self::world::World;

/// Sends orders through a faulty POS and counts lost and duplicated ones at the POS.
#[derive(Parser)]
struct Options {
    /// How many orders.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    orders: u32,
    /// The share of calls that fail, in every way the test POS knows.
    #[arg(long, default_value_t = 0.2, value_parser = argument::share)]
    fault_rate: f64,
    /// How many workers share the outbox.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    workers: u32,
    /// The same seed gives the same orders and, as far as the workers' race allows, the same faults.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A reading of every open question of the POS, drawn from this seed. The POS's clock then runs as the workers' does, and
    /// soon after the start the POS is away for six hours of it.
    #[arg(long)]
    dialect_seed: Option<u64>,
    /// How many times faster than the wall's the clock runs by which orders rest; 60 unless set, 600 with a dialect.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    speed: Option<u32>,
    /// The URL of a Postgres database: the outbox is there, in a schema that is removed afterwards, and each worker is a
    /// process.
    #[arg(long)]
    postgres: Option<String>,
    /// The result as JSON.
    #[arg(long)]
    json: bool,
    /// What a worker's process is started with.
    #[arg(long, hide = true)]
    worker: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let done = match &options.worker {
        Some(worker) => workers::work(worker).await.map(|()| true),
        None => soak(&options).await,
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!(
                "error: orders were lost, sent twice, stuck, out of order, or wrong in total or payment"
            );
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A reading of every question, with a POS that goes away.
fn with_outage(seed: u64) -> Result<Dialect, Box<dyn Error>> {
    let mut dialect = Dialect::seeded(seed);
    dialect.set("outage", "away-for-hours")?;
    Ok(dialect)
}

/// Whether every order is at the POS, once and as it should be.
async fn soak(options: &Options) -> Result<bool, Box<dyn Error>> {
    let schema = match &options.postgres {
        Some(url) => Some(PostgresSchema::create(url).await?),
        None => None,
    };
    let store: Arc<dyn Store> = match &schema {
        Some(schema) => Arc::new(PostgresStore::connect(schema.url()).await?),
        None => Arc::new(MemoryStore::new()),
    };
    let mut random = SplitMix::new(options.seed);
    let pos = Pos::brasserie();
    let speed = options.speed.unwrap_or(if options.dialect_seed.is_some() { 600 } else { 60 });
    let dialect = options.dialect_seed.map(with_outage).transpose()?;
    if dialect.is_some() {
        // The POS is away from the sixth hour of its clock on.
        pos.set_clock(pos.now() + TimeDelta::hours(6) - TimeDelta::seconds(i64::from(speed)));
    }
    let world = World::new(store, pos.now(), speed);
    world.link_menu(&pos).await?;
    let orders = orders::queue(&world, options.orders, &mut random).await?;
    let workers = match &schema {
        Some(schema) => Workers::processes(&pos, schema.url(), &world).await?,
        None => Workers::tasks(&pos, &world),
    };
    let timekeeper = dialect.map(|dialect| {
        eprintln!("dialect: {dialect}");
        pos.set_dialect(dialect);
        tokio::spawn(world::keep_time(pos.clone(), world.runtime))
    });
    pos.faults().random(options.fault_rate, options.seed);
    let waiter = tokio::spawn(waiter::wait_on_tables(pos.clone(), SplitMix::new(options.seed)));
    #[expect(clippy::disallowed_methods, reason = "a soak run has a real clock")]
    let started = Instant::now();
    let killed = workers.forward_all(&world, options.workers, &mut random).await?;
    let elapsed = started.elapsed();
    waiter.abort();
    if let Some(timekeeper) = timekeeper {
        timekeeper.abort();
    }
    let counts = count::at_pos(&pos, &orders, world.ended().await?);
    if let Some(schema) = schema {
        schema.drop().await?;
    }
    counts.print(&pos, killed, elapsed, options.json);
    Ok(counts.is_clean())
}
