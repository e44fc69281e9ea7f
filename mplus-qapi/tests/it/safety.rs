//! Credentials stay with the POS: addresses, redirects, proxies, certificates, and what the other side quotes.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use futures_util::StreamExt as _;
use mplus_qapi::{
    Capture, CapturedMessage, Client, Credentials, Endpoint, Error, ErrorKind, RetryPolicy, TokioRuntime,
    Transport,
    orders::CreateOrderV3Request,
    products::GetProductsRequest,
    relations::GetRelationsRequest,
    soap::Outcome as _,
    stock::SetStockRequest,
    transport::{Body, Pinning, Request, ReqwestTransport, Roots, TransportError, TransportErrorKind},
};

use crate::server::{Server, Step, credentials, envelope, http, relations, stock_set};

/// Whether a text holds the credentials in a spelling that a person would recognise.
fn leaks(text: &str) -> bool {
    let text = text.to_lowercase();
    ["the-ident", "the-secret", "%74%68%65", "dghllxnly3jl"].iter().any(|part| text.contains(part))
}

fn shown(error: &Error) -> String {
    let mut text = format!("{error} {error:?}");
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        text += &format!(" {next} {next:?}");
        cause = next.source();
    }
    text
}

#[tokio::test]
async fn a_redirect_is_no_answer_and_no_promise() {
    let elsewhere = Server::answering(http(200, &[], stock_set())).await;
    for status in [301, 302, 303, 307, 308] {
        let location = format!("Location: http://{}/", elsewhere.address());
        let server = Server::answering(http(status, &[&location], "")).await;
        let error = server.client().set_stock(SetStockRequest::default()).await.expect_err("no answer");
        assert!(matches!(error.kind(), ErrorKind::Http { status: told } if *told == status), "{error}");
        assert!(error.may_have_been_processed() && error.to_string().contains("redirect"), "{error}");
    }
    assert!(elsewhere.requests().is_empty(), "nothing was carried elsewhere");
}

#[tokio::test]
async fn plain_http_to_this_machine_goes_through_no_proxy() {
    let proxy = Server::answering(http(200, &[], stock_set())).await;
    let server = Server::answering(http(200, &[], stock_set())).await;
    let transport = ReqwestTransport::builder().proxy(format!("http://{}", proxy.address())).build();
    let endpoint = Endpoint::from_url(&format!("http://{}/", server.address())).expect("valid");
    let client = Client::builder(endpoint, credentials(), transport.expect("a client"), TokioRuntime).build();
    client.set_stock(SetStockRequest::default()).await.expect("directly");
    assert!(proxy.requests().is_empty() && server.requests().len() == 1);
}

#[tokio::test]
async fn a_host_says_who_it_is_behind_the_crates_name() {
    let server = Server::answering(http(200, &[], stock_set())).await;
    let transport = ReqwestTransport::builder().user_agent_suffix("shop/3.2").no_proxy().build();
    let endpoint = Endpoint::from_url(&format!("http://{}/", server.address())).expect("valid");
    let client = Client::builder(endpoint, credentials(), transport.expect("a client"), TokioRuntime).build();
    client.set_stock(SetStockRequest::default()).await.expect("answered");
    let request = server.requests().remove(0).to_lowercase();
    let expected = format!("user-agent: mplus-qapi/{} shop/3.2\r\n", env!("CARGO_PKG_VERSION"));
    assert!(request.contains(&expected) && !request.contains("referer"), "{request}");
    for suffix in ["", "a\r\nb: c", "café"] {
        assert!(ReqwestTransport::builder().user_agent_suffix(suffix).build().is_err(), "{suffix}");
    }
}

#[test]
fn settings_that_cannot_be_used_are_told_when_the_transport_is_built() {
    let builder = ReqwestTransport::builder;
    for (refused, expected) in [
        (builder().add_root_certificates("no certificate").build(), "root certificates are not PEM"),
        (builder().roots(Roots::None).build(), "nobody's certificates are trusted"),
        (builder().client_certificate("open sesame").build(), "client certificate are not PEM"),
        // It would be passed over, and the server be reached without it.
        (builder().proxy("ftp://me:sesame@proxy.example:21").build(), "proxy's URL"),
        (builder().proxy("sock5://me:sesame@proxy.example").build(), "proxy's URL"),
        (builder().proxy("http://me:sesame@:1").build(), "proxy's URL"),
    ] {
        let error = refused.expect_err(expected).to_string();
        assert!(error.contains(expected) && !error.contains("sesame"), "{error}");
    }
    for proxy in ["proxy.example:3128", "HTTP://proxy.example", "socks5h://proxy.example:1080"] {
        builder().proxy(proxy).build().expect(proxy);
    }
    #[cfg(feature = "webpki-roots")]
    builder().roots(Roots::Webpki).build().expect("certificates that are compiled in");
}

#[test]
fn one_error_type_serves_from_the_address_to_the_answer() {
    fn connect(host: &str) -> Result<Client, Error> {
        let endpoint = Endpoint::new(host, 34562)?;
        let pinned = "da39a3ee5e6b4b0d3255bfef95601890afd80709".parse()?;
        let transport = ReqwestTransport::builder().pin_certificates([pinned], Pinning::WithChain).build()?;
        Ok(Client::builder(endpoint, Credentials::new("ident", "secret"), transport, TokioRuntime).build())
    }
    assert!(connect("api.example").is_ok());
    let error = connect("256.1.1.1").expect_err("no address");
    assert!(matches!(error.kind(), ErrorKind::Setup(_)) && !error.may_have_been_processed(), "{error}");
}

#[derive(Debug, Clone, Default)]
struct Captured(Arc<Mutex<String>>);

impl Capture for Captured {
    fn capture(&self, message: &CapturedMessage<'_>) {
        self.0.lock().expect("whole").push_str(message.body);
    }
}

/// All the ways in which a server can quote what it was sent.
fn quotes() -> Vec<String> {
    let query = "ident=the-ident&amp;secret=the-secret%2F%26";
    let base64 = base64::engine::general_purpose::STANDARD.encode("the-ident:the-secret/&");
    [
        query.to_owned(),
        query.replace("%2F%26", "%2f%26").to_uppercase().replace("&AMP;", "&amp;"),
        "the-ident / the-secret/&amp;".to_owned(),
        "%74%68%65-ident and %74%68e-secret%2f%26".to_owned(),
        r"the\u002dident the\u002dsecret\/\u0026".to_owned(),
        "&amp;#116;he-ident &#116;he-secre&#x74;/&#38;".to_owned(),
        format!("Basic {base64}"),
    ]
    .into()
}

#[tokio::test]
async fn what_the_other_side_quotes_is_erased_from_faults_values_names_and_captures() {
    for quote in quotes() {
        let fault = envelope(&format!(
            "<S:Fault><faultcode>S:Server</faultcode><faultstring>you sent {quote}</faultstring><faultactor>{quote}</faultactor><detail>{quote}</detail></S:Fault>"
        ));
        let value = envelope(&format!(
            "<ns:GetProductsResponse><ns:productList><ns:product><ns:productNumber>{quote}</ns:productNumber></ns:product></ns:productList></ns:GetProductsResponse>"
        ));
        let closing =
            "<S:Envelope xmlns:S=\"http://schemas.xmlsoap.org/soap/envelope/\"></the-ident-the-secret/>";
        for body in [fault, value, closing.to_owned(), quote.clone()] {
            let server = Server::start(vec![Step::Send(http(200, &[], &body)); 2]).await;
            let captured = Captured::default();
            let client = server.client_builder().capture(captured.clone()).build();
            let error = client.get_products(GetProductsRequest::default()).await.expect_err("unreadable");
            assert!(!leaks(&shown(&error)), "{}", shown(&error));
            let mut stream = client.stream_products(GetProductsRequest::default());
            let error = stream.next().await.expect("one").expect_err("unreadable");
            assert!(!leaks(&shown(&error)), "{}", shown(&error));
            let captured = captured.0.lock().expect("whole").clone();
            assert!(!leaks(&captured), "{captured}");
        }
    }
}

#[tokio::test]
async fn what_is_left_of_a_secret_where_a_name_is_cut_is_erased() {
    // A long secret of which less than half stands before the cut.
    let secret = "k7Qx".repeat(10);
    let transport = ReqwestTransport::builder().build().expect("a client");
    for left in 4..40 {
        let name = format!("{}{secret}", "x".repeat(61 - left));
        for body in [envelope(&format!("<{name}/>")), envelope(&format!("<ns:GetProductsResponse></{name}>"))]
        {
            let server = Server::answering(http(200, &[], body)).await;
            let endpoint = Endpoint::from_url(&format!("http://{}/", server.address())).expect("valid");
            let credentials = Credentials::new("the-ident", secret.as_str());
            let client = Client::builder(endpoint, credentials, transport.clone(), TokioRuntime).build();
            let call = client.get_products(GetProductsRequest::default()).retry(RetryPolicy::none());
            let text = shown(&call.await.expect_err("unreadable"));
            assert!(text.contains("***") && !text.contains("k7Qx"), "{left}: {text}");
        }
    }
}

#[tokio::test]
async fn what_only_the_debug_of_a_transports_cause_says_is_erased_too() {
    /// As of a library that keeps the request in its errors.
    #[derive(Debug, thiserror::Error)]
    #[error("it broke")]
    struct Broke {
        url: String,
    }

    #[derive(Debug)]
    struct Broken;

    #[async_trait::async_trait]
    impl Transport for Broken {
        async fn send(&self, request: Request) -> Result<http::Response<Body>, TransportError> {
            let cause = Broke { url: request.url().expose().to_owned() };
            Err(TransportError::new(TransportErrorKind::Interrupted, "before the answer").with_source(cause))
        }
    }

    let endpoint = Endpoint::from_url("https://pos.invalid/").expect("valid");
    let client = Client::builder(endpoint, credentials(), Broken, TokioRuntime).build();
    let error = client.set_stock(SetStockRequest::default()).await.expect_err("broken");
    assert!(!leaks(&shown(&error)) && shown(&error).contains("it broke"), "{}", shown(&error));
}

#[tokio::test]
async fn what_an_answers_head_quotes_is_erased() {
    let quote = "Mplus-Service-Version: 67 ident=the-ident&secret=the-secret%2f%26";
    let server = Server::answering(http(200, &[quote], stock_set())).await;
    let reply = server.client().set_stock(SetStockRequest::default()).reply().await.expect("answered");
    assert_eq!(reply.service_version.as_deref(), Some("67 ident=***&secret=***"));
}

#[tokio::test]
async fn endless_texts_of_the_other_side_are_cut() {
    let long = "LONG ".repeat(1 << 20);
    let fault = |code: &str, text: &str| {
        envelope(&format!(
            "<S:Fault><faultcode>{code}</faultcode><faultstring>{text}</faultstring><detail>{text}</detail></S:Fault>"
        ))
    };
    let name = "A".repeat(4 << 20);
    for body in [
        fault("S:Server", &long),
        fault(&format!("S:{name}"), "x"),
        envelope(&format!("<{name}/>")),
        format!("<?xml version=\"1.0\" encoding=\"{name}\"?><x/>"),
        format!("<{name}></x>"),
    ] {
        let server = Server::answering(http(500, &[], &body)).await;
        let call = server.client().set_stock(SetStockRequest::default()).retry(RetryPolicy::none());
        let text = shown(&call.await.expect_err("a fault"));
        assert!(text.len() < 40 << 10, "{} bytes", text.len());
        let server = Server::answering(http(200, &[], &body)).await;
        let call = server.client().set_stock(SetStockRequest::default()).retry(RetryPolicy::none());
        let text = shown(&call.await.expect_err("unreadable"));
        assert!(text.len() < 40 << 10, "{} bytes", text.len());
    }
}

#[tokio::test]
async fn a_whole_response_under_a_failing_status_is_told_as_that() {
    let server = Server::answering(http(500, &[], stock_set())).await;
    let error = server.client().set_stock(SetStockRequest::default()).await.expect_err("contradiction");
    assert!(matches!(error.kind(), ErrorKind::Contradiction { status: 500 }), "{error}");
    assert!(error.may_have_been_processed() && !error.to_string().contains("without"), "{error}");
}

#[tokio::test]
async fn what_is_quoted_in_a_value_that_was_left_out_or_in_a_refusal_is_erased_too() {
    let quoted = "?ident=the-ident&amp;secret=the-secret%2f%26";
    let relation = format!("<ns:points>{quoted}</ns:points><ns:syncMarker>5</ns:syncMarker>");
    let server = Server::answering(http(200, &[], relations(&[&relation]))).await;
    let call = server.client().get_relations(GetRelationsRequest::default()).leaving_out_unreadable(true);
    let page = call.changes_since(1, 10).next().await.expect("a page").expect("readable");
    assert!(page.unreadable.len() == 1 && !leaks(&format!("{:?}", page.unreadable)), "{:?}", page.unreadable);

    let refused = format!("<ns:result>NOT {quoted}</ns:result><ns:errorMessage>{quoted}</ns:errorMessage>");
    let refused = envelope(&format!("<ns:CreateOrderV3Response>{refused}</ns:CreateOrderV3Response>"));
    let server = Server::answering(http(200, &[], refused)).await;
    let response = server.client().create_order_v3(CreateOrderV3Request::default()).await.expect("an answer");
    let error = response.into_result().expect_err("no success");
    assert!(error.message.is_some() && !leaks(&shown(&error.into())));
}

#[tokio::test]
async fn what_is_captured_is_searched_for_secrets_in_the_encoding_that_it_came_in() {
    #[derive(Debug, Clone, Default)]
    struct Kept(Arc<Mutex<String>>);

    impl Capture for Kept {
        fn capture(&self, message: &CapturedMessage<'_>) {
            self.0.lock().expect("whole").push_str(message.body);
        }
    }

    let relation = "<ns:name>the-secret/&amp;</ns:name><ns:cardNumber>4321987</ns:cardNumber>";
    let document = relations(&[relation]).replace("UTF-8", "UTF-16");
    let document: Vec<u8> = format!("\u{feff}{document}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let server = Server::answering(http(200, &[], document)).await;
    let kept = Kept::default();
    let client = server.client_builder().capture(kept.clone()).build();
    client.get_relations(GetRelationsRequest::default()).await.expect("readable");
    let kept = kept.0.lock().expect("whole").clone();
    let bare: String = kept.chars().filter(|c| *c != '\0').collect();
    assert!(kept.contains("<ns:name>") && !leaks(&bare) && !bare.contains("4321987"), "{kept}");
}

#[tokio::test]
async fn the_charset_that_a_server_tells_in_the_head_counts_where_the_document_tells_none() {
    let name = [b"Caf\xe9 ".as_slice(), &[b'x'; 40]].concat();
    let document = relations(&["<ns:name>NAME</ns:name>"]).replace(" encoding=\"UTF-8\"", "");
    let at = document.find("NAME").expect("there");
    let document = [&document.as_bytes()[..at], &name, &document.as_bytes()[at + 4..]].concat();
    let answer = Step::Send(http(200, &["Content-Type: text/xml; charset=ISO-8859-1"], document));
    let server = Server::start([answer.clone(), answer]).await;
    let client = server.client();
    let reply = client.get_relations(GetRelationsRequest::default()).reply().await.expect("readable");
    let whole = reply.response.relation_list[0].name.clone().expect("told");
    assert!(whole.starts_with("Caf\u{e9} ") && reply.replaced.is_empty(), "{whole}");
    let streamed = client.stream_relations(GetRelationsRequest::default()).next().await.expect("one");
    assert_eq!(streamed.expect("readable").name, Some(whole));
}
