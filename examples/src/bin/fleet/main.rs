//! Many merchants in one database, worked for by processes that share it, against test POSes.
//!
//! It measures what an installation of thousands of merchants lives on: what an idle fleet asks the database, how soon an order
//! of another process is at its POS, how many orders a second go through, whether one merchant's flood holds up the others, and
//! whether every merchant has its daily run once although a process is killed. Orders are counted at the POS, statements by
//! the database. Everything that it writes is in a schema, a database or a file of its own, which it removes.

mod child;
mod children;
mod database;
mod figures;
mod late;
mod merchants;
mod stages;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;

/// Runs a fleet of processes against test POSes and measures it.
#[derive(Debug, Clone, Parser)]
pub(crate) struct Options {
    /// How many merchants.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    merchants: u32,
    /// How many processes share the work.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    processes: u32,
    /// How many orders are queued at once, over at most a thousand merchants; one merchant floods with as many again.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
    orders: u32,
    /// The URL of a Postgres, MySQL or MariaDB database, or `sqlite:` for a file of its own. Several share the merchants.
    #[arg(long, default_values_t = ["sqlite:".to_owned()])]
    database: Vec<String>,
    /// The result as one line of JSON.
    #[arg(long)]
    json: bool,
    /// For how many seconds an idle fleet's statements are counted.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    idle_seconds: u32,
    /// How many single orders are timed on an idle fleet.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    samples: u32,
    /// How long the POS takes to answer, in milliseconds, where orders a second are measured.
    #[arg(long, default_value_t = 20)]
    pos_ms: u64,
    /// How many merchants have their daily run; all unless given.
    #[arg(long)]
    runs: Option<u32>,
    /// How many of the processes stand for the next release, which stores one more field and one more kind of order. What this
    /// process queues is then written by the next release as well.
    #[arg(long, default_value_t = 0)]
    newer: u32,
    /// Over how many minutes the daily runs are spread.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    window: u32,
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match std::env::var(child::TASK) {
        Ok(task) => child::work(&task).await.map(|()| true),
        Err(_) => measure().await,
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("error: orders were lost or sent twice, or daily runs were skipped or done twice");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every order and every run was done once.
async fn measure() -> Result<bool, Box<dyn Error>> {
    let options = Options::parse();
    let databases = database::Databases::create(&options.database).await?;
    let measured = stages::all(&options, &databases).await;
    databases.remove().await?;
    let figures = measured?;
    figures.print(options.json);
    Ok(figures.is_clean())
}
