//! Sessions that say that nothing was paid, and the account's transactions that know better.

use mplus_webhooks::Handlers;
use mplus_webhooks::payment::{Payment, PaymentKey, PaymentNotice, PaymentState};

use super::super::refunds::Ahead;
use super::*;

fn sale_of(payment: &str, more: serde_json::Value) -> String {
    let mut sale = json!({
        "StatusId": "F", "Amount": 2.70, "TransactionId": "t-9", "OrderCode": 43, "MerchantTrns": payment, "ParentId": null,
        "CreditCard": { "CardType": { "Name": "Visa" } },
    });
    for (name, value) in more.as_object().unwrap() {
        sale[name] = value.clone();
    }
    json!({ "Transactions": [sale] }).to_string()
}

/// What is listed, whichever day is asked for.
async fn listed(server: &mut ServerGuard, status: usize, body: &str) -> mockito::Mock {
    server
        .mock("GET", Matcher::Regex(r"^/api/transactions\?date=".to_owned()))
        // merchant:api-key
        .match_header("authorization", "Basic bWVyY2hhbnQ6YXBpLWtleQ==")
        .with_status(status)
        .with_body(body)
        .create_async()
        .await
}

async fn session(server: &mut ServerGuard, event: i64) {
    let sessions = Matcher::Regex("^/ecr/v1/sessions/".to_owned());
    let body = json!({ "success": false, "eventId": event, "amount": 270, "terminalId": "16000010" });
    server.mock("GET", sessions.clone()).with_body(body.to_string()).create_async().await;
    server.mock("DELETE", sessions).create_async().await;
}

/// So many seconds after the payment was started.
fn viva_after(server: &ServerGuard, seconds: i64) -> Viva {
    let now = new_payment().started_at + TimeDelta::seconds(seconds);
    viva_at(server, viva_terminal(), Arc::new(Ticking(Mutex::new(now))))
}

#[tokio::test]
async fn money_that_is_listed_was_taken_whatever_the_session_says_and_counts_once() {
    let known = known_payment(PAYMENT_ID);
    // Declined, cancelled at the terminal, timed out, aborted.
    for event in [1006, 1000, 1003, 1016] {
        let mut server = Server::new_async().await;
        token(&mut server).await;
        session(&mut server, event).await;
        listed(&mut server, 200, &sale_of(PAYMENT_ID, json!({}))).await;
        let viva = viva_after(&server, 160);
        for news in [viva.get(&known).await.unwrap(), viva.cancel(&known).await.unwrap()] {
            assert_eq!(news.status, ProviderStatus::Captured(Decimal::new(270, 2)), "event {event}");
            assert_eq!(news.transaction_reference.as_deref(), Some("t-9"));
            assert_eq!(
                (news.card_type.as_deref(), news.terminal_id.as_deref()),
                (Some("Visa"), Some("16000010"))
            );
            assert_eq!((news.reference.as_deref(), news.reason), (Some(PAYMENT_ID), None));
        }
    }
}

#[tokio::test]
async fn a_session_that_never_reached_its_terminal_is_looked_up_before_it_is_given_up() {
    let known = known_payment(PAYMENT_ID);
    let mut server = Server::new_async().await;
    token(&mut server).await;
    let sessions = Matcher::Regex("^/ecr/v1/sessions/".to_owned());
    server.mock("GET", sessions.clone()).with_status(202).create_async().await;
    server.mock("DELETE", sessions).create_async().await;
    listed(&mut server, 200, &sale_of(PAYMENT_ID, json!({}))).await;
    let news = viva_after(&server, 250).cancel(&known).await.unwrap();
    assert_eq!(news.status, ProviderStatus::Captured(Decimal::new(270, 2)));
}

#[tokio::test]
async fn what_is_no_finished_sale_of_this_payment_proves_nothing() {
    let known = known_payment(PAYMENT_ID);
    let others = [
        sale_of("another", json!({})),
        sale_of(PAYMENT_ID, json!({ "StatusId": "E" })),
        sale_of(PAYMENT_ID, json!({ "ParentId": "a refund of it" })),
        sale_of(PAYMENT_ID, json!({ "Amount": 0 })),
        r#"{"Transactions":[]}"#.to_owned(),
    ];
    for body in &others {
        let mut server = Server::new_async().await;
        token(&mut server).await;
        session(&mut server, 1006).await;
        listed(&mut server, 200, body).await;
        let news = viva_after(&server, 160).get(&known).await.unwrap();
        assert_eq!(news.status, ProviderStatus::Failed, "{body}");
        assert_eq!(news.watched_until, Some(known.started_at + TimeDelta::seconds(90 + 3600)));
        let much_later = viva_after(&server, 4000).get(&known).await.unwrap();
        assert_eq!((much_later.status, much_later.watched_until), (ProviderStatus::Failed, None));
    }
}

#[tokio::test]
async fn a_till_waits_for_a_list_that_is_away_and_not_for_one_that_is_refused() {
    let known = known_payment(PAYMENT_ID);
    // An answer that tells of an error, or has no list, is no list.
    let error = r#"{"Success":false,"ErrorCode":500,"ErrorText":"try later","Transactions":null}"#;
    let half_an_error = r#"{"ErrorCode":500,"Transactions":[]}"#;
    let cases = [
        (503, "{}", 160, ProviderStatus::Pending),
        (503, "{}", 250, ProviderStatus::Failed),
        (200, error, 160, ProviderStatus::Pending),
        (200, error, 250, ProviderStatus::Failed),
        (200, half_an_error, 160, ProviderStatus::Pending),
        (200, "{}", 160, ProviderStatus::Pending),
        (200, r#"{"Success":true,"ErrorCode":0,"Transactions":[]}"#, 160, ProviderStatus::Failed),
        (200, r#"{"Success":true,"ErrorCode":0,"Transactions":null}"#, 160, ProviderStatus::Failed),
        (200, r#"{"Success":true,"ErrorCode":0}"#, 160, ProviderStatus::Pending),
        (200, r#"{"Success":true,"Transactions":null}"#, 160, ProviderStatus::Pending),
        (200, r#"{"ErrorCode":0,"Transactions":null}"#, 160, ProviderStatus::Pending),
        (401, "{}", 160, ProviderStatus::Failed),
        (404, "{}", 160, ProviderStatus::Failed),
        (501, "{}", 160, ProviderStatus::Failed),
    ];
    for (status, body, seconds, expected) in cases {
        let mut server = Server::new_async().await;
        token(&mut server).await;
        session(&mut server, 1006).await;
        listed(&mut server, status, body).await;
        let news = viva_after(&server, seconds).get(&known).await.unwrap();
        assert_eq!(news.status, expected, "HTTP {status} after {seconds} s");
        assert_eq!(news.reason.unwrap().text, "the bank declined");
        let watched = expected == ProviderStatus::Failed;
        assert_eq!(news.watched_until.is_some(), watched, "HTTP {status} after {seconds} s");
    }
}

#[tokio::test]
async fn money_that_is_listed_was_given_to_a_card_whatever_the_session_says() {
    let sent =
        mplus_webhooks::testkit::conformance::sample_payment("merchant-1", PAYMENT_ID, Decimal::new(-270, 2));
    for amount in [-2.70, 2.70] {
        let mut server = Server::new_async().await;
        token(&mut server).await;
        session(&mut server, 1003).await;
        listed(&mut server, 200, &sale_of(PAYMENT_ID, json!({ "Amount": amount }))).await;
        let news = viva_after(&server, 160).get(&sent).await.unwrap();
        assert_eq!(news.status, ProviderStatus::Captured(Decimal::new(270, 2)), "{amount}");
    }
}

#[tokio::test]
async fn money_that_shows_after_the_till_was_told_of_a_failure_is_told_to_the_host_once() {
    let mut server = Server::new_async().await;
    server
        .mock("POST", "/connect/token")
        .with_body(r#"{"access_token":"t","expires_in":86400}"#)
        .create_async()
        .await;
    server.mock("POST", "/ecr/v1/transactions:sale").create_async().await;
    session(&mut server, 1006).await;
    let nothing = listed(&mut server, 200, r#"{"Transactions":[]}"#).await;
    let clock = Arc::new(Ahead::default());
    let alarms: Arc<Mutex<Vec<Decimal>>> = Arc::default();
    let told = alarms.clone();
    let handlers = Handlers::new().on_payment_changed(move |notice| {
        if let PaymentNotice::UnexpectedCapture { captured, .. } = notice {
            told.lock().unwrap().push(captured);
        }
        async {}
    });
    let provider = Arc::new(viva_at(&server, viva_terminal(), clock.clone()));
    let host = Host::assemble_on(clock.clone(), |builder| {
        builder.handler(handlers).payments(Arc::new(OneProvider(provider)))
    });
    let (till, payments) = (till(1), host.orchestrator.payments().unwrap());
    let payment = till.start_payment(Decimal::new(270, 2));
    payment.start(&host.orchestrator).await.unwrap();
    let key = PaymentKey::new(crate::support::merchant(), payment.id.as_str());
    let until = async |wanted: &dyn Fn(&Payment) -> bool| {
        loop {
            let stored = payments.payment(&key).await.unwrap().unwrap();
            if wanted(&stored) {
                return stored;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    clock.by(160);
    host.refresh(&payment.id).await;
    assert_eq!(payment.poll(&host.orchestrator).await.unwrap().status.as_deref(), Some("failed"));
    until(&|stored| stored.notices.is_empty()).await;

    nothing.remove_async().await;
    listed(&mut server, 200, &sale_of(&payment.id, json!({}))).await;
    // It is due by itself.
    clock.by(300);
    assert_eq!(payments.refresh_due().await.unwrap().asked, 1);
    let stored = until(&|stored| stored.captured.is_some() && stored.notices.is_empty()).await;
    assert_eq!((stored.state, stored.watched_until), (PaymentState::Failed, None));
    assert_eq!(stored.refundable(), Decimal::new(270, 2));
    assert_eq!(stored.transaction_reference.as_deref(), Some("t-9"));
    clock.by(24 * 3600);
    assert_eq!(payments.refresh_due().await.unwrap().asked, 0, "nothing is left to be done");
    assert_eq!(*alarms.lock().unwrap(), [Decimal::new(270, 2)]);
}

#[tokio::test]
async fn a_payment_that_nobody_took_is_looked_at_for_an_hour_and_then_left_alone() {
    let mut server = Server::new_async().await;
    server
        .mock("POST", "/connect/token")
        .with_body(r#"{"access_token":"t","expires_in":86400}"#)
        .create_async()
        .await;
    server.mock("POST", "/ecr/v1/transactions:sale").create_async().await;
    session(&mut server, 1006).await;
    listed(&mut server, 200, r#"{"Transactions":[]}"#).await;
    let clock = Arc::new(Ahead::default());
    let provider = Arc::new(viva_at(&server, viva_terminal(), clock.clone()));
    let host = Host::assemble_on(clock.clone(), |builder| builder.payments(Arc::new(OneProvider(provider))));
    let (till, payments) = (till(1), host.orchestrator.payments().unwrap());
    let payment = till.start_payment(Decimal::new(270, 2));
    payment.start(&host.orchestrator).await.unwrap();
    let mut looks = 0;
    // Every ten seconds of two hours.
    for _ in 0..720 {
        clock.by(10);
        let report = payments.refresh_due().await.unwrap();
        looks += report.asked;
    }
    let key = PaymentKey::new(crate::support::merchant(), payment.id.as_str());
    let stored = payments.payment(&key).await.unwrap().unwrap();
    assert_eq!((stored.state, stored.watched_until), (PaymentState::Failed, None));
    assert!(!stored.has_work());
    // Fifteen while it was open, and then ever more seldom.
    assert!((12..30).contains(&looks), "{looks} looks");
}
