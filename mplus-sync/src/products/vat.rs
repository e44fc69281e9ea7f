//! The host's tax mapping, compared with the POS's VAT groups.

use std::sync::Arc;

use mplus_qapi::system::GetVatGroupList;

use crate::model::{BranchNumber, BtwCode};
use crate::run::{Run, StepError};
use crate::tax::{TaxTable, VatGroup};

/// The mapping once it was compared. The POS is asked when it is first needed, and steps hand it on.
#[derive(Debug, Clone, Default)]
pub(crate) struct CheckedTax(Option<Arc<TaxTable>>);

impl CheckedTax {
    /// The mapping, compared with the POS's VAT groups.
    pub(crate) async fn of(&mut self, run: &mut Run<'_>) -> Result<Arc<TaxTable>, StepError> {
        if let Some(tax) = &self.0 {
            return Ok(Arc::clone(tax));
        }
        let response = run.call(GetVatGroupList::default()).await?;
        let groups: Vec<_> = response.vat_group.iter().map(vat_group).collect();
        let tax = Arc::new(run.settings().tax.check(&groups));
        Ok(Arc::clone(self.0.insert(tax)))
    }
}

fn vat_group(group: &mplus_qapi::types::VatGroup) -> VatGroup {
    let mut known = VatGroup::new(BtwCode::new(group.vat_code), group.vat_percentage.into());
    known.country_iso3 = group.country_iso3.clone().filter(|country| !country.is_empty());
    known.branch = group.branch_number.map(BranchNumber::new);
    known
}
