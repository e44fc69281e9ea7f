//! Money that is given back: asked for once, and never more than was paid.

use super::*;

#[tokio::test]
async fn money_is_given_back_once_however_often_it_is_asked_for_and_never_more_than_was_paid() {
    let (host, till) = (Host::new(), till(1));
    let payments = host.orchestrator.payments().unwrap();
    let payment = till.start_payment(euros(1000));
    payment.start(&host.orchestrator).await.unwrap();
    let early = payments.refund(&key(&payment.id), "r1", None).await;
    assert!(matches!(early, Err(RefundError::Amount { .. })), "{early:?}");
    host.provider.confirm(&payment.id);
    host.refresh(&payment.id).await;
    assert_eq!(payment.poll(&host.orchestrator).await.unwrap().confirmed, Some(true));
    for _ in 0..2 {
        let refund = payments.refund(&key(&payment.id), "r1", Some(euros(400))).await.unwrap();
        assert_eq!((refund.state, refund.amount), (RefundState::Succeeded, euros(400)));
    }
    let other = payments.refund(&key(&payment.id), "r1", Some(euros(300))).await;
    assert!(matches!(other, Err(RefundError::Taken(_))), "{other:?}");
    let more = payments.refund(&key(&payment.id), "r2", Some(euros(700))).await;
    assert!(
        matches!(more, Err(RefundError::Amount { refundable, .. }) if refundable == euros(600)),
        "{more:?}"
    );
    let rest = payments.refund(&key(&payment.id), "r2", None).await.unwrap();
    assert_eq!(rest.amount, euros(600));
    let given: Decimal = host.provider.refunds(&payment.id).values().sum();
    assert_eq!(given, euros(1000));
    assert_eq!(host.provider.calls().refund, 2);
    assert_eq!(payment.poll(&host.orchestrator).await.unwrap().confirmed, Some(true), "an end stays");
}

#[tokio::test]
async fn a_refund_whose_provider_is_away_is_asked_for_until_it_answers() {
    let (host, till) = (Host::new(), till(1));
    let payments = host.orchestrator.payments().unwrap();
    let payment = till.start_payment(euros(1000));
    payment.start(&host.orchestrator).await.unwrap();
    host.provider.confirm(&payment.id);
    host.refresh(&payment.id).await;
    host.provider.set_unreachable(true);
    let asked = payments.refund(&key(&payment.id), "r1", None).await.unwrap();
    assert_eq!(asked.state, RefundState::Requested);
    host.provider.set_unreachable(false);
    host.refresh(&payment.id).await;
    let stored = payments.payment(&key(&payment.id)).await.unwrap().unwrap();
    assert_eq!(stored.refunds[0].state, RefundState::Succeeded);
    assert_eq!(stored.refundable(), Decimal::ZERO);
}

#[tokio::test]
async fn what_was_paid_in_vain_can_be_given_back() {
    let (host, till) = (Host::new(), till(1));
    let payments = host.orchestrator.payments().unwrap();
    let payment = till.start_payment(euros(270));
    payment.start(&host.orchestrator).await.unwrap();
    payment.request_cancel(&host.orchestrator).await.unwrap();
    host.provider.confirm_after_the_end(&payment.id);
    host.refresh(&payment.id).await;
    let stored = payments.payment(&key(&payment.id)).await.unwrap().unwrap();
    assert!(stored.paid_in_vain());
    assert_eq!(
        (stored.state, stored.final_amount, stored.captured),
        (PaymentState::Cancelled, None, Some(euros(270)))
    );
    let refund = payments.refund(&key(&payment.id), "in-vain", None).await.unwrap();
    assert_eq!((refund.amount, refund.state), (euros(270), RefundState::Succeeded));
}

/// A payment that is started for a sale: its id.
async fn started_for(host: &Host, till: &mplus_webhooks::testkit::Till, session: &str, cents: i64) -> String {
    let id = till.new_id();
    let fields = serde_json::json!({
        "session": { "sessionId": session },
        "externalPayment": { "externalPaymentId": id, "amount": euros(cents).to_string(), "method": "K_WEBHOOK" },
    });
    let start = mplus_webhooks::event::EventName::StartExternalPayment;
    till.send(&host.orchestrator, &start, fields).await.unwrap();
    id
}

/// A host to which three payments were paid: of 5 and 3 euros for one sale, and of 9 for another. And their ids.
async fn paid_sales() -> (Host, Vec<String>) {
    let (host, till) = (Host::new(), till(1));
    let mut ids = Vec::new();
    for (session, cents) in [("sale", 500), ("sale", 300), ("other", 900)] {
        let id = started_for(&host, &till, session, cents).await;
        host.provider.confirm(&id);
        host.refresh(&id).await;
        ids.push(id);
    }
    (host, ids)
}

fn given_back(host: &Host, ids: &[String]) -> Vec<Decimal> {
    ids.iter().map(|id| host.provider.refunds(id).values().sum()).collect()
}

#[tokio::test]
async fn a_credited_sale_gives_back_what_was_paid_for_it() {
    let (host, ids) = paid_sales().await;
    let payments = host.orchestrator.payments().unwrap();
    for _ in 0..2 {
        let refunds = payments.refund_session(&merchant(), "sale", "credit", None).await.unwrap();
        assert_eq!(refunds.iter().map(|refund| refund.amount).sum::<Decimal>(), euros(800));
    }
    assert_eq!(given_back(&host, &ids), [euros(500), euros(300), Decimal::ZERO]);
    for session in ["", "nobody's"] {
        assert!(payments.refund_session(&merchant(), session, "credit", None).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_credit_takes_nothing_from_a_payment_that_was_never_the_sales() {
    let (host, till) = (Host::new(), till(1));
    let payments = host.orchestrator.payments().unwrap();
    let mut ids = Vec::new();
    // Given up at the till and captured all the same; then the sale is paid by another one.
    for (session, in_vain) in [("sale", true), ("sale", false), ("lost", true)] {
        let id = started_for(&host, &till, session, 2000).await;
        if in_vain {
            let mut payment = till.start_payment(euros(2000));
            payment.id.clone_from(&id);
            payment.request_cancel(&host.orchestrator).await.unwrap();
            host.provider.confirm_after_the_end(&id);
        } else {
            host.provider.confirm(&id);
        }
        host.refresh(&id).await;
        ids.push(id);
    }
    payments.refund_session(&merchant(), "sale", "credit", Some(euros(750))).await.unwrap();
    assert_eq!(given_back(&host, &ids), [Decimal::ZERO, euros(750), Decimal::ZERO]);
    payments.refund(&key(&ids[0]), "in-vain", None).await.unwrap();
    payments.refund_session(&merchant(), "sale", "rest", None).await.unwrap();
    assert_eq!(given_back(&host, &ids), [euros(2000), euros(2000), Decimal::ZERO]);
    // Of a sale that has nothing else it is what was paid.
    payments.refund_session(&merchant(), "lost", "credit", None).await.unwrap();
    assert_eq!(given_back(&host, &ids), [euros(2000); 3]);
}

#[tokio::test]
async fn each_credit_of_a_sale_gives_back_its_own_part_once() {
    let (host, ids) = paid_sales().await;
    let payments = host.orchestrator.payments().unwrap();
    let given = async |id: &str, cents: i64| {
        let refunds = payments.refund_session(&merchant(), "sale", id, Some(euros(cents))).await.unwrap();
        refunds.iter().map(|refund| refund.amount).sum::<Decimal>()
    };
    // One line on two occasions, each of them told twice.
    for id in ["first", "first", "second", "first", "second"] {
        assert_eq!(given(id, 200).await, euros(200), "{id}");
    }
    assert_eq!(given_back(&host, &ids), [euros(400), Decimal::ZERO, Decimal::ZERO]);
    // One that reaches over two payments.
    for _ in 0..2 {
        assert_eq!(given("third", 250).await, euros(250));
    }
    assert_eq!(given_back(&host, &ids), [euros(500), euros(150), Decimal::ZERO]);
    // The rest was paid otherwise.
    for _ in 0..2 {
        assert_eq!(given("fourth", 1000).await, euros(150));
    }
    assert_eq!(given_back(&host, &ids), [euros(500), euros(300), Decimal::ZERO]);
    assert_eq!(given("fifth", 100).await, Decimal::ZERO);
}

#[tokio::test]
async fn a_credit_of_no_amount_or_without_an_id_gives_nothing_back_and_says_what_is_left() {
    let (host, ids) = paid_sales().await;
    let payments = host.orchestrator.payments().unwrap();
    let odd = [
        ("credit", Some(Decimal::ZERO)),
        ("credit", Some(euros(-100))),
        ("credit", Some(Decimal::new(1, 3))),
        ("", None),
    ];
    for (id, amount) in odd {
        let refused = payments.refund_session(&merchant(), "sale", id, amount).await;
        let left = |error: &RefundError| matches!(error, RefundError::Credit { refundable, .. } if *refundable == euros(800));
        assert!(refused.as_ref().is_err_and(left), "{id:?} {amount:?}: {refused:?}");
    }
    assert_eq!(given_back(&host, &ids), [Decimal::ZERO; 3]);
}

#[tokio::test]
async fn an_amount_below_zero_is_given_back_to_a_card_only_when_the_host_wants_it() {
    let (host, till) = (Host::new(), till(1));
    let refused = start_of(&host, &till, "-5.00").await.unwrap();
    assert_eq!(refused.started, Some(false));
    assert!(text(&refused.body).contains("not given back to a card"), "{}", text(&refused.body));
    assert!(host.provider.payments().is_empty());

    let mut limits = PaymentLimits::default();
    limits.card_refunds = true;
    let host = Host::with(|builder| builder.payment_limits(limits));
    let payment = till.start_payment(euros(-500));
    assert_eq!(payment.start(&host.orchestrator).await.unwrap().started, Some(true));
    host.provider.confirm(&payment.id);
    host.refresh(&payment.id).await;
    let given = payment.poll(&host.orchestrator).await.unwrap();
    assert_eq!((given.confirmed, given.final_amount), (Some(true), Some(euros(-500))));
}

#[tokio::test(start_paused = true)]
async fn a_refund_that_no_provider_takes_for_an_hour_is_told_once() {
    let told: Arc<Mutex<Vec<RefundState>>> = Arc::default();
    let states = told.clone();
    let handlers = Handlers::new().on_payment_changed(move |notice| {
        if let PaymentNotice::Refunded { refund, .. } = notice {
            states.lock().unwrap().push(refund.state);
        }
        async {}
    });
    let host = Host::assemble_on(Arc::new(Paused::new()), |builder| builder.handler(handlers));
    let _background = crate::support::background(&host.orchestrator);
    let (till, payments) = (till(1), host.orchestrator.payments().unwrap());
    let payment = till.start_payment(euros(1000));
    payment.start(&host.orchestrator).await.unwrap();
    host.provider.confirm(&payment.id);
    host.refresh(&payment.id).await;
    payment.poll(&host.orchestrator).await.unwrap();
    host.provider.set_unreachable(true);
    payments.refund(&key(&payment.id), "r", None).await.unwrap();
    tokio::time::sleep(Duration::from_secs(50 * 60)).await;
    assert!(told.lock().unwrap().is_empty());
    tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
    assert_eq!(*told.lock().unwrap(), [RefundState::Requested]);
    host.provider.set_unreachable(false);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(*told.lock().unwrap(), [RefundState::Requested, RefundState::Succeeded]);
}
