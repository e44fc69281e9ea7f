//! Pages of changes, read on after an interruption.

use std::time::Duration;

use futures_util::StreamExt;
use mplus_qapi::soap::{ListResponse, Operation, Paged};
use mplus_qapi::{Client, Page, Pages};

use super::{Run, StepError};
use crate::cancel::CancelToken;

use crate::runtime::Runtime;

/// How often a page that broke off half-way is asked for again.
const REPEATS: u32 = 3;

/// A page of what an operation lists.
pub(crate) type PageOf<O> = Page<<<O as Operation>::Response as ListResponse>::Item>;

/// What changed at the POS since a marker, page by page.
///
/// It ends with the marker that was current when the run began: what changes meanwhile is left to the next run. It
/// holds nothing of the run, so that a page can be fetched while the run stores another one.
pub(crate) struct Changes<'a, O: Paged> {
    client: &'a Client,
    runtime: &'a dyn Runtime,
    cancel: &'a CancelToken,
    operation: O,
    pages: Pages<O>,
    since: i64,
    until: Option<i64>,
    limit: i32,
    requests: u64,
}

impl<'a, O: Paged> Changes<'a, O> {
    pub(crate) fn new(run: &Run<'a>, operation: O, since: i64, until: Option<i64>) -> Self {
        let limit = i32::from(run.settings().chunk.max(1));
        let (client, runtime, cancel) = (run.client(), run.runtime(), &run.options.cancel);
        let pages = client.call(operation.clone()).changes_since(since, limit);
        Self { client, runtime, cancel, operation, pages, since, until, limit, requests: 0 }
    }

    /// The next page, its requests counted; none when the POS has no more.
    pub(crate) async fn next(&mut self, run: &mut Run<'_>) -> Result<Option<PageOf<O>>, StepError> {
        let page = self.fetch().await;
        run.report.requests += self.take_requests();
        page
    }

    /// The next page, its requests yet to be counted.
    pub(crate) async fn fetch(&mut self) -> Result<Option<PageOf<O>>, StepError> {
        // Where everything is at hand nothing waits, and a cancel would only be seen at the end.
        self.cancel.check()?;
        let mut failures = 0;
        while self.until.is_none_or(|until| self.since <= until) {
            match self.pages.next().await {
                None => {
                    self.requests += 1;
                    return Ok(None);
                }
                Some(Ok(page)) => {
                    self.requests += 1;
                    self.since = page.next_marker;
                    return Ok(Some(page));
                }
                // The client repeats a call whose answer did not begin; one that broke off is repeated here.
                Some(Err(error)) => {
                    self.requests += u64::from(error.attempts());
                    let is_over = !error.is_transient() || error.is_connect() || error.is_held();
                    if is_over || failures == REPEATS {
                        return Err(error.into());
                    }
                    failures += 1;
                    self.runtime.sleep(Duration::from_millis(500 << failures)).await;
                    let call = self.client.call(self.operation.clone());
                    self.pages = call.changes_since(self.since, self.limit);
                }
            }
        }
        Ok(None)
    }

    /// How many requests were made since this was asked last.
    pub(crate) fn take_requests(&mut self) -> u64 {
        std::mem::take(&mut self.requests)
    }
}
