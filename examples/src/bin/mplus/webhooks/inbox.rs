//! What a program has kept of events, in its database.

use std::sync::Arc;

use clap::Args;
use mplus_webhooks::inbox::{Entry, EntryFilter, EntryId, EntryState};
use mplus_webhooks::{
    FixedSubscriptions, Inbox, InboxError, MerchantId, Orchestrator, Subscription, TokioRuntime,
};
use serde_json::{Value, json};

use crate::database::Database;
use crate::failure::Failure;
use crate::output;

#[derive(Args)]
pub(crate) struct List {
    /// Only those in this state; may be given several times.
    #[arg(long, value_name = "STATE", default_value = "dead", value_parser = state)]
    state: Vec<EntryState>,
    /// Those in any state.
    #[arg(long, conflicts_with = "state")]
    all: bool,
    /// Only this merchant's.
    #[arg(long, value_name = "ID")]
    merchant: Option<String>,
    /// Only those about this sale or payment.
    #[arg(long, value_name = "ID")]
    about: Option<String>,
    /// How many at most.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// The entries as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: Database,
}

#[derive(Args)]
pub(crate) struct Show {
    /// The entry's id.
    entry: String,
    #[command(flatten)]
    database: Database,
}

#[derive(Args)]
pub(crate) struct Replay {
    /// The entries' ids.
    #[arg(required_unless_present = "dead")]
    entries: Vec<String>,
    /// All dead letters.
    #[arg(long, conflicts_with = "entries")]
    dead: bool,
    #[command(flatten)]
    database: Database,
}

#[derive(Args)]
pub(crate) struct Discard {
    /// The entries' ids.
    #[arg(required = true)]
    entries: Vec<String>,
    #[command(flatten)]
    database: Database,
}

fn state(name: &str) -> Result<EntryState, String> {
    EntryState::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = EntryState::ALL.iter().map(|state| state.name()).collect();
        format!("it has to be one of {}", names.join(", "))
    })
}

/// The inbox in a database, without anybody who receives or works.
async fn inbox(database: &Database) -> Result<Inbox, Failure> {
    let nobody: [Subscription; 0] = [];
    let store = database.webhooks().await?;
    let orchestrator =
        Orchestrator::builder(Arc::new(FixedSubscriptions::new(nobody)), store, Arc::new(TokioRuntime));
    Ok(orchestrator.build().inbox())
}

fn store_failed(error: &mplus_webhooks::StoreError) -> Failure {
    Failure::unreachable(mplus_examples::ending::sentence(error))
}

fn failed(error: &InboxError) -> Failure {
    match error {
        InboxError::Store(error) => store_failed(error),
        error => Failure::inbox(error),
    }
}

impl List {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let inbox = inbox(&self.database).await?;
        let mut filter = EntryFilter::default();
        filter.states = if self.all { Vec::new() } else { self.state };
        filter.merchant = self.merchant.as_deref().map(MerchantId::new);
        filter.subject = self.about;
        filter.limit = self.limit as usize;
        let entries = inbox.list(&filter).await.map_err(|error| store_failed(&error))?;
        if self.json {
            return output::json(&entries);
        }
        if !entries.is_empty() {
            let titles = ["id", "merchant", "event", "about", "arrived (UTC)", "state", "#attempts", "why"];
            output::table(&titles, entries.iter().map(row))?;
        }
        eprintln!("{} events", entries.len());
        Ok(())
    }
}

fn row(entry: &Entry) -> Vec<String> {
    vec![
        entry.id.to_string(),
        entry.merchant.as_str().to_owned(),
        entry.event.as_str().to_owned(),
        entry.subject.clone().unwrap_or_default(),
        entry.received_at.format("%Y-%m-%d %H:%M:%S").to_string(),
        entry.state.name().to_owned(),
        entry.attempts.to_string(),
        entry.last_error.clone().unwrap_or_default(),
    ]
}

impl Show {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let inbox = inbox(&self.database).await?;
        let entry = inbox.entry(&EntryId::new(&self.entry)).await.map_err(|error| store_failed(&error))?;
        let entry =
            entry.ok_or_else(|| Failure::refused(format!("the inbox has no entry {}", self.entry)))?;
        let body = entry.body.as_deref().map(|body| match serde_json::from_slice(body) {
            Ok(json) => json,
            Err(_) => Value::String(String::from_utf8_lossy(body).into_owned()),
        });
        output::json(&json!({ "entry": entry, "body": body }))
    }
}

impl Replay {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let inbox = inbox(&self.database).await?;
        let mut ids: Vec<EntryId> = self.entries.iter().map(EntryId::new).collect();
        if self.dead {
            let mut filter = EntryFilter::dead();
            loop {
                let page = inbox.list(&filter).await.map_err(|error| store_failed(&error))?;
                let Some(last) = page.last() else { break };
                filter = EntryFilter::dead().after(last);
                ids.extend(page.into_iter().map(|entry| entry.id));
            }
        }
        if ids.is_empty() {
            eprintln!("there are no dead letters");
        }
        let mut refused = Vec::new();
        for id in &ids {
            match inbox.replay(id).await {
                Ok(entry) => {
                    output::text(&format!("{}: {} waits to be worked on", entry.id, entry.event.as_str()))?;
                }
                Err(error) => refused.push((id.clone(), failed(&error))),
            }
        }
        all_of(refused)
    }
}

impl Discard {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let inbox = inbox(&self.database).await?;
        let mut refused = Vec::new();
        for id in self.entries.iter().map(EntryId::new) {
            match inbox.discard(&id).await {
                Ok(entry) => output::text(&format!("{}: {} discarded", entry.id, entry.event.as_str()))?,
                Err(error) => refused.push((id, failed(&error))),
            }
        }
        all_of(refused)
    }
}

/// One that is refused keeps no other from being done; all that were refused are told.
fn all_of(refused: Vec<(EntryId, Failure)>) -> Result<(), Failure> {
    let messages: Vec<String> =
        refused.iter().map(|(id, failure)| format!("{id}: {}", failure.message)).collect();
    match refused.into_iter().next() {
        Some((_, failure)) => Err(Failure { message: messages.join("\n       "), ..failure }),
        None => Ok(()),
    }
}
