//! More than one store.

use mplus_sync::conflict::SyncContext;
use mplus_sync::fleet::Fleet;
use mplus_sync::model::{ConnectionId, RunKind};
use mplus_sync::report::Scope;

use super::world::{World, until};

/// Merchants of an even number live in the first store.
fn place(id: &ConnectionId) -> usize {
    usize::from(id.as_str().ends_with(['1', '3']))
}

async fn merchants_of_two_stores(mut first: World, mut second: World) {
    let mut merchants = Vec::new();
    for number in 0..4 {
        let name = format!("merchant-{number}");
        let world = if place(&name.as_str().into()) == 0 { &mut first } else { &mut second };
        let id = world.add(&name).await;
        world.order(&id, "1").await;
        merchants.push(id);
    }
    let hosts = [first.host("one"), second.host("one")];
    let fleet = Fleet::over(hosts, place).with_settings(first.settings.clone());
    for id in &merchants {
        fleet.request_sync(id, SyncContext::Manual, Scope::Incremental).await.unwrap();
    }
    let mut process = World::run(fleet);
    for _ in 0..4 {
        process.told().await;
    }
    for id in &merchants {
        let (own, other) = if place(id) == 0 { (&first, &second) } else { (&second, &first) };
        until("it ran", async || own.store.last_report(id, &RunKind::SYNC).await.unwrap().is_some()).await;
        assert!(other.store.runs(id).await.unwrap().is_empty());
        assert_eq!(own.pos(id).orders().len(), 1);
    }
    let status = process.fleet.status().await.unwrap();
    assert_eq!((status.merchants, status.orders.waiting), (4, 0));
    let report = process.stop().await;
    assert_eq!((report.orders.accepted, report.runs.done), (4, 4));
    first.end().await;
    second.end().await;
}

#[tokio::test]
async fn a_fleet_over_two_stores_in_memory_finds_each_merchant_in_theirs() {
    merchants_of_two_stores(World::in_memory(), World::in_memory()).await;
}

#[cfg(all(feature = "postgres", feature = "mysql"))]
#[tokio::test]
async fn a_fleet_over_two_servers_finds_each_merchant_in_theirs() {
    if let (Some(first), Some(second)) = (World::in_postgres().await, World::in_mysql().await) {
        merchants_of_two_stores(first, second).await;
    }
}
