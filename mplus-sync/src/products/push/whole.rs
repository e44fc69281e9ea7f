//! What the POS has of a product, with changes on top: for a POS that takes away what an update does not name.

use std::collections::{BTreeMap, BTreeSet};

use mplus_qapi::ErrorKind;
use mplus_qapi::products::{Article, GetProducts, GetProductsRequest, Product};
use mplus_qapi::soap::Operation;
use mplus_qapi::value::List;

use super::known::KnownArticles;
use super::sent::ToMake;
use crate::model::{ArticleNumber, Resource};
use crate::products::ask::{Asked, Asking};
use crate::report::{Note, Subject};
use crate::run::{Run, StepError};
use crate::store::Select;
use crate::text::{has_unreadable, without_unreadable};

/// What the POS shows of a product.
pub(super) enum Shown {
    /// All of it, with the changes on top.
    Whole(Product),
    /// Not all of it.
    NotWhole,
    /// An article of it has the identifier of a new one, and was not made for it.
    Anothers,
}

/// The product as the POS has it, with these changes. Not whole when the POS does not show all of it: the product, an article that
/// is to change, or one that the host knows in it. Its answer was cut, or they are gone, and what is sent now might take the rest
/// away.
///
/// A new article that is there already gets its number: an earlier call brought it there whose answer nobody knows.
pub(super) async fn product(
    run: &mut Run<'_>,
    known: &mut KnownArticles,
    mut change: Product,
    new: &ToMake,
) -> Result<Shown, StepError> {
    let Some(number) = change.product_number else { return Ok(Shown::Whole(change)) };
    let mut articles = BTreeMap::new();
    let request = GetProductsRequest { product_numbers: vec![number], ..GetProductsRequest::default() };
    let mut held = None;
    for mut product in read(run, request, |product| product.product_number == Some(number)).await? {
        for article in std::mem::take(&mut product.article_list) {
            articles.extend(article.article_number.map(|number| (number, article)));
        }
        held = Some(product);
    }
    let Some(held) = held else { return Ok(Shown::NotWhole) };
    for article in change.article_list.iter_mut().filter(|article| article.article_number.is_none()) {
        let Some(there) = at_pos(run, article, &articles).await? else { continue };
        if !new.has(there) {
            return Ok(Shown::Anothers);
        }
        article.article_number = there.article_number;
    }
    let known = known.of(run, number).await?;
    let changed: BTreeSet<i64> =
        change.article_list.iter().filter_map(|article| article.article_number).collect();
    let missed = changed.iter().chain(known.keys()).copied();
    let missed: BTreeSet<i64> = missed.filter(|number| !articles.contains_key(number)).collect();
    let elsewhere = match in_products(run, &missed).await? {
        // It lists less than it has.
        found if found.values().any(|(product, _)| *product == Some(number)) => return Ok(Shown::NotWhole),
        found => found,
    };
    // What the host does not sell any more may be gone.
    if known
        .iter()
        .any(|(number, is_sold)| *is_sold && missed.contains(number) && !elsewhere.contains_key(number))
    {
        return Ok(Shown::NotWhole);
    }
    // An article that is on its way into this product is still in another one.
    let coming = elsewhere.into_iter().filter(|(number, _)| changed.contains(number));
    articles.extend(coming.map(|(number, (_, article))| (number, article)));
    for article in articles.values().filter(|article| has_unreadable_text(article)) {
        let name = article.description.clone().and_then(without_unreadable).unwrap_or_default();
        let subject = Subject::new(&name, article.article_number.unwrap_or_default());
        let message = "its texts have characters that cannot be read, and were sent without them";
        let advice = "Look at its texts in the MplusKASSA back office";
        run.report.skip(Note::about(Resource::ARTICLES, subject, message, advice));
    }
    let is_shown = changed.iter().all(|number| articles.contains_key(number));
    Ok(match is_shown {
        true => Shown::Whole(with_changes(held, articles, change)),
        false => Shown::NotWhole,
    })
}

/// The article that the POS has under the host's identifier of a new one, and that no other record of the host's is.
async fn at_pos<'a>(
    run: &Run<'_>,
    article: &Article,
    held: &'a BTreeMap<i64, Article>,
) -> Result<Option<&'a Article>, StepError> {
    let Some(external) = article.ext_article_id.as_deref() else { return Ok(None) };
    let same = held.values().find(|held| held.ext_article_id.as_deref() == Some(external));
    let Some((same, number)) = same.and_then(|same| Some((same, same.article_number?))) else {
        return Ok(None);
    };
    let article = ArticleNumber::new(number);
    let (store, connection) = (run.store(), run.connection());
    let is_known = !store.items(connection, Select::PosIds(vec![article])).await?.is_empty()
        || !store.combos(connection, Select::PosIds(vec![article])).await?.is_empty();
    Ok((!is_known).then_some(same))
}

/// These articles as far as the POS has them, each with its product.
async fn in_products(
    run: &mut Run<'_>,
    articles: &BTreeSet<i64>,
) -> Result<BTreeMap<i64, (Option<i64>, Article)>, StepError> {
    let mut found = BTreeMap::new();
    if articles.is_empty() {
        return Ok(found);
    }
    let article_numbers = articles.iter().copied().collect();
    let request = GetProductsRequest { article_numbers, ..GetProductsRequest::default() };
    let is_meant =
        |article: &Article| article.article_number.is_some_and(|number| articles.contains(&number));
    for mut product in read(run, request, |product| product.article_list.iter().any(is_meant)).await? {
        let list = std::mem::take(&mut product.article_list);
        for article in list.into_iter().filter(is_meant) {
            found.extend(article.article_number.map(|number| (number, (product.product_number, article))));
        }
    }
    Ok(found)
}

/// Reads products one by one: a POS that does not know a filter lists all it has. One that is wanted has to be readable in all its
/// values, as they are sent back.
async fn read(
    run: &mut Run<'_>,
    request: GetProductsRequest,
    is_wanted: impl Fn(&Product) -> bool,
) -> Result<Vec<Product>, StepError> {
    let mut products = Asking::of(run, request);
    let mut wanted = Vec::new();
    while let Some(Asked { product, unreadable }) = products.next().await? {
        if is_wanted(&product) {
            if let Some(value) = unreadable.first() {
                let kind = ErrorKind::Response(value.error().clone());
                return Err(mplus_qapi::Error::new(GetProducts::INFO.name, kind).into());
            }
            wanted.push(product);
        }
    }
    Ok(wanted)
}

/// Changes on top of what the POS has. The changed articles come first, in their order.
fn with_changes(held: Product, mut articles: BTreeMap<i64, Article>, change: Product) -> Product {
    let mut list = Vec::new();
    for change in change.article_list {
        let known = change.article_number.and_then(|number| articles.remove(&number));
        list.push(match known {
            Some(known) => changed(sendable(known), change),
            None => change,
        });
    }
    list.extend(articles.into_values().map(sendable));
    Product {
        product_number: change.product_number,
        description: change.description.or_else(|| readable(held.description)),
        extra_text: change.extra_text.or_else(|| readable(held.extra_text)),
        group_numbers: if change.group_numbers.is_empty() {
            held.group_numbers
        } else {
            change.group_numbers
        },
        article_list: list.into(),
        ..Product::default()
    }
}

/// What can be sent back of an article: not what the POS counts or derives itself, and no lists, which are absent and not empty
/// then. What this version does not know by name goes back as it came.
fn sendable(held: Article) -> Article {
    Article {
        ext_article_id: readable(held.ext_article_id),
        plu_number: readable(held.plu_number),
        sync_marker: None,
        change_timestamp: None,
        create_timestamp: None,
        description: readable(held.description),
        colour: readable(held.colour),
        size: readable(held.size),
        invoice_text: readable(held.invoice_text),
        receipt_text: readable(held.receipt_text),
        display_text: readable(held.display_text),
        barcode: readable(held.barcode),
        content_unit: readable(held.content_unit),
        brand_name: readable(held.brand_name),
        extra_text: readable(held.extra_text),
        vat_percentage: None,
        vat_percentage_alternative: None,
        average_purchase_price: None,
        // The one without VAT follows from it.
        price_excl: held.price_excl.filter(|_| held.price_incl.is_none()),
        si_unit: readable(held.si_unit),
        unit: readable(held.unit),
        supplier_relation_name: None,
        supplier_article_number: readable(held.supplier_article_number),
        category_ids: List::absent(),
        article_discount_group_name: None,
        image_list: List::absent(),
        custom_field_list: List::absent(),
        sales_price_list: List::absent(),
        price_group_list: List::absent(),
        preparation_method_list: List::absent(),
        component_article_list: List::absent(),
        linked_article_list: List::absent(),
        barcode_list: List::absent(),
        relation_article_discount_list: List::absent(),
        stock_si_unit: readable(held.stock_si_unit),
        ..held
    }
}

/// A text as it can be sent back: not to send it may take it away, and a POS may have typed what nobody can read.
fn readable(text: Option<String>) -> Option<String> {
    text.and_then(without_unreadable)
}

fn has_unreadable_text(article: &Article) -> bool {
    let Article { description, extra_text, invoice_text, receipt_text, display_text, .. } = article;
    let texts = [description, extra_text, invoice_text, receipt_text, display_text];
    texts.into_iter().flatten().any(|text| has_unreadable(text))
}

macro_rules! take_over {
    ($held:ident, $change:ident: $($field:ident)*) => {
        $(if $change.$field.is_some() { $held.$field = $change.$field; })*
    };
}

/// The article with what an edit changes of it.
fn changed(mut held: Article, change: Article) -> Article {
    if change.price_incl.is_some() {
        held.price_excl = None;
    }
    take_over!(held, change:
        plu_number active description colour colour_sequence_number size size_sequence_number barcode extra_text
        turnover_group vat_code price_incl age_check_minimum_age);
    held
}
