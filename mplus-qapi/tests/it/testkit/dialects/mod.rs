//! Each reading of an open question, seen in the envelopes that the POS answers: not through this crate's reader.

mod calls;
mod menu;
mod orders;
mod prices;
mod written;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use mplus_qapi::{
    Client, Credentials, Endpoint,
    soap::Operation,
    testkit::{Dialect, Pos, VirtualRuntime},
    transport::{Body, Request, Transport, TransportError},
};

/// The brasserie with some readings.
fn pos(readings: &str) -> Pos {
    Pos::brasserie().with_dialect(readings.parse::<Dialect>().expect("readings"))
}

/// A way to a POS that keeps what it answers.
#[derive(Debug, Clone)]
struct Tape {
    pos: Pos,
    answer: Arc<Mutex<(String, Vec<u8>)>>,
}

#[async_trait]
impl Transport for Tape {
    async fn send(&self, request: Request) -> Result<http::Response<Body>, TransportError> {
        let (head, mut body) = self.pos.send(request).await?.into_parts();
        let mut document = Vec::new();
        while let Some(piece) = body.next().await {
            document.extend_from_slice(&piece?);
        }
        let content_type = head.headers["content-type"].to_str().expect("ASCII").to_owned();
        *self.answer.lock().expect("lock") = (content_type, document.clone());
        Ok(http::Response::from_parts(head, Bytes::from(document).into()))
    }
}

impl Tape {
    fn of(pos: &Pos) -> Self {
        Self { pos: pos.clone(), answer: Arc::default() }
    }

    fn client(&self, credentials: Credentials) -> Client {
        let endpoint = Endpoint::new("pos.invalid", 443).expect("valid");
        let client = Client::builder(endpoint, credentials, self.clone(), VirtualRuntime::default());
        client.build()
    }
}

/// What the POS answers to a call, as it stands on the wire.
async fn bytes<O: Operation>(pos: &Pos, request: O) -> (String, Vec<u8>) {
    let tape = Tape::of(pos);
    // Whether this crate can read it is another matter.
    let _ = tape.client(pos.credentials()).call(request).await;
    tape.answer.lock().expect("lock").clone()
}

async fn envelope<O: Operation>(pos: &Pos, request: O) -> String {
    String::from_utf8(bytes(pos, request).await.1).expect("UTF-8")
}

/// The texts of all elements with this name, in their order.
fn texts<'a>(envelope: &'a str, name: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<ns1:{name}>"), format!("</ns1:{name}>"));
    let parts = envelope.split(open.as_str()).skip(1);
    parts.filter_map(|part| part.split(close.as_str()).next()).collect()
}

fn numbers(envelope: &str, name: &str) -> Vec<i64> {
    texts(envelope, name).into_iter().map(|text| text.trim().parse().expect("a number")).collect()
}

/// The first element with this name, tags and all.
fn element<'a>(envelope: &'a str, name: &str) -> &'a str {
    let begin = envelope.find(&format!("<ns1:{name}>")).expect("it is there");
    let end = format!("</ns1:{name}>");
    &envelope[begin..begin + envelope[begin..].find(&end).expect("it ends") + end.len()]
}
