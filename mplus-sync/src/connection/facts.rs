//! What a POS says of what settings name.

use std::collections::{BTreeMap, BTreeSet};

use mplus_qapi::system::GetVatGroupList;

use crate::merchant::{Lacking, Merchant};
use crate::model::{Location, LocationId};
use crate::orders::OrderService;
use crate::pos_call::{is_silence, pos_advice};
use crate::products::vat_group;
use crate::settings::{MerchantSettings, PosFacts, SettingsCheck, SettingsProblem};
use crate::store::{Page, Select, StoreError};

/// Locations read at once.
const PAGE: usize = 500;

/// Settings could not be checked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckSettingsError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Everything that is wrong with settings, in themselves and at this POS, and what could not be asked there.
pub(crate) async fn check_settings(
    merchant: &Merchant,
    settings: &MerchantSettings,
) -> Result<SettingsCheck, CheckSettingsError> {
    let mut check = SettingsCheck::default();
    let mut facts = PosFacts::default();
    let mut questions = Questions::default();
    let lacking = Lacking::new(merchant);
    let vat = questions.ask("tax.rules", lacking.call(GetVatGroupList::default(), None)).await;
    facts.vat_groups = vat.flatten().map(|vat| vat.vat_group.iter().map(vat_group).collect());
    if let Some(orders) = &settings.orders {
        let service = OrderService::new(merchant, orders.clone());
        let employees: BTreeMap<_, _> = orders.employees().map(|(field, number)| (number, field)).collect();
        for (employee, field) in employees {
            if questions.ask(&field, service.has_employee(employee)).await == Some(false) {
                facts.unknown_employees.insert(employee);
            }
        }
        let articles: BTreeSet<_> = orders.named_articles().map(|(_, article)| article).collect();
        let unknown = questions.ask("orders.articles", service.not_sellable(articles)).await;
        facts.unknown_articles = unknown.unwrap_or_default();
        if let Some(relation) = orders.fallback_relation
            && questions.ask("orders.fallback_relation", service.has_relation(relation)).await == Some(false)
        {
            facts.unknown_relations.insert(relation);
        }
        let listed = questions.ask("orders.payment_methods", service.payment_methods(true)).await.flatten();
        facts.payment_methods = listed.filter(|listed| listed.is_whole).map(|listed| listed.by_code.clone());
        facts.locations = Some(locations(merchant).await?);
    }
    check.problems = settings.problems();
    check.problems.extend(facts.problems(settings));
    check.unchecked = questions.unanswered;
    Ok(check)
}

/// Questions to the POS, of which each may fail by itself.
#[derive(Default)]
struct Questions {
    unanswered: Vec<SettingsProblem>,
    /// Why no other one would be answered, and what to do.
    over: Option<(String, &'static str)>,
}

impl Questions {
    /// The answer to a question about a setting; none, which is noted, when there is none.
    async fn ask<T>(
        &mut self,
        field: &str,
        question: impl Future<Output = Result<T, mplus_qapi::Error>>,
    ) -> Option<T> {
        let (why, advice) = match self.over.clone() {
            Some(over) => over,
            None => match question.await {
                Ok(answer) => return Some(answer),
                Err(error) => {
                    let failed = (error.to_string(), pos_advice(&error));
                    let is_over = error.is_authentication() || error.is_connect() || error.is_held();
                    self.over = (is_over || is_silence(&error)).then(|| failed.clone());
                    failed
                }
            },
        };
        let message = format!("it could not be compared with the POS: {why}");
        self.unanswered.push(SettingsProblem::new(field, message, advice));
        None
    }
}

async fn locations(merchant: &Merchant) -> Result<Vec<Location>, StoreError> {
    let mut all = Vec::new();
    let mut page: Page<LocationId> = Page::first(PAGE);
    loop {
        let read = merchant.store().locations(merchant.connection(), Select::Page(page)).await?;
        let last = read.last().filter(|_| read.len() == PAGE).map(|last| last.record.id.clone());
        all.extend(read.into_iter().map(|location| location.record));
        match last {
            Some(last) => page = Page::after(last, PAGE),
            None => return Ok(all),
        }
    }
}
