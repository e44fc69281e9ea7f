//! Payments that a till gives up before they reach the terminal.

use mplus_webhooks::payment::PaymentState;

use super::super::{given_up_meanwhile, held};
use super::*;

#[tokio::test]
async fn a_terminal_shows_nothing_that_was_given_up_while_its_token_was_fetched() {
    let mut server = Server::new_async().await;
    let (answer, held) = held(r#"{"access_token":"t","expires_in":3600}"#);
    server.mock("POST", "/connect/token").with_body_from_request(answer).create_async().await;
    let sale = server.mock("POST", "/ecr/v1/transactions:sale").expect(0).create_async().await;
    let ended = given_up_meanwhile(Arc::new(viva(&server, viva_terminal())), held).await;
    assert_eq!(ended.state, PaymentState::Cancelled);
    sale.assert_async().await;
}

#[tokio::test]
async fn a_terminal_shows_nothing_that_was_given_up_while_a_withdrawn_token_was_renewed() {
    let mut server = Server::new_async().await;
    // Tokens of a short life are kept for half of it.
    let first = r#"{"access_token":"first","expires_in":40}"#;
    let first = server.mock("POST", "/connect/token").with_body(first).expect(1).create_async().await;
    let path = format!("/ecr/v1/sessions/{PAYMENT_ID}");
    server.mock("GET", path.as_str()).with_status(202).create_async().await;
    let viva = viva(&server, viva_terminal());
    viva.get(&known_payment(PAYMENT_ID)).await.unwrap();
    viva.get(&known_payment(PAYMENT_ID)).await.unwrap();
    first.assert_async().await;
    first.remove_async().await;
    let (answer, held) = held(r#"{"access_token":"second","expires_in":3600}"#);
    server.mock("POST", "/connect/token").with_body_from_request(answer).create_async().await;
    let withdrawn = server
        .mock("POST", "/ecr/v1/transactions:sale")
        .match_header("authorization", "Bearer first")
        .with_status(401)
        .expect(1)
        .create_async()
        .await;
    let shown = server
        .mock("POST", "/ecr/v1/transactions:sale")
        .match_header("authorization", "Bearer second")
        .expect(0)
        .create_async()
        .await;
    let ended = given_up_meanwhile(Arc::new(viva), held).await;
    assert_eq!(ended.state, PaymentState::Cancelled);
    withdrawn.assert_async().await;
    shown.assert_async().await;
}
