//! A POS that answers single calls with what a test says.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use mplus_qapi::soap::{Operation, write_document};
use mplus_qapi::testkit::{Pos, VirtualRuntime};
use mplus_qapi::transport::{Body, Request, Transport, TransportError};
use mplus_qapi::{Client, Credentials, Endpoint};

/// Passes calls on to a test POS, except those that the test has an answer for.
#[derive(Debug, Clone)]
pub(crate) struct Scripted {
    pos: Pos,
    answers: Arc<Mutex<BTreeMap<&'static str, VecDeque<Bytes>>>>,
    /// Calls that it does not know.
    lacking: Arc<Mutex<BTreeSet<&'static str>>>,
    /// Calls that it refuses when these words are in them.
    refused: Arc<Mutex<BTreeMap<&'static str, String>>>,
}

impl Scripted {
    pub(crate) fn new(pos: &Pos) -> Self {
        Self { pos: pos.clone(), answers: Arc::default(), lacking: Arc::default(), refused: Arc::default() }
    }

    /// The POS does not know these calls.
    pub(crate) fn lack(&self, operations: &[&'static str]) {
        self.lacking.lock().unwrap().extend(operations);
    }

    /// The POS refuses calls of an operation in which these words are, for good.
    pub(crate) fn refuse(&self, operation: &'static str, words: &str) {
        self.refused.lock().unwrap().insert(operation, words.to_owned());
    }

    /// It refuses nothing any more.
    pub(crate) fn allow(&self) {
        self.refused.lock().unwrap().clear();
    }

    /// The POS knows all calls from now on.
    pub(crate) fn lack_nothing(&self) {
        self.lacking.lock().unwrap().clear();
    }

    /// The next call of `O` gets this answer; the POS never sees it. Said again, the one after it.
    pub(crate) fn answer<O: Operation>(&self, response: &O::Response) {
        let document = write_document(O::INFO.response, response).unwrap();
        self.answers.lock().unwrap().entry(O::INFO.name).or_default().push_back(document.into());
    }

    pub(crate) fn client(&self) -> Client {
        self.client_with(Endpoint::new("pos.invalid", 1).unwrap(), self.pos.credentials())
    }

    pub(crate) fn client_with(&self, endpoint: Endpoint, credentials: Credentials) -> Client {
        Client::builder(endpoint, credentials, self.clone(), VirtualRuntime::new(77)).build()
    }
}

#[async_trait]
impl Transport for Scripted {
    async fn send(&self, request: Request) -> Result<http::Response<Body>, TransportError> {
        let operation = request.headers()["soapaction"].to_str().unwrap().to_owned();
        let scripted = self.answers.lock().unwrap().get_mut(operation.as_str()).and_then(VecDeque::pop_front);
        if self.lacking.lock().unwrap().contains(operation.as_str()) {
            return Ok(fault(&format!(
                "Method '{operation}' not implemented: method name or namespace not recognized"
            )));
        }
        let refused = self.refused.lock().unwrap().get(operation.as_str()).cloned();
        if refused.is_some_and(|words| String::from_utf8_lossy(request.body()).contains(&words)) {
            return Ok(fault("This user may not do that"));
        }
        match scripted {
            Some(document) => {
                let answer = http::Response::builder().header("content-type", "text/xml; charset=utf-8");
                Ok(answer.body(Body::from(document)).unwrap())
            }
            None => self.pos.send(request).await,
        }
    }
}

fn fault(text: &str) -> http::Response<Body> {
    let fault = format!(
        "<E:Envelope xmlns:E=\"http://schemas.xmlsoap.org/soap/envelope/\"><E:Body><E:Fault>\
         <faultcode>E:Client</faultcode><faultstring>{text}</faultstring></E:Fault></E:Body></E:Envelope>"
    );
    let answer = http::Response::builder().status(500).header("content-type", "text/xml; charset=utf-8");
    answer.body(Body::from(Bytes::from(fault))).unwrap()
}
