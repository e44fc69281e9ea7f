//! A server that says byte for byte what a test tells it to.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use mplus_qapi::{
    Client, ClientBuilder, Credentials, Endpoint, RetryPolicy, TokioRuntime, transport::ReqwestTransport,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
    sync::Notify,
    task::JoinHandle,
};

/// What happens after one request.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Bytes; the connection stays open.
    Send(Vec<u8>),
    /// Bytes, as many as the client takes; then the connection is closed.
    SendIfWanted(Vec<u8>),
    /// Bytes; then the connection is closed, without having been announced.
    SendAndClose(Vec<u8>),
    /// The connection is closed without an answer.
    Close,
    /// The head, then a piece again and again with a pause between, until the client is gone.
    Trickle(Vec<u8>, Vec<u8>, Duration),
}

#[derive(Debug, Default)]
struct Seen {
    steps: Mutex<VecDeque<Step>>,
    requests: Mutex<Vec<String>>,
    connections: Mutex<usize>,
    gone: Notify,
}

#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    seen: Arc<Seen>,
    task: JoinHandle<()>,
}

impl Server {
    /// Each request, on whatever connection, meets the next step; after the last one connections are closed.
    pub(crate) async fn start(steps: impl IntoIterator<Item = Step>) -> Self {
        let seen = Arc::new(Seen { steps: Mutex::new(steps.into_iter().collect()), ..Seen::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = seen.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, shared.clone()));
            }
        });
        Self { address, seen, task }
    }

    /// A server that gives one answer and then no other.
    pub(crate) async fn answering(answer: Vec<u8>) -> Self {
        Self::start([Step::Send(answer)]).await
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A client of it that repeats nothing.
    pub(crate) fn client(&self) -> Client {
        self.client_builder().build()
    }

    pub(crate) fn client_builder(&self) -> ClientBuilder {
        let endpoint = Endpoint::from_url(&format!("http://{}/base", self.address)).expect("valid");
        let transport = ReqwestTransport::builder().build().expect("a client");
        Client::builder(endpoint, credentials(), transport, TokioRuntime)
            .retry(RetryPolicy::none())
            .timeout(Duration::from_secs(20))
    }

    /// Every request so far: head and body.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.seen.requests.lock().expect("whole").clone()
    }

    pub(crate) fn connections(&self) -> usize {
        *self.seen.connections.lock().expect("whole")
    }

    /// Waits until a client has left a connection on which something was still being said.
    pub(crate) async fn client_gone(&self) {
        tokio::time::timeout(Duration::from_secs(20), self.seen.gone.notified()).await.expect("gone");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Names that are found when they leak.
pub(crate) fn credentials() -> Credentials {
    Credentials::new("the-ident", "the-secret/&")
}

/// Whether a text holds the credentials in any spelling.
pub(crate) fn leaks(text: &str) -> bool {
    ["the-ident", "the-secret"].iter().any(|part| text.contains(part))
}

/// Repeats without long pauses.
pub(crate) fn quick_retries(max_attempts: u32) -> RetryPolicy {
    RetryPolicy { max_attempts, base_delay: Duration::from_millis(1), ..RetryPolicy::default() }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, seen: Arc<Seen>) {
    *seen.connections.lock().expect("whole") += 1;
    while let Some(request) = read_request(&mut stream).await {
        seen.requests.lock().expect("whole").push(request);
        let step = seen.steps.lock().expect("whole").pop_front().unwrap_or(Step::Close);
        match step {
            Step::Send(bytes) => stream.write_all(&bytes).await.expect("sent"),
            Step::SendIfWanted(bytes) => {
                // It may hang up in the middle.
                let _ = stream.write_all(&bytes).await;
                return;
            }
            Step::SendAndClose(bytes) => {
                stream.write_all(&bytes).await.expect("sent");
                return;
            }
            Step::Close => return,
            Step::Trickle(head, piece, pause) => {
                let mut open = stream.write_all(&head).await.is_ok();
                while open {
                    tokio::time::sleep(pause).await;
                    open = stream.write_all(&piece).await.is_ok();
                }
                seen.gone.notify_one();
                return;
            }
        }
    }
}

/// The head and the body of one request; `None` when the client is gone.
pub(crate) async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
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

/// A response with a length.
pub(crate) fn http(status: u16, headers: &[&str], body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut answer = format!("HTTP/1.1 {status} Said\r\nContent-Length: {}\r\n", body.len());
    for header in headers {
        answer.push_str(header);
        answer.push_str("\r\n");
    }
    let mut answer = answer.into_bytes();
    answer.extend_from_slice(b"\r\n");
    answer.extend_from_slice(body);
    answer
}

/// The head of a response that ends with the connection or never.
pub(crate) fn endless_head() -> Vec<u8> {
    b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec()
}

pub(crate) const ENVELOPE: &str = concat!(
    r#"<?xml version="1.0" encoding="UTF-8"?><S:Envelope "#,
    r#"xmlns:S="http://schemas.xmlsoap.org/soap/envelope/" xmlns:ns="urn:mplusqapi" xmlns:o="urn:other"><S:Body>"#,
);
pub(crate) const END: &str = "</S:Body></S:Envelope>";

/// An envelope around this.
pub(crate) fn envelope(body: &str) -> String {
    format!("{ENVELOPE}{body}{END}")
}

/// An envelope with relations of this content.
pub(crate) fn relations(items: &[&str]) -> String {
    let items: String = items.iter().map(|item| format!("<ns:relation>{item}</ns:relation>")).collect();
    envelope(&format!(
        "<ns:GetRelationsResponse><ns:relationList>{items}</ns:relationList></ns:GetRelationsResponse>"
    ))
}

/// What `setStock` answers when all is well.
pub(crate) fn stock_set() -> String {
    envelope("<ns:SetStockResponse><ns:result>SET-STOCK-RESULT-OK</ns:result></ns:SetStockResponse>")
}
