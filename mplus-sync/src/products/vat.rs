//! The host's tax mapping, compared with the POS's VAT groups, and what becomes of stored items when a rate changes.

use std::collections::BTreeSet;
use std::sync::Arc;

use mplus_qapi::soap::Operation;
use mplus_qapi::system::GetVatGroupList;
use rust_decimal::Decimal;
use serde::de::DeserializeOwned;

use super::from_pos::{ArticleProblem, IncomingItem};
use crate::model::{BranchNumber, BtwCode, Checkpoint, Field, Item, Marker, Resource, Tracked};
use crate::pos_call::{is_no_answer, is_unknown_operation, pos_advice};
use crate::report::{Note, Subject};
use crate::run::{DECISIONS, Run, StepError};
use crate::store::{CatalogChunk, Page, Select};
use crate::tax::{TaxTable, VatGroup};

/// The mapping once it was compared. The POS is asked when it is first needed, and steps hand it on.
#[derive(Debug, Clone, Default)]
pub(crate) struct CheckedTax(Option<Arc<TaxTable>>);

impl CheckedTax {
    /// The mapping, compared with the POS's VAT groups. Where the POS does not tell them, or lacks some that items have, codes
    /// mean what they meant before, and none is sent: that costs rates that are new, and nothing of the menu.
    pub(crate) async fn of(&mut self, run: &mut Run<'_>) -> Result<Arc<TaxTable>, StepError> {
        if let Some(tax) = &self.0 {
            return Ok(Arc::clone(tax));
        }
        let told = told(run).await?.map(|groups| run.settings().tax.check(&groups));
        let known = run.checkpoint(&Resource::TAX_RATES);
        let is_as_before = match &told {
            None => false,
            Some(told) => run.options.accepts_loss || known.is_none() || known == Some(told.hash()?),
        };
        let tax = match told {
            Some(told) if is_as_before => told,
            told => {
                let rates = Rates::of_items(run).await?;
                match told.filter(|told| !rates.are_lost(run, told)) {
                    Some(told) => told,
                    None => run.settings().tax.remembered(rates.known.into_iter()),
                }
            }
        };
        Ok(Arc::clone(self.0.insert(Arc::new(tax))))
    }
}

/// The POS's VAT groups that can be read; none where it does not tell them, which is said then.
async fn told(run: &mut Run<'_>) -> Result<Option<Vec<VatGroup>>, StepError> {
    let name = GetVatGroupList::INFO.name;
    if run.lacks(name) {
        return Ok(Some(Vec::new()));
    }
    match run.list(GetVatGroupList::default(), |response| response.vat_group).await {
        Ok(list) => {
            for (group, value) in &list.unreadable {
                let subject = Subject::new("VAT group", format_args!("code {}", group.vat_code));
                let message = format!("the VAT group was left out: {value}");
                let advice = "Correct the VAT group in the POS; the next sync takes it over then";
                run.report.fail(Note::about(Resource::ARTICLES, subject, &message, advice));
            }
            Ok(Some(list.items.iter().map(vat_group).collect()))
        }
        Err(error) if is_unknown_operation(&error) => {
            run.learn_lacking(name).await;
            Ok(Some(Vec::new()))
        }
        Err(error) if is_no_answer(&error) => {
            let message = format!("tax rates were left as they are: {error}");
            run.report.fail(Note::general(Resource::ARTICLES, &message, pos_advice(&error)));
            run.report.worth_repeating |= error.is_transient();
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// What codes mean by the items that have them.
#[derive(Default)]
struct Rates {
    known: BTreeSet<(BtwCode, Decimal)>,
    /// The codes of what is sold.
    sold: BTreeSet<BtwCode>,
}

impl Rates {
    async fn of_items(run: &Run<'_>) -> Result<Self, StepError> {
        let mut rates = Self::default();
        let limit = usize::from(run.limits().chunk.max(1));
        let mut page = Some(Page::first(limit));
        while let Some(next) = page {
            let items = run.store().items(run.connection(), Select::Page(next)).await?;
            let last = items.last().filter(|_| items.len() == limit).map(|last| last.record.id.clone());
            page = last.map(|last| Page::after(last, limit));
            for item in &items {
                let record = &item.record;
                let (main, other) = codes_told(item);
                let (main, other) = (main.0.zip(main.1), other.0.zip(other.1));
                rates.known.extend(main.into_iter().chain(other));
                rates.sold.extend(main.filter(|_| record.active).map(|(code, _)| code));
            }
        }
        Ok(rates)
    }

    /// Whether the POS lists codes no more that items have, which is told then: their rates would go.
    fn are_lost(&self, run: &mut Run<'_>, told: &TaxTable) -> bool {
        let lost: Vec<String> =
            self.sold.iter().filter(|code| !told.has(**code)).map(ToString::to_string).collect();
        if lost.is_empty() {
            return false;
        }
        let message = match told.is_empty() {
            true => "the POS lists no VAT groups any more: tax rates were left as they are".to_owned(),
            false => format!(
                "the POS does not list BTW code {} any more, which items have: tax rates were left as they are",
                lost.join(", ")
            ),
        };
        let advice =
            "Look at the VAT groups in the POS. If it is meant, run a full sync that accepts the loss";
        run.report.ask_for(Note::general(Resource::ARTICLES, &message, advice));
        true
    }
}

/// A code and its rate.
type Told = (Option<BtwCode>, Option<Decimal>);

/// An item's codes and rates, its own and the alternative one, as the POS told them.
fn codes_told(item: &Tracked<Item>) -> (Told, Told) {
    let record = &item.record;
    let main = (told_of(item, "btw_code", record.btw_code), told_of(item, "tax_rate", record.tax_rate));
    let code = told_of(item, "alternative_btw_code", record.alternative_btw_code);
    (main, (code, told_of(item, "alternative_tax_rate", record.alternative_tax_rate)))
}

fn told_of<T: DeserializeOwned>(item: &Tracked<Item>, field: &'static str, own: Option<T>) -> Option<T> {
    match item.edits.get(&Field::named(field)) {
        None => own,
        Some(edit) => edit.agreed.as_ref()?.read::<Option<T>>().ok()?,
    }
}

/// Keeps the rates of an article whose codes are what they were, while the POS does not tell what codes mean.
pub(super) fn keep_rates(item: &mut IncomingItem, stored: &Tracked<Item>, tax: &TaxTable) {
    if tax.is_told() {
        return;
    }
    let (record, (main, other)) = (&mut item.incoming.record, codes_told(stored));
    if record.btw_code == main.0 && main.1.is_some() {
        record.tax_rate = main.1;
        item.problems.retain(|problem| !matches!(problem, ArticleProblem::Tax(_)));
    }
    if record.alternative_btw_code == other.0 {
        record.alternative_tax_rate = other.1;
    }
}

pub(crate) fn vat_group(group: &mplus_qapi::types::VatGroup) -> VatGroup {
    let mut known = VatGroup::new(BtwCode::new(group.vat_code), group.vat_percentage.into());
    known.country_iso3 = group.country_iso3.clone().filter(|country| !country.is_empty());
    known.branch = group.branch_number.map(BranchNumber::new);
    known
}

/// Gives every stored item the rate that its BTW code means now, when that changed: no article gets a marker for it. True when
/// it had changed: prices that are told without VAT are others then.
///
/// Articles that were read while the POS did not tell it are caught up with in the same way.
pub(super) async fn reach_items(run: &mut Run<'_>, tax: &TaxTable) -> Result<bool, StepError> {
    if !tax.is_told() {
        return Ok(false);
    }
    let hash = tax.hash()?;
    let known = run.checkpoint(&Resource::TAX_RATES);
    let missed = run.checkpoint(&Resource::TAX_RATES_MISSED) == Some(1);
    if known == Some(hash) && !missed {
        return Ok(false);
    }
    let limit = usize::from(run.limits().chunk.max(1));
    // A run that has never pulled articles has none to correct.
    let mut page = run.checkpoint(&Resource::ARTICLES).map(|_| Page::first(limit));
    while let Some(next) = page {
        let mut tries = 0;
        let last = loop {
            let items = run.store().items(run.connection(), Select::Page(next.clone())).await?;
            let last =
                (items.len() == limit).then(|| items.last().map(|item| item.record.id.clone())).flatten();
            let items: Vec<_> = items.into_iter().filter_map(|item| rated(item, tax)).collect();
            let changed = items.len() as u64;
            if run.apply(CatalogChunk { items, ..CatalogChunk::default() }).await? {
                run.report.count(&Resource::ARTICLES).pulled += changed;
                break last;
            }
            tries += 1;
            if tries == DECISIONS {
                let message = "items are edited on the host faster than their tax rates can be corrected";
                run.report.fail(Note::general(Resource::ARTICLES, message, "The next sync takes them along"));
                return Ok(false);
            }
        };
        page = last.map(|last| Page::after(last, limit));
    }
    let mut checkpoints = vec![Checkpoint::new(Resource::TAX_RATES, Marker::new(hash))];
    if missed {
        checkpoints.push(Checkpoint::new(Resource::TAX_RATES_MISSED, Marker::new(0)));
    }
    let is_other = known.is_some() || missed;
    if is_other && run.checkpoint(&Resource::ARTICLES).is_some() {
        // Should this run break off before it has read the articles, the next one reads them all.
        checkpoints.push(Checkpoint::new(Resource::ARTICLES, NOTHING_READ));
    }
    run.apply(CatalogChunk { checkpoints, ..CatalogChunk::default() }).await?;
    Ok(is_other)
}

/// What is kept with articles that are read while the POS does not tell what codes mean.
pub(super) fn missed(tax: &TaxTable) -> Option<Checkpoint> {
    (!tax.is_told()).then(|| Checkpoint::new(Resource::TAX_RATES_MISSED, Marker::new(1)))
}

/// Below every marker.
pub(super) const NOTHING_READ: Marker = Marker::new(-1);

/// The item with the rates that its codes mean now; none when it has them. A rate that the host edited stays.
fn rated(mut item: Tracked<Item>, tax: &TaxTable) -> Option<Tracked<Item>> {
    let rate = |name: &str, code: Option<BtwCode>| code.and_then(|code| tax.rate_for(name, Some(code)).ok());
    let (record, (main, other)) = (&item.record, codes_told(&item));
    let is_edited = |field| item.edits.get(&Field::named(field)).is_some();
    let main = match main.0 {
        Some(code) if !is_edited("tax_rate") => rate(&record.name, Some(code)),
        _ => record.tax_rate,
    };
    let other = match is_edited("alternative_tax_rate") {
        true => record.alternative_tax_rate,
        false => rate(&record.name, other.0),
    };
    if (main, other) == (record.tax_rate, record.alternative_tax_rate) {
        return None;
    }
    (item.record.tax_rate, item.record.alternative_tax_rate) = (main, other);
    Some(item)
}
