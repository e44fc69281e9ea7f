//! Connecting a merchant, and its branches as locations.

use mplus_qapi::testkit::{Fault, Pos};
use mplus_sync::Integration;
use mplus_sync::branches::{LocationProvisioner, Provision, ProvisionError};
use mplus_sync::connection::{ConnectError, OpenError};
use mplus_sync::model::{ConnectionId, ConnectionStatus, Location, MissingField};
use mplus_sync::report::RunOutcome;
use mplus_sync::store::CredentialVault;
use mplus_sync::sync::RunOptions;

use crate::support::Merchant;

#[tokio::test]
async fn connecting_imports_the_branches_as_locations_and_lists_what_a_person_completes() {
    let merchant = Merchant::new(Pos::brasserie());
    let (_, report) = merchant.try_connect("geheim & vertrouwelijk").await.unwrap();
    let locations = merchant.locations().await;
    assert_eq!(locations.len(), 3);
    let utrecht = &locations.iter().find(|one| one.record.name.contains("Utrecht")).unwrap().record;
    assert_eq!(utrecht.address.street.as_deref(), Some("Oudegracht 88"));
    assert_eq!(utrecht.attributes["stripe_customer"], "cus_default");
    assert_eq!(utrecht.attributes["branding_profile"], "brand-mpluskassa-2");
    let left = [MissingField::Coordinates, MissingField::OpeningHours, MissingField::DeliveryZones];
    assert_eq!(utrecht.missing, left);
    assert_eq!(report.incomplete_locations.total, 3);
    let connection = merchant.store.connection(&Merchant::id()).await.unwrap().unwrap();
    assert_eq!(connection.status, ConnectionStatus::Connected);
    assert!(connection.service_version.is_some());
}

#[tokio::test]
async fn a_wrong_password_keeps_nothing_and_says_what_to_check() {
    let merchant = Merchant::new(Pos::brasserie());
    let error = merchant.try_connect("wrong-password").await.unwrap_err();
    assert!(matches!(error, ConnectError::Refused(_)), "{error}");
    let text = error.to_string();
    assert!(text.starts_with("the POS refused the username or the password; check both"), "{text}");
    assert!(!text.contains("wrong-password") && !format!("{error:?}").contains("wrong-password"));
    assert!(merchant.vault.credentials(&Merchant::id()).await.unwrap().is_none());
    assert_eq!(merchant.store.connection(&Merchant::id()).await.unwrap(), None);
    assert_eq!(merchant.locations().await, []);
}

#[tokio::test]
async fn connecting_twice_changes_nothing_and_makes_no_second_location() {
    let merchant = Merchant::new(Pos::brasserie());
    merchant.connect().await;
    let before = merchant.locations().await;
    merchant.connect().await;
    assert_eq!(merchant.locations().await, before);
}

#[tokio::test]
async fn a_branch_added_later_is_found_by_the_next_sync() {
    let merchant = Merchant::new(Pos::brasserie());
    let integration = merchant.connect().await;
    let number = merchant.pos.add_branch("De Gouden Leeuw Gent");
    let report = integration.sync_menu(&RunOptions::manual()).await;
    assert_eq!(report.outcome, RunOutcome::Completed);
    let locations = merchant.locations().await;
    let gent = locations.iter().find(|one| one.record.name == "De Gouden Leeuw Gent").unwrap();
    assert_eq!(gent.external_ids.mpluskassa.map(|branch| branch.get()), Some(number));
    assert!(gent.record.attributes.contains_key("branding_profile"));
}

#[tokio::test]
async fn what_a_person_filled_in_survives_later_syncs() {
    let merchant = Merchant::new(Pos::brasserie());
    let integration = merchant.connect().await;
    let mut location = merchant.locations().await.remove(0);
    location.record.name = "Our flagship".to_owned();
    location.record.phone = Some("020-1".to_owned());
    location.record.missing.clear();
    merchant.store.apply_locations(&Merchant::id(), vec![location]).await.unwrap();
    integration.sync_menu(&RunOptions::full(mplus_sync::conflict::SyncContext::Manual)).await;
    let location = merchant.locations().await.remove(0);
    assert_eq!(location.record.name, "Our flagship");
    assert_eq!(location.record.phone.as_deref(), Some("020-1"));
    assert!(location.record.missing.is_empty());
}

#[tokio::test]
async fn a_failing_pos_shows_in_the_status_until_a_sync_works() {
    let merchant = Merchant::new(Pos::brasserie());
    let integration = merchant.connect().await;
    merchant.pos.faults().script([Fault::Refused; 20]);
    let report = integration.sync_menu(&RunOptions::manual()).await;
    let RunOutcome::Failed { message, advice } = &report.outcome else { panic!("{report}") };
    assert!(message.contains("getCurrentSyncMarkersV2 failed"), "{message}");
    assert!(advice.starts_with("Check host, port"), "{advice}");
    let status = integration.status().await.unwrap().unwrap();
    assert!(matches!(status.status, ConnectionStatus::Failing { .. }));
    merchant.pos.faults().clear();
    integration.sync_menu(&RunOptions::manual()).await;
    let status = integration.status().await.unwrap().unwrap();
    assert_eq!(status.status, ConnectionStatus::Connected);
    assert!(status.last_sync_at.is_some());
}

/// Tells a secret in what it says.
struct Talkative;

#[async_trait::async_trait]
impl LocationProvisioner for Talkative {
    fn attributes(&self) -> Vec<String> {
        vec!["stripe_customer".to_owned()]
    }

    async fn provision(&self, _: &ConnectionId, _: &Location) -> Result<Provision, ProvisionError> {
        let message = "nobody answers at /?ident=testkit&secret=geheim%20%26%20vertrouwelijk".to_owned();
        Err(ProvisionError { message })
    }
}

#[tokio::test]
async fn what_the_hosts_own_code_tells_of_the_credentials_reaches_neither_the_report_nor_the_activity_log() {
    let merchant = Merchant::new(Pos::brasserie());
    merchant.connect().await;
    let mut location = merchant.locations().await.remove(0);
    location.record.attributes.remove("stripe_customer");
    merchant.store.apply_locations(&Merchant::id(), vec![location]).await.unwrap();
    let host = merchant.host().with_provisioner(Talkative);
    let integration = Integration::open(host, Merchant::id()).await.unwrap();
    let report = integration.sync_menu(&RunOptions::manual()).await;
    let told = &report.skipped.first[0].message;
    assert!(told.contains("nobody answers at /?ident=***&secret=***"), "{told}");
    let logged = merchant.store.activities(&Merchant::id(), None, 100).await.unwrap();
    assert!(logged.iter().any(|line| line.activity.message.contains("secret=***")), "{logged:?}");
    let all = format!("{report} {report:?} {logged:?}");
    assert!(!all.contains("testkit") && !all.contains("vertrouwelijk"), "{all}");
}

#[tokio::test]
async fn disconnecting_forgets_the_credentials_and_keeps_the_menu() {
    let merchant = Merchant::new(Pos::brasserie());
    let integration = merchant.connect().await;
    integration.sync_menu(&RunOptions::manual()).await;
    integration.disconnect().await.unwrap();
    integration.disconnect().await.unwrap();
    assert!(merchant.vault.credentials(&Merchant::id()).await.unwrap().is_none());
    assert!(!merchant.items().await.is_empty());
    let again = Integration::open(merchant.host(), Merchant::id()).await;
    assert!(matches!(again, Err(OpenError::NotConnected(_))));
}
