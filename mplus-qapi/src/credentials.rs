//! Who calls, and where.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// The name and the password of a connection, as the POS's supplier hands them out ("ident" and "secret").
///
/// They travel in the query of every request and are shown nowhere else.
#[derive(Clone)]
pub struct Credentials {
    ident: SecretString,
    secret: SecretString,
}

impl Credentials {
    /// Credentials of one connection.
    pub fn new(ident: impl Into<SecretString>, secret: impl Into<SecretString>) -> Self {
        Self { ident: ident.into(), secret: secret.into() }
    }

    /// The text without the ident and the secret, however they are escaped. Texts of fewer than 4 characters are let pass:
    /// they would be found everywhere.
    pub(crate) fn erase_from(&self, mut text: String) -> String {
        for value in [&self.secret, &self.ident].map(ExposeSecret::expose_secret) {
            if value.len() < 4 {
                continue;
            }
            let mut percent = String::new();
            percent_encode(&mut percent, value);
            let xml = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            for form in [value, &percent, &xml] {
                if text.contains(form) {
                    text = text.replace(form, crate::capture::REDACTED);
                }
            }
        }
        text
    }

    fn query(&self) -> String {
        let mut query = String::from("ident=");
        percent_encode(&mut query, self.ident.expose_secret());
        query.push_str("&secret=");
        percent_encode(&mut query, self.secret.expose_secret());
        query
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(redacted)")
    }
}

/// Everything but letters, digits and `-._~` as percent escapes of its UTF-8 bytes.
fn percent_encode(query: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            query.push(char::from(byte));
        } else {
            query.push_str(&format!("%{byte:02X}"));
        }
    }
}

/// Where the service of one connection listens: every connection has a port of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: String,
}

/// A text is not the URL of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointError(String);

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for EndpointError {}

impl Endpoint {
    /// `https://host:port/`. The host is a name or an address, an IPv6 address in brackets.
    ///
    /// # Errors
    /// When the host is anything else: a URL, or with a port of its own.
    pub fn new(host: &str, port: u16) -> Result<Self, EndpointError> {
        let is_bare = match host.strip_prefix('[') {
            Some(rest) => rest.ends_with(']'),
            None => !host.contains(':'),
        };
        if host.is_empty() || !is_bare || host.contains(['/', '?', '#', '@']) {
            return Err(EndpointError(format!(
                "`{}` is no host name: give it without https:// and without a port",
                without_credentials(host)
            )));
        }
        Self::from_url(&format!("https://{host}:{port}/"))
    }

    /// A whole URL, for a path behind the port or a test server. Plain `http` is taken for this machine only, since the
    /// credentials are in the URL. It must hold neither a query nor a user.
    pub fn from_url(url: &str) -> Result<Self, EndpointError> {
        let error = |what: &str| EndpointError(format!("the endpoint's URL {what}"));
        let uri: http::Uri = url.parse().map_err(|_| error("is malformed"))?;
        let authority = uri.authority().ok_or_else(|| error("has no host"))?;
        if authority.as_str().contains('@') || uri.query().is_some() {
            return Err(error("must not hold credentials or a query; give the credentials apart"));
        }
        let host = authority.host();
        let local = host == "localhost" || host.starts_with("127.") || host == "[::1]";
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if local => {}
            Some("http") => return Err(error("must begin with https: the credentials are in it")),
            _ => return Err(error("must begin with https")),
        }
        let path = if uri.path().is_empty() { "/" } else { uri.path() };
        let scheme = uri.scheme_str().unwrap_or("https");
        Ok(Self { url: format!("{scheme}://{authority}{path}") })
    }

    /// Of a transport without a socket.
    #[cfg(feature = "testkit")]
    pub(crate) fn in_memory() -> Self {
        Self { url: "https://pos.invalid/".to_owned() }
    }

    /// Of a server on this machine.
    #[cfg(feature = "testkit")]
    pub(crate) fn loopback(address: std::net::SocketAddr) -> Self {
        Self { url: format!("http://{address}/") }
    }

    /// The URL without credentials.
    pub fn as_str(&self) -> &str {
        &self.url
    }

    pub(crate) fn with(&self, credentials: &Credentials) -> SecretString {
        format!("{}?{}", self.url, credentials.query()).into()
    }
}

/// What people paste as a host, without what may be a password in it.
fn without_credentials(host: &str) -> &str {
    let host = host.rsplit_once('@').map_or(host, |(_, behind)| behind);
    host.split(['?', '#']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_escaped_in_the_url_and_shown_nowhere() {
        let credentials = Credentials::new("user&name", "p=w d/é?");
        let url = Endpoint::new("api.example", 1234).expect("valid").with(&credentials);
        assert_eq!(
            url.expose_secret(),
            "https://api.example:1234/?ident=user%26name&secret=p%3Dw%20d%2F%C3%A9%3F"
        );
        assert_eq!(format!("{credentials:?} {url:?}").matches("user").count(), 0);
    }

    #[test]
    fn credentials_are_erased_in_every_spelling() {
        let credentials = Credentials::new("shop", "p&w/d");
        let text = "?ident=shop&secret=p%26w%2Fd p&w/d <x>p&amp;w/d</x>".to_owned();
        assert_eq!(credentials.erase_from(text), "?ident=***&secret=*** *** <x>***</x>");
        let short = Credentials::new("a", "b");
        assert_eq!(short.erase_from("a cab".to_owned()), "a cab");
    }

    #[test]
    fn a_host_is_a_name_or_an_address_and_no_url() {
        for host in
            ["", "https://api.example", "api.example:1", "api.example/path", "[::1", "http://127.0.0.1"]
        {
            let error = Endpoint::new(host, 1).expect_err(host).to_string();
            assert!(error.contains("without https://"), "{error}");
        }
        let pasted = "https://user:pass@api.example/?ident=a&secret=b";
        let error = Endpoint::new(pasted, 1).expect_err("a URL").to_string();
        assert!(error.contains("`api.example/`"), "{error}");
        for host in ["api.example", "10.0.0.1", "[::1]"] {
            assert!(Endpoint::new(host, 1).is_ok(), "{host}");
        }
    }

    #[test]
    fn an_endpoint_that_would_leak_credentials_is_refused() {
        for url in [
            "http://api.example:1/",
            "https://u:p@api.example/",
            "https://api.example/?ident=a",
            "ftp://x/",
            "x",
            "",
        ] {
            assert!(Endpoint::from_url(url).is_err(), "{url}");
        }
        for url in
            ["https://api.example:1/base", "http://127.0.0.1:8080/", "http://localhost/", "http://[::1]:1/"]
        {
            assert!(Endpoint::from_url(url).is_ok(), "{url}");
        }
    }
}
