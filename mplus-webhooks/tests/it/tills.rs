//! What the testkit's till accepts, and what several tills do at once.

use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use mplus_webhooks::event::EventName;
use mplus_webhooks::testkit::{TillError, TillLine, TillReply};
use mplus_webhooks::{SIGNATURE_HEADER, SubscriptionSecret, TransactionStatus};
use rust_decimal::Decimal;
use serde_json::json;

use crate::support::{Host, secret, till};

fn reply(body: &'static str, key: &SubscriptionSecret) -> Response<Bytes> {
    Response::builder().header(SIGNATURE_HEADER, key.sign(body.as_bytes())).body(body.into()).unwrap()
}

#[test]
fn a_reply_counts_only_with_the_right_signature() {
    let check = |response| TillReply::check(&EventName::StartSession, response, &secret());
    assert!(check(reply("{}", &secret())).is_ok());
    assert_eq!(check(Response::new("{}".into())).unwrap_err(), TillError::Signature);
    let foreign = SubscriptionSecret::from_bytes(b"foreign").unwrap();
    assert_eq!(check(reply("{}", &foreign)).unwrap_err(), TillError::Signature);
    let mut changed = reply("{}", &secret());
    *changed.body_mut() = r#"{ }"#.into();
    assert_eq!(check(changed).unwrap_err(), TillError::Signature);
}

#[test]
fn a_reply_may_hold_only_what_the_event_allows() {
    let cases = [
        (EventName::ScanCode, r#"{"scanCode":{"recognized":true}}"#, true),
        (EventName::AddSessionLine, r#"{"scanCode":{"recognized":true}}"#, false),
        (EventName::CompleteSession, r#"{"receiptFooter":{"text":"Thank you"}}"#, true),
        (EventName::ScanCode, r#"{"receiptFooter":{"text":"Thank you"}}"#, false),
        (EventName::PrintBill, r#"{"billFooter":{"text":"Thank you"}}"#, true),
        (EventName::CompleteSession, r#"{"lineChanges":[]}"#, false),
        (EventName::PollExternalPayment, r#"{"polling":{"finished":true}}"#, true),
        (EventName::KitchenStartCourse, r#"{"polling":{"finished":true}}"#, false),
        (EventName::from_wire("somethingNew"), r#"{"messages":[]}"#, false),
    ];
    for (event, body, allowed) in cases {
        let checked = TillReply::check(&event, reply(body, &secret()), &secret());
        match checked {
            Ok(_) => assert!(allowed, "{event:?} {body}"),
            Err(TillError::NotAllowed { .. }) => assert!(!allowed, "{event:?} {body}"),
            Err(other) => panic!("{event:?} {body}: {other}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_tills_at_once_sell_and_are_paid_each_for_itself() {
    let host = Arc::new(Host::new());
    let tills = (1..=20_u64).map(|number| {
        let host = host.clone();
        tokio::spawn(async move {
            let till = till(number).at(1, number as i64);
            let price = Decimal::new(100 + number as i64, 2);
            let session =
                till.ring_up(&host.orchestrator, &[TillLine::new(1, "Coffee", price)]).await.unwrap();
            let payment = till.start_payment(price);
            payment.start(&host.orchestrator).await.unwrap();
            host.provider.confirm(&payment.id);
            host.refresh(&payment.id).await;
            let paid = payment.poll(&host.orchestrator).await.unwrap();
            assert_eq!((paid.confirmed, paid.final_amount), (Some(true), Some(price)));
            till.complete(&host.orchestrator, &session).await.unwrap();
            (number as i64, price)
        })
    });
    let mut expected: Vec<_> = Vec::new();
    for sold in futures_util::future::join_all(tills).await {
        let (workplace, price) = sold.unwrap();
        expected.push((Some(workplace), Some(price)));
    }
    let mut sold: Vec<_> = host
        .transactions
        .all()
        .into_iter()
        .map(|(sale, _)| (sale.workplace_number, sale.total_incl))
        .collect();
    sold.sort();
    assert_eq!(sold, expected);
}

#[tokio::test]
async fn a_whole_sale_sent_backwards_and_twice_is_one_transaction() {
    let (host, till) = (Host::new(), till(1));
    let session = json!({ "sessionId": "s", "totalInclAmount": "2.70" });
    let events = [
        (EventName::StartSession, json!({ "session": session })),
        (
            EventName::AddSessionLine,
            json!({ "session": session, "addSessionLine": { "line": { "lineId": "l" } } }),
        ),
        (EventName::StartPayment, json!({ "session": session })),
        (EventName::CompleteSession, json!({ "session": session })),
    ];
    let requests: Vec<_> = events
        .iter()
        .map(|(name, fields)| (name, till.signed(name, till.body(true, fields.clone()))))
        .collect();
    for _ in 0..2 {
        for (name, request) in requests.iter().rev() {
            till.send_request(&host.orchestrator, name, request.clone()).await.unwrap();
        }
    }
    let all = host.transactions.all();
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].0.total_incl, all[0].1), (Some(Decimal::new(270, 2)), TransactionStatus::Completed));
}
