//! Which calls there are, who may make them, and when nobody answers.

use std::time::Duration;

use mplus_qapi::{
    Credentials,
    branches::{GetBranchInformation, GetBranches},
    orders::{CreateOrder, CreateOrderV2, CreateOrderV3},
    preparation::GetPreparationMethodGroups,
    products::GetProducts,
    system::{GetApiVersion, GetVatGroupList},
    table_orders::PlaceTableOrder,
    testkit::{Dialect, Pos},
};

use super::*;

#[tokio::test]
async fn a_call_that_is_unknown_gets_the_text_of_a_gsoap_service() {
    let texts = [
        ("", "Method 'ns1:getBranchInformation' not implemented: method name or namespace not recognized"),
        (
            "not-implemented-bare",
            "Method 'getBranchInformation' not implemented: method name or namespace not recognized",
        ),
        ("not-implemented-short", "Method 'getBranchInformation' not implemented"),
    ];
    for (reading, text) in texts {
        let pos = pos(&format!("no-getBranchInformation,{reading}"));
        let answer = envelope(&pos, GetBranchInformation::default()).await;
        assert!(answer.contains(&format!("<faultstring>{text}</faultstring>")), "{answer}");
        assert!(answer.contains("<faultcode>SOAP-ENV:Client</faultcode>"), "{answer}");
        assert_eq!(pos.requests().carried_out("getBranchInformation"), 0);
    }
}

#[tokio::test]
async fn every_set_of_missing_calls_leaves_a_service_that_still_has_products_and_orders() {
    let question = Dialect::questions().iter().find(|question| question.name == "absent-calls").expect("it");
    for reading in question.readings {
        let mut dialect = Dialect::default();
        dialect.set(question.name, reading.name).expect("reading");
        for needed in
            ["getProducts", "getBranches", "createOrder", "getOrder", "saveTableOrder", "getTableOrder"]
        {
            assert!(dialect.knows(needed), "{} lacks {needed}", reading.name);
        }
        let named = reading
            .name
            .strip_prefix("no-")
            .filter(|name| name.starts_with("get") || name.starts_with("create"));
        if let Some(named) = named {
            assert!(!dialect.knows(named), "{named}");
        }
    }
    let old = pos("old-service");
    assert!(envelope(&old, CreateOrderV3::default()).await.contains("not implemented"));
    assert!(envelope(&old, CreateOrderV2::default()).await.contains("not implemented"));
    assert!(envelope(&old, PlaceTableOrder::default()).await.contains("not implemented"));
    assert!(envelope(&old, GetPreparationMethodGroups::default()).await.contains("not implemented"));
    assert!(envelope(&old, CreateOrder::default()).await.contains("CREATE-ORDER-RESULT-FAILED"));
}

#[tokio::test]
async fn a_password_may_be_checked_by_some_calls_only() {
    let stranger = Credentials::new("testkit", "wrong");
    let answers = async |readings: &str| {
        let pos = pos(readings);
        let client = Tape::of(&pos).client(stranger.clone());
        [
            client.call(GetApiVersion::default()).await.is_ok(),
            client.call(GetBranches::default()).await.is_ok(),
            client.call(GetVatGroupList::default()).await.is_ok(),
            client.call(GetProducts::default()).await.is_ok(),
        ]
    };
    assert_eq!(answers("every-call-checks").await, [false, false, false, false]);
    assert_eq!(answers("version-unchecked").await, [true, false, false, false]);
    assert_eq!(answers("system-calls-unchecked").await, [true, true, true, false]);
}

#[tokio::test]
async fn a_pos_that_goes_away_for_hours_refuses_connections_and_comes_back() {
    let pos = pos("away-for-hours");
    let there = async || pos.client().call(GetBranches::default()).await.is_ok();
    assert!(there().await);
    pos.pass(Duration::from_secs(6 * 3600));
    assert!(!there().await);
    pos.pass(Duration::from_secs(5 * 3600));
    assert!(!there().await);
    pos.pass(Duration::from_secs(3600));
    assert!(there().await);
}

#[tokio::test]
async fn a_slow_answer_takes_half_a_minute_of_the_poss_clock() {
    for (readings, seconds) in [("quick", 1), ("slow", 30)] {
        let pos = pos(readings);
        let before = pos.now();
        pos.client().call(GetBranches::default()).await.expect("branches");
        assert_eq!((pos.now() - before).num_seconds(), seconds);
    }
}

#[test]
fn a_pos_takes_another_dialect_at_any_time() {
    let pos = Pos::brasserie();
    assert_eq!(pos.dialect(), Dialect::default());
    pos.set_dialect(Dialect::seeded(4));
    assert_eq!(pos.dialect(), Dialect::seeded(4));
}
