//! Tax, combos, locations.

use std::sync::Arc;

use mplus_qapi::testkit::{Fault, Pos};
use mplus_sync::branches::{LocationProvisioner, Provision, ProvisionError};
use mplus_sync::model::*;
use mplus_sync::report::{Details, Note, RunOutcome};
use mplus_sync::runtime::TokioRuntime;
use mplus_sync::store::{CatalogEdits, CatalogStore, LeaseStore, MemoryStore, MemoryVault, Select};
use mplus_sync::sync::RunOptions;
use mplus_sync::tax::{TaxMapping, VatGroup};
use mplus_sync::{Host, Integration};
use rust_decimal::Decimal;

use super::assert_quoted;
use super::world::{Answering, cents, connection, credentials, host, new_connection};

#[test]
fn tax() {
    let groups = |groups: &[(i32, i64)]| -> Vec<VatGroup> {
        groups.iter().map(|(code, rate)| VatGroup::new(BtwCode::new(*code), (*rate).into())).collect()
    };
    let dutch = groups(&[(1, 2100), (2, 900), (3, 0)]);
    let belgian = [
        VatGroup::new(BtwCode::new(2), 900.into()).in_country("NLD"),
        VatGroup::new(BtwCode::new(2), 600.into()).in_country("BEL"),
        VatGroup::new(BtwCode::new(1), 2100.into()),
    ];
    let mapping = TaxMapping::dutch();
    let wrong = mapping.clone().with_code(21.into(), "Hoog", BtwCode::new(2));
    let anywhere = mapping.clone().in_country(None);
    let problems = [
        mapping.check(&dutch).code_for("Cola", Some(Decimal::new(135, 1))),
        mapping.check(&dutch).code_for("Cola", None),
        mapping.check(&groups(&[(1, 2100), (2, 900)])).code_for("Newspaper", Some(0.into())),
        mapping.check(&groups(&[(1, 2100), (2, 900), (3, 0), (5, 0)])).code_for("Cola", Some(0.into())),
        wrong.check(&dutch).code_for("Cola", Some(21.into())),
        anywhere.check(&belgian).code_for("Cola", Some(9.into())),
    ];
    for problem in problems {
        let said = problem.unwrap_err().to_string();
        assert_quoted(said.trim_start_matches("Tax mismatch: "));
    }
}

#[tokio::test]
async fn combos() {
    let (pos, store) = (Pos::brasserie(), Arc::new(MemoryStore::new()));
    let (till, vault) = (pos.clone(), Arc::new(MemoryVault::new()));
    let host = Host::new(store.clone(), vault, move |_, _| Ok(till.client()), Arc::new(TokioRuntime));
    let (integration, _) = Integration::connect(host, new_connection(), credentials()).await.unwrap();
    integration.sync_menu(&RunOptions::manual()).await;
    let linked =
        ["Coca-Cola", "Crème brûlée"].map(|name| pos.article_number(name).unwrap_or_default().into());
    let sold = store.items(&connection(), Select::PosIds(linked.to_vec())).await.unwrap();
    assert_eq!(sold.len(), 2, "the brasserie sells both");

    let mut combo = Combo::new("lunch", "Lunch deal");
    (combo.price, combo.tax_rate) = (Some(cents(1995)), Some(9.into()));
    let choice = |item: &ItemId| ComboChoice { item: item.clone(), surcharge: Decimal::ZERO };
    let part = |choices| ComboPart { number: 23, name: "Something".to_owned(), choices };
    combo.parts = vec![part(sold.iter().map(|item| choice(&item.record.id)).collect())];
    let push = |combo: Combo| {
        let (store, integration) = (store.clone(), integration.clone());
        async move {
            let edits =
                CatalogEdits { combos: vec![ComboEdit::overwriting(&combo)], ..CatalogEdits::default() };
            store.save_edits(&connection(), edits, integration.runtime().now()).await.unwrap();
            integration.articles().push_combos(&RunOptions::manual()).await
        }
    };
    let quoted = |notes: &Details<Note>| {
        assert_eq!(notes.total, 1, "{notes:?}");
        assert_quoted(&notes.first[0].message);
        assert_quoted(&notes.first[0].advice);
    };
    quoted(&push(combo.clone()).await.skipped);

    combo.category = sold[0].record.category.clone();
    let mut unknown = combo.clone();
    unknown.parts = vec![part(vec![choice(&"fries".into())])];
    quoted(&push(unknown).await.skipped);

    push(combo.clone()).await;
    combo.parts[0].choices.remove(0);
    quoted(&push(combo).await.manual_actions);
}

/// A host whose billing is down.
struct NoBilling;

#[async_trait::async_trait]
impl LocationProvisioner for NoBilling {
    fn attributes(&self) -> Vec<String> {
        vec!["stripe_customer".to_owned(), "branding_profile".to_owned()]
    }

    async fn provision(&self, _: &ConnectionId, _: &Location) -> Result<Provision, ProvisionError> {
        Err(ProvisionError { message: "billing is down".to_owned() })
    }
}

#[tokio::test]
async fn locations() {
    let pos = Pos::brasserie();
    let poor = host(move |_, _| Ok(pos.client())).with_provisioner(NoBilling);
    let (_, report) = Integration::connect(poor, new_connection(), credentials()).await.unwrap();
    let note = &report.skipped.first[0];
    assert_quoted(&note.message);
    assert_quoted(&note.advice);
    assert_quoted("Locations to complete");
    assert!(report.to_string().contains("Locations to complete"));

    let empty = "<getBranchesResponse/>";
    let none = Answering { pos: Pos::brasserie(), operation: "getBranches", body: empty };
    let lonely = host(move |_, _| Ok(none.client()));
    let (_, report) = Integration::connect(lonely, new_connection(), credentials()).await.unwrap();
    assert_quoted(&report.failures.first[0].message);
    assert_quoted(&report.failures.first[0].advice);
}

#[tokio::test]
async fn a_sync_that_does_not_run() {
    let (pos, store) = (Pos::brasserie(), Arc::new(MemoryStore::new()));
    let (till, vault) = (pos.clone(), Arc::new(MemoryVault::new()));
    let host = Host::new(store.clone(), vault, move |_, _| Ok(till.client()), Arc::new(TokioRuntime));
    let (integration, _) = Integration::connect(host, new_connection(), credentials()).await.unwrap();
    let fails = async || match integration.sync_menu(&RunOptions::manual()).await.outcome {
        RunOutcome::Failed { message, advice } => {
            assert_quoted(&message);
            assert_quoted(&advice);
        }
        other => panic!("{other:?}"),
    };
    pos.faults().script([Fault::Refused; 4]);
    fails().await;

    let now = integration.runtime().now();
    let other = Holder::from("another worker");
    let until = now + chrono::TimeDelta::minutes(1);
    store.acquire(&connection(), &LeaseName::RUN, &other, until, now).await.unwrap();
    let second = integration.sync_menu(&RunOptions::manual()).await;
    assert_eq!(second.outcome, RunOutcome::Busy);
    let said = "Not begun, as another run of this connection is at it";
    assert!(second.to_string().contains(said), "{second}");
    assert_quoted(said);
}
