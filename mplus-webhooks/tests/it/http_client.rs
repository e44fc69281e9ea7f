//! The HTTP client for payment providers against servers that do not behave.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use mockito::Server;
use mplus_webhooks::{HttpClient, ReqwestClient};

fn client() -> ReqwestClient {
    ReqwestClient::new(Duration::from_secs(5)).unwrap()
}

fn get(url: &str) -> Request<Bytes> {
    Request::builder().uri(url).header("authorization", "Bearer sk_very_secret").body(Bytes::new()).unwrap()
}

#[tokio::test]
async fn an_answer_without_an_end_is_cut_off() {
    let mut server = Server::new_async().await;
    let block = vec![b' '; 1 << 16];
    // 64 MiB; a client without a bound would read them all.
    server
        .mock("GET", "/endless")
        .with_chunked_body(move |to| (0..1 << 10).try_for_each(|_| to.write_all(&block)))
        .create_async()
        .await;
    let error = client().send(get(&format!("{}/endless", server.url()))).await.unwrap_err();
    assert!(error.message.contains("longer than 1048576 bytes"), "{error}");
    assert!(error.may_have_been_sent);

    server.mock("GET", "/long").with_body(vec![b'x'; 100]).create_async().await;
    let url = format!("{}/long", server.url());
    assert!(client().with_longest_answer(99).send(get(&url)).await.is_err());
    assert_eq!(client().with_longest_answer(100).send(get(&url)).await.unwrap().body().len(), 100);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let mut server = Server::new_async().await;
    let elsewhere = server.mock("GET", "/elsewhere").expect(0).create_async().await;
    let location = format!("{}/elsewhere", server.url());
    server.mock("GET", "/moved").with_status(307).with_header("location", &location).create_async().await;
    let answer = client().send(get(&format!("{}/moved", server.url()))).await.unwrap();
    assert_eq!(answer.status(), StatusCode::TEMPORARY_REDIRECT);
    elsewhere.assert_async().await;
}

#[tokio::test]
async fn an_error_names_the_host_and_no_secret_and_says_whether_anything_was_sent() {
    let secretive = "http://user:pass_word@127.0.0.1:1/path_with_token?key=query_secret";
    let error = client().send(get(secretive)).await.unwrap_err();
    assert!(!error.may_have_been_sent, "nobody listens: {error}");
    let text = format!("{error} {error:?}");
    assert!(text.contains("127.0.0.1:1"), "{text}");
    for secret in ["pass_word", "path_with_token", "query_secret", "sk_very_secret"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn plain_http_goes_past_the_environments_proxy() {
    const TOLD: &str = "MPLUS_BEHIND_PROXY";
    if std::env::var(TOLD).is_ok() {
        // In the process that is started below.
        let mut server = Server::new_async().await;
        server.mock("GET", "/").with_body("directly").create_async().await;
        let answer = client().send(get(&server.url())).await.unwrap();
        assert_eq!(answer.body(), &Bytes::from("directly"));
        return;
    }
    let mut proxy = Server::new_async().await;
    let seen = proxy.mock("GET", mockito::Matcher::Any).expect(0).create_async().await;
    let this = std::env::current_exe().unwrap();
    let test = "http_client::plain_http_goes_past_the_environments_proxy";
    let ended = tokio::task::spawn_blocking({
        let proxy = proxy.url();
        move || {
            let mut child = std::process::Command::new(this);
            child
                .args(["--exact", test])
                .env(TOLD, "1")
                .env("http_proxy", proxy)
                .env_remove("no_proxy")
                .env_remove("NO_PROXY");
            child.output().unwrap()
        }
    });
    let ended = ended.await.unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
    seen.assert_async().await;
}
