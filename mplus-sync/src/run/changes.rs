//! Pages of changes, read on after an interruption.

use std::time::Duration;

use futures_util::StreamExt;
use mplus_qapi::soap::{ListResponse, Operation, Paged};
use mplus_qapi::{Client, Page, Pages};

use super::{Run, StepError};
use crate::cancel::CancelToken;
use crate::model::Resource;
use crate::pos_call::unreadable_at;
use crate::report::Note;
use crate::runtime::Runtime;

/// How often a page that broke off half-way is asked for again.
const REPEATS: u32 = 3;
/// How many markers in a row are tried one by one behind a record that cannot be read; then the steps double. Markers are
/// raised by every change, so that thousands of them may lie between two records.
const ONE_BY_ONE: u32 = 16;
/// How often it is tried to get past records that cannot be read; a service that is broken is not read past.
const TRIES: u32 = 64;

/// A page of what an operation lists.
pub(crate) type PageOf<O> = Page<<<O as Operation>::Response as ListResponse>::Item>;

/// What changed at the POS since a marker, page by page.
///
/// It ends with the marker that was current when the run began: what changes meanwhile is left to the next run. It
/// holds nothing of the run, so that a page can be fetched while the run stores another one.
///
/// A value that cannot be read is left out and told with its page ([`Page::unreadable`]). A page that cannot be read as a whole
/// is asked for in smaller pieces, down to the record that spoils it, which is passed over and named: from the first marker on
/// at which the answer is another one, the next record is told.
pub(crate) struct Changes<'a, O: Paged> {
    client: &'a Client,
    runtime: &'a dyn Runtime,
    cancel: &'a CancelToken,
    operation: O,
    resource: Resource,
    pages: Pages<O>,
    since: i64,
    until: Option<i64>,
    /// How many records a page may have, and how many are asked for now.
    limit: i32,
    asked: i32,
    requests: u64,
    /// A record that cannot be read, which is being passed over.
    passing: Option<Passing>,
    is_complete: bool,
    notes: Vec<Note>,
}

/// A record that cannot be read, and what is known of where it ends.
struct Passing {
    /// From here on it was asked for first.
    first: i64,
    /// The highest marker from which on it still is the next record.
    last: i64,
    /// A marker behind it, once one was found.
    behind: Option<i64>,
    step: i64,
    tries: u32,
    error: mplus_qapi::Error,
}

impl Passing {
    /// From which marker on to ask next: further on, then between what is known.
    fn next(&self) -> i64 {
        match self.behind {
            None => self.last.saturating_add(self.step),
            Some(behind) => (self.last + (behind - self.last) / 2).max(self.last + 1),
        }
    }
}

impl<'a, O: Paged> Changes<'a, O> {
    pub(crate) fn new(
        run: &Run<'a>,
        operation: O,
        resource: Resource,
        since: i64,
        until: Option<i64>,
    ) -> Self {
        let limit = i32::from(run.limits().chunk.max(1));
        let (client, runtime, cancel) = (run.client(), run.runtime(), &run.options.cancel);
        let pages = pages(client, &operation, since, limit);
        Self {
            client,
            runtime,
            cancel,
            operation,
            resource,
            pages,
            since,
            until,
            limit,
            asked: limit,
            requests: 0,
            passing: None,
            is_complete: true,
            notes: Vec::new(),
        }
    }

    /// The next page, its requests counted; none when the POS has no more.
    pub(crate) async fn next(&mut self, run: &mut Run<'_>) -> Result<Option<PageOf<O>>, StepError> {
        let page = self.fetch().await;
        run.report.requests += self.take_requests();
        self.take_notes().into_iter().for_each(|note| run.report.fail(note));
        page
    }

    /// The next page, its requests and notes yet to be taken.
    pub(crate) async fn fetch(&mut self) -> Result<Option<PageOf<O>>, StepError> {
        // Where everything is at hand nothing waits, and a cancel would only be seen at the end.
        self.cancel.check()?;
        let mut failures = 0;
        // That a page can be read behind what was passed over shows that it is not the service that is broken.
        while self.passing.is_some() || self.until.is_none_or(|until| self.since <= until) {
            match self.pages.next().await {
                None => {
                    self.requests += 1;
                    if self.looks_before() {
                        continue;
                    }
                    break;
                }
                Some(Ok(page)) => {
                    self.requests += 1;
                    if self.looks_before() {
                        continue;
                    }
                    self.end_passing();
                    self.since = page.next_marker;
                    if self.asked < self.limit {
                        self.ask_for(self.asked.saturating_mul(2).min(self.limit));
                    }
                    return Ok(Some(page));
                }
                // The client repeats a call whose answer did not begin; one that broke off is repeated here.
                Some(Err(error)) => {
                    self.requests += u64::from(error.attempts());
                    let is_over = !error.is_transient() || error.is_connect() || error.is_held();
                    if !is_over && failures < REPEATS {
                        failures += 1;
                        self.runtime.sleep(Duration::from_millis(500 << failures)).await;
                        self.ask_for(self.asked);
                    } else {
                        self.cancel.check()?;
                        self.narrow(error)?;
                    }
                }
            }
        }
        self.end_passing();
        Ok(None)
    }

    /// From which marker on the next page is asked for.
    pub(crate) fn since(&self) -> i64 {
        self.since
    }

    /// Asks for less after a page that cannot be read; one record that cannot be read is passed over.
    ///
    /// Behind a marker from which on a single record cannot be read, that record is the next one: no other is passed over.
    fn narrow(&mut self, error: mplus_qapi::Error) -> Result<(), StepError> {
        if unreadable_at(&error).is_none() {
            return Err(error.into());
        }
        if self.asked > 1 {
            self.ask_for(self.asked / 2);
            return Ok(());
        }
        self.is_complete = false;
        let since = self.since;
        let before = self.passing.take();
        let mut passing =
            before.unwrap_or(Passing { first: since, last: since, behind: None, step: 1, tries: 0, error });
        passing.last = since;
        passing.tries += 1;
        if passing.tries > ONE_BY_ONE && passing.behind.is_none() {
            passing.step = passing.step.saturating_mul(2);
        }
        // Where nothing can be there any more, it is the service that cannot be read.
        let is_past_all = passing.behind.is_none() && self.until.is_some_and(|until| since > until);
        if is_past_all || passing.tries > TRIES {
            return Err(passing.error.into());
        }
        self.since = passing.next();
        self.passing = Some(passing);
        self.ask_for(1);
        Ok(())
    }

    /// After a step of more than one marker over a record that cannot be read: asks again closer to it, so that none between
    /// is missed. False when there is nothing between.
    fn looks_before(&mut self) -> bool {
        let Some(passing) = &mut self.passing else { return false };
        if self.since - passing.last <= 1 {
            return false;
        }
        passing.behind = Some(self.since);
        self.since = passing.next();
        self.ask_for(1);
        true
    }

    /// Names what was passed over.
    fn end_passing(&mut self) {
        let Some(Passing { first, last, error, .. }) = self.passing.take() else { return };
        let markers = match first == last {
            true => format!("marker {first}"),
            false => format!("markers {first} to {last}"),
        };
        let message = format!("what the POS tells at {markers} cannot be read and was left out: {error}");
        let advice = "Change the record in the POS, which gives it another marker, or report this";
        self.notes.push(Note::general(self.resource.clone(), &message, advice));
    }

    fn ask_for(&mut self, records: i32) {
        self.asked = records;
        self.pages = pages(self.client, &self.operation, self.since, records);
    }

    /// Whether nothing was passed over so far.
    pub(crate) fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// What there is to tell since this was asked last.
    pub(crate) fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    /// How many requests were made since this was asked last.
    pub(crate) fn take_requests(&mut self) -> u64 {
        std::mem::take(&mut self.requests)
    }
}

fn pages<O: Paged>(client: &Client, operation: &O, since: i64, limit: i32) -> Pages<O> {
    client.call(operation.clone()).leaving_out_unreadable(true).changes_since(since, limit)
}
