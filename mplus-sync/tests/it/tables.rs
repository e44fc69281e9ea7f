//! Tables and courses.

use mplus_sync::model::{LocationId, OrderKind, TableRef};
use mplus_sync::tables::{TableService, TableState};

use crate::orders::world::{World, euros, merchant, order};

fn service(world: &World) -> TableService {
    TableService::new(&world.merchant_of("worker", world.pos.client()))
}

#[tokio::test]
async fn tables_and_courses_of_a_location_are_pulled_and_kept() {
    let world = World::open().await;
    let location = LocationId::from("amsterdam");
    let plan = service(&world).pull(&location).await.unwrap();
    assert_eq!((plan.tables.len(), plan.courses.len()), (20, 4));
    assert_eq!(plan.courses[1].name, "Voorgerecht");
    let areas: Vec<_> = plan.areas.iter().map(|area| (area.plan, area.name.as_str())).collect();
    assert_eq!(areas, [(1, "Zaal"), (2, "Terras")]);
    assert!(plan.areas[1].has_table(13) && !plan.areas[1].has_table(12));
    assert_eq!(world.store.floor_plan(&merchant(), &location).await.unwrap(), Some(plan));
}

#[cfg(feature = "testkit")]
#[tokio::test]
async fn lists_that_come_empty_take_no_table_area_or_course_away() {
    use mplus_qapi::table_orders::{GetTableListV3, GetTableListV3Response};

    use crate::support::Scripted;

    let world = World::open().await;
    let location = LocationId::from("amsterdam");
    let known = service(&world).pull(&location).await.unwrap();
    let pos = Scripted::new(&world.pos);
    pos.answer::<GetTableListV3>(&GetTableListV3Response::default());
    let service = TableService::new(&world.merchant_of("worker", pos.client()));
    let plan = service.pull(&location).await.unwrap();
    assert_eq!((plan.tables, plan.areas, plan.courses), (known.tables, known.areas, known.courses));
}

#[tokio::test]
async fn a_location_that_is_no_branch_is_named() {
    let world = World::open().await;
    let error = service(&world).pull(&"beach".into()).await.unwrap_err();
    assert_eq!(error.to_string(), "location beach is no branch of MplusKASSA; sync the branches");
}

#[tokio::test]
async fn a_table_is_free_open_or_claimed() {
    let world = World::open().await;
    let (location, table) = (LocationId::from("amsterdam"), TableRef::whole(7));
    let state = || async { service(&world).state(&location, 2, table).await.unwrap() };
    assert_eq!(state().await, TableState::Free);
    let kind = OrderKind::DineInPayLater { table, guests: None };
    world.service().submit(&order("1", kind), false).await.unwrap();
    let TableState::Open(open) = state().await else { panic!("{:?}", state().await) };
    assert_eq!((open.number.as_deref(), open.total), (Some("1"), euros(2490)));
    world.pos.claim_table(1, 7, 1);
    assert_eq!(state().await, TableState::Claimed { workplace: Some(1) });
}
