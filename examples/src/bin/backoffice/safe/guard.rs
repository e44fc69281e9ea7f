//! Stands in front of every page: who visits, whether a form is ours, whether somebody has to sign in first.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use cookie::{Cookie, SameSite};

use super::{random_text, session};
use crate::app::App;
use crate::view::Lang;
use crate::view::answer::{Go, Notice, Trouble, own_path};
use crate::view::fields::Fields;

/// The longest form.
const LONGEST_FORM: usize = 1 << 20;

const VISIT: &str = "backoffice";
const LANGUAGE: &str = "language";
pub(crate) const NOTICE: &str = "notice";

/// What is reached without signing in.
const OPEN: [&str; 5] = ["/login", "/language", "/thanks", "/healthz", "/readyz"];

/// Who visits.
#[derive(Debug, Clone)]
pub(crate) struct Visit {
    /// What the cookie says, and nobody else knows.
    pub(crate) token: String,
    pub(crate) signed_in: bool,
    pub(crate) lang: Lang,
    /// What a form has to bring along.
    pub(crate) form_token: String,
    /// What the page before wants to be said.
    pub(crate) notice: Option<Notice>,
    /// Path and query of the page.
    pub(crate) path: String,
    /// The page of ours that it comes from, as far as the browser says.
    pub(crate) from: Option<String>,
    pub(crate) address: IpAddr,
    /// Whether cookies are for https alone.
    pub(crate) is_https: bool,
}

/// The layer.
pub(crate) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let (visit, is_new) = match visit(&app, &parts).await {
        Ok(visit) => visit,
        Err(trouble) => return trouble.into_response(),
    };
    let response = admit(&app, &visit, parts, body, next).await;
    let mut response = match response.extensions().get::<Trouble>() {
        Some(trouble) => crate::page::trouble::show(&app, &visit, trouble),
        None => response,
    };
    if is_new && path == "/login" {
        visit.set_cookie(response.headers_mut(), VISIT, &visit.token);
    }
    response
}

/// Lets a request pass, or sends it to where it has to go first.
async fn admit(app: &App, visit: &Visit, mut parts: Parts, mut body: Body, next: Next) -> Response {
    let is_open = OPEN.contains(&parts.uri.path());
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        if !visit.signed_in && !is_open {
            return Trouble::Forgery.into_response();
        }
        let Ok(bytes) = to_bytes(body, LONGEST_FORM).await else { return Trouble::TooLarge.into_response() };
        let fields = Fields::read(&bytes);
        let is_ours = session::is_form_token(&app.keys, &visit.token, fields.text("form_token"));
        if !is_ours || !is_same_site(&parts.headers) {
            return Trouble::Forgery.into_response();
        }
        parts.extensions.insert(fields);
        body = Body::from(bytes);
    } else if !visit.signed_in && !is_open {
        let back: String = url::form_urlencoded::byte_serialize(visit.path.as_bytes()).collect();
        return Go::to(format!("/login?next={back}")).into_response();
    }
    parts.extensions.insert(visit.clone());
    next.run(Request::from_parts(parts, body)).await
}

async fn visit(app: &App, request: &Parts) -> Result<(Visit, bool), Trouble> {
    let cookies = Cookies::read(&request.headers);
    let known = cookies.get(VISIT).filter(|token| token.len() == 43);
    let is_new = known.is_none();
    let token = match known {
        Some(token) => token,
        None => random_text::<32>().map_err(|_| Trouble::failed("no random numbers"))?,
    };
    let is_signed_in = !is_new && session::is_signed_in(&app.records, &token, app.now()).await?;
    let accepted = || {
        let header = request.headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Lang::accepted(header.unwrap_or_default())
    };
    let address = request.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let visit = Visit {
        signed_in: is_signed_in,
        lang: cookies.get(LANGUAGE).and_then(|code| Lang::from_code(&code)).unwrap_or_else(accepted),
        form_token: session::form_token(&app.keys, &token),
        notice: cookies.get(NOTICE).and_then(|text| Notice::from_cookie(&text)),
        path: request.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        from: came_from(&request.headers),
        address: caller(
            &request.headers,
            address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            &app.trusted_proxies,
        ),
        is_https: app.is_https(),
        token,
    };
    Ok((visit, is_new))
}

/// Who calls: the last one of the hops that nobody of ours wrote down for somebody else. What strangers write into the header stands
/// before that, and is not believed.
fn caller(headers: &HeaderMap, peer: IpAddr, trusted: &[IpAddr]) -> IpAddr {
    let lines = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = lines.flat_map(|line| line.split(',')).collect();
    let mut caller = peer;
    for hop in hops.into_iter().rev() {
        if !trusted.contains(&caller) {
            break;
        }
        match hop.trim().parse() {
            Ok(address) => caller = address,
            Err(_) => break,
        }
    }
    caller
}

/// The page of ours that a request comes from.
fn came_from(headers: &HeaderMap) -> Option<String> {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let (_, page) = text(header::REFERER)?.split_once("://")?;
    let path = page.strip_prefix(text(header::HOST)?).filter(|path| path.starts_with('/'))?;
    Some(own_path(path).to_owned())
}

/// Whether the browser says that a form comes from one of our pages. One that says nothing is believed: the form's token
/// decides.
fn is_same_site(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match (text("sec-fetch-site"), text("origin"), text("host")) {
        (Some(site), _, _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, from)| from == host),
        _ => true,
    }
}

impl Visit {
    /// Begins another visit: who signs in or out gets another token than before.
    pub(crate) fn begin_anew(&self, headers: &mut HeaderMap, token: &str) {
        self.set_cookie(headers, VISIT, token);
    }

    pub(crate) fn speak(&self, headers: &mut HeaderMap, lang: Lang) {
        self.set_cookie(headers, LANGUAGE, lang.code());
    }

    /// Sets a cookie; an empty one is removed.
    pub(crate) fn set_cookie(&self, headers: &mut HeaderMap, name: &str, value: &str) {
        set_cookie(headers, name, value, self.is_https);
    }
}

/// Sets a cookie that no script sees; an empty one is removed.
pub(crate) fn set_cookie(headers: &mut HeaderMap, name: &str, value: &str, is_https: bool) {
    let cookie = Cookie::build((name.to_owned(), value.to_owned()))
        .http_only(true)
        .secure(is_https)
        .same_site(SameSite::Lax)
        .path("/");
    let cookie = if value.is_empty() { cookie.removal() } else { cookie };
    if let Ok(value) = HeaderValue::from_str(&cookie.build().encoded().to_string()) {
        headers.append(header::SET_COOKIE, value);
    }
}

/// The cookies of a request.
struct Cookies<'r>(&'r HeaderMap);

impl<'r> Cookies<'r> {
    fn read(headers: &'r HeaderMap) -> Self {
        Self(headers)
    }

    fn get(&self, name: &str) -> Option<String> {
        let headers = self.0.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut cookies = headers.flat_map(Cookie::split_parse_encoded).flatten();
        cookies.find(|cookie| cookie.name() == name).map(|cookie| cookie.value().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn who_calls_is_believed_of_our_own_web_server_alone() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let (proxy, guest, liar) = (address("10.0.0.1"), address("192.0.2.7"), address("198.51.100.9"));
        let said = headers(&[("x-forwarded-for", "198.51.100.9, 192.0.2.7")]);
        assert_eq!(caller(&said, proxy, &[proxy]), guest, "what the guest wrote itself is not believed");
        assert_eq!(caller(&said, proxy, &[]), proxy);
        assert_eq!(caller(&said, liar, &[proxy]), liar);
        assert_eq!(caller(&headers(&[]), proxy, &[proxy]), proxy);
        let two = headers(&[("x-forwarded-for", "192.0.2.7"), ("x-forwarded-for", "10.0.0.2")]);
        assert_eq!(caller(&two, proxy, &[proxy, address("10.0.0.2")]), guest);
    }

    #[test]
    fn a_page_of_ours_is_gone_back_to_and_no_other() {
        let from = |page: &str| came_from(&headers(&[("referer", page), ("host", "localhost:8090")]));
        let ours = "/restaurants/demo/orders/order?number=7";
        assert_eq!(from(&format!("http://localhost:8090{ours}")).as_deref(), Some(ours));
        for other in
            ["http://evil.example/a", "http://localhost:80901/a", "http://localhost:8090", "localhost"]
        {
            assert_eq!(from(other), None, "{other}");
        }
        assert_eq!(from("http://localhost:8090//evil.example").as_deref(), Some("/"));
    }

    #[test]
    fn a_form_of_another_site_is_told_by_what_the_browser_says() {
        assert!(is_same_site(&headers(&[("sec-fetch-site", "same-origin")])));
        assert!(!is_same_site(&headers(&[
            ("sec-fetch-site", "cross-site"),
            ("origin", "http://a"),
            ("host", "a")
        ])));
        assert!(is_same_site(&headers(&[("origin", "http://localhost:8090"), ("host", "localhost:8090")])));
        assert!(!is_same_site(&headers(&[("origin", "http://evil.example"), ("host", "localhost:8090")])));
        assert!(!is_same_site(&headers(&[("origin", "null"), ("host", "localhost:8090")])));
        assert!(is_same_site(&headers(&[])));
    }
}
