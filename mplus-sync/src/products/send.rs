//! One product on its way to the POS.

use mplus_qapi::products::{Article, CreateProduct, Product, UpdateProduct};
use mplus_qapi::soap::Outcome;

use super::category_to_product;
use super::merge::content_fingerprint;
use crate::error::StepError;
use crate::model::{ArticleNumber, Category, Marker, ProductNumber, SyncState, Tracked, Version};
use crate::store::{CatalogPushes, Pushed};
use crate::sync::Run;

/// What the POS answered.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// The articles' numbers in the order they were sent; none where the POS did not tell.
    pub(crate) numbers: Vec<Option<ArticleNumber>>,
    pub(crate) marker: Option<Marker>,
}

/// Sends articles of a category's product, and makes the product when the POS does not have it.
///
/// A product that is made gets its number stored at once, so that the next articles find it.
pub(crate) async fn send(
    run: &mut Run<'_>,
    category: &mut Tracked<Category>,
    articles: Vec<Article>,
) -> Result<Sent, StepError> {
    match category.external_ids.mpluskassa {
        Some(number) => update(run, number, articles).await,
        None => create(run, category, articles).await,
    }
}

async fn update(run: &mut Run<'_>, number: ProductNumber, articles: Vec<Article>) -> Result<Sent, StepError> {
    let known: Vec<Option<i64>> = articles.iter().map(|article| article.article_number).collect();
    let product =
        Product { product_number: Some(number.get()), article_list: articles.into(), ..Product::default() };
    let reply = run.call(UpdateProduct { product }).await?.into_result().map_err(mplus_qapi::Error::from)?;
    Ok(Sent {
        numbers: numbered(&known, &reply.new_article_numbers),
        marker: reply.sync_marker.map(Marker::new),
    })
}

async fn create(
    run: &mut Run<'_>,
    category: &mut Tracked<Category>,
    articles: Vec<Article>,
) -> Result<Sent, StepError> {
    let known: Vec<Option<i64>> = articles.iter().map(|article| article.article_number).collect();
    let product = Product { article_list: articles.into(), ..category_to_product(&category.record, None) };
    let reply = run.call(CreateProduct { product }).await?.into_result().map_err(mplus_qapi::Error::from)?;
    let number = ProductNumber::new(reply.product_number);
    let marker = reply.sync_marker.map(Marker::new);
    let sync = agreed(category, content_fingerprint(&category.record)?, marker);
    let pushed =
        Pushed { id: category.record.id.clone(), revision: category.revision, number, sync: sync.clone() };
    mark(run, CatalogPushes { categories: vec![pushed], ..CatalogPushes::default() }).await?;
    category.external_ids.mpluskassa = Some(number);
    category.sync = sync;
    Ok(Sent { numbers: numbered(&known, &reply.article_numbers), marker })
}

/// Gives the articles without a number the new ones, in their order. When the POS told another count than was sent,
/// nobody knows which is which: the next pull finds them by `extArticleId`.
fn numbered(known: &[Option<i64>], new: &[i64]) -> Vec<Option<ArticleNumber>> {
    let complete = known.iter().filter(|number| number.is_none()).count() == new.len();
    let mut new = new.iter().copied().filter(|_| complete);
    known.iter().map(|number| number.or_else(|| new.next()).map(ArticleNumber::new)).collect()
}

/// What both sides agree on after the POS took this content.
pub(crate) fn agreed<T: crate::model::Record>(
    tracked: &Tracked<T>,
    fingerprint: crate::model::Fingerprint,
    marker: Option<Marker>,
) -> SyncState {
    let version = Version { fingerprint, changed_at: tracked.edited_at, marker };
    let mut sync = tracked.sync.clone();
    // Without a marker it cannot be told which of the two is later: then both are this one.
    if marker.is_none() {
        sync.pulled = Some(version.clone());
    }
    sync.pushed = Some(version);
    sync
}

/// Stores what the POS has taken.
pub(crate) async fn mark(run: &mut Run<'_>, pushes: CatalogPushes) -> Result<(), StepError> {
    if pushes == CatalogPushes::default() {
        return Ok(());
    }
    run.keep_lease().await?;
    run.store().mark_pushed(run.connection(), pushes).await?;
    run.report.writes += 1;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_numbers_go_to_the_articles_without_one_in_their_order() {
        let numbers = |known: &[Option<i64>], new: &[i64]| {
            numbered(known, new).into_iter().map(|number| number.map(ArticleNumber::get)).collect::<Vec<_>>()
        };
        assert_eq!(numbers(&[None, Some(5), None], &[8, 9]), [Some(8), Some(5), Some(9)]);
        assert_eq!(numbers(&[None, Some(5), None], &[8]), [None, Some(5), None], "nobody knows which");
    }
}
