//! A back office of a test, and somebody who uses it.

use std::sync::Mutex;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use mplus_sync::model::ConnectionId;
use tower::ServiceExt as _;

use crate::app::App;
use crate::flags::Flags;
use crate::{demo, server, start, work};

/// Longer than anything takes that works.
pub(crate) const LONG: Duration = Duration::from_secs(120);

pub(crate) const PASSWORD: &str = "correct horse battery";

/// A back office with the demonstration in it, and its background work.
pub(crate) struct World {
    pub(crate) app: App,
    router: Router,
    cookies: Mutex<Vec<(String, String)>>,
    folder: tempfile::TempDir,
}

/// An answer, read whole.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn location(&self) -> &str {
        self.headers.get(header::LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// A hidden field of the page's forms.
    pub(crate) fn hidden(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let rest = self.text.split(&start).nth(1).unwrap_or_default();
        unescape(rest.split('"').next().unwrap_or_default())
    }
}

fn unescape(text: &str) -> String {
    text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

impl World {
    /// Nobody is signed in.
    pub(crate) async fn closed() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let flags = Flags {
            port: 0,
            bind: [127, 0, 0, 1].into(),
            public_url: None,
            trusted_proxy: Vec::new(),
            database: folder.path().join("test.sqlite").display().to_string(),
            key: None,
            admin_password: Some(PASSWORD.into()),
            pictures: None,
            demo: false,
            products: None,
            providers: mplus_examples::providers::Flags::default(),
        };
        let (app, made) = start::prepare(&flags, "http://127.0.0.1:8090", LONG).await.unwrap();
        assert!(made.is_none(), "the password was given");
        let demo = app.demo.clone().unwrap();
        demo.start(&app).await.unwrap();
        tokio::spawn(work::run(app.clone()));
        let router = server::router(app.clone());
        let world = Self { app, router, cookies: Mutex::default(), folder };
        world.synced().await;
        world
    }

    /// Does something to the database behind everybody's back.
    pub(crate) fn in_database(&self, sql: &str) {
        let database = rusqlite::Connection::open(self.folder.path().join("test.sqlite")).unwrap();
        database.busy_timeout(LONG).unwrap();
        database.execute_batch(sql).unwrap();
    }

    /// Connects a restaurant of one's own, to the test till as well; answers with its path.
    pub(crate) async fn connect(&self, name: &str) -> String {
        let fields = [
            ("name", name),
            ("host", demo::HOST),
            ("port", "1"),
            ("username", demo::USERNAME),
            ("password", demo::PASSWORD),
        ];
        let connected = self.post_form("/connect", "/connect", &fields).await;
        assert_eq!(connected.status, StatusCode::SEE_OTHER, "{}", connected.text);
        connected.location().to_owned()
    }

    /// The administrator is signed in.
    pub(crate) async fn open() -> Self {
        let world = Self::closed().await;
        let answer = world.post_form("/login", "/login", &[("password", PASSWORD)]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        world
    }

    /// Waits for the end of the run that is under way.
    pub(crate) async fn synced(&self) {
        let id = ConnectionId::from(demo::ID);
        let ended = async {
            while self.app.restaurants.running(&id).await.unwrap().is_some() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(LONG, ended).await.unwrap();
    }

    pub(crate) async fn send(&self, method: Method, path: &str, form: Option<String>) -> Answer {
        self.send_with(method, path, form, &[]).await
    }

    pub(crate) async fn send_with(
        &self,
        method: Method,
        path: &str,
        form: Option<String>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        let cookies: Vec<_> =
            self.cookies.lock().unwrap().iter().map(|(name, value)| format!("{name}={value}")).collect();
        request = request.header(header::COOKIE, cookies.join("; "));
        if form.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(form.map_or_else(Body::empty, Body::from)).unwrap();
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        for cookie in parts.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = cookie.split_once('=').unwrap();
            let mut cookies = self.cookies.lock().unwrap();
            cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    /// A request as it is.
    pub(crate) async fn handle(&self, request: Request<Body>) -> axum::response::Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    /// A page of the demonstration's restaurant.
    pub(crate) async fn page(&self, path: &str) -> Answer {
        let answer = self.get(&format!("/restaurants/demo{path}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
        answer
    }

    /// Opens a page, and sends a form that stands on it, with what it hides of itself.
    pub(crate) async fn post_form(&self, page: &str, action: &str, fields: &[(&str, &str)]) -> Answer {
        let page = self.get(page).await;
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("form_token", &page.hidden("form_token"));
        let is_given = |name: &str| fields.iter().any(|(known, _)| *known == name);
        for name in ["revision", "queued_at"].into_iter().filter(|name| !is_given(name)) {
            form.append_pair(name, &page.hidden(name));
        }
        form.extend_pairs(fields);
        self.send(Method::POST, action, Some(form.finish())).await
    }

    /// The same at the demonstration's restaurant; follows to the next page.
    pub(crate) async fn act(&self, page: &str, action: &str, fields: &[(&str, &str)]) -> Answer {
        let restaurant = "/restaurants/demo";
        let answer =
            self.post_form(&format!("{restaurant}{page}"), &format!("{restaurant}{action}"), fields).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{action}: {}", answer.text);
        self.get(answer.location()).await
    }

    /// Loads a page of the restaurant until it shows a text.
    pub(crate) async fn until(&self, path: &str, text: &str) -> Answer {
        for _ in 0..600 {
            let answer = self.page(path).await;
            if answer.text.contains(text) {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{path} never shows {text:?}");
    }

    /// Somebody else, with no cookies.
    pub(crate) fn forget_cookies(&self) {
        self.cookies.lock().unwrap().clear();
    }

    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        let cookies = self.cookies.lock().unwrap();
        cookies.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.app.stopping.cancel();
    }
}
