//! What documents mean: characters, numbers, references, results, and what is missing in a request.

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use mplus_qapi::{
    Client, Credentials, Endpoint, Error, ErrorKind, RetryPolicy, TokioRuntime, Transport,
    bookkeeping::GetJournals,
    orders::{CancelOrderV2, CancelOrderV2Request, CreateOrderV3Request, GetOrdersRequest},
    preparation::GetPreparationMethodGroupsRequest,
    products::{CreateProduct, GetProductsRequest, Product, UpdateProduct},
    relations::{GetRelation, GetRelationsRequest, SetRelationPresenceResponse},
    soap::{DecodeProblem, Outcome as _, OutcomeKind},
    table_orders::{PlaceTableOrderReq, TableOrderIdentifierElem},
    transport::{Body, Request, TransportError},
    types::{Line, LineData, Order, Payment},
    value::Decimal,
};

/// Answers every request with the same bytes.
#[derive(Debug)]
struct Answers(Bytes);

#[async_trait::async_trait]
impl Transport for Answers {
    async fn send(&self, _: Request) -> Result<http::Response<Body>, TransportError> {
        let document = self.0.clone();
        let pieces = (0..document.len()).step_by(50);
        let pieces = pieces.map(move |at| Ok(document.slice(at..(at + 50).min(document.len()))));
        Ok(http::Response::new(Body::from_stream(stream::iter(pieces))))
    }
}

fn client(document: impl Into<Bytes>) -> Client {
    let endpoint = Endpoint::from_url("https://pos.invalid/").unwrap();
    Client::builder(endpoint, Credentials::new("ident", "secret"), Answers(document.into()), TokioRuntime)
        .retry(RetryPolicy::none())
        .build()
}

fn envelope(body: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:ns="urn:mplusqapi" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><s:Body>{body}</s:Body></s:Envelope>"#
    )
}

fn products(product: &str) -> String {
    let list = format!("<ns:productList><ns:product>{product}</ns:product></ns:productList>");
    envelope(&format!("<ns:GetProductsResponse>{list}</ns:GetProductsResponse>"))
}

/// The one product of a document, read whole and in pieces: both say the same.
async fn product(document: impl Into<Bytes>) -> Result<Product, String> {
    let client = client(document);
    let whole = client.get_products(GetProductsRequest::default()).await;
    let streamed = client.stream_products(GetProductsRequest::default()).next().await.unwrap();
    let problem = |error: Error| match error.kind() {
        ErrorKind::Response(error) => error.to_string(),
        other => panic!("{other}"),
    };
    let whole = whole.map(|whole| whole.product_list[0].clone()).map_err(problem);
    assert_eq!(whole, streamed.map_err(problem));
    whole
}

async fn description(text: &str) -> Option<String> {
    product(products(&format!("<ns:description>{text}</ns:description>"))).await.unwrap().description
}

#[tokio::test]
async fn a_character_that_xml_cannot_hold_becomes_a_sign_and_is_reported() {
    for text in [
        "Koffie &#x1B;verkeerd",
        "Koffie \u{1b}verkeerd",
        "Koffie &#xD800;verkeerd",
        "Koffie &#x110000;verkeerd",
    ] {
        assert_eq!(description(text).await.as_deref(), Some("Koffie \u{fffd}verkeerd"), "{text}");
        let document = products(&format!("<ns:description>{text}</ns:description>"));
        let reply =
            client(document.clone()).get_products(GetProductsRequest::default()).reply().await.unwrap();
        assert_eq!(reply.replaced, ["GetProductsResponse/productList/product[0]/description"]);
        let strict = client(document).get_products(GetProductsRequest::default()).strict(true).await;
        assert!(strict.unwrap_err().to_string().contains("malformed"), "{text}");
    }
    assert_eq!(
        description("&#xD83C;&#xDF7A; &#55356;&#57210;").await.as_deref(),
        Some("\u{1f37a} \u{1f37a}")
    );
}

#[tokio::test]
async fn an_integer_may_have_zeros_behind_a_point_and_nothing_else() {
    let read = |number: &str| product(products(&format!("<ns:productNumber>{number}</ns:productNumber>")));
    assert_eq!(read("21.00").await.unwrap().product_number, Some(21));
    for number in ["21.50", "21.", ".00", "21.0a", "21,00"] {
        assert!(read(number).await.unwrap_err().contains("product[0]/productNumber"), "{number}");
    }
}

#[tokio::test]
async fn content_that_stands_elsewhere_is_not_taken_as_empty() {
    for product_content in [
        r##"<ns:articleList><ns:article href="#_1"/></ns:articleList>"##,
        r##"<ns:articleList><ns:article ref="#_1"/></ns:articleList>"##,
        r##"<ns:articleList href="#_1"/>"##,
        r##"<ns:description href="#_1"/>"##,
        r##"<ns:description><x:Include xmlns:x="u" href="cid:1"/></ns:description>"##,
    ] {
        let problem = product(products(product_content)).await.unwrap_err();
        assert!(problem.contains("stand elsewhere"), "{problem} for {product_content}");
    }
    // What nobody reads may be anywhere.
    assert!(product(products(r##"<ns:later href="#_1"/>"##)).await.is_ok());
}

#[tokio::test]
async fn documents_in_latin_1_and_windows_1252_are_read() {
    for (encoding, byte, expected) in [
        ("ISO-8859-1", 0xe9, "Caf\u{e9}"),
        ("windows-1252", 0x80, "Caf\u{20ac}"),
        ("iso-8859-15", 0xa4, "Caf\u{20ac}"),
    ] {
        let text = products("<ns:description>Caf#</ns:description>").replace("UTF-8", encoding);
        let bytes: Vec<u8> = text.bytes().map(|at| if at == b'#' { byte } else { at }).collect();
        assert_eq!(product(bytes).await.unwrap().description.as_deref(), Some(expected), "{encoding}");
    }
    let utf_16 = products("<ns:description>Caf\u{e9}</ns:description>").replace("UTF-8", "UTF-16");
    let bytes: Vec<u8> = format!("\u{feff}{utf_16}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(product(bytes).await.unwrap().description.as_deref(), Some("Caf\u{e9}"));
}

#[tokio::test]
async fn what_is_not_well_formed_is_an_error_in_what_is_passed_over_too() {
    for inside in ["&", "& b", "&#+65;", "&nbsp;", "<a b='1' b='2'/>", "<a b/>", "<a></b>", "<a b='<'/>"] {
        let problem = product(products(&format!("<ns:later>{inside}</ns:later>"))).await.unwrap_err();
        assert!(problem.contains("malformed"), "{problem} for {inside}");
    }
    let twice = r#"<ns:description xsi:nil="true" x:nil="true" xmlns:x="http://www.w3.org/2001/XMLSchema-instance"/>"#;
    for twice in [twice, r#"<ns:description xsi:nil="true" xsi:nil="false"/>"#] {
        assert!(product(products(twice)).await.unwrap_err().contains("twice"), "{twice}");
    }
}

#[tokio::test]
async fn what_follows_an_empty_element_is_not_taken_into_it() {
    let read =
        product(products("<ns:articleList/><ns:article><ns:articleNumber>1</ns:articleNumber></ns:article>"));
    assert!(read.await.unwrap().article_list.is_empty());
}

#[tokio::test]
async fn texts_of_the_other_side_are_cut_where_they_are_read() {
    let long = "x".repeat(1 << 20);
    let fault = format!(
        "<s:Fault><faultcode>s:Server.{long}</faultcode><faultstring>{long}</faultstring><faultactor>{long}</faultactor><detail><a>{long}</a> &amp; b</detail></s:Fault>"
    );
    let error = client(envelope(&fault)).get_products(GetProductsRequest::default()).await.unwrap_err();
    let fault = error.fault().unwrap();
    let texts = [&fault.code, &fault.message, fault.actor.as_ref().unwrap(), fault.detail.as_ref().unwrap()];
    assert!(texts.iter().all(|text| text.len() <= 4096 && text.len() > 4000), "{}", error.to_string().len());
    for body in [format!("<ns:{long}/>"), format!("<ns:{}/>", &long[..1000]), format!("<s:Fault></{long}>")] {
        let error = client(envelope(&body)).get_products(GetProductsRequest::default()).await.unwrap_err();
        assert!(error.to_string().len() < 500, "{}", error.to_string().len());
    }
}

#[tokio::test]
async fn a_budget_keeps_what_is_decoded_small() {
    let articles = format!("<ns:articleList>{}</ns:articleList>", "<ns:article/>".repeat(100_000));
    let client = client(products(&articles));
    let whole = client.get_products(GetProductsRequest::default()).await.map(drop);
    let streamed = client.stream_products(GetProductsRequest::default()).next().await.unwrap().map(drop);
    for error in [whole.unwrap_err(), streamed.unwrap_err()] {
        let ErrorKind::Response(error) = error.kind() else { panic!("{error}") };
        assert!(matches!(error.problem(), DecodeProblem::TooLarge { .. }), "{error}");
    }
}

#[tokio::test]
async fn the_service_says_in_one_way_that_it_does_not_know_an_operation() {
    let unknown = async |code: &str, text: &str| {
        let fault =
            format!("<s:Fault><faultcode>s:{code}</faultcode><faultstring>{text}</faultstring></s:Fault>");
        let answer = client(envelope(&fault)).get_products(GetProductsRequest::default()).await;
        answer.unwrap_err().is_unknown_operation()
    };
    for text in [
        "Method 'ns1:getProducts' not implemented: method name or namespace not recognized",
        "Method 'getProducts' not implemented: method name or namespace not recognized",
        "Method 'ns1:getProducts' not implemented",
    ] {
        assert!(unknown("Client", text).await, "{text}");
        assert!(!unknown("Server", text).await, "{text}");
    }
    for text in [
        "Method 'ns1:getProductsV2' not implemented: method name or namespace not recognized",
        "The article is not recognized",
        "unknown operation",
        "Payment method 'getProducts' not implemented",
        "",
    ] {
        assert!(!unknown("Client", text).await, "{text}");
    }
}

async fn cancelled(result: &str) -> Result<(), mplus_qapi::soap::OutcomeError> {
    let request = CancelOrderV2Request { order_id: "1".into(), ..Default::default() };
    let answer = format!("<ns:CancelOrderResponse>{result}</ns:CancelOrderResponse>");
    let answer = client(envelope(&answer)).cancel_order_v2(CancelOrderV2 { request }).await.unwrap();
    answer.into_result().map(drop)
}

#[tokio::test]
async fn a_result_that_is_absent_or_unknown_is_no_refusal() {
    let result = |text: &str| format!("<ns:result>CANCEL-ORDER-RESULT-{text}</ns:result>");
    assert_eq!(cancelled(&result("OK")).await, Ok(()));
    for (answer, kind) in [
        (result("FAILED"), OutcomeKind::Refused),
        // The order is live again: what was asked for was not done.
        (result("UNDO-CANCEL-OK"), OutcomeKind::Refused),
        // It may have been by an earlier call.
        (result("ALREADY-CANCELLED"), OutcomeKind::Open),
        (result("NOT-BEFORE-NOON"), OutcomeKind::Unknown),
        (String::new(), OutcomeKind::Absent),
        ("<ns:result/>".to_owned(), OutcomeKind::Absent),
    ] {
        let error = cancelled(&answer).await.unwrap_err();
        assert_eq!((error.kind, error.is_refusal()), (kind, kind == OutcomeKind::Refused), "{answer}");
        assert_eq!(Error::from(error).may_have_been_processed(), kind != OutcomeKind::Refused, "{answer}");
    }
}

#[tokio::test]
async fn an_article_number_that_is_taken_may_be_of_an_earlier_creation_but_of_no_earlier_update() {
    let taken = "FAILED-ARTICLE-NUMBER-ALREADY-TAKEN";
    let answer = |of: &str| {
        let result = format!("<ns:result>{}-PRODUCT-RESULT-{taken}</ns:result>", of.to_uppercase());
        client(envelope(&format!("<ns:{of}ProductResponse>{result}</ns:{of}ProductResponse>")))
    };
    let created = answer("Create").create_product(CreateProduct::default()).await.unwrap();
    assert_eq!(created.into_result().unwrap_err().kind, OutcomeKind::Open);
    let updated = answer("Update").update_product(UpdateProduct::default()).await.unwrap();
    assert_eq!(updated.into_result().unwrap_err().kind, OutcomeKind::Refused);
}

#[tokio::test]
async fn a_refusal_that_may_have_done_a_part_promises_nothing() {
    let placed = async |result: &str| {
        let answer = format!(
            "<ns:PlaceTableOrderResp><ns:result>PLACE-TABLE-ORDER-RESULT-{result}</ns:result><ns:linesResult>LINES-RESULT-ORDER-UPDATED</ns:linesResult></ns:PlaceTableOrderResp>"
        );
        let table = TableOrderIdentifierElem { branch_number: 1, table_number: 12, ..Default::default() };
        let request = PlaceTableOrderReq { table_order_identifier: table, ..Default::default() };
        let answer = client(envelope(&answer)).place_table_order(request).await.unwrap();
        Error::from(answer.outcome().unwrap_err())
    };
    assert!(placed("PAYMENTS-FAILED").await.may_have_been_processed());
    assert!(!placed("IDENTIFIER-FAILED").await.may_have_been_processed());
}

#[test]
fn a_result_with_ok_in_its_midst_is_one() {
    let result = "SET-RELATION-PRESENCE-RESULT-OK-RELATION-HAS-OUTSTANDING-BALANCE".into();
    assert!(SetRelationPresenceResponse { result, ..Default::default() }.into_result().is_ok());
}

/// Groups under this result, read as pages and as a stream: how each ended.
async fn groups(answer: &str) -> [Result<usize, Error>; 2] {
    let client = client(envelope(&format!(
        "<ns:GetPreparationMethodGroupsResponse>{answer}</ns:GetPreparationMethodGroupsResponse>"
    )));
    let request = GetPreparationMethodGroupsRequest::default;
    let mut pages = client.get_preparation_method_groups(request()).changes_since(0, 10);
    let page = pages.next().await.transpose().map(|page| page.map_or(0, |page| page.items.len()));
    let items = client.stream_preparation_method_groups(request()).try_collect::<Vec<_>>().await;
    [page, items.map(|items| items.len())]
}

#[tokio::test]
async fn a_list_that_was_refused_is_not_taken_for_an_empty_one() {
    let result = |text: &str| format!("<ns:result>GET-PREPARATION-METHOD-GROUPS-RESULT-{text}</ns:result>");
    let group = "<ns:preparationMethodGroup><ns:syncMarker>7</ns:syncMarker></ns:preparationMethodGroup>";
    let list =
        |groups: &str| format!("<ns:preparationMethodGroupList>{groups}</ns:preparationMethodGroupList>");
    for refused in
        [result("FAILED"), result("FAILED") + &list(""), list(group) + &result("FAILED"), result("CLOSED")]
    {
        for ending in groups(&refused).await {
            let error = ending.expect_err(&refused);
            assert!(matches!(error.kind(), ErrorKind::Outcome(_)) && !error.is_transient(), "{error}");
        }
    }
    for answered in [result("OK") + &list(group), list(group) + &result("OK"), list(group)] {
        assert_eq!(groups(&answered).await.map(Result::unwrap), [1, 1], "{answered}");
    }
    // Older services do not say it.
    assert_eq!(groups("").await.map(Result::unwrap), [0, 0]);
}

#[tokio::test]
async fn a_date_that_was_left_unset_is_an_error_before_anything_is_sent() {
    let error = client(Bytes::new()).call(GetJournals::default()).await.unwrap_err();
    let ErrorKind::Request(problem) = error.kind() else { panic!("{error}") };
    assert!(problem.path().ends_with("fromFinancialDate"), "{error}");
}

#[tokio::test]
async fn text_that_declares_the_form_that_it_had_in_memory_is_read() {
    let document = products("<ns:description>Caf\u{e9}</ns:description>").replace("UTF-8", "utf-16");
    assert_eq!(product(document).await.unwrap().description.as_deref(), Some("Caf\u{e9}"));
}

#[tokio::test]
async fn a_sign_that_a_document_holds_by_right_is_no_error_in_strict_mode() {
    let document =
        products("<ns:productNumber>1</ns:productNumber><ns:description>a\u{fffd}b</ns:description>");
    let call = client(document).get_products(GetProductsRequest::default()).strict(true);
    let said = call.await.map(|read| read.product_list[0].description.clone());
    assert!(said.is_ok_and(|said| said.as_deref() == Some("a\u{fffd}b")));
}

#[tokio::test]
async fn what_grows_when_it_is_decoded_is_bounded_the_same_whole_and_in_pieces() {
    let text = products(&format!("<ns:description>{}</ns:description>", "#".repeat(3000)));
    let text = text.replace("UTF-8", "ISO-8859-1");
    let document: Vec<u8> = text.bytes().map(|byte| if byte == b'#' { 0xe9 } else { byte }).collect();
    let endpoint = Endpoint::from_url("https://pos.invalid/").unwrap();
    let client = Client::builder(
        endpoint,
        Credentials::new("ident", "secret"),
        Answers(document.into()),
        TokioRuntime,
    )
    .buffered_limit(4000)
    .build();
    let whole = client.get_products(GetProductsRequest::default()).await.map(drop);
    let streamed = client.stream_products(GetProductsRequest::default()).next().await.unwrap().map(drop);
    for error in [whole.unwrap_err(), streamed.unwrap_err()] {
        let ErrorKind::Response(error) = error.kind() else { panic!("{error}") };
        assert_eq!(*error.problem(), DecodeProblem::TooLarge { limit: 4000 });
    }
}

fn order(prices: &[&str], payments: Vec<Payment>) -> CreateOrderV3Request {
    let line = |price: &&str| Line {
        article_number: 7,
        data: Some(LineData {
            price: Some(price.parse().unwrap()),
            quantity: Decimal::ONE,
            ..Default::default()
        }),
        ..Default::default()
    };
    let line_list: Vec<Line> = prices.iter().map(line).collect();
    let order = Order { line_list: line_list.into(), ..Default::default() };
    CreateOrderV3Request { order, payment_list: payments.into(), ..Default::default() }
}

#[tokio::test]
async fn what_is_required_and_unset_is_an_error_before_anything_is_sent() {
    let client = client(envelope("<ns:CreateOrderV3Response/>"));
    let path = |error: Error| match error.kind() {
        ErrorKind::Request(problem) => problem.path().to_owned(),
        other => panic!("{other}"),
    };
    let without_method = Payment { amount: Decimal::ONE, ..Default::default() };
    let paid = order(&["1.00"], vec![Payment { method: "CASH".into(), ..without_method.clone() }]);
    assert!(client.create_order_v3(paid).await.is_ok());
    let unpaid = client.create_order_v3(order(&["1.00"], vec![without_method])).await;
    assert!(path(unpaid.unwrap_err()).ends_with("payment[0]/method"));
    let stranger = client.get_relation(GetRelation::default()).await.unwrap_err();
    assert!(path(stranger).ends_with("relationNumber"));
    let nobody = client.cancel_order_v2(CancelOrderV2::default()).await.unwrap_err();
    assert!(path(nobody).ends_with("orderId"));
}

#[tokio::test]
async fn an_encode_error_names_the_line() {
    let client = client(envelope("<ns:CreateOrderV3Response/>"));
    let error = client.create_order_v3(order(&["1.00", "2.00", "9.955"], vec![])).await.unwrap_err();
    assert!(error.to_string().contains("line[2]/data/price"), "{error}");
}

#[tokio::test]
async fn a_page_larger_than_its_limit_is_an_error_as_soon_as_it_is() {
    let relation = "<ns:relation><ns:syncMarker>5</ns:syncMarker></ns:relation>";
    let page = |count| {
        let list = format!("<ns:relationList>{}</ns:relationList>", relation.repeat(count));
        client(envelope(&format!("<ns:GetRelationsResponse>{list}</ns:GetRelationsResponse>")))
    };
    let mut pages = page(3).get_relations(GetRelationsRequest::default()).changes_since(1, 3);
    assert_eq!(pages.next().await.unwrap().unwrap().items.len(), 3);
    let mut pages = page(4).get_relations(GetRelationsRequest::default()).changes_since(1, 3);
    assert!(matches!(pages.next().await.unwrap().unwrap_err().kind(), ErrorKind::Paging(_)));
}

#[tokio::test]
async fn a_name_that_is_one_word_is_no_longer_than_any() {
    let answer = format!("<ns:result>{}</ns:result>", "x".repeat(100_000));
    let answer = format!("<ns:CancelOrderResponse>{answer}</ns:CancelOrderResponse>");
    let request = CancelOrderV2Request { order_id: "1".into(), ..Default::default() };
    let error = client(envelope(&answer)).cancel_order_v2(CancelOrderV2 { request }).await.unwrap_err();
    let ErrorKind::Response(error) = error.kind() else { panic!("{error}") };
    assert!(matches!(error.problem(), DecodeProblem::TooMuch { .. }), "{error}");
}

#[tokio::test]
async fn a_value_whose_number_of_decimals_cannot_be_read_is_left_out_with_it() {
    let scales = ["<ns:decimalPlaces>two</ns:decimalPlaces>", "<ns:decimalPlaces>29</ns:decimalPlaces>"];
    let quantity = "<ns:quantity>1500</ns:quantity>";
    for scale in scales {
        for data in [format!("{quantity}{scale}"), format!("{scale}{quantity}")] {
            let order = format!(
                "<ns:order><ns:orderId>1</ns:orderId><ns:syncMarker>5</ns:syncMarker><ns:lineList><ns:line><ns:data>{data}</ns:data></ns:line></ns:lineList></ns:order>"
            );
            let orders =
                format!("<ns:GetOrdersResponse><ns:orderList>{order}</ns:orderList></ns:GetOrdersResponse>");
            let call = client(envelope(&orders)).get_orders(GetOrdersRequest::default());
            let page = call.leaving_out_unreadable(true).changes_since(1, 9).next().await.unwrap().unwrap();
            let read = page.items[0].line_list[0].data.as_ref().unwrap();
            assert_eq!(read.quantity, Decimal::ZERO, "{data}");
            assert!(
                page.unreadable[0].error().path().ends_with("line[0]/data/quantity"),
                "{:?}",
                page.unreadable
            );

            let whole = client(envelope(&orders)).get_orders(GetOrdersRequest::default()).await.unwrap_err();
            assert!(whole.to_string().contains("decimalPlaces"), "{whole}");
        }
    }
}
