//! Connects a merchant: checks the credentials, imports the branches as locations, lists what a person completes.
//!
//! Talks to a POS in memory. With `MPLUS_HOST`, `MPLUS_PORT`, `MPLUS_IDENT` and `MPLUS_SECRET` set it talks to a real one.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use mplus_examples::{ending, merchant::Pos};
use mplus_sync::Integration;
use mplus_sync::store::{MemoryStore, MemoryVault};

#[tokio::main]
async fn main() -> ExitCode {
    ending::of(connect(Pos::parse()).await)
}

async fn connect(pos: Pos) -> Result<(), Box<dyn Error>> {
    let host = pos.host(Arc::new(MemoryStore::new()), Arc::new(MemoryVault::new()));

    let (integration, report) =
        Integration::connect(host, pos.connection("bistro"), pos.credentials()).await?;

    println!("{report}");
    if let Some(connection) = integration.status().await? {
        let version = connection.service_version.as_deref().unwrap_or("unknown");
        println!("{} is connected; service version {version}", connection.name);
    }
    integration.disconnect().await?;
    Ok(())
}
