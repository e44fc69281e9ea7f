//! `mplus orders`: orders on their way to the POS, in the database of a program that sends them.

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use mplus_sync::model::{
    Connection, OrderKind, OrderNumber, OutboxEntry, OutboxState, OutboxStateKind, Waiting,
};
use mplus_sync::runtime::{Runtime as _, TokioRuntime};
use mplus_sync::store::Store;
use serde_json::json;

use crate::database::{Database, merchants};
use crate::failure::Failure;
use crate::output;

#[derive(Subcommand)]
pub(crate) enum Orders {
    /// List orders with their state and the reason; those that are not at the POS yet unless told otherwise.
    List(List),
    /// Show everything that is known of one order, as JSON.
    Show(Show),
    /// Queue orders again after what was wrong was put right.
    ///
    /// Only those that were rejected, need attention, or were withdrawn. A running program sends them soon.
    Requeue(Requeue),
    /// Take orders back before the POS has them.
    ///
    /// Refused for an order that is being sent, or that the POS has or may have.
    Withdraw(Withdraw),
}

/// Whose orders, and where they are.
#[derive(Args)]
struct Place {
    /// Only this merchant's: the id of the connection.
    #[arg(long, value_name = "ID")]
    merchant: Option<String>,
    #[command(flatten)]
    database: Database,
}

#[derive(Args)]
pub(crate) struct List {
    /// Only those in this state; may be given several times.
    #[arg(long, value_name = "STATE", value_parser = state)]
    state: Vec<OutboxStateKind>,
    /// Those in any state.
    #[arg(long, conflicts_with = "state")]
    all: bool,
    /// How many at most, of each merchant and state.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// The entries as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct Show {
    /// The order's number.
    order: String,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct Requeue {
    /// The orders' numbers.
    #[arg(required_unless_present = "all")]
    orders: Vec<String>,
    /// All that were rejected or need attention.
    #[arg(long, conflicts_with = "orders")]
    all: bool,
    /// With --all: all in this state instead.
    #[arg(long, value_name = "STATE", requires = "all", value_parser = state)]
    state: Option<OutboxStateKind>,
    /// What was done, as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct Withdraw {
    /// The orders' numbers.
    #[arg(required = true)]
    orders: Vec<String>,
    /// Why, for those who look later.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// What was done, as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

fn state(name: &str) -> Result<OutboxStateKind, String> {
    let wanted = name.replace('-', "_");
    OutboxStateKind::ALL.into_iter().find(|kind| kind.as_str() == wanted).ok_or_else(|| {
        let names: Vec<&str> = OutboxStateKind::ALL.iter().map(|kind| kind.as_str()).collect();
        format!("it has to be one of {}", names.join(", "))
    })
}

impl Orders {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run().await,
            Self::Show(show) => show.run().await,
            Self::Requeue(requeue) => requeue.run().await,
            Self::Withdraw(withdraw) => withdraw.run().await,
        }
    }
}

impl List {
    async fn run(self) -> Result<(), Failure> {
        let store = self.place.database.orders().await?;
        let chosen = |kind: &OutboxStateKind| match self.state.as_slice() {
            [] => self.all || kind.is_open() || kind.waits_for_person(),
            states => states.contains(kind),
        };
        let mut entries = Vec::new();
        for merchant in merchants(&*store, self.place.merchant.as_deref()).await? {
            for kind in OutboxStateKind::ALL.into_iter().filter(chosen) {
                let found = store.entries(&merchant.id, kind, None, self.limit as usize).await;
                entries.extend(found.map_err(|error| Failure::store(&error))?);
            }
        }
        if self.json {
            return output::json(&entries);
        }
        if !entries.is_empty() {
            let titles = ["merchant", "order", "kind", "#total", "queued (UTC)", "state", "why"];
            output::table(&titles, entries.iter().map(row))?;
        }
        eprintln!("{} orders", entries.len());
        Ok(())
    }
}

fn row(entry: &OutboxEntry) -> Vec<String> {
    let kind = match &entry.order.kind {
        OrderKind::Pickup => "pickup".to_owned(),
        OrderKind::Delivery { .. } => "delivery".to_owned(),
        OrderKind::DineInPayLater { table, .. } => format!("table {}, pays later", table.number),
        OrderKind::DineInPayNow { table, .. } => format!("table {}, paid", table.number),
    };
    vec![
        entry.connection.to_string(),
        entry.order.number.to_string(),
        kind,
        output::euros(entry.order.total),
        moment(entry.queued_at),
        entry.state.kind().as_str().to_owned(),
        why(entry),
    ]
}

/// Why an order is where it is.
fn why(entry: &OutboxEntry) -> String {
    match &entry.state {
        OutboxState::Waiting(Waiting::PosAway { since }) => {
            format!("the POS is away since {}", moment(*since))
        }
        OutboxState::Waiting(Waiting::TableClaimed { since }) => {
            format!("somebody works at the table since {}", moment(*since))
        }
        OutboxState::Waiting(Waiting::Resting | Waiting::Host { .. }) => {
            let last = entry.last_error.as_deref().unwrap_or("refused");
            format!("{last}; again at {}", moment(entry.due_at))
        }
        OutboxState::Accepted { pos } => {
            pos.order_id.as_deref().map(|id| format!("POS order {id}")).unwrap_or_default()
        }
        OutboxState::Rejected { reason }
        | OutboxState::NeedsAttention { reason }
        | OutboxState::Withdrawn { reason }
        | OutboxState::Cancelled { reason, .. }
        | OutboxState::Skipped { reason } => reason.clone(),
        _ => String::new(),
    }
}

fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}

impl Place {
    /// The order with the merchant that it is of. A number that two merchants have needs a word which.
    async fn find(&self, store: &dyn Store, order: &str) -> Result<(Connection, OutboxEntry), Failure> {
        let number = OrderNumber::from(order);
        let mut found = Vec::new();
        for merchant in merchants(store, self.merchant.as_deref()).await? {
            let entry = store.entry(&merchant.id, &number).await.map_err(|error| Failure::store(&error))?;
            found.extend(entry.map(|entry| (merchant, entry)));
        }
        match (found.pop(), found.pop()) {
            (Some(only), None) => Ok(only),
            (None, _) => Err(Failure::refused(format!("there is no order {order}"))),
            (Some((one, _)), Some((other, _))) => Err(Failure::usage(format!(
                "{} and {} both have an order {order}: give --merchant",
                one.id, other.id
            ))),
        }
    }
}

impl Show {
    async fn run(self) -> Result<(), Failure> {
        let store = self.place.database.orders().await?;
        let (_, entry) = self.place.find(&*store, &self.order).await?;
        output::json(&entry)
    }
}

impl Requeue {
    async fn run(self) -> Result<(), Failure> {
        let store = self.place.database.orders().await?;
        let now = TokioRuntime.now();
        if !self.all {
            let mut done = Done::default();
            for order in &self.orders {
                let requeued = async {
                    let (merchant, entry) = self.place.find(&*store, order).await?;
                    let requeued = store.requeue(&merchant.id, &entry.order.number, now).await;
                    requeued.map_err(|error| Failure::store(&error))
                };
                done.note(order, requeued.await);
            }
            return done.tell("queued again", self.json);
        }
        let mut count = 0;
        for merchant in merchants(&*store, self.place.merchant.as_deref()).await? {
            let requeued = store.requeue_all(&merchant.id, self.state, now).await;
            count += requeued.map_err(|error| Failure::store(&error))?;
        }
        match self.json {
            true => output::json(&json!({ "requeued": count })),
            false => output::text(&format!("{count} orders queued again")),
        }
    }
}

impl Withdraw {
    async fn run(self) -> Result<(), Failure> {
        let store = self.place.database.orders().await?;
        let mut done = Done::default();
        for order in &self.orders {
            let withdrawn = async {
                let (merchant, entry) = self.place.find(&*store, order).await?;
                let now = TokioRuntime.now();
                let withdrawn = store.withdraw(&merchant.id, &entry.order.number, &self.reason, now).await;
                withdrawn.map_err(|error| Failure::store(&error))
            };
            done.note(order, withdrawn.await);
        }
        done.tell("withdrawn", self.json)
    }
}

/// What became of several orders: one that is refused keeps no other from being done.
#[derive(Default)]
struct Done {
    done: Vec<String>,
    failed: Vec<(String, Failure)>,
}

impl Done {
    fn note(&mut self, order: &str, result: Result<(), Failure>) {
        match result {
            Ok(()) => self.done.push(order.to_owned()),
            Err(failure) => self.failed.push((order.to_owned(), failure)),
        }
    }

    fn tell(self, what: &str, as_json: bool) -> Result<(), Failure> {
        if as_json {
            let failed: Vec<_> = self
                .failed
                .iter()
                .map(|(order, failure)| json!({ "order": order, "error": failure.message }))
                .collect();
            output::json(&json!({ "done": self.done, "failed": failed }))?;
        } else {
            for order in &self.done {
                output::text(&format!("{order}: {what}"))?;
            }
        }
        let messages: Vec<String> =
            self.failed.iter().map(|(order, failure)| format!("{order}: {}", failure.message)).collect();
        match self.failed.into_iter().next() {
            Some((_, failure)) => Err(Failure { message: messages.join("\n       "), ..failure }),
            None => Ok(()),
        }
    }
}
