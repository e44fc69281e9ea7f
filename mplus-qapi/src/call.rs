//! One call: its options, its attempts, its response.

use std::{
    fmt,
    future::ready,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use crate::{
    Error, ErrorKind, ItemStream, Pages, RetryPolicy,
    channel::{Channel, Settings},
    exchange::{Exchange, Head},
    filters,
    soap::{ListResponse, Operation, Outcome, Paged},
};

/// A call that is not sent yet: await it for the response, or adjust it first.
///
/// It holds its client, so it can be spawned as a task or awaited together with others:
///
/// ```
/// # #[cfg(feature = "testkit")] {
/// use mplus_qapi::{Client, Error, stock::{GetStockRequest, GetStockResponse}};
///
/// # async fn example(client: Client) -> Result<(), Error> {
/// let of_branch = |branch_number| client.get_stock(GetStockRequest { branch_number, ..Default::default() });
/// let (first, second): (GetStockResponse, GetStockResponse) = tokio::try_join!(of_branch(1), of_branch(2))?;
/// # Ok(())
/// # }
/// # }
/// ```
///
/// It is sent once: what is done with it after it was polled goes on with that, or is an error.
#[must_use = "a call is only sent when it is awaited or streamed"]
pub struct Call<O: Operation> {
    channel: Channel,
    /// Taken when it is sent.
    operation: Option<O>,
    settings: Settings,
    sent: Option<Responding<O>>,
}

type Responding<O> = Pin<Box<dyn Future<Output = Result<Reply<<O as Operation>::Response>, Error>> + Send>>;

/// Nothing in it is ever borrowed from itself.
impl<O: Operation> Unpin for Call<O> {}

impl<O: Operation> fmt::Debug for Call<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("operation", &self.operation).finish_non_exhaustive()
    }
}

/// A response with what is known about its exchange.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Reply<T> {
    /// The response.
    pub response: T,
    /// Paths of required elements that were absent and got their defaults: this version of the service does not know
    /// them. One path per element of a type.
    pub missing: Vec<String>,
    /// Paths of texts in which U+FFFD stands for a character that XML cannot hold.
    pub replaced: Vec<String>,
    /// How many requests were sent.
    pub attempts: u32,
    /// Whether an attempt before the one that was answered may have been carried out.
    pub earlier_attempt_open: bool,
    /// The `X-Request-Id` of the request that was answered.
    pub request_id: String,
    /// The version that the service told (`mplus-service-version`).
    pub service_version: Option<String>,
}

impl<T> Reply<T> {
    /// The reply to a first attempt, for tests.
    pub fn new(response: T) -> Self {
        Self {
            response,
            missing: Vec::new(),
            replaced: Vec::new(),
            attempts: 1,
            earlier_attempt_open: false,
            request_id: String::new(),
            service_version: None,
        }
    }
}

impl<T: Outcome> Reply<T> {
    /// The reply itself when the service did what was asked.
    ///
    /// An idempotent operation may have been carried out by an attempt whose answer was lost, and a service that forgot its
    /// key then refuses the repeat (the number exists, the order is paid). So the error's
    /// [`may_have_been_processed`](Error::may_have_been_processed) counts all attempts of the call, where
    /// [`Outcome::into_result`] only knows the answer.
    ///
    /// # Errors
    /// [`ErrorKind::Outcome`].
    pub fn into_result(self) -> Result<Self, Error> {
        match self.response.outcome() {
            Ok(()) => Ok(self),
            Err(outcome) => {
                let error =
                    Error::from(outcome).with_attempts(self.attempts).with_request_id(self.request_id);
                Err(if self.earlier_attempt_open { error.with_earlier_attempt_open() } else { error })
            }
        }
    }
}

impl Head {
    /// The response with what is known of its exchange.
    pub(crate) fn into_reply<T>(self, response: T) -> Reply<T> {
        Reply {
            response,
            missing: self.tolerated.missing,
            replaced: self.tolerated.replaced,
            attempts: self.attempts,
            earlier_attempt_open: self.earlier_attempt_open,
            request_id: self.request_id,
            service_version: self.service_version,
        }
    }
}

impl<O: Operation> Call<O> {
    pub(crate) fn new(channel: Channel, operation: O) -> Self {
        let settings = channel.shared.settings.clone();
        Self { channel, operation: Some(operation), settings, sent: None }
    }

    /// Another time-out per attempt for this call.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = Some(timeout);
        self
    }

    /// Another retry policy for this call.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.settings.retry = policy;
        self
    }

    /// Whether an absent required element is an error, for this call.
    pub fn strict(mut self, strict: bool) -> Self {
        self.settings.strict = strict;
        self
    }

    /// Whether a value that cannot be read, such as a price of `eight euros`, is left out and told
    /// ([`Page::unreadable`](crate::Page::unreadable), [`ItemStream::take_unreadable`]), where it otherwise ends the list in an
    /// error. Only [`Self::changes_since`] and [`Self::stream`] heed it, and not in strict mode.
    pub fn leaving_out_unreadable(mut self, leaves_out: bool) -> Self {
        self.settings.leaves_out_unreadable = leaves_out;
        self
    }

    /// Sets the key of an operation that carries one (see [`Repeat::Idempotent`](crate::soap::Repeat)); the same key asks for the same
    /// response. One is made for the call when none is set. No effect on other operations.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        if let Some(place) = self.operation.as_mut().and_then(Operation::idempotency_key) {
            *place = key.into();
        }
        self
    }

    /// Sends it and returns the response with what is known about the exchange. A call that was polled before goes on: it is
    /// sent once.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn reply(mut self) -> Result<Reply<O::Response>, Error> {
        match self.sent.take() {
            Some(sent) => sent.await,
            None => self.start().await,
        }
    }

    /// Sends it and returns the items of the response's list one by one, as their bytes arrive.
    pub fn stream(mut self) -> ItemStream<O>
    where
        O::Response: ListResponse,
    {
        match self.take_operation() {
            Some(operation) => ItemStream::new(self.channel, operation, self.settings),
            None => ItemStream::refused(self.channel, self.settings, sent_before::<O>()),
        }
    }

    /// Everything that changed since `marker`, at most `limit` items per page: see [`Pages`].
    ///
    /// The request must not hold a filter (`only_active`, `relation_numbers`, a date): what changes from inside to outside of
    /// it would never be told. The pages are an error then, before anything is sent. Look at the items instead, or page with
    /// markers of your own.
    pub fn changes_since(mut self, marker: i64, limit: i32) -> Pages<O>
    where
        O: Paged,
    {
        let Some(operation) = self.take_operation() else { return Pages::refused(sent_before::<O>()) };
        if let Some(filter) = filters::beside_marker(O::INFO.name, &operation) {
            let what =
                format!("the filter `{filter}` would leave changes out; ask for all of them, without it");
            return Pages::refused(Error::single(O::INFO.name, ErrorKind::Setup(what), ""));
        }
        Pages::new(self.channel, operation, self.settings, marker, limit)
    }

    /// The request with its key; `None` when it was sent before.
    fn take_operation(&mut self) -> Option<O> {
        let mut operation = self.operation.take()?;
        if let Some(key) = operation.idempotency_key()
            && key.is_empty()
        {
            *key = self.channel.shared.new_id();
        }
        Some(operation)
    }

    fn start(&mut self) -> Responding<O> {
        let Some(operation) = self.take_operation() else { return Box::pin(ready(Err(sent_before::<O>()))) };
        let (channel, settings) = (self.channel.clone(), self.settings.clone());
        Box::pin(async move {
            let mut response = O::Response::default();
            let exchange =
                Exchange { channel: &channel, info: O::INFO, settings: &settings, streamed: false };
            let envelope = exchange.envelope(&operation)?;
            drop(operation);
            let reset = |response: &mut O::Response| *response = O::Response::default();
            let head = exchange.buffered(envelope, &mut response, reset).await?;
            Ok(head.into_reply(response))
        })
    }
}

/// Nothing is left to be sent.
fn sent_before<O: Operation>() -> Error {
    let what = "the call was sent before, and is sent once; make another".to_owned();
    Error::single(O::INFO.name, ErrorKind::Setup(what), "").with_attempts(1).with_earlier_attempt_open()
}

impl<O: Operation> Future for Call<O> {
    type Output = Result<O::Response, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut sent = self.sent.take().unwrap_or_else(|| self.start());
        let reply = sent.as_mut().poll(context);
        if reply.is_pending() {
            self.sent = Some(sent);
        }
        reply.map_ok(|reply| reply.response)
    }
}
