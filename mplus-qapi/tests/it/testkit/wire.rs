//! What the POS says to requests that are wrong.

use mplus_qapi::{
    Client, Credentials, Endpoint,
    branches::GetBranches,
    orders::DeliverOrderRequest,
    testkit::{Direction, Message, MessageError, Pos, VirtualRuntime},
};

#[tokio::test]
async fn wrong_credentials_are_refused_before_anything_is_done() {
    let pos = Pos::brasserie();
    let endpoint = Endpoint::new("pos.invalid", 443).expect("valid");
    let stranger = Client::builder(
        endpoint,
        Credentials::new("testkit", "guess"),
        pos.clone(),
        VirtualRuntime::default(),
    )
    .build();
    let error = stranger.get_branches(GetBranches::default()).await.expect_err("refused");
    assert!(error.is_authentication() && !error.may_have_been_processed(), "{error}");
    assert_eq!((pos.requests().count("getBranches"), pos.requests().carried_out("getBranches")), (1, 0));
}

#[tokio::test]
async fn an_operation_that_the_pos_does_not_play_is_a_clients_fault_that_names_it() {
    let pos = Pos::brasserie();
    let request = DeliverOrderRequest { order_id: "1".into(), ..DeliverOrderRequest::default() };
    let error = pos.client().deliver_order(request).await.expect_err("unknown");
    assert!(error.is_unknown_operation(), "{error}");
    assert!(error.to_string().contains("deliverOrder"), "{error}");
}

#[test]
fn a_message_is_read_by_the_operations_name_or_says_where_it_is_wrong() {
    let body = |content: &str| {
        format!(
            r#"<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:mplusqapi"><e:Body>{content}</e:Body></e:Envelope>"#
        )
    };
    let read =
        |operation: &str, document: &str| Message::read(operation, Direction::Request, document.as_bytes());
    let document = body(
        "<getBranchInformation><request><branchNumber>2</branchNumber></request></getBranchInformation>",
    );
    let message = read("getBranchInformation", &document).expect("a request");
    assert!(message.write().expect("written").contains("<ns1:branchNumber>2</ns1:branchNumber>"));
    assert!(matches!(read("getNothing", &document), Err(MessageError::UnknownOperation(_))));
    let wrong = document.replace('2', "two");
    let error = read("getBranchInformation", &wrong).expect_err("no number").to_string();
    assert!(error.contains("branchNumber") && error.contains("two"), "{error}");
    assert!(matches!(read("getBranchInformation", &document[..200]), Err(MessageError::Decode(_))));
}
