//! The BTW codes that MplusKASSA has, as they were read last: pages show them without asking the till.

use chrono::{DateTime, Utc};
use mplus_qapi::system::GetVatGroupList;
use mplus_sync::Integration;
use mplus_sync::model::{BtwCode, ConnectionId};
use mplus_sync::tax::VatGroup;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::records::{Record, Records, RecordsError};

const KIND: &str = "btw_codes";

/// What was read, and when.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct BtwCodes {
    pub(crate) read_at: DateTime<Utc>,
    codes: Vec<Code>,
}

/// A code as the till tells it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Code {
    code: BtwCode,
    percentage: Decimal,
    country: Option<String>,
}

impl BtwCodes {
    /// The codes as the library takes them.
    pub(crate) fn groups(&self) -> Vec<VatGroup> {
        let group = |known: &Code| {
            let group = VatGroup::new(known.code, known.percentage);
            match &known.country {
                Some(country) => group.in_country(country),
                None => group,
            }
        };
        self.codes.iter().map(group).collect()
    }
}

/// Why they were not read anew.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error(transparent)]
    Pos(#[from] mplus_qapi::Error),
    #[error(transparent)]
    Records(#[from] RecordsError),
}

/// Asks the till, and keeps what it says.
pub(crate) async fn read(
    records: &Records,
    integration: &Integration,
    now: DateTime<Utc>,
) -> Result<(), ReadError> {
    let response = integration.client().call(GetVatGroupList::default()).await?;
    let code = |group: &mplus_qapi::types::VatGroup| Code {
        code: BtwCode::new(group.vat_code),
        percentage: group.vat_percentage.into(),
        country: group.country_iso3.clone().filter(|country| !country.is_empty()),
    };
    let read = BtwCodes { read_at: now, codes: response.vat_group.iter().map(code).collect() };
    let id = integration.connection_id().as_str();
    Ok(records.put(&Record::new(KIND, id).of(id).with(&read)?).await?)
}

/// What was read last.
pub(crate) async fn kept(records: &Records, id: &ConnectionId) -> Result<Option<BtwCodes>, RecordsError> {
    records.get(KIND, id.as_str()).await?.map(|record| record.read()).transpose()
}
