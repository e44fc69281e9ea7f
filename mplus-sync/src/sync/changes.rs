//! Pages of changes, read on after an interruption.

use std::time::Duration;

use futures_util::StreamExt;
use mplus_qapi::soap::{ListResponse, Operation, Paged};
use mplus_qapi::{Page, Pages};

use super::Run;
use crate::error::StepError;

/// How often a page that broke off half-way is asked for again.
const REPEATS: u32 = 3;

/// What changed at the POS since a marker, page by page.
///
/// It ends with the marker that was current when the run began: what changes meanwhile is left to the next run.
pub(crate) struct Changes<O: Paged> {
    operation: O,
    pages: Pages<O>,
    since: i64,
    until: Option<i64>,
    limit: i32,
}

impl<O: Paged> Changes<O> {
    pub(crate) fn new(run: &Run<'_>, operation: O, since: i64, until: Option<i64>) -> Self {
        let limit = i32::from(run.settings().chunk.max(1));
        let pages = run.client().call(operation.clone()).changes_since(since, limit);
        Self { operation, pages, since, until, limit }
    }

    /// The next page; none when the POS has no more.
    pub(crate) async fn next(
        &mut self,
        run: &mut Run<'_>,
    ) -> Result<Option<Page<<<O as Operation>::Response as ListResponse>::Item>>, StepError> {
        // Where everything is at hand nothing waits, and a cancel would only be seen at the end.
        run.options.cancel.check()?;
        let mut failures = 0;
        while self.until.is_none_or(|until| self.since <= until) {
            match self.pages.next().await {
                None => {
                    run.report.requests += 1;
                    return Ok(None);
                }
                Some(Ok(page)) => {
                    run.report.requests += 1;
                    self.since = page.next_marker;
                    return Ok(Some(page));
                }
                // The client repeats a call whose answer did not begin; one that broke off is repeated here.
                Some(Err(error)) => {
                    run.report.requests += u64::from(error.attempts());
                    if !error.is_transient() || error.is_connect() || failures == REPEATS {
                        return Err(error.into());
                    }
                    failures += 1;
                    run.runtime().sleep(Duration::from_millis(500 << failures)).await;
                    let call = run.client().call(self.operation.clone());
                    self.pages = call.changes_since(self.since, self.limit);
                }
            }
        }
        Ok(None)
    }
}
