//! A restaurant's settings, and what MplusKASSA suggests for a new one.

use mplus_sync::Integration;
use mplus_sync::model::RelationNumber;
use mplus_sync::orders::{LocationSettings, OrderSettings};
use mplus_sync::settings::{MerchantSettings, SaveSettingsError};
use mplus_sync::store::{Page, Select};

/// MplusKASSA's super user, in whose name orders are entered unless told otherwise.
const EMPLOYEE: i64 = 999_999;

/// What a restaurant has that saved nothing yet.
pub(crate) fn usual() -> MerchantSettings {
    let mut settings = MerchantSettings::default();
    settings.orders = Some(OrderSettings::new(EMPLOYEE).with_fallback_relation(RelationNumber::new(1)));
    settings
}

/// The restaurant's order settings; the usual ones when it has none.
pub(crate) fn orders(settings: &MerchantSettings) -> OrderSettings {
    settings.orders.clone().unwrap_or_else(|| OrderSettings::new(EMPLOYEE))
}

/// Fills in what MplusKASSA suggests where nothing is entered: codes of payment methods, and the first workplace of each branch. Answers
/// with how many methods were filled in.
pub(crate) async fn suggest(integration: &Integration) -> Result<usize, SaveSettingsError> {
    let saved = integration.settings().await?;
    let mut settings = (*saved.settings).clone();
    let mut orders = orders(&settings);
    let locations =
        integration.store().locations(integration.connection_id(), Select::Page(Page::first(1000))).await?;
    for location in locations {
        if let Some(workplace) = location.record.workplaces.first() {
            let suggested = LocationSettings::at_workplace(workplace.number);
            orders.locations.entry(location.record.id).or_insert(suggested);
        }
    }
    // A till that does not list them is no reason not to connect.
    let suggested = integration.orders().suggest_payment_codes().await.unwrap_or_default();
    let before = orders.payment_methods.len();
    for found in suggested {
        // Whoever entered another code meant it.
        if orders.payment_code(&found.method).is_none() {
            orders = orders.with_payment_method(found.method, found.code);
        }
    }
    let filled_in = orders.payment_methods.len() - before;
    settings.orders = Some(orders);
    integration.save_settings(&settings, saved.revision).await?;
    Ok(filled_in)
}
