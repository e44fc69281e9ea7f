//! Pulls products and articles, page by page: while one page is being stored, the next one is fetched.

use std::collections::HashMap;

use futures_util::future::try_join;
use mplus_qapi::Client;
use mplus_qapi::preparation::{
    GetArticlesPreparationMethodGroups, GetArticlesPreparationMethodGroupsRequest,
};
use mplus_qapi::products::{GetProducts, Product};
use mplus_qapi::soap::Outcome;
use tokio::sync::oneshot;

use super::gone::{Seen, deactivate_gone};
use super::page::PulledPage;
use crate::error::StepError;
use crate::model::{Checkpoint, Marker, ModifierSource, PosModifierGroup, Resource};
use crate::progress::Phase;
use crate::store::CatalogChunk;
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
    let mut pages = Pages::new(run, since);
    let mut fetched = pages.fetch().await;
    run.report.requests += pages.take_requests();
    while let Some(page) = fetched? {
        run.options.cancel.check()?;
        last = page.last;
        let page = PulledPage::new(run, page, &tax);
        if let Some(seen) = &mut seen {
            page.note_seen(seen);
        }
        let articles = page.articles();
        let (writes, is_writing) = oneshot::channel();
        // Whoever waits for the store anyway can fetch. That this fails does not stop what is being stored.
        let next = async {
            let _ = is_writing.await;
            Ok(pages.fetch().await)
        };
        let both = try_join(page.store(run, writes), next).await;
        run.report.requests += pages.take_requests();
        ((), fetched) = both?;
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

/// A page as the POS told it, with its articles' preparation method groups in their order.
pub(super) struct FetchedPage {
    pub(super) products: Vec<Product>,
    pub(super) links: HashMap<i64, Vec<PosModifierGroup>>,
    /// The highest marker in it.
    pub(super) last: i64,
}

/// Fetches pages.
struct Pages<'a> {
    changes: Changes<'a, GetProducts>,
    client: &'a Client,
    /// Without groups there are no links.
    has_groups: bool,
    requests: u64,
}

impl<'a> Pages<'a> {
    fn new(run: &Run<'a>, since: i64) -> Self {
        let changes = Changes::new(run, GetProducts::default(), since, run.current.articles);
        Self { changes, client: run.client(), has_groups: run.current.preparation != Some(0), requests: 0 }
    }

    async fn fetch(&mut self) -> Result<Option<FetchedPage>, StepError> {
        let Some(page) = self.changes.fetch().await? else { return Ok(None) };
        let links = self.links(&page.items).await?;
        Ok(Some(FetchedPage { products: page.items, links, last: page.next_marker - 1 }))
    }

    async fn links(
        &mut self,
        products: &[Product],
    ) -> Result<HashMap<i64, Vec<PosModifierGroup>>, StepError> {
        let articles = products.iter().flat_map(|product| &product.article_list);
        let mut numbers: Vec<i64> = articles.filter_map(|article| article.article_number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        if numbers.is_empty() || !self.has_groups {
            return Ok(HashMap::new());
        }
        let request = GetArticlesPreparationMethodGroupsRequest { article_numbers: numbers };
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
