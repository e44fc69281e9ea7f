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

/// Orders, counted at the POS.
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
    pub(crate) idle_statements_per_s: f64,
    pub(crate) enqueue_to_pos_ms: Spread,
    pub(crate) orders: Orders,
    pub(crate) orders_per_s: f64,
    pub(crate) bare_orders_per_s: f64,
    pub(crate) others_p99_ms: f64,
    pub(crate) runs: Runs,
    pub(crate) memory_per_merchant_bytes: f64,
}

impl Figures {
    pub(crate) fn is_clean(&self) -> bool {
        self.orders.lost + self.orders.duplicated + self.runs.twice + self.runs.skipped == 0
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
