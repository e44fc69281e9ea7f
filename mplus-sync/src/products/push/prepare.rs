//! What is to be sent of an edited record. Pure.

use std::collections::BTreeMap;

use mplus_qapi::products::{Article, ArticleBranchDeviationLine, Product};
use rust_decimal::Decimal;

use crate::model::{
    ArticleNumber, BranchNumber, BtwCode, Category, CategoryId, Editable, Field, FieldValue, Item, Marker,
    ProductNumber, Record, Resource, Tracked,
};
use crate::price::Price;
use crate::products::branch_prices::BranchPrices;
use crate::products::merge::{PRICED_BY_GROUP, SPECIAL_PRICE, Shared, WITHHELD};
use crate::products::{category_to_product, item_to_article, location_price_to_deviation};
use crate::report::{Note, Subject};
use crate::tax::TaxTable;
use crate::text::without_unreadable;

/// Whether the host edited a field.
fn is_edited<T: Record>(tracked: &Tracked<T>, field: &'static str) -> bool {
    tracked.edits.get(&Field::named(field)).is_some()
}

/// Whether the host edited a field that travels with the record, besides those of which the POS cannot be told.
fn is_any_edited<T: Shared>(tracked: &Tracked<T>, untold: &[Untold]) -> bool {
    let is_told = |field: &&&str| untold.iter().all(|untold| !untold.keeps_back(field));
    T::FIELDS.iter().filter(is_told).any(|field| is_edited(tracked, field))
}

/// A field of which the POS has no word for what the host made of it.
pub(crate) struct Untold {
    field: Field,
    message: String,
    advice: &'static str,
    /// The value that the POS has once what can be sent of the edit is there; none where nothing can.
    reached: Option<FieldValue>,
}

impl Untold {
    fn new(field: Field, message: impl Into<String>, advice: &'static str) -> Self {
        Self { field, message: message.into(), advice, reached: None }
    }

    /// Whether nothing of this field's edit can be sent.
    fn keeps_back(&self, field: &str) -> bool {
        self.reached.is_none() && self.field.as_str() == field
    }

    /// What a person has to do about it.
    pub(crate) fn note(&self, resource: Resource, subject: Subject) -> Note {
        Note::about(resource, subject, &self.message, self.advice)
    }

    /// Whether it is this field's.
    pub(crate) fn is_of(&self, field: &Field) -> bool {
        self.field == *field
    }
}

/// Whether the POS can be told of nothing that the host edited.
pub(crate) fn are_all_untold<T: Record>(tracked: &Tracked<T>, untold: &[Untold]) -> bool {
    tracked.edits.iter().all(|(field, _)| untold.iter().any(|one| one.is_of(field) && one.reached.is_none()))
}

/// The record as the POS has it: what it was not told is as both sides agreed on before.
pub(crate) fn as_told<T: Editable>(tracked: &Tracked<T>, untold: &[Untold]) -> T {
    let mut told = tracked.record.clone();
    for untold in untold {
        match &untold.reached {
            None => take_agreed(&mut told, tracked, &untold.field),
            Some(reached) => set(&mut told, &untold.field, reached),
        }
    }
    told
}

fn take_agreed<T: Editable>(record: &mut T, tracked: &Tracked<T>, field: &Field) {
    if let Some(agreed) = tracked.at_pos(field) {
        set(record, field, &agreed);
    }
}

fn set<T: Editable>(record: &mut T, field: &Field, value: &FieldValue) {
    let set = record.set(field, value);
    debug_assert!(set.is_ok(), "{set:?}");
}

/// What the host edited of fields that no call carries.
pub(crate) fn carried_by_none<T: Editable>(
    tracked: &Tracked<T>,
    fields: &'static [&'static str],
) -> impl Iterator<Item = Untold> {
    let is_edited = |field: &Field| {
        tracked.edits.get(field).is_some() && tracked.record.value(field) != tracked.at_pos(field)
    };
    fields.iter().copied().map(Field::named).filter(is_edited).map(|field| {
        let message = format!("no call changes {field} at the POS: it is as edited on the host alone");
        Untold::new(field, message, "Make the change in the MplusKASSA back office, too")
    })
}

/// The BTW code goes with the rate: one that is edited is told by the code that is sent, and none says nothing.
pub(crate) fn goes_with_rate(untold: &Untold, edited: Option<BtwCode>, sent: Option<BtwCode>) -> bool {
    untold.field.as_str() == "btw_code" && (edited.is_none() || edited == sent)
}

/// What the POS cannot be told of a category.
pub(super) fn untold_of_category(category: &Tracked<Category>) -> Vec<Untold> {
    let mut untold: Vec<_> =
        carried_by_none(category, Category::POS_OWNED).chain(lost_groups(category)).collect();
    untold.extend(switched(category));
    untold
}

/// That the host took a category out of all groups: an update has no word for none.
fn lost_groups(category: &Tracked<Category>) -> Option<Untold> {
    let field = Field::named("group_numbers");
    let agreed: Vec<i32> = category.edits.get(&field)?.agreed.as_ref()?.read().ok()?;
    let message = "the product stays in its article groups at the POS, of which the host took it out";
    let advice = "Take the product out of its article groups in the MplusKASSA back office";
    (category.record.group_numbers.is_empty() && !agreed.is_empty())
        .then(|| Untold::new(field, message, advice))
}

/// That the host switched a category on or off.
fn switched(category: &Tracked<Category>) -> Option<Untold> {
    let field = Field::named("active");
    category.edits.get(&field).filter(|_| category.record.value(&field) != category.at_pos(&field))?;
    let state = if category.record.active { "on sale" } else { "off sale" };
    let message =
        format!("the POS cannot take a product on or off sale: the category is {state} on the host alone");
    let advice = "Hide the category on the host, or switch its articles on or off";
    Some(Untold::new(field, message, advice))
}

/// That the host removed a price, or a turnover group, that the POS has: an update has no word for none.
pub(crate) fn removed<T: Record>(
    tracked: &Tracked<T>,
    price: Option<Decimal>,
    turnover_group: Option<i32>,
) -> Vec<Untold> {
    let lost = |name: &'static str, is_none: bool| {
        let field = Field::named(name);
        let agreed = tracked.edits.get(&field)?.agreed.as_ref()?;
        (is_none && !agreed.is_null()).then(|| (field, agreed.to_string()))
    };
    let price = lost("price", price.is_none()).map(|(field, agreed)| {
        let message = format!("the price was removed on the host, and the POS goes on asking {agreed}");
        let advice = "Remove the price in the MplusKASSA back office, or switch the item off";
        Untold::new(field, message, advice)
    });
    let group = lost("turnover_group", turnover_group.is_none()).map(|(field, agreed)| {
        let message = format!("the turnover group was removed on the host, and stays {agreed} at the POS");
        Untold::new(field, message, "Change the turnover group in the MplusKASSA back office")
    });
    price.into_iter().chain(group).collect()
}

/// What the POS cannot be told of an item, which is sent with this BTW code, if with any.
fn untold_of_item(item: &Tracked<Item>, code: Option<BtwCode>, branch_prices: &BranchPrices) -> Vec<Untold> {
    let price = Field::named("price");
    let holds = |part: &str| item.sync.parts.contains_key(part);
    let mut untold = removed(item, item.record.price, item.record.turnover_group);
    let carried_by_none = carried_by_none(item, Item::POS_OWNED);
    untold.extend(carried_by_none.filter(|one| !goes_with_rate(one, item.record.btw_code, code)));
    untold.extend(further_barcodes(item));
    let by_other_means = match (holds(SPECIAL_PRICE), holds(PRICED_BY_GROUP)) {
        _ if !is_edited(item, "price") => None,
        (true, _) => Some((SPECIAL, SPECIAL_ADVICE)),
        (false, true) => Some((
            "the price is that of a price group of the POS, which no update changes",
            "Change the price in the price group in the MplusKASSA back office",
        )),
        (false, false) => None,
    };
    if let Some((message, advice)) = by_other_means {
        untold.retain(|one| one.field != price);
        untold.push(Untold::new(price, message, advice));
    }
    if is_edited(item, "active") && item.record.active && holds(WITHHELD) {
        let message = "the POS does not sell the article, by other means than whether it is active";
        let advice = "Look whether it is discontinued, not for sale or not for the web shop in the MplusKASSA back office";
        untold.push(Untold::new(Field::named("active"), message, advice));
    }
    let settled = item.edits.iter().filter_map(|(field, _)| {
        let location = field.location()?;
        if !branch_prices.can_be_written() {
            let message = format!(
                "the price of location {location} waits: the POS's prices of branches cannot be read"
            );
            let advice = "Correct the value in the POS that this run names";
            return Some(Untold::new(field.clone(), message, advice));
        }
        let number = branch_prices.branch_of(&location)?;
        let mut lines = branch_prices.lines(item.external_ids.mpluskassa?).iter();
        let line = lines.find(|line| BranchNumber::new(line.branch_number) == number)?;
        let message = format!("in branch {number} {SPECIAL}");
        Price::is_settled_by(line.special_price.as_ref())
            .then(|| Untold::new(field.clone(), message, SPECIAL_ADVICE))
    });
    untold.extend(settled);
    untold
}

/// That the host edited further barcodes than the first, which alone is sent.
fn further_barcodes(item: &Tracked<Item>) -> Option<Untold> {
    let field = Field::named("barcodes");
    item.edits.get(&field)?;
    let agreed: Vec<String> = item.at_pos(&field)?.read().ok()?;
    let (own, further) = (&item.record.barcodes, agreed.get(1..).unwrap_or_default());
    if own.get(1..).unwrap_or_default() == further {
        return None;
    }
    let reached: Vec<&String> = own.first().into_iter().chain(further).collect();
    let reached = FieldValue::of(&reached).ok().filter(|_| own.first() != agreed.first());
    let message = "further barcodes of an article are not sent: they are as edited on the host alone";
    let advice = "Make the change in the MplusKASSA back office, too";
    Some(Untold { reached, ..Untold::new(field, message, advice) })
}

const SPECIAL: &str = "a special price of the POS says what it costs (free, asked, in the barcode, not for sale), which no amount changes";
const SPECIAL_ADVICE: &str = "Give it a normal price in the MplusKASSA back office";

/// What is to be sent of a category that the POS has under this number: the fields that the host edited; none when the POS
/// has them all, or cannot be told.
pub(super) fn category(category: &Tracked<Category>, number: ProductNumber) -> Option<Product> {
    let edited =
        |field| is_edited(category, field) && (field != "group_numbers" || lost_groups(category).is_none());
    if !["name", "description", "group_numbers"].into_iter().any(edited) {
        return None;
    }
    let whole = category_to_product(&category.record, Some(number));
    Some(Product {
        product_number: whole.product_number,
        description: whole.description.filter(|_| edited("name")),
        extra_text: whole.extra_text.filter(|_| edited("description")),
        group_numbers: if edited("group_numbers") { whole.group_numbers } else { Vec::new() },
        ..Product::default()
    })
}

/// An item on its way.
pub(super) struct Outgoing {
    pub(super) item: Tracked<Item>,
    /// What to send of the article; none when the POS has it already.
    pub(super) article: Option<Article>,
    /// Branch prices to send.
    pub(super) prices: Option<Vec<ArticleBranchDeviationLine>>,
    /// Known before, or told just now.
    pub(super) number: Option<ArticleNumber>,
    pub(super) marker: Option<Marker>,
    /// The category that the POS keeps it in, because it refused to move it.
    pub(super) stays_in: Option<CategoryId>,
    /// Whether the POS did not take the branch prices.
    pub(super) without_prices: bool,
    /// Fields that the POS cannot be told.
    pub(super) untold: Vec<Untold>,
}

impl Outgoing {
    /// The category that both sides agreed on, where the host moved the item.
    pub(super) fn moved_from(&self) -> Option<CategoryId> {
        let edit = self.item.edits.get(&Field::named("category"))?;
        self.number?;
        edit.agreed.as_ref()?.read::<Option<CategoryId>>().ok()?
    }

    /// The item as the POS has it now: what it did not take is as both sides agreed on before.
    pub(super) fn taken(&self) -> Item {
        let mut taken = as_told(&self.item, &self.untold);
        if let Some(category) = &self.stays_in {
            taken.category = Some(category.clone());
        }
        if self.without_prices {
            for (field, _) in self.item.edits.iter().filter(|(field, _)| field.location().is_some()) {
                take_agreed(&mut taken, &self.item, field);
            }
        }
        taken
    }
}

/// What is to be sent of an item, or why the POS cannot take it.
pub(super) fn item(
    item: Tracked<Item>,
    tax: &TaxTable,
    branch_prices: &BranchPrices,
) -> Result<Outgoing, Note> {
    let number = item.external_ids.mpluskassa;
    let subject = Subject::new(&item.record.name, &item.record.id);
    // Only what is sent needs a code.
    let code = match number.is_none() || is_edited(&item, "tax_rate") {
        true => Some(
            tax.code_for(&item.record.name, item.record.tax_rate)
                .map_err(|problem| Note::tax(Resource::ARTICLES, subject.clone(), &problem))?,
        ),
        false => None,
    };
    let untold = untold_of_item(&item, code, branch_prices);
    let article = match number {
        Some(_) if !is_any_edited(&item, &untold) => None,
        _ => Some(article(&item, code, &untold).map_err(|problem| {
            Note::about(Resource::ARTICLES, subject.clone(), &problem.to_string(), problem.advice())
        })?),
    };
    let prices = deviations(&item, branch_prices, &untold)
        .map_err(|(message, advice)| Note::about(Resource::BRANCH_PRICES, subject, &message, advice))?;
    let (marker, stays_in, without_prices) = (None, None, false);
    Ok(Outgoing { item, article, prices, number, marker, stays_in, without_prices, untold })
}

/// The article: all of it when it is new to the POS, otherwise the fields that the host edited.
fn article(
    item: &Tracked<Item>,
    code: Option<BtwCode>,
    untold: &[Untold],
) -> Result<Article, crate::products::ItemProblem> {
    let number = item.external_ids.mpluskassa;
    let whole = item_to_article(&item.record, number, code, item.sync.parts.contains_key(WITHHELD))?;
    if number.is_none() {
        return Ok(whole);
    }
    let edited = |field| is_edited(item, field) && untold.iter().all(|untold| !untold.keeps_back(field));
    let of_variant = edited("variant");
    // An empty text takes one away, and an age of zero is none.
    let text = |text: Option<String>, edited: bool| edited.then(|| text.unwrap_or_default());
    Ok(Article {
        article_number: whole.article_number,
        description: whole.description.filter(|_| edited("name")),
        extra_text: whole.extra_text.filter(|_| edited("description")),
        price_incl: whole.price_incl.filter(|_| edited("price")),
        vat_code: whole.vat_code,
        turnover_group: whole.turnover_group.filter(|_| edited("turnover_group")),
        colour: text(whole.colour, of_variant),
        colour_sequence_number: whole.colour_sequence_number.filter(|_| of_variant),
        size: text(whole.size, of_variant),
        size_sequence_number: whole.size_sequence_number.filter(|_| of_variant),
        plu_number: text(whole.plu_number, edited("plu")),
        barcode: text(whole.barcode, edited("barcodes")),
        age_check_minimum_age: edited("minimum_age").then(|| whole.age_check_minimum_age.unwrap_or(0)),
        active: whole.active.filter(|_| edited("active")),
        ..Article::default()
    })
}

/// The article's lines as the POS has them, with the prices that the host edited; none when it edited none.
///
/// All of them are sent, those of branches that are no locations too: a POS may take away the ones that are not named.
/// Description and special price of a line stay.
fn deviations(
    item: &Tracked<Item>,
    branch_prices: &BranchPrices,
    untold: &[Untold],
) -> Result<Option<Vec<ArticleBranchDeviationLine>>, (String, &'static str)> {
    let told = item.edits.iter().filter(|(field, _)| untold.iter().all(|untold| !untold.is_of(field)));
    let mut edited = told.filter_map(|(field, _)| field.location()).peekable();
    if edited.peek().is_none() {
        return Ok(None);
    }
    // A new article gets its number with the answer.
    let article = item.external_ids.mpluskassa.unwrap_or(ArticleNumber::new(0));
    let mut lines = branch_prices.lines(article).to_vec();
    for line in &mut lines {
        line.description = line.description.take().and_then(without_unreadable);
        for amount in [&mut line.sales_price_incl, &mut line.sales_price_excl].into_iter().flatten() {
            *amount = without_noise((*amount).into()).into();
        }
    }
    for location in edited {
        let Some(branch) = branch_prices.branch_of(&location) else {
            let message = format!("the price of location {location} has no branch at the POS");
            return Err((message, "Remove the price, or connect the location's branch"));
        };
        let price = item.record.location_prices.iter().find(|own| own.location == location);
        let line = location_price_to_deviation(article, branch, price.map(|own| own.price))
            .map_err(|problem| (problem.to_string(), problem.advice()))?;
        match lines.iter_mut().find(|known| known.branch_number == line.branch_number) {
            Some(known) => {
                (known.sales_price_incl, known.sales_price_excl) = (line.sales_price_incl, None);
            }
            None => lines.push(line),
        }
    }
    Ok(Some(lines))
}

/// The branches whose own price the host took away.
pub(super) fn removed_prices(item: &Tracked<Item>, branch_prices: &BranchPrices) -> Vec<BranchNumber> {
    let edited = item.edits.iter().filter_map(|(field, _)| field.location());
    let removed =
        edited.filter(|location| item.record.location_prices.iter().all(|own| own.location != *location));
    removed.filter_map(|location| branch_prices.branch_of(&location)).collect()
}

/// The amount that was meant, where the POS writes binary fractions: 3.5499999999999998 for 3.55.
fn without_noise(amount: Decimal) -> Decimal {
    let near =
        |places| Some(amount.round_dp(places)).filter(|near| (amount - near).abs() <= Decimal::new(1, 9));
    (2..=6).find_map(near).unwrap_or(amount)
}

/// Items by category: a category's articles are sent at once.
pub(super) fn group_by_category(items: Vec<Outgoing>) -> BTreeMap<Option<CategoryId>, Vec<Outgoing>> {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for item in items {
        groups.entry(item.item.record.category.clone()).or_default().push(item);
    }
    groups
}
