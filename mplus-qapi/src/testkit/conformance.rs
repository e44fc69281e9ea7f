//! Whether a transport keeps its word: for hosts that bring their own.

use std::{fmt, net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::timeout,
};

use crate::transport::{Body, Request, Transport, TransportError, TransportErrorKind};

/// A transport does something that [`Transport`] forbids.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotConforming(String);

type Verdict = Result<(), NotConforming>;

/// Checks a transport against servers on loopback: that it hands on requests and answers as they are, follows nothing,
/// streams, ends in time, and tells rightly where an exchange failed, since that decides whether a write is repeated. It
/// has to speak plain `http` to 127.0.0.1. Takes about a second; needs tokio with I/O and time.
///
/// ```
/// # #[cfg(feature = "reqwest")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mplus_qapi::{testkit::transport_conformance, transport::ReqwestTransport};
///
/// transport_conformance(&ReqwestTransport::builder().build()?).await?;
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "reqwest"))]
/// # fn main() {}
/// ```
///
/// # Errors
/// What the transport does wrong, the first thing that is found.
pub async fn transport_conformance(transport: &dyn Transport) -> Result<(), NotConforming> {
    hands_on_the_request(transport).await?;
    every_status_is_a_response(transport).await?;
    streams_the_answer(transport).await?;
    ends_in_time(transport).await?;
    tells_where_it_failed(transport).await
}

async fn hands_on_the_request(transport: &dyn Transport) -> Verdict {
    let mut server = Server::start(|_| Play::Say(answer("200 OK", "", "<a/>"))).await?;
    let mut headers = HeaderMap::new();
    headers.insert("soapaction", HeaderValue::from_static("getStock"));
    headers.insert("x-request-id", HeaderValue::from_static("4711"));
    let url = format!("http://{}/base?ident=a%20b&secret=c%26d", server.address);
    let request = Request::new(url, Bytes::from_static("<été/>".as_bytes())).with_headers(headers);
    let response = sent(transport, request).await?;
    check(
        whole(response.into_body()).await.is_ok_and(|body| body == b"<a/>"),
        "the answer's body is not handed on as it is",
    )?;
    let told = server.heard().await?;
    let head = told.to_ascii_lowercase();
    check(
        told.starts_with("POST /base?ident=a%20b&secret=c%26d HTTP/1.1\r\n"),
        "the request is no POST to its URL by HTTP/1.1",
    )?;
    check(
        head.contains("soapaction: getstock\r\n") && head.contains("x-request-id: 4711\r\n"),
        "headers are left out",
    )?;
    check(!head.contains("\r\nreferer:"), "a referer is sent: it would show the credentials")?;
    check(told.ends_with("\r\n\r\n<été/>"), "the request's body is not handed on as it is")
}

async fn every_status_is_a_response(transport: &dyn Transport) -> Verdict {
    let mut elsewhere = Server::start(|_| Play::Say(answer("200 OK", "", ""))).await?;
    for status in [200, 204, 301, 302, 307, 308, 401, 404, 429, 500, 503] {
        let location = format!("Location: http://{}/\r\nRetry-After: 0\r\n", elsewhere.address);
        let server =
            Server::start(move |_| Play::Say(answer(&format!("{status} Said"), &location, ""))).await?;
        let response = sent(transport, server.request()).await?;
        check(
            response.status() == status,
            &format!("the HTTP status {status} is not handed on as a response"),
        )?;
        check(response.headers().contains_key("retry-after"), "the answer's headers are left out")?;
    }
    check(
        elsewhere.requests.try_recv().is_err(),
        "a redirect is followed: it would carry the credentials elsewhere",
    )
}

async fn streams_the_answer(transport: &dyn Transport) -> Verdict {
    let (go_on, wait) = mpsc::channel(1);
    let wait = std::sync::Mutex::new(Some(wait));
    let server = Server::start(move |_| {
        let wait = wait.lock().ok().and_then(|mut wait| wait.take());
        Play::SayInParts("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc".into(), wait, "def".into())
    })
    .await?;
    let mut body = sent(transport, server.request()).await?.into_body();
    let first = timeout(PATIENCE, body.next()).await;
    let first =
        first.map_err(|_| NotConforming("a piece of the answer is held back until it is whole".into()))?;
    let mut read = first.transpose().map_err(|error| failed(&error))?.unwrap_or_default().to_vec();
    check(
        b"abc".starts_with(&read) && !read.is_empty(),
        "the first piece of the answer is not what the server said",
    )?;
    _ = go_on.send(()).await;
    read.extend(whole(body).await.map_err(|error| failed(&error))?);
    check(read == b"abcdef", "the answer's pieces are not handed on as they are")
}

async fn ends_in_time(transport: &dyn Transport) -> Verdict {
    let short = Duration::from_millis(200);
    let silent = Server::start(|_| Play::Wait(Vec::new())).await?;
    let error = transport.send(silent.request().with_timeout(short));
    let error = timeout(PATIENCE, error)
        .await
        .map_err(|_| NotConforming("the time-out does not end a silent exchange".into()))?;
    let kind = error.err().map(|error| error.kind());
    check(
        kind == Some(TransportErrorKind::Timeout),
        &format!("a server that says nothing is told as {kind:?}, not Timeout"),
    )?;
    let begun = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".to_vec();
    let stuck = Server::start(move |_| Play::Wait(begun.clone())).await?;
    let body = sent(transport, stuck.request().with_timeout(short)).await?.into_body();
    let error = timeout(PATIENCE, whole(body))
        .await
        .map_err(|_| NotConforming("the time-out does not end an answer that stops".into()))?;
    let kind = error.err().map(|error| error.kind());
    check(
        kind == Some(TransportErrorKind::Timeout),
        &format!("an answer that stops is told as {kind:?}, not Timeout"),
    )
}

async fn tells_where_it_failed(transport: &dyn Transport) -> Verdict {
    let address = TcpListener::bind("127.0.0.1:0").await.and_then(|listener| listener.local_addr());
    let nobody = format!("http://{}/", address.map_err(|error| no_server(&error))?);
    let kind = transport.send(Request::new(nobody, Bytes::new())).await.err().map(|error| error.kind());
    check(
        kind == Some(TransportErrorKind::Connect),
        &format!("a port where nobody listens is told as {kind:?}, not Connect"),
    )?;
    let rude = Server::start(|_| Play::Say(Vec::new())).await?;
    let kind = transport.send(rude.request()).await.err().map(|error| error.kind());
    let why = "a connection that breaks after the request is told as";
    check(
        kind == Some(TransportErrorKind::Interrupted),
        &format!("{why} {kind:?}, not Interrupted: a write would be repeated"),
    )?;
    check(rude.count() == 1, "a request is sent again by the transport itself")?;
    let cut =
        Server::start(|_| Play::Say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".to_vec())).await?;
    let kind = whole(sent(transport, cut.request()).await?.into_body()).await.err().map(|error| error.kind());
    check(
        kind == Some(TransportErrorKind::Interrupted),
        &format!("an answer that is cut is told as {kind:?}, not Interrupted"),
    )
}

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(10);

fn check(holds: bool, what: &str) -> Verdict {
    if holds { Ok(()) } else { Err(NotConforming(what.to_owned())) }
}

fn failed(error: &TransportError) -> NotConforming {
    NotConforming(format!("an exchange that should work fails: {error}"))
}

fn no_server(error: &dyn fmt::Display) -> NotConforming {
    NotConforming(format!("no server could be started to test with: {error}"))
}

async fn sent(transport: &dyn Transport, request: Request) -> Result<http::Response<Body>, NotConforming> {
    transport.send(request).await.map_err(|error| failed(&error))
}

async fn whole(mut body: Body) -> Result<Vec<u8>, TransportError> {
    let mut read = Vec::new();
    while let Some(piece) = body.next().await {
        read.extend_from_slice(&piece?);
    }
    Ok(read)
}

fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// What a server does with a request; then it closes the connection.
enum Play {
    Say(Vec<u8>),
    SayInParts(String, Option<mpsc::Receiver<()>>, String),
    /// Says this, and nothing more until the client is gone.
    Wait(Vec<u8>),
}

/// A server on loopback; it ends with this.
struct Server {
    address: SocketAddr,
    requests: mpsc::UnboundedReceiver<String>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    async fn start(play: impl Fn(&str) -> Play + Send + Sync + 'static) -> Result<Self, NotConforming> {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| no_server(&error))?;
        let address = listener.local_addr().map_err(|error| no_server(&error))?;
        let (told, requests) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let Some(request) = read_request(&mut stream).await else { continue };
                let play = play(&request);
                _ = told.send(request);
                act(stream, play).await;
            }
        });
        Ok(Self { address, requests, task })
    }

    fn request(&self) -> Request {
        Request::new(format!("http://{}/", self.address), Bytes::from_static(b"<request/>"))
            .with_timeout(PATIENCE)
    }

    async fn heard(&mut self) -> Result<String, NotConforming> {
        self.requests.recv().await.ok_or_else(|| NotConforming("no request arrives".into()))
    }

    fn count(&self) -> usize {
        self.requests.len()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn act(mut stream: TcpStream, play: Play) {
    match play {
        Play::Say(answer) => _ = stream.write_all(&answer).await,
        Play::SayInParts(first, wait, rest) => {
            _ = stream.write_all(first.as_bytes()).await;
            if let Some(mut wait) = wait {
                wait.recv().await;
            }
            _ = stream.write_all(rest.as_bytes()).await;
        }
        Play::Wait(answer) => {
            _ = stream.write_all(&answer).await;
            while !matches!(stream.read(&mut [0; 64]).await, Ok(0) | Err(_)) {}
        }
    }
}

/// Head and body; `None` when the client is gone.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
            });
            if body.len() >= length.unwrap_or(0) {
                return Some(text.into_owned());
            }
        }
        let mut piece = [0; 4096];
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => request.extend_from_slice(&piece[..read]),
        }
    }
}
