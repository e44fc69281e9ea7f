//! Orders of the web checkout.

use super::*;

#[tokio::test]
async fn viva_makes_a_checkout_order_and_reads_what_was_paid_in_euros() {
    let mut server = Server::new_async().await;
    token(&mut server).await;
    server
        .mock("POST", "/checkout/v2/orders")
        .match_body(Matcher::PartialJson(
            json!({ "amount": 270, "merchantTrns": PAYMENT_ID, "sourceCode": "1234", "paymentTimeout": 900 }),
        ))
        .with_body(r#"{"orderCode":1272214778972604}"#)
        .create_async()
        .await;
    let viva = viva(&server, viva_checkout());
    let news = viva.create(&new_payment()).await.unwrap();
    assert_eq!(news.reference.as_deref(), Some("1272214778972604"));
    assert_eq!(news.checkout_url, Some(format!("{}/web/checkout?ref=1272214778972604", server.url())));

    let known = known_payment("1272214778972604");
    let order = server
        .mock("GET", "/api/orders/1272214778972604")
        // merchant:api-key
        .match_header("authorization", "Basic bWVyY2hhbnQ6YXBpLWtleQ==")
        .with_body(r#"{"OrderCode":1272214778972604,"StateId":3}"#)
        .create_async()
        .await;
    server
        .mock("GET", "/api/transactions?ordercode=1272214778972604")
        .with_body(
            r#"{"Transactions":[
                {"StatusId":"E","Amount":2.70,"TransactionId":"failed"},
                {"StatusId":"F","Amount":2.70,"TransactionId":"paid","CreditCard":{"CardType":{"Name":"Visa"}}}
            ],"ErrorCode":0,"Success":true}"#,
        )
        .create_async()
        .await;
    let paid = viva.get(&known).await.unwrap();
    order.assert_async().await;
    assert_eq!(paid.status, ProviderStatus::Captured(Decimal::new(270, 2)));
    assert_eq!(
        (paid.transaction_reference.as_deref(), paid.card_type.as_deref()),
        (Some("paid"), Some("Visa"))
    );
}

#[tokio::test]
async fn every_state_of_a_viva_order_is_understood() {
    for (state, expected) in [
        (0, ProviderStatus::Pending),
        (1, ProviderStatus::Failed),
        (2, ProviderStatus::Cancelled),
        (9, ProviderStatus::Unknown),
    ] {
        let mut server = Server::new_async().await;
        let order = format!(r#"{{"StateId":{state}}}"#);
        server.mock("GET", "/api/orders/7").with_body(order).create_async().await;
        let news = viva(&server, viva_checkout()).get(&known_payment("7")).await.unwrap();
        assert_eq!(news.status, expected, "state {state}");
    }
}

#[tokio::test]
async fn money_of_a_checkout_is_given_back_once_also_when_the_answer_was_lost() {
    let mut server = Server::new_async().await;
    server
        .mock("POST", "/connect/token")
        .with_body(r#"{"access_token":"t","expires_in":3600}"#)
        .create_async()
        .await;
    server.mock("POST", "/checkout/v2/orders").with_body(r#"{"orderCode":7}"#).create_async().await;
    server.mock("GET", "/api/orders/7").with_body(r#"{"StateId":3}"#).create_async().await;
    server
        .mock("GET", "/api/transactions?ordercode=7")
        .with_body(r#"{"Transactions":[{"StatusId":"F","Amount":2.70,"TransactionId":"sale"}]}"#)
        .create_async()
        .await;
    let provider = Arc::new(viva(&server, viva_checkout()));
    let host = Host::with(|builder| builder.payments(Arc::new(OneProvider(provider))));
    let till = till(1);
    let payment = till.start_payment(Decimal::new(270, 2));
    payment.start(&host.orchestrator).await.unwrap();
    host.refresh(&payment.id).await;
    let path = Matcher::Regex(r"^/api/transactions/sale\?amount=100".to_owned());
    let lost = server.mock("DELETE", path).with_status(502).expect(1).create_async().await;
    let payments = host.orchestrator.payments().unwrap();
    let key = mplus_webhooks::payment::PaymentKey::new(crate::support::merchant(), payment.id.as_str());
    let asked = payments.refund(&key, "r-1", Some(Decimal::ONE)).await.unwrap();
    assert_eq!(asked.state, RefundState::Requested);
    server
        .mock("GET", Matcher::Regex(r"^/api/transactions\?date=".to_owned()))
        .with_body(
            r#"{"Transactions":[{"StatusId":"F","Amount":-1.00,"TransactionId":"back","ParentId":"sale"}]}"#,
        )
        .create_async()
        .await;
    let found = payments.refund(&key, "r-1", None).await.unwrap();
    assert_eq!((found.state, found.reference.as_deref()), (RefundState::Succeeded, Some("back")));
    lost.assert_async().await;
}
