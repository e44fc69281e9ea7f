//! What an error of reqwest means, in our words: its own text stays its source.

use std::{error::Error, io};

use super::{TransportError, TransportErrorKind};

/// The error of one exchange, without the URL: that holds the credentials.
pub(super) fn transport_error(error: reqwest::Error) -> TransportError {
    let kind = match (error.is_connect(), error.is_timeout()) {
        (true, true) => TransportErrorKind::ConnectTimeout,
        (true, false) => TransportErrorKind::Connect,
        (false, true) => TransportErrorKind::Timeout,
        (false, false) => TransportErrorKind::Interrupted,
    };
    of_kind(kind, error)
}

/// The error of a transport that cannot be built.
pub(super) fn setup_error(error: reqwest::Error) -> TransportError {
    of_kind(TransportErrorKind::Setup, error)
}

fn of_kind(kind: TransportErrorKind, error: reqwest::Error) -> TransportError {
    let error = error.without_url();
    TransportError::new(kind, reason(kind, &error)).with_source(error)
}

fn reason(kind: TransportErrorKind, error: &reqwest::Error) -> &'static str {
    let said = chain(error).map(|cause| cause.to_string().to_ascii_lowercase()).collect::<Vec<_>>().join(" ");
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    match kind {
        TransportErrorKind::ConnectTimeout => "the server does not react; check host, port and firewall",
        TransportErrorKind::Connect => match io_kind(error) {
            Some(io::ErrorKind::ConnectionRefused) => "nobody listens there; check host and port",
            Some(io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable) => {
                "there is no way to the host; check the network"
            }
            _ if says(&["not the pinned one"]) => "the server's certificate is not the pinned one",
            _ if says(&["certificate"]) => "the server's certificate is not trusted",
            _ if says(&["dns", "lookup"]) => "the host's name was not found; check the host",
            _ if says(&["tunnel", "proxy", "socks"]) => "the proxy does not make one",
            _ if says(&["tls", "ssl", "handshake", "invalidcontenttype", "corrupt message"]) => {
                "the server speaks no TLS that is accepted here; check host and port"
            }
            _ => "it could not be made",
        },
        TransportErrorKind::Timeout => "the time-out is up",
        // It calls an answer that ends too early one that it cannot decode.
        TransportErrorKind::Interrupted if error.is_decode() && says(&["gzip", "deflate", "corrupt"]) => {
            "the answer cannot be unpacked"
        }
        TransportErrorKind::Interrupted => "before the answer was complete",
        TransportErrorKind::Setup => "TLS or the HTTP client does not start",
    }
}

fn chain<'a>(error: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error as &(dyn Error + 'static)), |cause: &&'a (dyn Error + 'static)| {
        (*cause).source()
    })
}

fn io_kind(error: &reqwest::Error) -> Option<io::ErrorKind> {
    chain(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind).last()
}
