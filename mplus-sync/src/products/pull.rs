//! Pulls products and articles, page by page: while one page is being stored, the next one is fetched and decided.

use std::collections::HashMap;

use futures_util::future::try_join;
use mplus_qapi::Client;
use mplus_qapi::preparation::{
    GetArticlesPreparationMethodGroups, GetArticlesPreparationMethodGroupsRequest,
};
use mplus_qapi::products::GetProducts;
use mplus_qapi::soap::Outcome;

use super::gone::{Seen, deactivate_gone};
use super::page::{Decided, PulledPage, Rules};
use super::rows::Rows;
use crate::error::StepError;
use crate::model::{Checkpoint, ConnectionId, Marker, ModifierSource, PosModifierGroup, Resource};
use crate::progress::Phase;
use crate::store::{CatalogChunk, Page, Select, Store};
use crate::sync::{Changes, Run};

/// Pulls what changed of products and articles; all of it in a full run, which also finds what is gone.
pub(crate) async fn pull(run: &mut Run<'_>) -> Result<(), StepError> {
    let current = run.current.articles;
    let Some(since) = run.due(&Resource::ARTICLES, current) else { return Ok(()) };
    let tax = run.tax().await?;
    run.reads_all_articles = since == 0;
    run.expect(&Resource::ARTICLES, Phase::Pull, None);
    let mut seen = run.is_full().then(Seen::default);
    let (mut last, mut done) = (since - 1, 0);
    let has_combos = !run.store().combos(run.connection(), Select::Page(Page::first(1))).await?.is_empty();
    let branch_prices = run.branch_prices.clone();
    let rules = Rules { context: run.options.context, tax, branch_prices, has_combos };
    let mut pages = Pages::new(run, &rules, since);
    let mut next = pages.next().await;
    run.report.requests += pages.take_requests();
    while let Some((page, decided)) = next? {
        run.options.cancel.check()?;
        last = page.last;
        if let Some(seen) = &mut seen {
            page.note_seen(seen);
        }
        let articles = page.articles();
        // That the next page fails does not stop what is being stored.
        let following = async { Ok(pages.next().await) };
        let both = try_join(page.store(run, &rules, decided), following).await;
        run.report.requests += pages.take_requests();
        ((), next) = both?;
        done += articles as u64;
        run.expect_all(&Resource::ARTICLES, estimate(done, since, last, current));
        run.advance(&Resource::ARTICLES, articles);
    }
    if let Some(seen) = seen {
        deactivate_gone(run, &seen).await?;
    }
    // What was deleted at the POS leaves a marker that no article has.
    let last = last.max(current.unwrap_or(last));
    if last >= 0 && run.checkpoint(&Resource::ARTICLES) != Some(last) {
        let checkpoints = vec![Checkpoint::new(Resource::ARTICLES, Marker::new(last))];
        run.apply(CatalogChunk { checkpoints, ..CatalogChunk::default() }).await?;
    }
    Ok(())
}

/// How many articles there will be, when those to come are as dense among the markers as those that came.
fn estimate(done: u64, since: i64, last: i64, current: Option<i64>) -> Option<u64> {
    let markers = |until: i64| u64::try_from(until - since + 1).ok().filter(|markers| *markers > 0);
    Some(done.checked_mul(markers(current?)?)?.div_ceil(markers(last)?).max(done))
}

/// Fetches pages and decides what becomes of them.
struct Pages<'a> {
    changes: Changes<'a, GetProducts>,
    client: &'a Client,
    store: &'a dyn Store,
    connection: &'a ConnectionId,
    rules: &'a Rules,
    /// Without groups there are no links.
    has_groups: bool,
    requests: u64,
}

impl<'a> Pages<'a> {
    fn new(run: &Run<'a>, rules: &'a Rules, since: i64) -> Self {
        Self {
            changes: Changes::new(run, GetProducts::default(), since, run.current.articles),
            client: run.client(),
            store: run.store(),
            connection: run.connection(),
            rules,
            has_groups: run.current.preparation != Some(0),
            requests: 0,
        }
    }

    /// The next page. What is stored meanwhile of the same records makes its decision void, not wrong: their revisions
    /// move on.
    async fn next(&mut self) -> Result<Option<(PulledPage, Decided)>, StepError> {
        let Some(page) = self.changes.fetch().await? else { return Ok(None) };
        let rows = Rows::of(page.items);
        let links = self.links(&rows).await?;
        let page = PulledPage { rows, links, last: page.next_marker - 1 };
        let decided = page.decide(self.store, self.connection, self.rules).await?;
        Ok(Some((page, decided)))
    }

    /// The preparation method groups of a page's articles, in their order.
    async fn links(&mut self, rows: &Rows) -> Result<HashMap<i64, Vec<PosModifierGroup>>, StepError> {
        if rows.article_count() == 0 || !self.has_groups {
            return Ok(HashMap::new());
        }
        let article_numbers = rows.articles().map(|(number, ..)| number).collect();
        let request = GetArticlesPreparationMethodGroupsRequest { article_numbers };
        let reply = self.client.call(GetArticlesPreparationMethodGroups { request }).reply().await;
        self.requests += u64::from(match &reply {
            Ok(reply) => reply.attempts,
            Err(error) => error.attempts(),
        });
        let response = reply?.response.into_result().map_err(mplus_qapi::Error::from)?;
        let group = |number| PosModifierGroup { source: ModifierSource::PreparationMethod, number };
        let links = response.article_preparation_method_groups_list.into_iter().map(|links| {
            (links.article_number, links.preparation_method_group_numbers.into_iter().map(group).collect())
        });
        Ok(links.collect())
    }

    /// How many requests were made since this was asked last.
    fn take_requests(&mut self) -> u64 {
        std::mem::take(&mut self.requests) + self.changes.take_requests()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_much_is_to_come_follows_from_what_came() {
        // Two articles for three markers: of 60,000 markers a tenth has been read.
        assert_eq!(estimate(4_000, 0, 5_999, Some(59_999)), Some(40_000));
        assert_eq!(estimate(40_000, 0, 59_999, Some(59_999)), Some(40_000), "exact at the end");
        assert_eq!(estimate(100, 50_000, 50_099, Some(50_099)), Some(100), "in an incremental run too");
        assert_eq!(estimate(100, 0, 99, None), None, "a POS that does not tell its marker");
        assert_eq!(estimate(7, 5, 4, Some(3)), None);
    }
}
