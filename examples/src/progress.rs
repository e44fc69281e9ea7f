//! Progress bars for runs, where somebody watches.

use std::{
    collections::BTreeMap,
    fmt,
    io::IsTerminal as _,
    sync::{Arc, Mutex, PoisonError},
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use mplus_sync::progress::{Progress, ProgressSink};

/// One bar for each resource, on a terminal; a line for each step elsewhere; nothing when quiet. Cheap to clone.
#[derive(Clone)]
pub struct Bars {
    quiet: bool,
    screen: MultiProgress,
    bars: Arc<Mutex<BTreeMap<String, ProgressBar>>>,
}

impl Bars {
    /// Bars on standard error, if that is a terminal.
    pub fn new(quiet: bool) -> Self {
        let screen = MultiProgress::new();
        if quiet || !std::io::stderr().is_terminal() {
            screen.set_draw_target(indicatif::ProgressDrawTarget::hidden());
        }
        Self { quiet, screen, bars: Arc::default() }
    }

    /// Says which step begins.
    pub fn say(&self, step: &str) {
        if !self.quiet {
            self.screen.suspend(|| eprintln!("{step}"));
        }
    }

    /// Leaves the bars of a step as they are.
    pub fn finish(&self) {
        let mut bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
        for bar in std::mem::take(&mut *bars).into_values() {
            bar.finish();
        }
    }
}

impl ProgressSink for Bars {
    fn progress(&self, progress: &Progress) {
        let mut bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = bars.entry(progress.resource.to_string()).or_insert_with(|| {
            let bar = self.screen.add(ProgressBar::no_length());
            if let Ok(style) =
                ProgressStyle::with_template("  {msg:<28} {bar:30} {pos:>7}/{len:<7} {per_sec}")
            {
                bar.set_style(style);
            }
            bar.with_message(progress.resource.to_string())
        });
        if let Some(expected) = progress.expected {
            bar.set_length(expected.max(progress.done));
        }
        bar.set_position(progress.done);
    }
}

impl fmt::Debug for Bars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bars").field("quiet", &self.quiet).finish_non_exhaustive()
    }
}
