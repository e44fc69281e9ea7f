//! Connects a merchant: checks the credentials, imports the branches as locations, lists what a person completes.
//!
//! Talks to a POS in memory. With `--url`, or `MPLUS_HOST`, `MPLUS_PORT`, `MPLUS_IDENT` and `MPLUS_SECRET` set, to another one.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use mplus_examples::{ending, merchant::Pos};
use mplus_sync::Integration;
use mplus_sync::store::{MemoryStore, MemoryVault};

/// Connects a merchant: checks the credentials, imports the branches as locations, lists what a person completes.
///
/// Talks to a POS in memory, unless flags or the environment name one: the test POS as the binary `pos` plays it, or a real one.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    pos: Pos,
}

#[tokio::main]
async fn main() -> ExitCode {
    ending::of(connect(Options::parse().pos).await)
}

async fn connect(pos: Pos) -> Result<(), Box<dyn Error>> {
    let host = pos.host(Arc::new(MemoryStore::new()), Arc::new(MemoryVault::new()));

    let (integration, report) = Integration::connect(host, pos.connection("bistro")?, pos.credentials()?)
        .await
        .map_err(|error| pos.failed(&error))?;

    println!("{report}");
    if let Some(connection) = integration.status().await? {
        let version = connection.service_version.as_deref().unwrap_or("unknown");
        println!("{} is connected; service version {version}", connection.name);
    }
    integration.disconnect().await?;
    Ok(())
}
