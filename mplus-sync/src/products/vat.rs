//! The host's tax mapping, compared with the POS's VAT groups, and what becomes of stored items when a rate changes.

use std::sync::Arc;

use mplus_qapi::soap::Operation;
use mplus_qapi::system::GetVatGroupList;

use crate::model::{BranchNumber, BtwCode, Checkpoint, Field, Item, Marker, Resource, Tracked};
use crate::pos_call::{is_refused, is_unknown_operation, pos_advice};
use crate::report::{Note, Subject};
use crate::run::{DECISIONS, Run, StepError};
use crate::store::{CatalogChunk, Page, Select};
use crate::tax::{TaxTable, VatGroup};

/// The mapping once it was compared. The POS is asked when it is first needed, and steps hand it on.
#[derive(Debug, Clone, Default)]
pub(crate) struct CheckedTax(Option<Arc<TaxTable>>);

impl CheckedTax {
    /// The mapping, compared with the POS's VAT groups; with none where the POS does not list them.
    pub(crate) async fn of(&mut self, run: &mut Run<'_>) -> Result<Arc<TaxTable>, StepError> {
        if let Some(tax) = &self.0 {
            return Ok(Arc::clone(tax));
        }
        let name = GetVatGroupList::INFO.name;
        let mut unreadable = Vec::new();
        let groups: Vec<VatGroup> = match run.lacks(name) {
            true => Vec::new(),
            false => match run.list(GetVatGroupList::default(), |response| response.vat_group).await {
                Ok(list) => {
                    unreadable = list.unreadable;
                    list.items.iter().map(vat_group).collect()
                }
                Err(error) if is_unknown_operation(&error) => {
                    run.learn_lacking(name).await;
                    Vec::new()
                }
                // The menu is pulled without rates, unless that would take some away.
                Err(error) if is_refused(&error) => {
                    let (message, advice) = (error.to_string(), pos_advice(&error));
                    run.report.fail(Note::general(Resource::ARTICLES, &message, advice));
                    Vec::new()
                }
                Err(error) => return Err(error.into()),
            },
        };
        let tax = Arc::new(run.settings().tax.check(&groups));
        let known = run.checkpoint(&Resource::TAX_RATES);
        let takes_away =
            !run.options.accepts_loss && known.is_some_and(|known| tax.hash().ok() != Some(known));
        if groups.is_empty() && unreadable.is_empty() && takes_away {
            return Err(StepError::Unbelievable(
                "the POS lists no VAT groups any more: no item's rate was taken away, and no article was read",
            ));
        }
        for (group, value) in &unreadable {
            let subject = Subject::new("VAT group", format_args!("code {}", group.vat_code));
            let message = format!("the VAT group was left out: {value}");
            let advice = "Correct the VAT group in the POS; the next sync takes it over then";
            run.report.fail(Note::about(Resource::ARTICLES, subject, &message, advice));
        }
        if !unreadable.is_empty() && takes_away {
            return Err(StepError::Unbelievable(
                "a VAT group of the POS cannot be read: no item's rate was taken away, and no article was read",
            ));
        }
        Ok(Arc::clone(self.0.insert(tax)))
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
pub(super) async fn reach_items(run: &mut Run<'_>, tax: &TaxTable) -> Result<bool, StepError> {
    let hash = tax.hash()?;
    let known = run.checkpoint(&Resource::TAX_RATES);
    if known == Some(hash) {
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
    if known.is_some() && run.checkpoint(&Resource::ARTICLES).is_some() {
        // Should this run break off before it has read the articles, the next one reads them all.
        checkpoints.push(Checkpoint::new(Resource::ARTICLES, NOTHING_READ));
    }
    run.apply(CatalogChunk { checkpoints, ..CatalogChunk::default() }).await?;
    Ok(known.is_some())
}

/// Below every marker.
pub(super) const NOTHING_READ: Marker = Marker::new(-1);

/// The item with the rates that its codes mean now; none when it has them. A rate that the host is about to push stays.
fn rated(mut item: Tracked<Item>, tax: &TaxTable) -> Option<Tracked<Item>> {
    let rate = |name: &str, code: Option<BtwCode>| code.and_then(|code| tax.rate_for(name, Some(code)).ok());
    let record = &item.record;
    let (main, other) =
        (rate(&record.name, record.btw_code), rate(&record.name, record.alternative_btw_code));
    let edited = item.edits.get(&Field::named("tax_rate")).is_some();
    let main = if edited || record.btw_code.is_none() { record.tax_rate } else { main };
    if (main, other) == (record.tax_rate, record.alternative_tax_rate) {
        return None;
    }
    (item.record.tax_rate, item.record.alternative_tax_rate) = (main, other);
    Some(item)
}
