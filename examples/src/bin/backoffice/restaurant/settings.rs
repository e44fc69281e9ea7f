//! A restaurant's settings, kept with its connection.

use std::collections::BTreeMap;

use mplus_qapi::system::GetVatGroupList;
use mplus_sync::Integration;
use mplus_sync::conflict::Unit;
use mplus_sync::model::{BtwCode, ConnectionId, RelationNumber, Revision, StoredSettings};
use mplus_sync::orders::{LocationSettings, OrderSettings};
use mplus_sync::schedule::DailySchedule;
use mplus_sync::store::{Page, Select, Store, StoreError, StoreErrorKind};
use mplus_sync::sync::SyncSettings;
use mplus_sync::tax::{TaxMapping, VatGroup};
use serde::{Deserialize, Serialize};

const SCHEMA: u32 = 1;
/// MplusKASSA's super user, in whose name orders are entered unless told otherwise.
const EMPLOYEE: i64 = 999_999;

/// What a person sets up.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    pub(crate) tax: TaxMapping,
    /// Hour and minute in the Netherlands.
    pub(crate) daily: Option<(u32, u32)>,
    pub(crate) stock: bool,
    pub(crate) stock_minutes: Option<u32>,
    pub(crate) webshop_only: bool,
    pub(crate) whole_items: bool,
    pub(crate) orders: OrderSettings,
    #[serde(skip)]
    revision: Revision,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            tax: TaxMapping::dutch(),
            daily: Some((4, 30)),
            stock: true,
            stock_minutes: Some(15),
            webshop_only: false,
            whole_items: false,
            orders: OrderSettings::new(EMPLOYEE).with_fallback_relation(RelationNumber::new(1)),
            revision: Revision::NEW,
        }
    }
}

impl Settings {
    /// Whether nothing was saved yet.
    pub(crate) fn is_new(&self) -> bool {
        self.revision == Revision::NEW
    }

    /// What the syncs go by.
    pub(crate) fn sync(&self) -> SyncSettings {
        let mut sync = SyncSettings::default();
        sync.tax = self.tax.clone();
        sync.stock.enabled = self.stock;
        sync.webshop_only = self.webshop_only;
        sync.conflicts = if self.whole_items { Unit::Record } else { Unit::Field };
        sync
    }

    /// When the daily sync is due.
    pub(crate) fn schedule(&self, id: &ConnectionId) -> Option<DailySchedule> {
        let (hour, minute) = self.daily?;
        let spread = std::time::Duration::from_secs(300);
        DailySchedule::at(hour, minute).ok()?.with_jitter(id.as_str(), spread).ok()
    }
}

/// Reads a restaurant's settings; the usual ones when nothing was saved.
pub(crate) async fn load(store: &dyn Store, id: &ConnectionId) -> Result<Settings, StoreError> {
    let Some(stored) = store.settings(id).await? else { return Ok(Settings::default()) };
    let settings: Settings = serde_json::from_str(&stored.json).map_err(|error| {
        StoreError::new(StoreErrorKind::Corrupt, format!("read the settings of {id}")).with_source(error)
    })?;
    Ok(Settings { revision: stored.revision, ..settings })
}

/// Keeps them, unless somebody changed them since they were read.
pub(crate) async fn save(
    store: &dyn Store,
    id: &ConnectionId,
    settings: &Settings,
) -> Result<(), StoreError> {
    let json = serde_json::to_string(settings).map_err(|error| {
        StoreError::new(StoreErrorKind::Invalid, format!("write the settings of {id}")).with_source(error)
    })?;
    let stored = StoredSettings { schema: SCHEMA, json, revision: settings.revision };
    store.save_settings(id, &stored).await.map(drop)
}

/// Takes what MplusKASSA suggests: its payment methods, and the first workplace of each branch. Answers with how many methods.
pub(crate) async fn suggest(integration: &Integration) -> Result<usize, StoreError> {
    let (store, id) = (integration.store(), integration.connection_id());
    let mut settings = load(store, id).await?;
    let locations = store.locations(id, Select::Page(Page::first(1000))).await?;
    let mut places: BTreeMap<_, _> = settings.orders.locations.clone();
    for location in locations {
        if let Some(workplace) = location.record.workplaces.first() {
            places.entry(location.record.id).or_insert(LocationSettings::at_workplace(workplace.number));
        }
    }
    settings.orders.locations = places;
    // A till that does not list them is no reason not to connect.
    let suggested =
        integration.orders(settings.orders.clone()).suggest_payment_codes().await.unwrap_or_default();
    for found in &suggested {
        settings.orders = settings.orders.with_payment_method(found.method.clone(), &found.code);
    }
    save(store, id, &settings).await?;
    Ok(suggested.len())
}

/// The BTW codes that MplusKASSA has.
pub(crate) async fn vat_groups(integration: &Integration) -> Result<Vec<VatGroup>, mplus_qapi::Error> {
    let response = integration.client().call(GetVatGroupList::default()).await?;
    let group = |group: &mplus_qapi::types::VatGroup| {
        let known = VatGroup::new(BtwCode::new(group.vat_code), group.vat_percentage.into());
        match group.country_iso3.as_deref().filter(|country| !country.is_empty()) {
            Some(country) => known.in_country(country),
            None => known,
        }
    };
    Ok(response.vat_group.iter().map(group).collect())
}
