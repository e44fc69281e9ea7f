//! What a POS says of what settings name.

use std::collections::BTreeSet;

use mplus_qapi::system::GetVatGroupList;

use crate::merchant::{Lacking, Merchant};
use crate::model::{Location, LocationId};
use crate::orders::OrderService;
use crate::products::vat_group;
use crate::settings::{MerchantSettings, PosFacts, SettingsProblem};
use crate::store::{Page, Select, StoreError};

/// Locations read at once.
const PAGE: usize = 500;

/// Settings could not be checked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckSettingsError {
    /// The POS could not be asked.
    #[error("the settings could not be compared with the POS: {0}")]
    Pos(#[from] mplus_qapi::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Everything that is wrong with settings, in themselves and at this POS.
pub(crate) async fn check_settings(
    merchant: &Merchant,
    settings: &MerchantSettings,
) -> Result<Vec<SettingsProblem>, CheckSettingsError> {
    let mut problems = settings.problems();
    let mut facts = PosFacts::default();
    let vat = Lacking::new(merchant).call(GetVatGroupList::default(), None).await?;
    facts.vat_groups = vat.map(|vat| vat.vat_group.iter().map(vat_group).collect());
    if let Some(orders) = &settings.orders {
        let service = OrderService::new(merchant, orders.clone());
        for employee in orders.employees().map(|(_, employee)| employee).collect::<BTreeSet<_>>() {
            if !service.has_employee(employee).await? {
                facts.unknown_employees.insert(employee);
            }
        }
        let articles: BTreeSet<_> = orders.named_articles().map(|(_, article)| article).collect();
        facts.unknown_articles = service.not_sellable(articles).await?;
        if let Some(relation) = orders.fallback_relation
            && !service.has_relation(relation).await?
        {
            facts.unknown_relations.insert(relation);
        }
        let listed = service.payment_methods(true).await?;
        facts.payment_methods = listed.filter(|listed| listed.is_whole).map(|listed| listed.by_code.clone());
        facts.locations = Some(locations(merchant).await?);
    }
    problems.extend(facts.problems(settings));
    Ok(problems)
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
