//! What was measured.

use serde::Serialize;
use serde_json::Value;

/// Milliseconds at two places of the distribution.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Spread {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

impl Spread {
    /// Of measured times in milliseconds.
    pub(crate) fn of(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let place = (share * times.len() as f64).ceil() as usize;
            times
                .get(place.clamp(1, times.len().max(1)) - 1)
                .copied()
                .map_or(0.0, |time| (time * 10.0).round() / 10.0)
        };
        Self { p50: at(0.5), p99: at(0.99) }
    }
}

/// Orders, counted at a POS that takes an order as often as it is sent.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Orders {
    pub(crate) queued: usize,
    pub(crate) accepted: usize,
    pub(crate) lost: usize,
    pub(crate) duplicated: usize,
}

/// Daily runs, counted in the merchants' reports and logs.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Runs {
    pub(crate) due: usize,
    pub(crate) done: usize,
    pub(crate) twice: usize,
    pub(crate) skipped: usize,
    /// Between the first and the last end, in seconds.
    pub(crate) spread_s: f64,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Figures {
    pub(crate) database: &'static str,
    pub(crate) merchants: u32,
    pub(crate) processes: u32,
    /// Transactions in Postgres, statements elsewhere, of a fleet that tells an observer of nothing and has no stock to pull.
    pub(crate) idle_statements_per_s: f64,
    /// From the call that queues a single order of an idle fleet to the call that creates it at the POS.
    pub(crate) enqueue_to_pos_ms: Spread,
    pub(crate) orders: Orders,
    /// Once all processes are there.
    pub(crate) orders_per_s: f64,
    /// The same of processes that claim and finish and do nothing else.
    pub(crate) bare_orders_per_s: f64,
    /// How long the orders of the others took while one merchant floods, and how much of the flood was left then: with nothing left, the
    /// flood was over before them.
    pub(crate) others_p99_ms: f64,
    pub(crate) flood_left: u64,
    pub(crate) runs: Runs,
    /// In each process.
    pub(crate) memory_per_merchant_bytes: f64,
}

impl Figures {
    pub(crate) fn is_clean(&self) -> bool {
        self.orders.lost + self.orders.duplicated + self.runs.twice + self.runs.skipped == 0
    }

    /// Says what is known so far: the last stage takes long.
    pub(crate) fn tell(&self) {
        eprintln!("fleet: so far {}", serde_json::to_value(self).unwrap_or(Value::Null));
    }

    pub(crate) fn print(&self, as_json: bool) {
        let value = serde_json::to_value(self).unwrap_or(Value::Null);
        if as_json {
            println!("{value}");
            return;
        }
        for (name, value) in value.as_object().into_iter().flatten() {
            println!("{name:<26} {value}");
        }
    }
}
