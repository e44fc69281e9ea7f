//! What the story came to, for people and for machines.

use std::{error::Error, fmt, time::Duration};

use mplus_sync::{Integration, report::RunReport, store::SqliteStore};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::story::StoredCounts;

/// An order that the POS has.
#[derive(Serialize)]
pub(crate) struct ForwardedOrder {
    pub(crate) number: String,
    pub(crate) kind: &'static str,
    pub(crate) total: Decimal,
    pub(crate) pos_id: String,
}

/// What the till was answered.
#[derive(Default, Serialize)]
pub(crate) struct PaymentStory {
    pub(crate) replies: Vec<serde_json::Value>,
    #[serde(skip)]
    pub(crate) transactions: usize,
}

#[derive(Default, Serialize)]
pub(crate) struct Summary {
    counts: Counts,
    orders: Vec<ForwardedOrder>,
    payment: PaymentStory,
    /// What the runs did, left out, and left for a person.
    runs: Vec<RunReport>,
    elapsed_seconds: f64,
    /// Absent where the system does not tell it.
    peak_memory_mib: Option<f64>,
}

#[derive(Default, Serialize)]
struct Counts {
    locations: u64,
    categories: u64,
    items: u64,
    branch_prices: u64,
    modifier_groups: u64,
    combos: u64,
    inventory_levels: u64,
    transactions: u64,
    requests: u64,
}

impl Summary {
    pub(crate) fn new(runs: Vec<RunReport>, orders: Vec<ForwardedOrder>, payment: PaymentStory) -> Self {
        Self { runs, orders, payment, ..Self::default() }
    }

    pub(crate) async fn count(
        &mut self,
        integration: &Integration,
        store: &SqliteStore,
    ) -> Result<(), Box<dyn Error>> {
        let stored = StoredCounts::read(integration, store).await?;
        self.counts = Counts {
            locations: stored.locations,
            categories: stored.categories,
            items: stored.items,
            branch_prices: stored.branch_prices,
            modifier_groups: stored.modifier_groups,
            combos: stored.combos,
            inventory_levels: stored.inventory_levels,
            transactions: self.payment.transactions as u64,
            requests: self.runs.iter().map(|run| run.requests).sum(),
        };
        Ok(())
    }

    pub(crate) fn finish(&mut self, elapsed: Duration) {
        self.elapsed_seconds = elapsed.as_secs_f64();
        self.peak_memory_mib = mplus_examples::memory::peak_mib();
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}"))
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = &self.counts;
        writeln!(f)?;
        for (what, count) in [
            ("locations imported", counts.locations),
            ("categories", counts.categories),
            ("items", counts.items),
            ("branch prices", counts.branch_prices),
            ("modifier groups", counts.modifier_groups),
            ("combos", counts.combos),
            ("inventory levels", counts.inventory_levels),
            ("transactions", counts.transactions),
            ("requests to the POS", counts.requests),
        ] {
            writeln!(f, "  {what:<22} {count:>10}")?;
        }
        let width = self.orders.iter().map(|order| order.number.len()).max().unwrap_or_default();
        writeln!(f, "\n  {:<width$} {:>8}   at the POS", "order", "total")?;
        for order in &self.orders {
            writeln!(f, "  {:<width$} {:>8}   {}", order.number, order.total, order.pos_id)?;
        }
        writeln!(f, "\n  external payment, what the till was answered")?;
        for reply in &self.payment.replies {
            writeln!(f, "  {reply}")?;
        }
        for run in &self.runs {
            writeln!(f, "\n{run}")?;
        }
        write!(f, "\n  {:.1} s", self.elapsed_seconds)?;
        match self.peak_memory_mib {
            Some(mib) => writeln!(f, ", at most {mib:.0} MiB of memory"),
            None => writeln!(f),
        }
    }
}
