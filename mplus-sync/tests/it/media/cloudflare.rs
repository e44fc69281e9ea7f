use std::sync::Arc;
use std::time::Duration;

use mockito::{Matcher, Mock, Server, ServerGuard};
use mplus_sync::media::cloudflare::{CloudflareSetupError, RetryLimits};
use mplus_sync::media::{CloudflareImages, MediaError, MediaStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::image;
use crate::support::TestRuntime;

const TOKEN: &str = "cf-token-1f3a";
const UPLOAD: &str = "/client/v4/accounts/acc0unt/images/v1";

fn store_at(origin: &str, runtime: &Arc<TestRuntime>) -> CloudflareImages {
    CloudflareImages::new("acc0unt", TOKEN)
        .unwrap()
        .with_base_url(&format!("{origin}/client/v4"))
        .unwrap()
        .with_runtime(runtime.clone())
}

struct Cloudflare {
    server: ServerGuard,
    runtime: Arc<TestRuntime>,
    store: CloudflareImages,
}

impl Cloudflare {
    async fn start() -> Self {
        let server = Server::new_async().await;
        let runtime = Arc::new(TestRuntime::at("2026-11-23T22:00:00Z"));
        let store = store_at(&server.url(), &runtime);
        Self { server, runtime, store }
    }

    /// Answers one upload, in the order of these calls.
    async fn answers_upload(&mut self, status: usize, body: &str) -> Mock {
        self.server.mock("POST", UPLOAD).with_status(status).with_body(body).expect(1).create_async().await
    }

    async fn limits_upload(&mut self, retry_after: &str) -> Mock {
        let mock = self.server.mock("POST", UPLOAD).with_status(429).with_header("Retry-After", retry_after);
        mock.with_body(failure(971, "Please wait and consider throttling your request speed"))
            .expect(1)
            .create_async()
            .await
    }

    async fn answers_details(&mut self, status: usize, body: &str) -> Mock {
        let path = format!("{UPLOAD}/{}", image("cola").hash());
        self.server
            .mock("GET", path.as_str())
            .with_status(status)
            .with_body(body)
            .expect(1)
            .create_async()
            .await
    }

    fn seconds_slept(&self) -> Vec<f64> {
        self.runtime.sleeps().iter().map(Duration::as_secs_f64).collect()
    }
}

fn cola_url() -> String {
    format!("https://imagedelivery.net/Vi7wi5KSItxGFsWRG2Us6Q/{}/public", image("cola").hash())
}

/// An answer as Cloudflare documents it.
fn success() -> String {
    let hash = image("cola").hash();
    let thumb = cola_url().replace("/public", "/thumb");
    format!(
        r#"{{"result":{{"id":"{hash}","filename":"{hash}.svg","uploaded":"2022-04-20T09:51:09.559Z",
        "requireSignedURLs":false,"variants":["{thumb}","{}"]}},
        "result_info":null,"success":true,"errors":[],"messages":[]}}"#,
        cola_url()
    )
}

fn failure(code: i64, message: &str) -> String {
    format!(
        r#"{{"result":null,"success":false,"errors":[{{"code":{code},"message":"{message}"}}],"messages":[]}}"#
    )
}

#[tokio::test]
async fn an_upload_is_a_form_with_the_hash_as_id_the_file_and_the_token_as_header() {
    let mut cloudflare = Cloudflare::start().await;
    let hash = image("cola").hash();
    let id = format!("name=\"id\"\r\n\r\n{hash}\r\n");
    let file = format!(
        "name=\"file\"; filename=\"{hash}.svg\"\r\nContent-Type: image/svg+xml\r\n\r\n<svg><!-- cola"
    );
    let upload = cloudflare
        .server
        .mock("POST", UPLOAD)
        .match_header("authorization", "Bearer cf-token-1f3a")
        .match_header("content-type", Matcher::Regex("^multipart/form-data; boundary=".to_owned()))
        .match_header("content-length", Matcher::Any)
        .match_request(move |request| {
            let body = request.utf8_lossy_body().unwrap();
            body.contains(&id) && body.contains(&file)
        })
        .with_body(success())
        .create_async()
        .await;
    let stored = cloudflare.store.put(&image("cola")).await.unwrap();
    upload.assert_async().await;
    assert_eq!((stored.hash, stored.url), (hash, cola_url()));
    assert!(cloudflare.seconds_slept().is_empty());
}

#[tokio::test]
async fn an_image_that_is_there_already_counts_as_stored() {
    let mut cloudflare = Cloudflare::start().await;
    let upload = cloudflare.answers_upload(409, &failure(5409, "Resource already exists")).await;
    let details = cloudflare.answers_details(200, &success()).await;
    assert_eq!(cloudflare.store.put(&image("cola")).await.unwrap().url, cola_url());
    upload.assert_async().await;
    details.assert_async().await;
}

#[tokio::test]
async fn a_rate_limit_is_waited_for_as_long_as_it_asks() {
    let mut cloudflare = Cloudflare::start().await;
    let limits = [
        cloudflare.limits_upload("120").await,
        cloudflare.limits_upload("Mon, 23 Nov 2026 22:02:30 GMT").await,
    ];
    let upload = cloudflare.answers_upload(200, &success()).await;
    cloudflare.store.put(&image("cola")).await.unwrap();
    for mock in limits.iter().chain([&upload]) {
        mock.assert_async().await;
    }
    assert_eq!(cloudflare.seconds_slept(), [120.0, 30.0]);
}

#[tokio::test]
async fn a_rate_limit_longer_than_allowed_fails_at_once_and_says_how_long() {
    let mut cloudflare = Cloudflare::start().await;
    cloudflare.limits_upload("301").await;
    let error = cloudflare.store.put(&image("cola")).await.unwrap_err();
    let expected = Some(Duration::from_secs(301));
    assert!(
        matches!(error, MediaError::RateLimited { retry_after, .. } if retry_after == expected),
        "{error:?}"
    );
    assert!(error.is_transient() && error.to_string().contains("971"), "{error}");
    assert!(cloudflare.seconds_slept().is_empty());
}

#[tokio::test]
async fn a_server_that_keeps_failing_is_tried_five_times_with_growing_waits() {
    let mut cloudflare = Cloudflare::start().await;
    let upload = cloudflare.server.mock("POST", UPLOAD).with_status(503).with_body("<html>").expect(5);
    let upload = upload.create_async().await;
    let error = cloudflare.store.put(&image("cola")).await.unwrap_err();
    upload.assert_async().await;
    assert!(
        matches!(error, MediaError::Unavailable { .. }) && error.to_string().contains("HTTP 503"),
        "{error}"
    );
    assert_eq!(cloudflare.seconds_slept(), [0.5, 1.0, 2.0, 4.0]);
}

#[tokio::test]
async fn an_upload_that_arrived_before_its_answer_was_lost_ends_well() {
    let mut cloudflare = Cloudflare::start().await;
    cloudflare.answers_upload(502, "<html>Bad gateway</html>").await;
    cloudflare.answers_upload(409, &failure(5409, "Resource already exists")).await;
    cloudflare.answers_details(200, &success()).await;
    assert_eq!(cloudflare.store.put(&image("cola")).await.unwrap().url, cola_url());
}

#[tokio::test]
async fn what_cannot_succeed_is_not_tried_again_and_says_what_to_do() {
    let cases = [
        (403, 10000, "Authentication error", "check the account and the token"),
        (413, 5413, "Maximum image size of 10485760 bytes reached", "replace the picture in the POS"),
        (415, 5455, "Uploaded image must have a known content type", "replace the picture in the POS"),
    ];
    for (status, code, message, hint) in cases {
        let mut cloudflare = Cloudflare::start().await;
        let upload = cloudflare.answers_upload(status, &failure(code, message)).await;
        let error = cloudflare.store.put(&image("cola")).await.unwrap_err();
        upload.assert_async().await;
        let text = error.to_string();
        assert!(!error.is_transient() && text.contains(message) && text.contains(hint), "{text}");
        assert!(text.contains(&code.to_string()), "{text}");
    }
}

#[tokio::test]
async fn finding_tells_a_missing_image_from_a_stored_one_and_from_a_wrong_account() {
    let hash = image("cola").hash();
    let mut cloudflare = Cloudflare::start().await;
    cloudflare.answers_details(404, &failure(5404, "Image not found")).await;
    cloudflare.answers_details(200, &success()).await;
    cloudflare.answers_details(404, &failure(7003, "Could not route to /accounts/acc0unt")).await;
    assert_eq!(cloudflare.store.find(&hash).await.unwrap(), None);
    assert_eq!(cloudflare.store.find(&hash).await.unwrap().map(|image| image.url), Some(cola_url()));
    assert!(matches!(cloudflare.store.find(&hash).await, Err(MediaError::Unauthorized { .. })));
}

#[tokio::test]
async fn another_variant_is_served_when_it_is_wanted() {
    let mut cloudflare = Cloudflare::start().await;
    cloudflare.answers_upload(200, &success()).await;
    let store = cloudflare.store.clone().with_variant("thumb");
    assert_eq!(store.put(&image("cola")).await.unwrap().url, cola_url().replace("/public", "/thumb"));
}

#[tokio::test]
async fn nobody_listening_is_an_error_that_shows_neither_token_nor_address() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let runtime = Arc::new(TestRuntime::at("2026-11-23T22:00:00Z"));
    let store = store_at(&format!("http://{address}"), &runtime);
    let error = store.put(&image("cola")).await.unwrap_err();
    assert!(matches!(error, MediaError::Unavailable { .. }), "{error:?}");
    for text in [error.to_string(), format!("{error:?}"), format!("{store:?}")] {
        assert!(!text.contains(TOKEN) && !text.contains("images/v1"), "{text}");
    }
    assert_eq!(runtime.sleeps().len(), 4);
}

#[tokio::test]
async fn an_answer_that_is_cut_off_is_asked_for_again() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        for body in [&success()[..40], &success()] {
            let (mut socket, _) = listener.accept().await.unwrap();
            // One request fits into what is read here: no need to parse it.
            let mut request = [0; 16_384];
            let _ = socket.read(&mut request).await.unwrap();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                success().len()
            );
            socket.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        }
    });
    let runtime = Arc::new(TestRuntime::at("2026-11-23T22:00:00Z"));
    let found = store_at(&format!("http://{address}"), &runtime).find(&image("cola").hash()).await.unwrap();
    assert_eq!(found.map(|image| image.url), Some(cola_url()));
    assert_eq!(runtime.sleeps().len(), 1);
    server.await.unwrap();
}

#[tokio::test]
async fn the_limits_are_the_hosts_to_choose() {
    let mut cloudflare = Cloudflare::start().await;
    let upload = cloudflare.answers_upload(500, "").await;
    let once = RetryLimits { attempts: 1, ..RetryLimits::default() };
    assert!(cloudflare.store.clone().with_retry_limits(once).put(&image("cola")).await.is_err());
    upload.assert_async().await;
}

#[test]
fn the_token_never_goes_over_plain_http_or_to_an_odd_address() {
    let store = || CloudflareImages::new("acc0unt", TOKEN).unwrap();
    for (refused, shown) in [
        ("http://api.cloudflare.com/client/v4/", "http://api.cloudflare.com/client/v4/"),
        ("http://127.evil.example/", "http://127.evil.example/"),
        ("ftp://localhost/", "ftp://localhost/"),
        // What may be a password is not repeated.
        ("https://a/?token=open-sesame", "https://a/"),
        ("https://a/#open-sesame", "https://a/"),
        ("https://u:open-sesame@a/", "a/"),
        ("https://u:open-sesame@a/?x=@b", "a/"),
        ("x", "x"),
    ] {
        let error = store().with_base_url(refused).unwrap_err();
        assert_eq!(error, CloudflareSetupError::BaseUrl(shown.to_owned()), "{refused}");
    }
    assert!(store().with_base_url("https://proxy.example/cloudflare").is_ok());
    for account in ["", "../zones", "a b"] {
        assert!(CloudflareImages::new(account, TOKEN).is_err(), "{account}");
    }
}

#[tokio::test]
async fn whatever_a_host_sets_no_redirect_is_followed_and_no_proxy_sees_the_token() {
    let mut proxy = Server::new_async().await;
    let seen = proxy.mock("POST", Matcher::Any).expect(0).create_async().await;
    let cloudflare = Cloudflare::start().await;
    let Cloudflare { mut server, store, .. } = cloudflare;
    let moved = server.mock("POST", UPLOAD).with_status(307).with_header("location", &proxy.url()).expect(1);
    let moved = moved.create_async().await;
    let through = reqwest::Proxy::all(proxy.url()).unwrap();
    let unsafe_settings = |builder: reqwest::ClientBuilder| {
        let builder = builder.redirect(reqwest::redirect::Policy::limited(10)).referer(true);
        builder.connection_verbose(true).proxy(through)
    };
    let store = store.with_http_settings(unsafe_settings).unwrap();
    store.put(&image("cola")).await.unwrap_err();
    moved.assert_async().await;
    seen.assert_async().await;
}
