//! Sends products with their articles, and branch prices.

use std::collections::HashMap;

use mplus_qapi::ErrorKind;
use mplus_qapi::products::{
    Article, ArticleBranchDeviationLine, CreateProduct, CreateProductResult, GetArticleBranchDeviations,
    GetArticleBranchDeviationsRequest, Product, SaveArticleBranchDeviations,
    SaveArticleBranchDeviationsRequest, UpdateProduct,
};
use mplus_qapi::soap::{Operation, Outcome};

use super::known::KnownArticles;
use super::making::{Making, tell_waiting};
use super::note::{agreed, anothers, failure, mark, refused, unshown};
use super::prepare::{self, Outgoing};
use super::sent::ToMake;
use super::whole::{self, Shown};
use crate::model::{
    ArticleNumber, BranchNumber, Category, CategoryId, Item, Marker, ProductNumber, Resource, Tracked,
};
use crate::pos_call::pos_advice;
use crate::products::category_to_product;
use crate::products::merge::content_fingerprint;
use crate::report::{Note, Subject};
use crate::run::{Run, StepError};
use crate::store::{CatalogPushes, Pushed};

/// What became of articles that were to be sent.
pub(crate) enum Answer {
    /// The POS has taken them.
    Taken(Sent),
    /// Nothing was sent: the POS does not show the product whole.
    NotWhole,
    /// Nothing was sent: the identifier of what is new is that of an article which nobody made for it.
    Anothers,
    /// What is new may be there, by a call that got no clear answer: it may not be sent before it was looked for.
    MayBeThere,
}

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
pub(crate) async fn product(
    run: &mut Run<'_>,
    known: &mut KnownArticles,
    category: &mut Tracked<Category>,
    articles: Vec<Article>,
    new: &ToMake,
) -> Result<Answer, StepError> {
    for id in new.unsent() {
        if known.is_anothers(run, id).await? {
            return Ok(Answer::Anothers);
        }
    }
    match category.external_ids.mpluskassa {
        Some(number) => {
            let product_number = Some(number.get());
            let article_list = articles.into();
            update(run, known, Product { product_number, article_list, ..Product::default() }, new).await
        }
        None => create(run, category, articles, new).await,
    }
}

/// Sends what changed of a product and its articles.
///
/// It is not known whether a POS takes away what an update does not name, elements of an article and articles of the product.
/// So the product is read first, and what it has is sent with the changes on top.
pub(super) async fn update(
    run: &mut Run<'_>,
    known: &mut KnownArticles,
    change: Product,
    new: &ToMake,
) -> Result<Answer, StepError> {
    let count = change.article_list.len();
    let product = match whole::product(run, known, change, new).await? {
        Shown::Whole(product) => product,
        Shown::NotWhole => return Ok(Answer::NotWhole),
        Shown::Anothers => return Ok(Answer::Anothers),
    };
    // What is there already has its number by now.
    let changed = product.article_list.iter().take(count);
    let sent: Vec<Option<i64>> = changed.map(|article| article.article_number).collect();
    let number = product.product_number.filter(|_| sent.contains(&None));
    let making = number.map(|number| Making::articles_of(ProductNumber::new(number)));
    let Some(reply) = made(run, making, new, UpdateProduct { product }).await? else {
        return Ok(Answer::MayBeThere);
    };
    let numbers = numbered(&sent, &reply.new_article_numbers);
    Ok(Answer::Taken(Sent { numbers, marker: reply.sync_marker.map(Marker::new) }))
}

/// Makes a call that makes something new, if any. None, and no call, while an earlier one may have made it.
async fn made<O: Operation<Response: Outcome>>(
    run: &mut Run<'_>,
    making: Option<Making>,
    new: &ToMake,
    operation: O,
) -> Result<Option<O::Response>, StepError> {
    if let Some(making) = &making {
        if making.may_be_there(run) {
            return Ok(None);
        }
        making.begin(run, new).await?;
    }
    let reply = match run.call(operation).await {
        Ok(reply) => reply.into_result().map_err(mplus_qapi::Error::from),
        Err(error) => Err(error),
    };
    let is_known =
        reply.as_ref().err().is_none_or(|error| says_no(error) || !error.may_have_been_processed());
    if let Some(making) = making.filter(|_| is_known) {
        if reply.is_err() {
            new.unkeep(run).await?;
        }
        making.end(run).await?;
    }
    Ok(Some(reply?))
}

async fn create(
    run: &mut Run<'_>,
    category: &mut Tracked<Category>,
    articles: Vec<Article>,
    new: &ToMake,
) -> Result<Answer, StepError> {
    let known: Vec<Option<i64>> = articles.iter().map(|article| article.article_number).collect();
    let product = Product { article_list: articles.into(), ..category_to_product(&category.record, None) };
    let making = Making::product_of(&category.record.id)?;
    let Some(reply) = made(run, Some(making), new, CreateProduct { product }).await? else {
        return Ok(Answer::MayBeThere);
    };
    let number = ProductNumber::new(reply.product_number);
    if number.get() <= 0 {
        // It is made, and found by the articles that it was made with.
        Making::product_of(&category.record.id)?.begin(run, new).await?;
        return Ok(Answer::MayBeThere);
    }
    let marker = reply.sync_marker.map(Marker::new);
    let sync = agreed(category, content_fingerprint(&category.record)?, marker);
    let untold = prepare::untold_of_category(category);
    for one in &untold {
        let subject = Subject::new(&category.record.name, &category.record.id);
        run.report.ask_for(one.note(Resource::CATEGORIES, subject));
    }
    let sent = Some(prepare::as_told(category, &untold));
    let pushed = Pushed { id: category.record.id.clone(), sent, number, sync: sync.clone() };
    mark(run, CatalogPushes { categories: vec![pushed], ..CatalogPushes::default() }).await?;
    category.external_ids.mpluskassa = Some(number);
    category.sync = sync;
    Ok(Answer::Taken(Sent { numbers: numbered(&known, &reply.article_numbers), marker }))
}

/// Gives the articles without a number the new ones, in their order. When the POS told another count than was sent,
/// nobody knows which is which: the next pull finds them by `extArticleId`.
fn numbered(known: &[Option<i64>], new: &[i64]) -> Vec<Option<ArticleNumber>> {
    let complete = known.iter().filter(|number| number.is_none()).count() == new.len();
    let mut new = new.iter().copied().filter(|_| complete);
    known.iter().map(|number| number.or_else(|| new.next()).map(ArticleNumber::new)).collect()
}

/// Sends a category's articles at once; one by one when the POS refuses them together.
pub(super) async fn group(
    run: &mut Run<'_>,
    known: &mut KnownArticles,
    categories: &mut HashMap<CategoryId, Tracked<Category>>,
    id: &CategoryId,
    group: Vec<Outgoing>,
    done: &mut Vec<Outgoing>,
) -> Result<(), StepError> {
    let mut waiting = vec![group];
    while let Some(mut group) = waiting.pop() {
        run.options.cancel.check()?;
        let Some(category) = categories.get_mut(id) else { return Ok(()) };
        let articles = group.iter().filter_map(|one| one.article.clone()).collect();
        let new = ToMake::items(group.iter().map(|one| &one.item));
        match product(run, known, category, articles, &new).await {
            // One that is gone does not keep the others back.
            Ok(Answer::NotWhole | Answer::Anothers) if group.len() > 1 => {
                waiting.extend(group.into_iter().rev().map(|one| vec![one]));
            }
            Ok(Answer::NotWhole) => {
                for one in &group {
                    let subject = Subject::new(&one.item.record.name, &one.item.record.id);
                    run.report.ask_for(unshown(Resource::ARTICLES, subject));
                }
            }
            Ok(Answer::Anothers) => {
                for one in &group {
                    let subject = Subject::new(&one.item.record.name, &one.item.record.id);
                    run.report.ask_for(anothers(Resource::ARTICLES, subject));
                }
            }
            Ok(Answer::MayBeThere) => {
                let is_there = category.external_ids.mpluskassa.is_some();
                let (new, known): (Vec<_>, Vec<_>) =
                    group.into_iter().partition(|one| !is_there || one.number.is_none());
                for one in &new {
                    let subject = Subject::new(&one.item.record.name, &one.item.record.id);
                    tell_waiting(run, Resource::ARTICLES, subject);
                }
                waiting.extend((!known.is_empty()).then_some(known));
            }
            Ok(Answer::Taken(sent)) => {
                run.report.count(&Resource::ARTICLES).pushed += group.len() as u64;
                for (one, number) in group.iter_mut().zip(sent.numbers) {
                    (one.number, one.marker) = (number, sent.marker);
                }
                done.extend(group);
            }
            Err(StepError::Pos(error)) if group.len() > 1 && is_of_what_was_sent(&error) => {
                waiting.extend(group.into_iter().rev().map(|one| vec![one]));
            }
            Err(StepError::Pos(error)) => {
                if says_no(&error)
                    && let Some(one) = unmoved(run, known, categories, &mut group, &error).await?
                {
                    done.push(one);
                    continue;
                }
                let mut subjects =
                    group.iter().map(|one| Subject::new(&one.item.record.name, &one.item.record.id));
                let first = subjects.next();
                let message = failure(&error);
                for subject in subjects {
                    run.report.fail(Note::about(Resource::ARTICLES, subject, &message, pos_advice(&error)));
                }
                if let Some(subject) = first {
                    refused(run, &Resource::ARTICLES, subject, error)?;
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether the POS said that it did not do it. One that said nothing of the kind may have.
///
/// Of articles only those are sent with a number that the POS is known to have: a new product cannot have them.
fn says_no(error: &mplus_qapi::Error) -> bool {
    const IN_ANOTHER_PRODUCT: CreateProductResult = CreateProductResult::FailedArticleNumberAlreadyTaken;
    matches!(error.kind(), ErrorKind::Outcome(outcome)
        if outcome.is_refusal() || outcome.result == IN_ANOTHER_PRODUCT.as_str())
}

/// Whether it is something of what was sent that will not do, and nothing was done: what was sent beside it may do.
fn is_of_what_was_sent(error: &mplus_qapi::Error) -> bool {
    let is_write = [CreateProduct::INFO.name, UpdateProduct::INFO.name].contains(&error.operation());
    let is_fault = error.fault().is_some() && !error.is_authentication() && !error.is_unknown_operation();
    says_no(error)
        || matches!(error.kind(), ErrorKind::Request(_))
        || (is_write && is_fault && !error.may_have_been_processed())
}

/// An item that the host moved to a category into which the POS does not let it: the rest of its edit is sent to where it is,
/// and the move is left to a person. None when this is no such item, or the POS does not take the rest either.
async fn unmoved(
    run: &mut Run<'_>,
    known: &mut KnownArticles,
    categories: &HashMap<CategoryId, Tracked<Category>>,
    group: &mut Vec<Outgoing>,
    error: &mplus_qapi::Error,
) -> Result<Option<Outgoing>, StepError> {
    let [one] = &group[..] else { return Ok(None) };
    let Some(from) = one.moved_from().and_then(|from| categories.get(&from)) else { return Ok(None) };
    let (Some(number), Some(article)) = (from.external_ids.mpluskassa, one.article.clone()) else {
        return Ok(None);
    };
    // Its number alone says nothing new.
    let is_all = article == Article { article_number: article.article_number, ..Article::default() };
    let product_number = Some(number.get());
    let change = Product { product_number, article_list: vec![article].into(), ..Product::default() };
    let marker = match is_all {
        true => None,
        false => match update(run, known, change, &ToMake::default()).await {
            Ok(Answer::Taken(sent)) => {
                run.report.count(&Resource::ARTICLES).pushed += 1;
                sent.marker
            }
            Ok(Answer::NotWhole | Answer::Anothers | Answer::MayBeThere) => return Ok(None),
            Err(StepError::Pos(again)) if says_no(&again) => return Ok(None),
            Err(again) => return Err(again),
        },
    };
    let subject = Subject::new(&one.item.record.name, &one.item.record.id);
    let message = format!("the POS does not move the article to another product ({error})");
    let advice = "Move the article in the MplusKASSA back office; until then it stays where it is there";
    run.report.ask_for(Note::about(Resource::ARTICLES, subject, &message, advice));
    let stays_in = Some(from.record.id.clone());
    Ok(group.pop().map(|one| Outgoing { stays_in, marker, ..one }))
}

/// Sends an item's branch prices. False when the POS refused them, which is in the report then.
pub(super) async fn prices(
    run: &mut Run<'_>,
    item: &Tracked<Item>,
    number: ArticleNumber,
    mut lines: Vec<ArticleBranchDeviationLine>,
) -> Result<bool, StepError> {
    lines.iter_mut().for_each(|line| line.article_number = number.get());
    let request = SaveArticleBranchDeviationsRequest { article_branch_deviation_lines: lines };
    let reply = match run.call(SaveArticleBranchDeviations { request }).await {
        Ok(reply) => reply.into_result().map_err(mplus_qapi::Error::from),
        Err(error) => Err(error),
    };
    match reply {
        Ok(_) => {
            run.report.count(&Resource::BRANCH_PRICES).pushed += 1;
            Ok(true)
        }
        // What was done of the item is stored first; a POS that is gone shows at the next call.
        Err(error) => {
            let subject = Subject::new(&item.record.name, &item.record.id);
            let message = failure(&error);
            run.report.fail(Note::about(Resource::BRANCH_PRICES, subject, &message, pos_advice(&error)));
            Ok(false)
        }
    }
}

/// Whether the POS keeps prices of branches that were taken away, which is told then: it is not known whether a line without a
/// price takes it away.
pub(super) async fn keeps_prices(
    run: &mut Run<'_>,
    item: &Tracked<Item>,
    number: ArticleNumber,
    removed: &[BranchNumber],
) -> Result<bool, StepError> {
    if removed.is_empty() {
        return Ok(false);
    }
    let request = GetArticleBranchDeviationsRequest {
        article_numbers: vec![number.get()].into(),
        ..GetArticleBranchDeviationsRequest::default()
    };
    // That it cannot be asked does not undo what was sent.
    let Ok(reply) = run.call(GetArticleBranchDeviations { request }).await else { return Ok(false) };
    let has_price = |line: &&ArticleBranchDeviationLine| {
        line.article_number == number.get()
            && removed.contains(&BranchNumber::new(line.branch_number))
            && (line.sales_price_incl.is_some() || line.sales_price_excl.is_some())
    };
    let kept: Vec<String> = reply
        .article_branch_deviation_lines
        .iter()
        .filter(has_price)
        .map(|line| line.branch_number.to_string())
        .collect();
    if kept.is_empty() {
        return Ok(false);
    }
    let subject = Subject::new(&item.record.name, &item.record.id);
    let message =
        format!("the POS keeps the price that was removed on the host in branch {}", kept.join(", "));
    let advice = "Remove the branch's price in the MplusKASSA back office";
    run.report.ask_for(Note::about(Resource::BRANCH_PRICES, subject, &message, advice));
    Ok(true)
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
