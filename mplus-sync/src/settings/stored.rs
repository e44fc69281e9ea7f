//! How settings are kept and read: JSON with a version, looked at again when its revision changes.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::{ConnectionId, Revision, StoredSettings};
use crate::store::{SettingsStore, Store, StoreError, StoreErrorKind};

use super::json::read;
use super::{MerchantSettings, SaveSettingsError};

/// The form that this release writes. A release that adds a setting which older ones must not drop writes a higher one.
const FORM: u32 = 1;

/// A merchant's settings as they are used, and which state of them they are; as a store keeps them they are
/// [`StoredSettings`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SavedSettings {
    /// The settings.
    pub settings: Arc<MerchantSettings>,
    /// The revision that was read; [`Revision::NEW`] while the merchant has saved none. It rises with every save.
    pub revision: Revision,
}

/// Reads a merchant's settings; `default` while none were saved.
///
/// # Errors
/// When the store fails; [`Corrupt`](StoreErrorKind::Corrupt) when this release cannot read what is stored.
pub async fn read_settings(
    store: &dyn SettingsStore,
    connection: &ConnectionId,
    default: &Arc<MerchantSettings>,
) -> Result<SavedSettings, StoreError> {
    match store.settings(connection).await? {
        None => Ok(SavedSettings { settings: Arc::clone(default), revision: Revision::NEW }),
        Some(stored) => {
            let settings = Arc::new(from_json(connection, &stored)?);
            Ok(SavedSettings { settings, revision: stored.revision })
        }
    }
}

/// Keeps a merchant's settings when the stored ones are those of `revision` ([`Revision::NEW`]: none so far); answers with
/// the next revision.
///
/// # Errors
/// [`SaveSettingsError`]; nothing is written then.
pub async fn save_settings(
    store: &dyn SettingsStore,
    connection: &ConnectionId,
    settings: &MerchantSettings,
    revision: Revision,
) -> Result<Revision, SaveSettingsError> {
    let problems = settings.problems();
    if !problems.is_empty() {
        return Err(SaveSettingsError::Invalid(problems));
    }
    if let Some(stored) = store.settings(connection).await?.filter(|stored| stored.schema > FORM) {
        return Err(SaveSettingsError::Newer(stored.schema));
    }
    let json = serde_json::to_string(settings).map_err(|error| {
        StoreError::new(StoreErrorKind::Invalid, "write settings as JSON").with_source(error)
    })?;
    let stored = StoredSettings { schema: FORM, json, revision };
    Ok(store.save_settings(connection, &stored).await?)
}

/// The oldest form whose releases may go by what is stored, where a newer release says so.
#[derive(serde::Deserialize)]
struct Reads {
    reads: Option<u32>,
}

fn from_json(connection: &ConnectionId, stored: &StoredSettings) -> Result<MerchantSettings, StoreError> {
    let corrupt = || {
        let what = format!("read the settings of connection {connection} (form {})", stored.schema);
        StoreError::new(StoreErrorKind::Corrupt, what)
    };
    let oldest = serde_json::from_str::<Reads>(&stored.json).ok().and_then(|read| read.reads);
    if let Some(oldest) = oldest.filter(|oldest| stored.schema > FORM && *oldest > FORM) {
        let why = format!("releases before form {oldest} may not go by them, and this one is of form {FORM}");
        return Err(corrupt().with_source(why));
    }
    serde_json::from_str(&stored.json).map_err(|error| corrupt().with_source(error))
}

/// Says what in settings of this release, such as a person wrote into the database, is no setting and does nothing. What a newer release
/// wrote may have names that only that one knows.
fn name_unknown(connection: &ConnectionId, stored: &StoredSettings) {
    if let Ok((_, unknown)) = read(&stored.json)
        && !unknown.is_empty()
        && stored.schema <= FORM
    {
        let names = unknown.join(", ");
        tracing::warn!(target: "mplus_sync", %connection, %names, "stored settings have names that are no settings and do nothing");
    }
}

/// A merchant's settings as the services of one handle read them. Clones share what was read.
#[derive(Clone)]
pub(crate) struct SettingsReader {
    store: Arc<dyn Store>,
    connection: ConnectionId,
    default: Arc<MerchantSettings>,
    /// What was read last.
    known: Arc<Mutex<Option<SavedSettings>>>,
}

impl SettingsReader {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        connection: ConnectionId,
        default: Arc<MerchantSettings>,
    ) -> Self {
        Self { store, connection, default, known: Arc::default() }
    }

    /// The same with other settings for a merchant who has saved none.
    pub(crate) fn with_default(self, default: Arc<MerchantSettings>) -> Self {
        Self::new(self.store, self.connection, default)
    }

    /// The settings that hold now. What did not change is not taken apart again.
    ///
    /// # Errors
    /// When the store fails, or what is stored cannot be read.
    pub(crate) async fn current(&self) -> Result<SavedSettings, StoreError> {
        let Some(stored) = self.store.settings(&self.connection).await? else {
            return Ok(SavedSettings { settings: Arc::clone(&self.default), revision: Revision::NEW });
        };
        if let Some(known) = &*self.known()
            && known.revision == stored.revision
        {
            return Ok(known.clone());
        }
        let settings = Arc::new(from_json(&self.connection, &stored)?);
        name_unknown(&self.connection, &stored);
        let saved = SavedSettings { settings, revision: stored.revision };
        *self.known() = Some(saved.clone());
        Ok(saved)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Option<SavedSettings>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SettingsReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SettingsReader").field("connection", &self.connection).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PaymentMethod;
    use crate::settings::{LocationSettings, OrderSettings};
    use crate::store::MemoryStore;

    fn id() -> ConnectionId {
        "bistro".into()
    }

    #[tokio::test]
    async fn what_was_saved_is_read_and_a_stale_save_is_refused() {
        let (store, default) = (MemoryStore::new(), Arc::default());
        let none = read_settings(&store, &id(), &default).await.unwrap();
        assert_eq!((none.revision, &none.settings), (Revision::NEW, &default));
        let mut wanted = MerchantSettings { webshop_only: true, ..MerchantSettings::default() };
        let orders = OrderSettings::new(3).with_payment_method(PaymentMethod::Other("tikkie".into()), "T");
        wanted.orders = Some(orders.with_location("beach", LocationSettings::at_workplace(2)));
        let revision = save_settings(&store, &id(), &wanted, none.revision).await.unwrap();
        let read = read_settings(&store, &id(), &default).await.unwrap();
        assert_eq!((&*read.settings, read.revision), (&wanted, revision));
        let stale = save_settings(&store, &id(), &wanted, Revision::NEW).await.unwrap_err();
        assert!(matches!(stale, SaveSettingsError::Store(error) if error.kind() == StoreErrorKind::Conflict));
    }

    #[tokio::test]
    async fn what_cannot_be_is_not_saved() {
        let store = MemoryStore::new();
        let wrong = MerchantSettings { most_gone: 101, ..MerchantSettings::default() };
        let refused = save_settings(&store, &id(), &wrong, Revision::NEW).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the settings cannot be saved: most_gone: 101 per cent of the menu is more than all of it. Use 0 to 100"
        );
        assert_eq!(store.settings(&id()).await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_a_person_leaves_out_has_its_default_and_what_a_newer_release_wrote_is_not_dropped() {
        let (store, default) = (MemoryStore::new(), Arc::default());
        let json = r#"{"stock":{"enabled":false},"daily":{"at":"23:30"},"glow":1}"#;
        let revision = store.save_settings(&id(), &StoredSettings::new(FORM + 1, json)).await.unwrap();
        let read = read_settings(&store, &id(), &default).await.unwrap();
        assert!(!read.settings.stock.enabled && read.settings.stock.every_minutes == Some(15));
        assert_eq!(read.settings.daily.unwrap().at.to_string(), "23:30:00");
        let refused = save_settings(&store, &id(), &read.settings, revision).await.unwrap_err();
        assert!(matches!(refused, SaveSettingsError::Newer(2)), "{refused}");
    }

    #[tokio::test]
    async fn settings_that_an_older_release_may_not_go_by_are_not_gone_by() {
        let store = MemoryStore::new();
        let settings = StoredSettings::new(FORM + 1, format!("{{\"reads\":{},\"fee\":1}}", FORM + 1));
        store.save_settings(&id(), &settings).await.unwrap();
        let refused = read_settings(&store, &id(), &Arc::default()).await.unwrap_err();
        assert_eq!(refused.kind(), StoreErrorKind::Corrupt);
        assert!(refused.to_string().contains("releases before form 2 may not go by them"), "{refused}");
    }

    #[tokio::test]
    async fn settings_that_cannot_be_read_are_named() {
        let store = MemoryStore::new();
        store.save_settings(&id(), &StoredSettings::new(1, "{\"most_gone\":\"much\"}")).await.unwrap();
        let failed = read_settings(&store, &id(), &Arc::default()).await.unwrap_err();
        assert_eq!(failed.kind(), StoreErrorKind::Corrupt);
        assert!(failed.to_string().contains("the settings of connection bistro"), "{failed}");
    }
}
