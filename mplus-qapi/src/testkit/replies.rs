//! Answers that a test gives itself: no till, no socket.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;

use super::VirtualRuntime;
use crate::{
    Client, ClientBuilder, Credentials, Endpoint,
    soap::{Fault, Operation, body_root, read_document, write_document, write_fault},
    transport::{Body, Request, Transport, TransportError, TransportErrorKind},
};

/// Canned or computed answers, operation by operation, and what was asked for them. Cheap to clone: clones are the same.
///
/// ```
/// use mplus_qapi::stock::{ArticleStock, GetStock, GetStockRequest, GetStockResponse};
/// use mplus_qapi::testkit::Replies;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), mplus_qapi::Error> {
/// let replies = Replies::new();
/// let cola = ArticleStock { article_number: 7, amount_free: 12.into(), ..Default::default() };
/// replies.answer::<GetStock>(GetStockResponse { article_stocks: vec![cola] });
///
/// let request = GetStockRequest { branch_number: 3, ..Default::default() };
/// assert_eq!(replies.client().get_stock(request).await?.article_stocks[0].amount_free, 12.into());
/// assert_eq!(replies.sent::<GetStock>()[0].request.branch_number, 3);
/// # Ok(())
/// # }
/// ```
///
/// What the client sends and reads is real: a request that does not fit the schema fails as it would with a till. An
/// operation without an answer is refused with a fault that names it. To change single answers of a whole till, see
/// [`Pos::replies`](super::Pos::replies).
#[derive(Clone, Default)]
pub struct Replies {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    plans: Mutex<BTreeMap<&'static str, Plan>>,
    sent: Mutex<Vec<(String, Bytes)>>,
}

#[derive(Default)]
struct Plan {
    once: VecDeque<Answering>,
    always: Option<Answering>,
}

/// From the document of a request to that of its response.
pub(super) type Answering = Arc<dyn Fn(&[u8]) -> Result<String, Refusal> + Send + Sync>;

/// What comes in the place of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// A SOAP fault, under the HTTP status 500.
    Fault(Fault),
    /// An HTTP status without an envelope.
    Status(u16),
    /// No answer: the exchange fails below HTTP.
    Transport(TransportErrorKind),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<TransportErrorKind> for Refusal {
    fn from(kind: TransportErrorKind) -> Self {
        Self::Transport(kind)
    }
}

impl Replies {
    /// No answer yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Every call of this operation is answered so, from now on.
    pub fn answer<O: Operation>(&self, response: O::Response) -> &Self {
        self.always::<O>(canned::<O>(&response))
    }

    /// The next call of this operation is answered so. Tell it several times for several calls, in their order; they go
    /// before what [`Self::answer`], [`Self::compute`] and [`Self::refuse`] say.
    pub fn answer_once<O: Operation>(&self, response: O::Response) -> &Self {
        self.once::<O>(canned::<O>(&response))
    }

    /// Every call of this operation is answered by a function of its request, from now on.
    pub fn compute<O: Operation>(
        &self,
        answer: impl Fn(O) -> Result<O::Response, Refusal> + Send + Sync + 'static,
    ) -> &Self {
        self.always::<O>(Arc::new(move |document| written::<O>(&answer(read::<O>(document)?)?)))
    }

    /// Every call of this operation fails so, from now on.
    pub fn refuse<O: Operation>(&self, refusal: impl Into<Refusal>) -> &Self {
        let refusal = refusal.into();
        self.always::<O>(Arc::new(move |_| Err(refusal.clone())))
    }

    /// The next call of this operation fails so; see [`Self::answer_once`].
    pub fn refuse_once<O: Operation>(&self, refusal: impl Into<Refusal>) -> &Self {
        let refusal = refusal.into();
        self.once::<O>(Arc::new(move |_| Err(refusal.clone())))
    }

    /// A client that gets these answers, whose pauses take no time.
    pub fn client(&self) -> Client {
        self.client_builder().build()
    }

    /// The same, to be adjusted.
    pub fn client_builder(&self) -> ClientBuilder {
        let credentials = Credentials::new("testkit", "testkit-secret");
        Client::builder(Endpoint::in_memory(), credentials, self.clone(), VirtualRuntime::default())
    }

    /// The requests of this operation so far, in their order, repeats included.
    pub fn sent<O: Operation>(&self) -> Vec<O> {
        let sent = locked(&self.shared.sent);
        let of_operation = sent.iter().filter(|(operation, _)| operation == O::INFO.name);
        of_operation.filter_map(|(_, document)| read::<O>(document).ok()).collect()
    }

    /// The names of the operations that were called so far, in their order.
    pub fn operations(&self) -> Vec<String> {
        locked(&self.shared.sent).iter().map(|(operation, _)| operation.clone()).collect()
    }

    fn always<O: Operation>(&self, answer: Answering) -> &Self {
        locked(&self.shared.plans).entry(O::INFO.name).or_default().always = Some(answer);
        self
    }

    fn once<O: Operation>(&self, answer: Answering) -> &Self {
        locked(&self.shared.plans).entry(O::INFO.name).or_default().once.push_back(answer);
        self
    }

    /// The answer to a request, if one was told for its operation. It counts as sent then.
    pub(super) fn take(&self, operation: &str, document: &[u8]) -> Option<Result<String, Refusal>> {
        let answer = {
            let mut plans = locked(&self.shared.plans);
            let plan = plans.get_mut(operation)?;
            plan.once.pop_front().or_else(|| plan.always.clone())?
        };
        self.note(operation, document);
        Some(answer(document))
    }

    fn note(&self, operation: &str, document: &[u8]) {
        locked(&self.shared.sent).push((operation.to_owned(), Bytes::copy_from_slice(document)));
    }
}

impl fmt::Debug for Replies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replies").field("sent", &self.operations()).finish_non_exhaustive()
    }
}

#[async_trait]
impl Transport for Replies {
    async fn send(&self, request: Request) -> Result<http::Response<Body>, TransportError> {
        let document = request.body();
        let answer = match body_root(document) {
            Ok(operation) => self.take(&operation, document).unwrap_or_else(|| {
                self.note(&operation, document);
                Err(Fault::new("Client", format!("this test has no answer to {operation}")).into())
            }),
            Err(error) => Err(unreadable(&error)),
        };
        let (status, body) = match answer {
            Ok(document) => (200, document),
            Err(Refusal::Fault(fault)) => (500, write_fault(&fault).unwrap_or_default()),
            Err(Refusal::Status(status)) => (status, String::new()),
            Err(Refusal::Transport(kind)) => {
                return Err(TransportError::new(kind, "as told by the test"));
            }
        };
        let mut response = http::Response::new(Body::from(Bytes::from(body)));
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
        Ok(response)
    }
}

fn canned<O: Operation>(response: &O::Response) -> Answering {
    let written = written::<O>(response);
    Arc::new(move |_| written.clone())
}

fn written<O: Operation>(response: &O::Response) -> Result<String, Refusal> {
    write_document(O::INFO.response, response).map_err(|error| {
        Fault::new("Client", format!("the test's answer to {} does not fit: {error}", O::INFO.name)).into()
    })
}

fn read<O: Operation>(document: &[u8]) -> Result<O, Refusal> {
    let mut request = O::default();
    match read_document(document, O::INFO.name, &mut request, false) {
        Ok(_) => Ok(request),
        Err(error) => Err(unreadable(&error)),
    }
}

fn unreadable(error: &dyn fmt::Display) -> Refusal {
    Fault::new("Client", format!("the request cannot be read: {error}")).into()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
