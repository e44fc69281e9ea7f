//! The same conversation through every adapter.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use mplus_webhooks::adapter;
use mplus_webhooks::testkit::{Till, TillLine};
use mplus_webhooks::{HttpClient, HttpError, ReqwestClient, SIGNATURE_HEADER, SUBSCRIPTION_HEADER};
use rust_decimal::Decimal;

use crate::support::{Host, SUBSCRIPTION, secret};

/// What every adapter has to do, given how to reach it.
async fn behaves(host: &Host, client: &dyn HttpClient, base_url: &str) {
    let till = Till::new(base_url, SUBSCRIPTION, secret(), 1);
    let line = TillLine::new(1, "Coffee", Decimal::new(270, 2));
    let session_id = till.sell(client, &[line]).await.unwrap();
    assert_eq!(host.transactions.all()[0].0.key.session_id, session_id);

    let payment = till.start_payment(Decimal::new(270, 2));
    payment.start(client).await.unwrap();
    host.provider.confirm(&payment.id);
    host.refresh(&payment.id).await;
    assert_eq!(payment.poll(client).await.unwrap().status.as_deref(), Some("confirmed"));

    // The provider's own webhook, and an account that is none.
    let open = till.start_payment(Decimal::new(270, 2));
    open.start(client).await.unwrap();
    host.provider.confirm(&open.id);
    let root = base_url.strip_suffix(adapter::BASE_PATH).unwrap();
    let call = async |method: &str, account: &str, body: String| {
        let address = format!("{root}{}/{account}", adapter::PROVIDER_PATH);
        let request = Request::builder().method(method).uri(address).body(Bytes::from(body)).unwrap();
        client.send(request).await.unwrap().status()
    };
    assert_eq!(call("POST", "manual/default", format!("manual-{}", open.id)).await, StatusCode::OK);
    assert_eq!(open.poll(client).await.unwrap().status.as_deref(), Some("confirmed"));
    assert_eq!(call("GET", "manual/default", String::new()).await, StatusCode::OK);
    assert_eq!(call("POST", "manual/another", String::new()).await, StatusCode::NOT_FOUND);
    let huge = "x".repeat((1 << 20) + 1);
    assert_eq!(call("POST", "manual/default", huge).await, StatusCode::PAYLOAD_TOO_LARGE);

    let health = Request::get(format!("{base_url}/health")).body(Bytes::new()).unwrap();
    assert_eq!(client.send(health).await.unwrap().status(), StatusCode::OK);

    let forged = Request::post(format!("{base_url}/startSession"))
        .header(SIGNATURE_HEADER, "x")
        .body(Bytes::from_static(b"{}"))
        .unwrap();
    assert_eq!(client.send(forged).await.unwrap().status(), StatusCode::BAD_REQUEST);

    let body: Bytes = vec![b' '; (1 << 20) + 1].into();
    let huge = Request::post(format!("{base_url}/startSession"))
        .header(SUBSCRIPTION_HEADER, SUBSCRIPTION)
        .header(SIGNATURE_HEADER, secret().sign(&body))
        .body(body)
        .unwrap();
    let refused = client.send(huge).await.unwrap();
    assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(refused.body().starts_with(br#"{"error":{"code":"#), "{:?}", refused.body());
}

fn client() -> ReqwestClient {
    ReqwestClient::new(std::time::Duration::from_secs(5)).unwrap()
}

#[tokio::test]
async fn axum_serves_the_webhook() {
    let host = Host::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}{}", listener.local_addr().unwrap(), adapter::BASE_PATH);
    let router = adapter::axum::router(host.orchestrator.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    behaves(&host, &client(), &base_url).await;
}

#[tokio::test]
async fn actix_serves_the_webhook() {
    let host = Host::new();
    let orchestrator = host.orchestrator.clone();
    let make = move || {
        let webhook = adapter::actix::scope(orchestrator.clone());
        actix_web::App::new().service(webhook).service(adapter::actix::provider_scope(orchestrator.clone()))
    };
    let server = actix_web::HttpServer::new(make).workers(1).bind("127.0.0.1:0").unwrap();
    let base_url = format!("http://{}{}", server.addrs()[0], adapter::BASE_PATH);
    let running = server.disable_signals().run();
    let handle = running.handle();
    tokio::spawn(running);
    behaves(&host, &client(), &base_url).await;
    handle.stop(false).await;
}

/// Calls a tower service as if it were a server.
#[derive(Debug)]
struct Called(adapter::tower::WebhookService);

#[async_trait::async_trait]
impl HttpClient for Called {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        use http_body_util::BodyExt as _;
        let request = request.map(http_body_util::Full::new);
        let response = tower::ServiceExt::oneshot(self.0.clone(), request).await.unwrap();
        let (parts, body) = response.into_parts();
        Ok(Response::from_parts(parts, body.collect().await.unwrap().to_bytes()))
    }
}

#[tokio::test]
async fn a_tower_service_serves_the_webhook() {
    let host = Host::new();
    let service = Called(adapter::tower::WebhookService::new(host.orchestrator.clone()));
    behaves(&host, &service, &format!("http://localhost{}", adapter::BASE_PATH)).await;
    let elsewhere = Request::post("http://localhost/elsewhere").body(Bytes::new()).unwrap();
    assert_eq!(service.send(elsewhere).await.unwrap().status(), StatusCode::NOT_FOUND);
}
