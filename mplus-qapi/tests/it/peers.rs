//! What other clients of this service get wrong: each a behaviour of this one, over real HTTP.

use chrono::{TimeZone as _, Utc};
use futures_util::StreamExt as _;
use mplus_qapi::{
    Client, ErrorKind,
    orders::{CreateOrderV3Request, GetOrderHistoryRequest},
    relations::GetRelationsRequest,
    soap::{DecodeProblem, SoapVersion},
    stock::{GetStockRequest, SetStockRequest},
    types::{Line, LineData, Order, Relation},
    value::{AMSTERDAM, Decimal, List},
};

use crate::server::{END, Server, Step, envelope, http, leaks, quick_retries, relations};

/// The relation that a client reads from this content of its element.
async fn relation(content: &str) -> Relation {
    let server = Server::answering(http(200, &[], relations(&[content]))).await;
    let mut answer = server.client().get_relations(GetRelationsRequest::default()).await.expect("readable");
    answer.relation_list.remove(0)
}

async fn error(answer: Vec<u8>) -> mplus_qapi::Error {
    let server = Server::start([Step::SendAndClose(answer)]).await;
    server.client().get_relations(GetRelationsRequest::default()).await.expect_err("no answer")
}

fn problem(error: &mplus_qapi::Error) -> &DecodeProblem {
    match error.kind() {
        ErrorKind::Response(error) => error.problem(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_truncated_response_is_an_error_at_every_cut_point() {
    let document = relations(&["<ns:name>Jo &amp; Co</ns:name>", "<ns:points/>"]);
    let steps = (0..document.len()).map(|cut| Step::Send(http(200, &[], &document[..cut])));
    let server = Server::start(steps).await;
    let client = server.client();
    for cut in 0..document.len() {
        let answer = client.get_relations(GetRelationsRequest::default()).await;
        assert!(answer.is_err(), "cut at {cut}: {answer:?}");
    }
}

#[tokio::test]
async fn a_truncated_stream_ends_with_an_error_at_every_cut_point() {
    let document = relations(&["<ns:name>Jo &amp; Co</ns:name>", "<ns:points/>"]);
    let steps = (0..document.len()).map(|cut| Step::Send(http(200, &[], &document[..cut])));
    let server = Server::start(steps).await;
    let client = server.client();
    let end_of_first = document.find("</ns:relation>").expect("an item") + "</ns:relation>".len();
    for cut in 0..document.len() {
        let items: Vec<_> = client.stream_relations(GetRelationsRequest::default()).collect().await;
        let (last, whole) = items.split_last().expect("at least an error");
        assert!(last.is_err() && whole.iter().all(Result::is_ok), "cut at {cut}: {items:?}");
        assert!(whole.len() == usize::from(cut >= end_of_first) || whole.len() == 2, "cut at {cut}");
    }
}

#[tokio::test]
async fn a_response_cut_off_below_http_is_an_error_and_not_the_end_of_the_process() {
    let whole = http(200, &[], relations(&["<ns:name>Jo</ns:name>"]));
    let error = error(whole[..whole.len() - END.len()].to_vec()).await;
    assert!(matches!(error.kind(), ErrorKind::Transport(_)) && error.may_have_been_processed(), "{error}");
}

#[tokio::test]
async fn integers_past_2_53_are_exact() {
    let read = relation(
        "<ns:relationNumber>9007199254740993</ns:relationNumber><ns:syncMarker>9223372036854775807</ns:syncMarker>",
    )
    .await;
    assert_eq!(read.relation_number, Some(9_007_199_254_740_993));
    assert_eq!(read.sync_marker, Some(i64::MAX));
}

#[tokio::test]
async fn strings_are_not_trimmed() {
    assert_eq!(relation("<ns:name>  Jo \n</ns:name>").await.name.as_deref(), Some("  Jo \n"));
}

#[tokio::test]
async fn cdata_inside_of_text_is_text() {
    let read = relation("<ns:name>a<![CDATA[ <b> & ]]>c</ns:name>").await;
    assert_eq!(read.name.as_deref(), Some("a <b> & c"));
}

#[tokio::test]
async fn numeric_character_references_are_resolved() {
    let read = relation("<ns:name>Caf&#233; &amp; Bar &#x20AC;</ns:name>").await;
    assert_eq!(read.name.as_deref(), Some("Café & Bar €"));
}

#[tokio::test]
async fn booleans_may_be_digits() {
    for (text, value) in [("1", true), ("0", false), ("true", true), (" false ", false)] {
        assert_eq!(relation(&format!("<ns:active>{text}</ns:active>")).await.active, Some(value));
    }
}

#[tokio::test]
async fn an_empty_element_is_no_number() {
    let read = relation("<ns:points/><ns:categoryId></ns:categoryId>").await;
    assert_eq!((read.points, read.category_id), (None, None));
}

#[tokio::test]
async fn a_number_may_have_a_plus_and_white_space_around_it() {
    let read = relation("<ns:points> +5\n</ns:points><ns:categoryId>\t-7 </ns:categoryId>").await;
    assert_eq!((read.points, read.category_id), (Some(5), Some(-7)));
}

#[tokio::test]
async fn a_number_outside_its_range_is_an_error() {
    let error = error(http(200, &[], relations(&["<ns:categoryId>2147483648</ns:categoryId>"]))).await;
    assert!(matches!(problem(&error), DecodeProblem::InvalidValue { .. }), "{error}");
}

#[tokio::test]
async fn letters_in_a_number_are_an_error_that_says_where() {
    let body = relations(&["<ns:points>1</ns:points>", "<ns:points>many</ns:points>"]);
    let error = error(http(200, &[], body)).await;
    assert!(matches!(problem(&error), DecodeProblem::InvalidValue { found, .. } if found == "many"));
    assert!(error.to_string().contains("GetRelationsResponse/relationList/relation[1]/points"), "{error}");
}

#[tokio::test]
async fn an_unknown_structure_keeps_its_names_to_itself() {
    let read = relation(
        "<ns:relationNumber>1</ns:relationNumber><ns:new><ns:relationNumber>2</ns:relationNumber></ns:new>",
    )
    .await;
    assert_eq!(read.relation_number, Some(1));
}

#[tokio::test]
async fn an_element_of_another_namespace_is_not_ours() {
    let read = relation("<o:name>theirs</o:name><ns:name>ours</ns:name><o:points>3</o:points>").await;
    assert_eq!((read.name.as_deref(), read.points), (Some("ours"), None));
}

#[tokio::test]
async fn any_prefix_is_read_as_long_as_its_namespace_is_ours() {
    let bodies = [
        r#"<GetRelationsResponse xmlns="urn:mplusqapi"><relationList><relation><name>Jo</name></relation></relationList></GetRelationsResponse>"#,
        r#"<q:GetRelationsResponse xmlns:q="urn:mplusqapi"><q:relationList><x:relation xmlns:x="urn:mplusqapi"><x:name>Jo</x:name></x:relation></q:relationList></q:GetRelationsResponse>"#,
    ];
    for body in bodies {
        let server = Server::answering(http(200, &[], envelope(body))).await;
        let answer = server.client().get_relations(GetRelationsRequest::default()).await.expect("readable");
        assert_eq!(answer.relation_list[0].name.as_deref(), Some("Jo"));
    }
}

#[tokio::test]
async fn the_offset_of_a_time_decides_the_instant() {
    let read = relation(concat!(
        "<ns:changeTimestamp><ns:sec>5</ns:sec><ns:min>30</ns:min><ns:hour>18</ns:hour><ns:day>1</ns:day>",
        "<ns:mon>7</ns:mon><ns:year>2026</ns:year><ns:isdst>false</ns:isdst><ns:timezone>180</ns:timezone>",
        "</ns:changeTimestamp>",
    ))
    .await;
    let told = read.change_timestamp.expect("told").to_instant(AMSTERDAM).expect("an instant");
    let wall_clock = Utc.with_ymd_and_hms(2026, 7, 1, 18, 30, 5).single().expect("a time");
    assert_eq!(told, Some(wall_clock - chrono::TimeDelta::minutes(180)));
}

#[tokio::test]
async fn fractions_of_seconds_and_absent_offsets_are_kept() {
    for (told, offset) in
        [("2026-07-01T18:30:00.123456", None), ("2026-07-01T18:30:00.5+03:00", Some(10_800))]
    {
        let history = format!(
            "<ns:GetOrderHistoryResponse><ns:orderHistoryOrderDetailsList><ns:salesOrderHistory><ns:orderId>1</ns:orderId>\
             <ns:entryTimestamp>{told}</ns:entryTimestamp></ns:salesOrderHistory></ns:orderHistoryOrderDetailsList>\
             </ns:GetOrderHistoryResponse>"
        );
        let server = Server::answering(http(200, &[], envelope(&history))).await;
        let answer =
            server.client().get_order_history(GetOrderHistoryRequest::default()).await.expect("readable");
        let read =
            answer.order_history_order_details_list.sales_order_history[0].entry_timestamp.expect("told");
        let read_offset = read.offset().map(|offset| offset.local_minus_utc());
        assert_eq!((read.to_string().as_str(), read_offset), (told, offset));
    }
}

#[tokio::test]
async fn an_absent_list_and_an_empty_one_are_not_the_same() {
    assert!(!relation("").await.category_ids.is_present());
    assert!(relation("<ns:categoryIds/>").await.category_ids.is_present());
    for (list, sent) in [(List::absent(), false), (List::empty(), true)] {
        let server = Server::start([Step::Close]).await;
        let request = GetStockRequest { branch_numbers: list, ..GetStockRequest::default() };
        server.client().get_stock(request).await.expect_err("hung up");
        assert_eq!(server.requests()[0].contains(":branchNumbers>"), sent);
    }
}

/// What a client sends of a request to create an order with one line of this quantity.
async fn sent(quantity: Decimal) -> String {
    let server = Server::start([Step::Close]).await;
    let data = Some(LineData { quantity, ..LineData::default() });
    let line = Line { article_number: 7, data, ..Line::default() };
    let order = Order { line_list: [line].into_iter().collect(), ..Order::default() };
    let request = CreateOrderV3Request { order, ..CreateOrderV3Request::default() };
    server.client().create_order_v3(request).await.expect_err("hung up");
    server.requests().remove(0)
}

#[tokio::test]
async fn decimal_places_are_those_of_the_quantity_and_none_is_invented() {
    let whole = sent(Decimal::from(3)).await;
    assert!(whole.contains(":quantity>3<") && whole.contains(":decimalPlaces>0<"), "{whole}");
    let part = sent(Decimal::new(530, 3)).await;
    assert!(part.contains(":quantity>530<") && part.contains(":decimalPlaces>3<"), "{part}");
}

#[tokio::test]
async fn a_quantity_without_decimal_places_is_a_whole_one() {
    let stock = "<ns:GetStockResponse><ns:articleStocks><ns:amountFree>125</ns:amountFree></ns:articleStocks></ns:GetStockResponse>";
    let server = Server::answering(http(200, &[], envelope(stock))).await;
    let answer = server.client().get_stock(GetStockRequest::default()).await.expect("readable");
    assert_eq!(answer.article_stocks[0].amount_free, Decimal::from(125));
}

const FAULT: &str =
    "<S:Fault><faultcode>S:Client.Authentication</faultcode><faultstring>no</faultstring></S:Fault>";

#[tokio::test]
async fn a_fault_is_typed_whatever_the_status() {
    for status in [200, 400, 500] {
        let error = error(http(status, &[], envelope(FAULT))).await;
        let fault = error.fault().expect("a fault");
        assert_eq!((fault.code.as_str(), fault.message.as_str()), ("Client.Authentication", "no"));
        assert!(error.is_authentication() && !error.may_have_been_processed(), "{error}");
    }
}

#[tokio::test]
async fn a_soap_1_2_fault_is_typed() {
    let body = concat!(
        r#"<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body><e:Fault>"#,
        r#"<e:Code><e:Value>e:Receiver</e:Value></e:Code><e:Reason><e:Text xml:lang="en">busy</e:Text></e:Reason>"#,
        r#"</e:Fault></e:Body></e:Envelope>"#,
    );
    let error = error(http(500, &[], body)).await;
    let fault = error.fault().expect("a fault");
    assert_eq!((fault.version, fault.message.as_str()), (SoapVersion::V1_2, "busy"));
    assert!(fault.is_server());
}

#[tokio::test]
async fn an_empty_body_and_a_page_are_typed_errors() {
    for (body, says) in [("", "empty body"), ("<!DOCTYPE html><html><body>Hi</body></html>", "HTML page")] {
        let error = error(http(200, &[], body)).await;
        assert!(matches!(problem(&error), DecodeProblem::UnexpectedDocument(what) if what.contains(says)));
    }
    let error = error(http(502, &[], "<html>Bad gateway</html>")).await;
    assert!(matches!(error.kind(), ErrorKind::Http { status: 502 }), "{error}");
}

#[tokio::test]
async fn another_operations_response_is_an_error_that_names_it() {
    let error = error(http(200, &[], envelope("<ns:GetOrdersResponse/>"))).await;
    assert!(
        matches!(problem(&error), DecodeProblem::UnexpectedDocument(what) if what.contains("GetOrdersResponse"))
    );
}

#[tokio::test]
async fn no_error_tells_the_credentials() {
    let quoted = "<S:Fault><faultcode>S:Client</faultcode><faultstring>refused ?ident=the-ident&amp;secret=the-secret%2F%26</faultstring></S:Fault>";
    let answers = [
        http(500, &[], ""),
        http(503, &[], "down"),
        http(302, &["Location: http://127.0.0.1:1/?ident=the-ident"], ""),
        http(500, &[], envelope(quoted)),
        b"HTTP/1.1 2".to_vec(),
        b"nonsense\r\n\r\n".to_vec(),
        Vec::new(),
    ];
    for answer in answers {
        let error = error(answer).await;
        let mut told = format!("{error} {error:?}");
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            told.push_str(&format!(" {cause} {cause:?}"));
            source = cause.source();
        }
        assert!(!leaks(&told), "{told}");
    }
}

#[tokio::test]
async fn reads_are_repeated_and_writes_are_not() {
    let fault = || {
        let busy = "<S:Fault><faultcode>S:Server</faultcode><faultstring>busy</faultstring></S:Fault>";
        Step::Send(http(500, &[], envelope(busy)))
    };
    let server = Server::start([fault(), fault(), Step::Send(http(200, &[], relations(&[])))]).await;
    let client = server.client_builder().retry(quick_retries(4)).build();
    let reply = client.get_relations(GetRelationsRequest::default()).reply().await.expect("at last");
    assert_eq!(reply.attempts, 3);

    let server = Server::start([fault(), fault()]).await;
    let client = server.client_builder().retry(quick_retries(4)).build();
    let error = client.set_stock(SetStockRequest::default()).await.expect_err("once");
    assert!(error.attempts() == 1 && error.may_have_been_processed(), "{error}");
}

#[tokio::test]
async fn an_idempotent_write_keeps_its_key_over_all_attempts() {
    let server = Server::start([Step::Close, Step::Close, Step::Close]).await;
    let client = server.client_builder().retry(quick_retries(3)).build();
    let error = client.create_order_v3(CreateOrderV3Request::default()).await.expect_err("hung up");
    assert_eq!(error.attempts(), 3);
    let requests = server.requests();
    let keys: Vec<&str> = requests
        .iter()
        .map(|request| {
            request.split(":idempotencyKey>").nth(1).expect("a key").split('<').next().expect("text")
        })
        .collect();
    assert!(keys.len() == 3 && keys.iter().all(|key| key.len() == 36 && *key == keys[0]), "{keys:?}");
    let id =
        |request: &String| request.lines().find(|line| line.starts_with("x-request-id")).map(str::to_owned);
    assert_ne!(id(&requests[0]), id(&requests[1]), "every attempt has a request id of its own");
}

#[tokio::test]
async fn a_server_that_asks_to_be_left_alone_is() {
    let in_seconds = vec!["Retry-After: 3600"];
    let as_date = vec!["Date: Wed, 21 Oct 2026 07:28:00 GMT", "Retry-After: Wed, 21 Oct 2026 08:28:00 GMT"];
    for headers in [in_seconds, as_date] {
        let server = Server::start([Step::Send(http(429, &headers, ""))]).await;
        let client: Client = server.client_builder().retry(quick_retries(5)).build();
        let error =
            client.get_relations(GetRelationsRequest::default()).await.expect_err("an hour is too long");
        assert_eq!((server.requests().len(), error.attempts()), (1, 1));
        assert!(error.to_string().contains("no time left"), "{error}");
    }
}

#[tokio::test]
async fn one_call_may_be_tried_more_often_than_the_others() {
    let busy = || Step::Send(http(503, &[], ""));
    let server = Server::start([busy(), busy(), Step::Send(http(200, &[], relations(&[])))]).await;
    let client = server.client();
    let call = client.get_relations(GetRelationsRequest::default()).retry(quick_retries(3));
    assert_eq!(call.reply().await.expect("at last").attempts, 3);
}

#[tokio::test]
async fn a_change_of_case_in_the_responses_name_is_forgiven() {
    let body = envelope("<ns:getRelationsResponse><ns:relationList/></ns:getRelationsResponse>");
    let server = Server::answering(http(200, &[], body)).await;
    assert!(server.client().get_relations(GetRelationsRequest::default()).await.is_ok());
}
