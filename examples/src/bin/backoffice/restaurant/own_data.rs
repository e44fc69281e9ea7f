//! What the host itself keeps beside the libraries' records: billing, and what MplusKASSA does not know of a location.

use std::collections::HashMap;

use mplus_sync::model::{ConnectionId, Location, LocationId, MissingField, Revision};
use mplus_sync::store::{StoreError, StoreErrorKind};
use serde::{Deserialize, Serialize};

use crate::records::{Record, Records, RecordsError};

const BILLING: &str = "billing";
const LOCATION: &str = "location";

/// The default billing profile of a restaurant.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Billing {
    pub(crate) stripe_customer: Option<String>,
}

/// What a person filled in for a location.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct FilledIn {
    pub(crate) coordinates: Option<String>,
    pub(crate) opening_hours: Option<String>,
    pub(crate) delivery_zones: Option<String>,
    /// Where MplusKASSA does not have it.
    pub(crate) address: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) email: Option<String>,
    /// Whether guests may order online.
    pub(crate) online: bool,
    /// Which state of all this it is.
    #[serde(skip)]
    pub(crate) revision: Revision,
}

impl Default for FilledIn {
    fn default() -> Self {
        Self {
            coordinates: None,
            opening_hours: None,
            delivery_zones: None,
            address: None,
            phone: None,
            email: None,
            online: true,
            revision: Revision::NEW,
        }
    }
}

impl FilledIn {
    /// What a location lacks when this is known of it.
    pub(crate) fn missing(&self, location: &Location) -> Vec<MissingField> {
        let is_missing = |field: &&MissingField| match field {
            MissingField::Coordinates => self.coordinates.is_none(),
            MissingField::OpeningHours => self.opening_hours.is_none(),
            MissingField::DeliveryZones => self.delivery_zones.is_none(),
            MissingField::Address => self.address.is_none(),
            MissingField::Phone => self.phone.is_none(),
            MissingField::Email => self.email.is_none(),
            _ => true,
        };
        location.missing.iter().filter(is_missing).cloned().collect()
    }
}

pub(crate) async fn billing(records: &Records, connection: &ConnectionId) -> Result<Billing, RecordsError> {
    match records.get(BILLING, connection.as_str()).await? {
        Some(record) => record.read(),
        None => Ok(Billing::default()),
    }
}

pub(crate) async fn save_billing(
    records: &Records,
    connection: &ConnectionId,
    billing: &Billing,
) -> Result<(), RecordsError> {
    records.put(&Record::new(BILLING, connection.as_str()).of(connection.as_str()).with(billing)?).await
}

pub(crate) async fn filled_in(
    records: &Records,
    connection: &ConnectionId,
    location: &LocationId,
) -> Result<FilledIn, RecordsError> {
    match records.get(LOCATION, &place(connection, location)).await? {
        Some(record) => Ok(FilledIn { revision: Revision::new(record.revision), ..record.read()? }),
        None => Ok(FilledIn::default()),
    }
}

/// What a person filled in for all locations of a restaurant.
pub(crate) struct AllFilledIn {
    connection: ConnectionId,
    known: HashMap<String, FilledIn>,
}

impl AllFilledIn {
    /// For one of them.
    pub(crate) fn of(&self, location: &LocationId) -> FilledIn {
        self.known.get(&place(&self.connection, location)).cloned().unwrap_or_default()
    }
}

/// All at once: a restaurant may have hundreds of locations.
pub(crate) async fn all_filled_in(
    records: &Records,
    connection: &ConnectionId,
) -> Result<AllFilledIn, RecordsError> {
    let found = records.about(LOCATION, connection.as_str(), "").await?;
    let known = found.into_iter().map(|record| Ok((record.id.clone(), record.read()?)));
    Ok(AllFilledIn { connection: connection.clone(), known: known.collect::<Result<_, RecordsError>>()? })
}

/// Keeps it in place of its revision; `false` when somebody else has filled in something since.
pub(crate) async fn save_filled_in(
    records: &Records,
    connection: &ConnectionId,
    location: &LocationId,
    filled_in: &FilledIn,
) -> Result<bool, RecordsError> {
    let record = Record::new(LOCATION, place(connection, location)).of(connection.as_str());
    let record = Record { revision: filled_in.revision.get(), ..record.with(filled_in)? };
    if filled_in.revision == Revision::NEW {
        records.insert(&record).await
    } else {
        records.replace(&record).await
    }
}

fn place(connection: &ConnectionId, location: &LocationId) -> String {
    format!("{connection}/{location}")
}

pub(crate) fn store_error(error: RecordsError) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, "use the records").with_source(error)
}
