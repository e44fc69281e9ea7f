//! Where the service of one connection listens.

use std::{fmt, str::FromStr};

use url::{Host, Url};

use crate::{Error, ErrorKind, environment::variable};

/// Where the service of one connection listens: every connection has a port of its own.
///
/// ```
/// use mplus_qapi::Endpoint;
///
/// let endpoint = Endpoint::new("api.mpluskassa.nl", 34562)?;
/// assert_eq!(endpoint, "https://api.mpluskassa.nl:34562".parse()?);
/// # Ok::<(), mplus_qapi::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    url: Url,
}

impl Endpoint {
    /// `https://host:port/`. The host is a name (international ones too) or an address.
    ///
    /// # Errors
    /// [`ErrorKind::Setup`] when the host is anything else (a URL, one with a port of its own, an address that no host has), and
    /// for port 0.
    pub fn new(host: &str, port: u16) -> Result<Self, Error> {
        let address: Result<std::net::Ipv6Addr, _> = host.parse();
        let is_bare = match host.strip_prefix('[') {
            Some(rest) => rest.ends_with(']'),
            None => address.is_ok() || !host.contains(':'),
        };
        if host.is_empty() || !is_bare || host.contains(['/', '?', '#', '@']) {
            return Err(refused(format!(
                "`{}` is no host name: give it without https:// and without a port",
                without_credentials(host)
            )));
        }
        match address {
            Ok(address) => Self::from_url(&format!("https://[{address}]:{port}/")),
            Err(_) => Self::from_url(&format!("https://{host}:{port}/")),
        }
    }

    /// A whole URL, for a path behind the port or a test server. Plain `http` is taken for this machine only
    /// (`localhost` and loopback addresses), since the credentials are in the URL.
    ///
    /// # Errors
    /// [`ErrorKind::Setup`] when it is no URL of a host, is plain `http` to another machine, or holds a query or a user.
    pub fn from_url(url: &str) -> Result<Self, Error> {
        let error = |what: &str| refused(format!("the endpoint's URL {what}"));
        // A browser would drop some of these, or take them for something else.
        if url.contains(|character: char| {
            character.is_whitespace() || character.is_control() || character == '\\'
        }) {
            return Err(error("holds blanks, control characters or backslashes"));
        }
        let parsed = Url::parse(url).map_err(|problem| error(&format!("is malformed: {problem}")))?;
        if parsed.query().is_some() || parsed.fragment().is_some() || url.contains('@') {
            return Err(error("must not hold credentials or a query; give the credentials apart"));
        }
        let host = parsed.host().ok_or_else(|| error("has no host"))?;
        if !can_be_somebodys(&host) {
            return Err(error("names no host that there can be"));
        }
        if parsed.port() == Some(0) {
            return Err(error("has no valid port"));
        }
        match parsed.scheme() {
            "https" => {}
            "http" if is_this_machine(&host) => {}
            "http" => return Err(error("must begin with https: the credentials are in it")),
            _ => return Err(error("must begin with https")),
        }
        Ok(Self { url: parsed })
    }

    /// From the environment: `MPLUS_HOST` and `MPLUS_PORT`.
    ///
    /// # Errors
    /// [`ErrorKind::Setup`] when one of them is not set, or as for [`Self::new`].
    pub fn from_env() -> Result<Self, Error> {
        let host = variable("MPLUS_HOST")?;
        let port = variable("MPLUS_PORT")?;
        let port = port
            .parse()
            .map_err(|_| refused("MPLUS_PORT is no port: a number from 1 to 65535".to_owned()))?;
        Self::new(&host, port)
    }

    /// Of a transport without a socket.
    #[cfg(feature = "testkit")]
    pub(crate) fn in_memory() -> Self {
        Self::known("https://pos.invalid/")
    }

    /// Of a server on this machine.
    #[cfg(feature = "testkit")]
    pub(crate) fn loopback(address: std::net::SocketAddr) -> Self {
        Self::known(&format!("http://{address}/"))
    }

    #[cfg(feature = "testkit")]
    #[expect(clippy::expect_used, reason = "our own texts, in tests only")]
    fn known(url: &str) -> Self {
        Self { url: Url::parse(url).expect("a URL") }
    }

    /// The URL, which holds no credentials.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// The host: a name in its ASCII form, or an address.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The port; 443 when an `https` URL names none.
    pub fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or_default()
    }
}

impl FromStr for Endpoint {
    type Err = Error;

    /// As [`Endpoint::from_url`].
    fn from_str(url: &str) -> Result<Self, Error> {
        Self::from_url(url)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

fn refused(what: String) -> Error {
    Error::without_call(ErrorKind::Setup(what))
}

/// Whether there can be such a host. Addresses that stand for none, or for many at once, are not one: the port in the host's
/// place would read as such.
fn can_be_somebodys(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => is_name(name),
        Host::Ipv4(address) => address.octets()[0] != 0 && !address.is_broadcast() && !address.is_multicast(),
        Host::Ipv6(address) => !address.is_unspecified() && !address.is_multicast(),
    }
}

/// Whether a name (in its ASCII form) can be somebody's: no certificate is made out to any other.
fn is_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

fn is_this_machine(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.to_canonical().is_loopback(),
    }
}

/// What people paste as a host, without what may be a password in it, and not all of something endless.
fn without_credentials(host: &str) -> String {
    let host = host.rsplit_once('@').map_or(host, |(_, behind)| behind);
    host.split(['?', '#']).next().unwrap_or_default().chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_and_no_url() {
        for host in [
            "",
            "https://api.example",
            "api.example:1",
            "api.example/path",
            "[::1",
            "http://127.0.0.1",
            "::1]",
        ] {
            let error = Endpoint::new(host, 1).expect_err(host).to_string();
            assert!(error.contains("without https://"), "{error}");
        }
        let pasted = "https://user:pass@api.example/?ident=a&secret=b";
        let error = Endpoint::new(pasted, 1).expect_err("a URL").to_string();
        assert!(error.contains("`api.example/`"), "{error}");
        for (host, shown) in [
            ("api.example", "api.example"),
            ("API.Example", "api.example"),
            ("münchen.example", "xn--mnchen-3ya.example"),
            ("a_b.example", "a_b.example"),
            ("10.0.0.1", "10.0.0.1"),
            ("[::1]", "[::1]"),
            ("2001:db8::7", "[2001:db8::7]"),
        ] {
            assert_eq!(Endpoint::new(host, 1).expect(host).host(), shown);
        }
    }

    #[test]
    fn a_host_that_nobody_can_have_is_refused_at_once() {
        for host in [
            "256.1.1.1",
            "1.2.3.4.5",
            "1.2.3.08",
            "34562",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "ff02::1",
            "exa%mple",
            "xn--a",
            "a..b",
            ".a",
            "a b",
            "a\tb",
            "a\\b",
            "[::g]",
            "a^b",
            "a,b",
            "*.example",
            "api;example",
            "api!",
            "a=b",
            "\"api\"",
            "-a.example",
            "a-.example",
            &"a".repeat(64),
            &"a.".repeat(128),
        ] {
            assert!(Endpoint::new(host, 1).is_err(), "{host}");
        }
        assert!(Endpoint::new("api.example", 0).is_err());
    }

    #[test]
    fn plain_http_is_for_this_machine_alone() {
        for url in [
            "http://127.0.0.1:8080/",
            "http://127.8.9.10/",
            "http://localhost/",
            "http://LOCALHOST:1/",
            "http://[::1]:1/",
            "http://[::ffff:127.0.0.1]/",
            "http://127.1/",
            "http://2130706433/",
        ] {
            assert!(Endpoint::from_url(url).is_ok(), "{url}");
        }
        for url in [
            "http://api.example:1/",
            "http://127.evil.example/",
            "http://127.0.0.1.evil.example/",
            "http://localhost.evil.example/",
            "http://notlocalhost/",
            "http://0.0.0.0/",
            "http://[::]/",
            "http://10.0.0.1/",
            "http://128.0.0.1/",
            "http://127.0.0.1@evil.example/",
            "http://evil.example\\@127.0.0.1/",
            "http://[::ffff:10.0.0.1]/",
        ] {
            assert!(Endpoint::from_url(url).is_err(), "{url}");
        }
    }

    #[test]
    fn an_endpoint_holds_no_credentials() {
        for url in [
            "https://u:p@api.example/",
            "https://@api.example/",
            "https://api.example/?ident=a",
            "https://api.example/?",
            "https://api.example/#a",
            "ftp://x/",
            "x",
            "",
            "https://",
            "https:///",
            "https://api.example:99999/",
            "data:,x",
        ] {
            assert!(Endpoint::from_url(url).is_err(), "{url}");
        }
        let endpoint: Endpoint = "https://api.example:1/base".parse().expect("valid");
        assert_eq!((endpoint.to_string(), endpoint.port()), ("https://api.example:1/base".to_owned(), 1));
        assert_eq!(Endpoint::new("api.example", 443).expect("valid").port(), 443);
    }
}
