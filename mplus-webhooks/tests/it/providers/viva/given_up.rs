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
