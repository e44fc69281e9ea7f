//! What may not be sent is not, and what is sent carries the credentials that hold now.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_util::StreamExt as _;
use mplus_qapi::branches::GetBranches;
use mplus_qapi::products::GetProducts;
use mplus_qapi::testkit::{Pos, VirtualRuntime};
use mplus_qapi::{Client, Credentials, Endpoint, Gate, Passage};

/// Says what a test put into it, and `Open` otherwise.
#[derive(Debug, Default)]
struct Scripted(Mutex<Vec<Passage>>);

impl Scripted {
    fn says(answers: impl IntoIterator<Item = Passage>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(answers.into_iter().collect())))
    }
}

#[async_trait]
impl Gate for Scripted {
    async fn pass(&self, _operation: &'static str) -> Passage {
        self.0.lock().unwrap().pop().unwrap_or(Passage::Open)
    }
}

fn held() -> Passage {
    Passage::Held("the merchant has a break".to_owned())
}

#[tokio::test]
async fn a_held_call_sends_nothing_is_not_repeated_and_says_why() {
    let pos = Pos::brasserie();
    let client = pos.client().through(Scripted::says([held()]));
    let error = client.call(GetBranches::default()).await.unwrap_err();
    assert!(error.is_held() && error.is_transient() && !error.may_have_been_processed(), "{error}");
    assert_eq!(error.to_string(), "getBranches failed: the merchant has a break; nothing was sent");
    assert_eq!((error.attempts(), pos.requests().total()), (0, 0));

    assert!(client.call(GetBranches::default()).await.is_ok(), "the gate is asked anew each time");
}

#[tokio::test]
async fn a_stream_asks_too_and_every_gate_is_asked() {
    let pos = Pos::brasserie();
    let client = pos.client().through(Scripted::says([])).through(Scripted::says([held()]));
    let first = client.call(GetProducts::default()).stream().next().await;
    assert!(first.unwrap().unwrap_err().is_held());
    assert_eq!(pos.requests().total(), 0);
}

#[tokio::test]
async fn new_credentials_serve_the_client_and_all_clones_from_then_on() {
    let pos = Pos::brasserie();
    let stale = Credentials::new("testkit", "yesterday's");
    let endpoint = Endpoint::new("api.mpluskassa.nl", 34562).unwrap();
    let client = Client::builder(endpoint, stale, pos.clone(), VirtualRuntime::new(1)).build();
    assert!(client.call(GetBranches::default()).await.unwrap_err().is_authentication());

    let gated = client.through(Scripted::says([Passage::OpenWith(pos.credentials())]));
    assert!(gated.call(GetBranches::default()).await.is_ok());
    assert!(client.call(GetBranches::default()).await.is_ok());
    assert_eq!(client.erase_from("geheim & vertrouwelijk"), "***");
}
