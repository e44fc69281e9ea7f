//! Customers and relations.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use mplus_qapi::relations::CreateRelation;
use mplus_qapi::testkit::{Fault, Pos, VirtualRuntime};
use mplus_qapi::transport::{Body, Request, Transport, TransportError};
use mplus_qapi::types::Relation;
use mplus_qapi::{Client, Endpoint};
use mplus_sync::model::{Customer, RelationMatch, RelationNumber};
use mplus_sync::relations::{RelationError, RelationService};
use mplus_sync::runtime::Runtime as _;

use crate::orders::world::{World, merchant};
use crate::support::Doctored;

fn service(world: &World, worker: &str) -> RelationService {
    RelationService::new(&world.merchant_of(worker, world.pos.client()))
}

fn guest(id: &str, email: &str) -> Customer {
    let mut customer = Customer::new(id, "Jan Jansen");
    customer.email = Some(email.into());
    customer
}

async fn found_by(world: &World, customer: &str) -> RelationMatch {
    world.store.customer_link(&merchant(), &customer.into()).await.unwrap().unwrap().found_by
}

#[tokio::test]
async fn a_relation_with_the_very_address_is_taken() {
    let world = World::open().await;
    let relation = service(&world, "w").relation_of(&guest("guest", "anneke@example.com")).await.unwrap();
    assert_eq!(relation, RelationNumber::new(2));
    assert_eq!(found_by(&world, "guest").await, RelationMatch::Email);
}

#[tokio::test]
async fn a_loose_hit_is_never_taken() {
    let world = World::open().await;
    for (id, email) in [("a", "neke@example.com"), ("b", "anneke@example.co")] {
        let relation = service(&world, "w").relation_of(&guest(id, email)).await.unwrap();
        assert!(relation.get() > 3, "{email} is {relation}");
        assert_eq!(found_by(&world, id).await, RelationMatch::Created);
    }
}

#[tokio::test]
async fn the_hosts_identifier_is_compared_whole() {
    let world = World::open().await;
    let relation = Relation {
        name: Some("Other".into()),
        ext_relation_id: Some("guest-10".into()),
        ..Relation::default()
    };
    world.pos.client().create_relation(CreateRelation::from(relation)).await.unwrap();
    let created = service(&world, "w").relation_of(&Customer::new("guest-1", "Jan")).await.unwrap();
    assert_eq!(created, RelationNumber::new(5));
    let same = service(&world, "w").relation_of(&Customer::new("guest-10", "Other")).await.unwrap();
    assert_eq!(same, RelationNumber::new(4));
}

#[tokio::test]
async fn a_relation_is_remembered_and_not_asked_for_again() {
    let world = World::open().await;
    let customer = guest("guest", "jan@example.com");
    let first = service(&world, "w").relation_of(&customer).await.unwrap();
    let before = world.pos.requests().total();
    assert_eq!(service(&world, "x").relation_of(&customer).await.unwrap(), first);
    assert_eq!(world.pos.requests().total(), before);
}

#[tokio::test]
async fn workers_that_need_the_same_customer_at_once_end_with_one_relation() {
    let world = World::open().await;
    let services: Vec<_> = (0..8).map(|number| service(&world, &format!("w{number}"))).collect();
    let customer = guest("guest", "jan@example.com");
    let found = join_all(services.iter().map(|service| service.relation_of(&customer))).await;
    assert!(found.into_iter().all(|relation| relation.unwrap() == RelationNumber::new(4)));
    assert_eq!(world.pos.relations().len(), 4);
}

#[tokio::test]
async fn a_relation_is_created_once_whatever_is_lost_on_the_way() {
    for fault in Fault::ALL {
        let world = World::open().await;
        world.pos.faults().script_for("createRelation", [fault]);
        let customer = guest("guest", "jan@example.com");
        let mut attempts = 0;
        while service(&world, "w").relation_of(&customer).await.is_err() {
            attempts += 1;
            assert!(attempts < 3, "{fault:?}");
            // Until then it may still be under way.
            world.runtime.sleep(Duration::from_secs(181)).await;
        }
        assert_eq!(world.pos.relations().len(), 4, "{fault:?}");
    }
}

#[tokio::test]
async fn while_a_creation_may_be_under_way_nobody_creates_another_relation() {
    let world = World::open().await;
    world.pos.faults().script_for("createRelation", [Fault::ResetBefore]);
    let customer = guest("guest", "jan@example.com");
    let error = service(&world, "w").relation_of(&customer).await.unwrap_err();
    assert!(matches!(error, RelationError::Pos { .. }), "{error}");
    let error = service(&world, "x").relation_of(&customer).await.unwrap_err();
    assert!(matches!(error, RelationError::Busy { .. }), "{error}");
    assert_eq!(world.pos.requests().count("createRelation"), 1);
    world.runtime.sleep(Duration::from_secs(181)).await;
    service(&world, "x").relation_of(&customer).await.unwrap();
    assert_eq!(world.pos.relations().len(), 4);
}

#[tokio::test]
async fn an_error_names_the_customers_identifier_and_nothing_personal() {
    let world = World::open().await;
    world.pos.faults().random(1.0, 3);
    let error = service(&world, "w").relation_of(&guest("guest", "jan@example.com")).await.unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(
        text.contains("guest") && !text.contains("jan@example.com") && !text.contains("Jansen"),
        "{text}"
    );
}

fn with_telephone(name: &str, telephone: &str) -> Relation {
    Relation { name: Some(name.into()), telephone: Some(telephone.into()), ..Relation::default() }
}

async fn made(world: &World, relation: Relation) -> i64 {
    world.pos.client().create_relation(CreateRelation::from(relation)).await.unwrap().relation_number
}

#[tokio::test]
async fn an_address_in_another_case_is_the_same_guest() {
    for absent in ["knows-all", "no-findRelationV2"] {
        let world = crate::orders::life::speaking(&[("absent-calls", absent)]).await;
        let relation = Relation {
            name: Some("Jan".into()),
            email: Some("jan.jansen@example.com".into()),
            ..Relation::default()
        };
        let known = made(&world, relation).await;
        let found =
            service(&world, "w").relation_of(&guest("guest", "Jan.Jansen@Example.com")).await.unwrap();
        assert_eq!(found.get(), known, "{absent}");
        assert_eq!(found_by(&world, "guest").await, RelationMatch::Email);
    }
}

#[tokio::test]
async fn a_telephone_number_written_otherwise_is_the_same_guest_and_a_companys_is_nobodys() {
    let world = World::open().await;
    let relation = |name: &str, mobile: &str| Relation {
        name: Some(name.into()),
        mobile: Some(mobile.into()),
        ..Relation::default()
    };
    let known = made(&world, relation("J. Jansen", "06-12345678")).await;
    let company = Relation { company_name: Some("Jansen BV".into()), ..relation("Jansen", "0698765432") };
    made(&world, company).await;
    let mut jan = Customer::new("guest", "Jan Jansen");
    jan.phone = Some("+31 6 1234 5678".into());
    assert_eq!(service(&world, "w").relation_of(&jan).await.unwrap().get(), known);
    let mut piet = Customer::new("other", "Piet Jansen");
    piet.phone = Some("06 98765432".into());
    service(&world, "w").relation_of(&piet).await.unwrap();
    assert_eq!(found_by(&world, "other").await, RelationMatch::Created);
}

#[tokio::test]
async fn what_changes_of_a_customer_reaches_the_relation_once() {
    let world = World::open().await;
    let mut customer = guest("guest", "jan@example.com");
    let number = service(&world, "w").relation_of(&customer).await.unwrap();
    customer.phone = Some("06-12345678".into());
    customer.address.city = Some("Gent\u{b}".into());
    for _ in 0..3 {
        assert_eq!(service(&world, "w").relation_of(&customer).await.unwrap(), number);
    }
    let relations = world.pos.relations();
    let held = relations.iter().find(|held| held.relation_number == Some(number.get())).unwrap();
    assert_eq!((held.telephone.as_deref(), held.city.as_deref()), (Some("06-12345678"), Some("Gent ")));
    assert_eq!(world.pos.requests().count("updateRelation"), 1);
}

/// Remembers what was asked of one operation.
#[derive(Debug, Clone)]
struct Listening {
    pos: Pos,
    operation: &'static str,
    heard: Arc<Mutex<Vec<String>>>,
}

#[async_trait]
impl Transport for Listening {
    async fn send(&self, request: Request) -> Result<http::Response<Body>, TransportError> {
        if request.headers().get("soapaction").is_some_and(|action| action == self.operation) {
            let text = String::from_utf8(request.body().to_vec()).unwrap();
            self.heard.lock().unwrap().push(text);
        }
        self.pos.send(request).await
    }
}

#[tokio::test]
async fn a_change_of_a_customer_leaves_all_else_that_the_pos_has_of_the_relation_whatever_an_update_takes_away()
 {
    let world = World::open().await;
    let number = made(
        &world,
        Relation {
            email: Some("jan@example.com".into()),
            card_number: Some("2800001".into()),
            bank_account_number: Some("NL00BANK0123456789".into()),
            discount_percentage: Some(10),
            ..with_telephone("Jan Jansen", "0612345678")
        },
    )
    .await;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let pos = Listening { pos: world.pos.clone(), operation: "updateRelation", heard: Arc::clone(&heard) };
    let client = Client::builder(
        Endpoint::new("api.mpluskassa.nl", 34_562).unwrap(),
        world.pos.credentials(),
        pos,
        VirtualRuntime::new(1),
    )
    .build();
    let service = RelationService::new(&world.merchant_of("w", client));
    let mut customer = guest("guest", "jan@example.com");
    assert_eq!(service.relation_of(&customer).await.unwrap(), RelationNumber::new(number));
    customer.address.city = Some("Utrecht".into());
    service.relation_of(&customer).await.unwrap();
    let heard = heard.lock().unwrap();
    for told in ["Utrecht", "2800001", "NL00BANK0123456789", "discountPercentage>10<", "0612345678"] {
        assert!(heard.len() == 1 && heard[0].contains(told), "{told}: {heard:?}");
    }
}

#[tokio::test]
async fn a_company_that_a_customer_orders_for_is_not_changed_by_the_customer() {
    let world = World::open().await;
    let number = made(
        &world,
        Relation {
            email: Some("jan@example.com".into()),
            company_name: Some("Jansen BV".into()),
            ..with_telephone("Jansen", "0612345678")
        },
    )
    .await;
    let mut customer = guest("guest", "jan@example.com");
    service(&world, "w").relation_of(&customer).await.unwrap();
    customer.address.city = Some("Utrecht".into());
    for _ in 0..2 {
        assert_eq!(service(&world, "w").relation_of(&customer).await.unwrap(), RelationNumber::new(number));
    }
    assert_eq!(world.pos.requests().count("updateRelation"), 0);
    assert_eq!(world.pos.requests().count("getRelation"), 1, "it is looked at once");
}

#[tokio::test]
async fn a_change_that_could_not_be_told_holds_no_order_up_and_is_told_later() {
    let world = World::open().await;
    let mut customer = guest("guest", "jan@example.com");
    service(&world, "w").relation_of(&customer).await.unwrap();
    customer.name = "Jan de Vries".into();
    world.pos.faults().script_for("updateRelation", [Fault::Refused; 10]);
    service(&world, "w").relation_of(&customer).await.unwrap();
    world.pos.faults().clear();
    service(&world, "w").relation_of(&customer).await.unwrap();
    assert!(world.pos.relations().iter().any(|held| held.name.as_deref() == Some("Jan de Vries")));
}

#[tokio::test]
async fn what_xml_cannot_hold_of_a_guest_keeps_nobody_from_a_relation() {
    let world = World::open().await;
    let mut pasted = guest("guest\u{1}1", "jan\u{b}@example.com");
    pasted.name = "Jan\u{2} Jansen".into();
    pasted.phone = Some("06\u{0} 12345678".into());
    pasted.address.street = Some("Spui\u{1a}1".into());
    let relation = service(&world, "w").relation_of(&pasted).await.unwrap();
    // Another process, which has forgotten it, finds the same.
    world.store.unlink_customer(&merchant(), &pasted.id).await.unwrap();
    assert_eq!(service(&world, "w").relation_of(&pasted).await.unwrap(), relation);
    assert_eq!(world.pos.requests().carried_out("createRelation"), 1);
}

#[tokio::test]
async fn a_relation_of_which_the_answer_tells_nothing_is_looked_for() {
    let world = World::open().await;
    let unclear = Doctored::new(&world.pos, "createRelation", |answer| {
        answer.replace("CREATE-RELATION-RESULT-OK", "CREATE-RELATION-RESULT-LATER")
    });
    let client = Client::builder(
        Endpoint::new("pos.invalid", 1).unwrap(),
        world.pos.credentials(),
        unclear,
        VirtualRuntime::new(1),
    );
    let service = RelationService::new(&world.merchant_of("w", client.build()));
    service.relation_of(&guest("guest", "new@example.com")).await.unwrap();
    assert_eq!(world.pos.requests().carried_out("createRelation"), 1);
}
