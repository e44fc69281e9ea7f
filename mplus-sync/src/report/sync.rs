//! The reports of a whole sync.

use std::fmt;

use serde::Serialize;

use super::RunReport;

/// What a whole sync did: the menu's run, then the stock's.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SyncReport {
    /// The menu, with branches and pictures.
    pub menu: RunReport,
    /// The stock; none when it was not pulled: it is switched off, it was a dry run, or the menu's run did not come to
    /// its end.
    pub stock: Option<RunReport>,
}

impl SyncReport {
    /// Its runs, in their order.
    pub fn runs(&self) -> impl Iterator<Item = &RunReport> {
        std::iter::once(&self.menu).chain(&self.stock)
    }

    /// Whether nobody has anything to do about any of them.
    pub fn is_clean(&self) -> bool {
        self.runs().all(RunReport::is_clean)
    }
}

impl fmt::Display for SyncReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.runs().try_for_each(|run| writeln!(f, "{run}"))
    }
}
