//! The payments of a day: a payment that was started before midnight may have its intent after it.

use std::sync::Arc;

use chrono::{NaiveDate, TimeDelta};
use mplus_webhooks::payment::{OwnPayment, PaymentKey, ProviderAccount};

use super::*;
use crate::providers::refunds::Ahead;
use crate::support::merchant;

fn listed(id: &str, cents: i64) -> serde_json::Value {
    json!({
        "id": id, "object": "payment_intent", "amount": cents, "amount_received": cents, "status": "succeeded",
        "metadata": { "externalPaymentId": PAYMENT_ID, "merchant": "merchant-1" },
    })
}

/// What Stripe lists of a day, each list asked for once.
async fn day(server: &mut ServerGuard, day: NaiveDate, intents: &[serde_json::Value]) -> mockito::Mock {
    let begins = day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp();
    let [from, to] = [("gte", begins), ("lt", begins + 86_400)]
        .map(|(name, at)| format!(r"created(\[|%5B){name}(\]|%5D)={at}"));
    server
        .mock("GET", Matcher::Regex(format!(r"^/v1/payment_intents\?{from}&{to}&")))
        .with_body(json!({ "data": intents, "has_more": false }).to_string())
        .expect_at_least(1)
        .create_async()
        .await
}

#[tokio::test]
async fn a_payment_that_was_started_before_midnight_and_made_after_it_agrees_on_its_own_day() {
    let mut server = Server::new_async().await;
    server
        .mock("POST", "/v1/payment_intents")
        .with_body(intent("requires_action", json!({})))
        .create_async()
        .await;
    server
        .mock("GET", Matcher::Regex("^/v1/payment_intents/pi_1".to_owned()))
        .with_body(intent("succeeded", json!({ "amount_received": 270 })))
        .create_async()
        .await;
    let clock = Arc::new(Ahead::default());
    let provider = Arc::new(stripe(&server, redirect()));
    let host = Host::assemble_on(clock.clone(), |builder| builder.payments(Arc::new(OneProvider(provider))));
    let payments = host.orchestrator.payments().unwrap();
    let key = PaymentKey::new(merchant(), PAYMENT_ID);
    payments.start_own(&OwnPayment::new(key.clone(), Decimal::new(270, 2), "K_WEBHOOK")).await.unwrap();
    let paid = payments.refresh(&key).await.unwrap().unwrap();
    assert_eq!(paid.captured, Some(Decimal::new(270, 2)));

    // As if it had been made a day after it was started: as near to midnight as it can be.
    let started = paid.started_at.date_naive();
    let after = |days| started + TimeDelta::days(days);
    for (days, intents) in
        [(-2, vec![]), (-1, vec![]), (0, vec![]), (1, vec![listed("pi_1", 270)]), (2, vec![])]
    {
        day(&mut server, after(days), &intents).await;
    }
    let account = ProviderAccount::new("stripe", "default");
    let of_its_day = payments.reconcile(&account, started).await.unwrap();
    assert_eq!((of_its_day.agreed, of_its_day.is_clean()), (1, true), "{of_its_day:?}");
    for other in [after(-1), after(1)] {
        let found = payments.reconcile(&account, other).await.unwrap();
        assert!(found.only_here.is_empty() && found.only_there.is_empty(), "{found:?}");
    }
}
