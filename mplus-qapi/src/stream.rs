//! List responses as streams: item by item, and page by page of what changed.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::{Stream, StreamExt as _, stream};

use crate::{
    Client, Error, ErrorKind,
    call::{Answer, Attempts, Exchange, too_large},
    client::Settings,
    soap::{ItemDecoder, ListResponse, Operation, OperationInfo, Paged, ResponseError},
};

type ItemOf<O> = <<O as Operation>::Response as ListResponse>::Item;

/// The items of a list response, as their bytes arrive.
///
/// Memory is bounded by the largest item. An error ends the stream; the items before it are whole and true. The call
/// is repeated, as its safety allows, only as long as no byte of the response has come. Dropping the stream ends the
/// exchange.
pub struct ItemStream<O: Operation<Response: ListResponse>> {
    items: Pin<Box<dyn Stream<Item = Result<ItemOf<O>, Error>> + Send>>,
}

impl<O: Operation<Response: ListResponse>> ItemStream<O> {
    pub(crate) fn new(client: Client, operation: O, settings: Settings) -> Self {
        let start = Reading::<O>::Before(Box::new(operation));
        let context = (client, settings);
        let items = stream::try_unfold((start, context), |(mut reading, context)| async move {
            let item = reading.next(&context.0, &context.1).await?;
            Ok(item.map(|item| (item, (reading, context))))
        });
        Self { items: Box::pin(items) }
    }
}

impl<O: Operation<Response: ListResponse>> Stream for ItemStream<O> {
    type Item = Result<ItemOf<O>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.items.poll_next_unpin(context)
    }
}

impl<O: Operation<Response: ListResponse>> fmt::Debug for ItemStream<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ItemStream({})", O::INFO.name)
    }
}

/// How far a stream is.
enum Reading<O: Operation<Response: ListResponse>> {
    Before(Box<O>),
    Inside(Box<Response<O::Response>>),
    After,
}

/// A response that is being read.
struct Response<R> {
    info: OperationInfo,
    answer: Answer,
    decoder: ItemDecoder<R>,
    bytes: u64,
    attempts: u32,
}

impl<O: Operation<Response: ListResponse>> Reading<O> {
    async fn next(&mut self, client: &Client, settings: &Settings) -> Result<Option<ItemOf<O>>, Error> {
        if let Self::Before(operation) = self {
            let exchange = Exchange { client, info: O::INFO, settings };
            let response = open(&exchange, &**operation).await;
            *self = Self::After;
            *self = Self::Inside(Box::new(response?));
        }
        let Self::Inside(response) = self else { return Ok(None) };
        let item = response.next(settings).await;
        if !matches!(item, Ok(Some(_))) {
            *self = Self::After;
        }
        item
    }
}

/// Sends the request until an answer begins.
async fn open<O: Operation<Response: ListResponse>>(
    exchange: &Exchange<'_>,
    operation: &O,
) -> Result<Response<O::Response>, Error> {
    let envelope = exchange.envelope(operation)?;
    let mut attempts = Attempts::start(exchange);
    loop {
        let failure = match exchange.open(envelope.clone()).await {
            Ok(mut answer) if !answer.status.is_success() => {
                // A fault is small and is told whole.
                let kind = match answer.collect(exchange.settings.buffered_limit).await {
                    Ok(document) => {
                        let mut nothing = O::Response::default();
                        match crate::soap::read_envelope(&document, O::INFO.response, &mut nothing, false) {
                            Err(error) => answer.error(error),
                            Ok(_) => ErrorKind::Http { status: answer.status.as_u16() },
                        }
                    }
                    Err(kind) => kind,
                };
                answer.failure(kind)
            }
            Ok(answer) => {
                let limit = usize::try_from(exchange.settings.buffered_limit).unwrap_or(usize::MAX);
                let decoder = ItemDecoder::new(O::INFO.response, exchange.settings.strict, limit);
                return Ok(Response {
                    info: O::INFO,
                    answer,
                    decoder,
                    bytes: 0,
                    attempts: attempts.count + 1,
                });
            }
            Err(failure) => failure,
        };
        attempts.after(failure).await?;
    }
}

impl<R: ListResponse> Response<R> {
    async fn next(&mut self, settings: &Settings) -> Result<Option<R::Item>, Error> {
        loop {
            match self.decoder.next_item() {
                Ok(Some(item)) => return Ok(Some(item)),
                Ok(None) => {}
                Err(error) => return Err(self.error(self.answer.error(error))),
            }
            match self.answer.body.next().await {
                Some(Ok(piece)) => {
                    self.bytes += piece.len() as u64;
                    if self.bytes > settings.streamed_limit {
                        return Err(self.error(too_large(settings.streamed_limit, self.bytes)));
                    }
                    self.decoder.feed(&piece).map_err(|error| self.error(ErrorKind::Response(error)))?;
                }
                Some(Err(error)) => return Err(self.error(ErrorKind::Transport(error))),
                None => {
                    let whole = self.decoder.finish().map_err(ResponseError::Decode);
                    whole.map_err(|error| self.error(self.answer.error(error)))?;
                    return Ok(None);
                }
            }
        }
    }

    fn error(&self, kind: ErrorKind) -> Error {
        Error::in_stream(self.info.name, kind, self.attempts, &self.answer.request_id)
    }
}

/// One page of changes.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Page<T> {
    /// The items, in the order of the service; not ordered by marker.
    pub items: Vec<T>,
    /// Ask for this marker next time: the highest one seen plus one. Keep it only once the items are safe.
    pub next_marker: i64,
}

/// What changed since a sync marker, page by page, until a page brings nothing new.
///
/// A page is kept in memory whole; its size is the limit that was asked for. Items may come again when they change while
/// the pages are read, so applying them has to be repeatable.
pub struct Pages<O: Paged> {
    pages: Pin<Box<dyn Stream<Item = Result<Page<ItemOf<O>>, Error>> + Send>>,
}

impl<O: Paged> Pages<O> {
    pub(crate) fn new(client: Client, operation: O, settings: Settings, marker: i64, limit: i32) -> Self {
        let start = (client, operation, settings, marker);
        let pages = stream::try_unfold(start, move |(client, mut operation, settings, marker)| async move {
            operation.set_page(marker, limit);
            let mut stream = ItemStream::new(client.clone(), operation.clone(), settings.clone());
            let mut items = Vec::new();
            let mut newest = None;
            while let Some(item) = stream.next().await {
                let item = item?;
                newest = newest.max(O::newest_marker(&item));
                items.push(item);
            }
            if items.is_empty() {
                return Ok(None);
            }
            let next_marker = match newest {
                Some(newest) if newest >= marker => newest.saturating_add(1),
                _ => return Err(no_progress::<O>(marker)),
            };
            let page = Page { items, next_marker };
            Ok(Some((page, (client, operation, settings, next_marker))))
        });
        Self { pages: Box::pin(pages) }
    }
}

fn no_progress<O: Operation>(marker: i64) -> Error {
    let what = format!("a page for sync marker {marker} holds only older items; paging would never end");
    Error::single(O::INFO.name, ErrorKind::Paging(what), "")
}

impl<O: Paged> Stream for Pages<O> {
    type Item = Result<Page<ItemOf<O>>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.pages.poll_next_unpin(context)
    }
}

impl<O: Paged> fmt::Debug for Pages<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pages({})", O::INFO.name)
    }
}
