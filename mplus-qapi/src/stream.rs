//! List responses as streams: item by item, and page by page of what changed.

use std::{
    fmt,
    future::{poll_fn, ready as done},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use tracing::Instrument as _;

use crate::{
    Error, ErrorKind,
    channel::{Channel, Settings},
    exchange::{Answer, Attempts, Exchange, Failure, TURN, late, tell, too_large},
    soap::{ItemDecoder, ListResponse, Operation, Paged, Record, Unreadable},
};

type ItemOf<O> = <<O as Operation>::Response as ListResponse>::Item;
type PageResults<T> = Pin<Box<dyn Stream<Item = Result<Page<T>, Error>> + Send>>;

/// The items of a list response, as their bytes arrive.
///
/// Memory is bounded by the largest item. An error ends the stream; the items before it are whole and true. The call
/// is repeated, as its safety allows, only as long as no item has been handed out. Dropping the stream ends the exchange.
/// Required elements that are absent get their defaults and are told as tracing events when the stream ends; in strict mode
/// they are errors. A response that says in its `result` that the list was refused ends in [`ErrorKind::Outcome`], behind the
/// items that came with it.
pub struct ItemStream<O: Operation<Response: ListResponse>> {
    channel: Channel,
    settings: Settings,
    reading: Reading<O::Response>,
    /// Values that were left out, and not taken yet.
    unreadable: Vec<Unreadable>,
}

/// How far a stream is.
enum Reading<R: ListResponse> {
    /// The request is on its way, until there is a first item.
    Before(Pin<Box<dyn Future<Output = Result<First<R>, Error>> + Send>>),
    Inside(Box<Response<R>>),
    After,
}

/// A response with its first item, `None` when it is an empty list that was read to its end.
type First<R> = (Response<R>, Option<<R as ListResponse>::Item>);

/// A response that is being read.
struct Response<R> {
    answer: Answer,
    decoder: ItemDecoder<R>,
    bytes: u64,
    /// How many bytes had come and were read when others had their turn.
    turn: u64,
    attempt: u32,
    /// An attempt before this one may have been carried out.
    earlier_attempt_open: bool,
    span: tracing::Span,
}

impl<O: Operation<Response: ListResponse>> ItemStream<O> {
    pub(crate) fn new(channel: Channel, operation: O, settings: Settings) -> Self {
        let of_first = (channel.clone(), settings.clone());
        let first = async move {
            let (channel, settings) = of_first;
            let exchange = Exchange { channel: &channel, info: O::INFO, settings: &settings, streamed: true };
            begin(&exchange, &operation).await
        };
        Self { channel, settings, reading: Reading::Before(Box::pin(first)), unreadable: Vec::new() }
    }

    /// A stream that ends before anything is sent.
    pub(crate) fn refused(channel: Channel, settings: Settings, error: Error) -> Self {
        let reading = Reading::Before(Box::pin(done(Err(error))));
        Self { channel, settings, reading, unreadable: Vec::new() }
    }

    /// The values that were left out since this was asked last, of [`Call::leaving_out_unreadable`](crate::Call::leaving_out_unreadable):
    /// ask after each item, whose place in the list [`Unreadable::item`] tells.
    pub fn take_unreadable(&mut self) -> Vec<Unreadable> {
        self.note_unreadable();
        std::mem::take(&mut self.unreadable)
    }

    /// Takes them out of the decoder, as they may be kept.
    fn note_unreadable(&mut self) {
        if let Reading::Inside(response) = &mut self.reading {
            let kept = |text| self.channel.shared.kept(text);
            let left_out = response.decoder.take_unreadable().into_iter();
            self.unreadable.extend(left_out.map(|unreadable| unreadable.with_texts(kept)));
        }
    }

    /// The next item, `None` after the last.
    fn poll_item(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<ItemOf<O>>, Error>> {
        match &mut self.reading {
            Reading::Before(first) => {
                let (response, item) = ready!(first.as_mut().poll(context))?;
                self.reading = Reading::Inside(Box::new(response));
                Poll::Ready(Ok(item))
            }
            Reading::Inside(response) => {
                let exchange = Exchange {
                    channel: &self.channel,
                    info: O::INFO,
                    settings: &self.settings,
                    streamed: true,
                };
                let item = ready!(response.poll_item(&exchange, context));
                Poll::Ready(item.map_err(|kind| response.error(O::INFO.name, kind)))
            }
            Reading::After => Poll::Ready(Ok(None)),
        }
    }
}

impl<O: Operation<Response: ListResponse>> Stream for ItemStream<O> {
    type Item = Result<ItemOf<O>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = ready!(self.poll_item(context));
        if !matches!(item, Ok(Some(_))) {
            self.note_unreadable();
            self.reading = Reading::After;
        }
        Poll::Ready(item.transpose())
    }
}

impl<O: Operation<Response: ListResponse>> fmt::Debug for ItemStream<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ItemStream({})", O::INFO.name)
    }
}

/// Sends the request until there is a first item, or a whole response without one.
async fn begin<R: ListResponse>(exchange: &Exchange<'_>, operation: &dyn Record) -> Result<First<R>, Error> {
    let envelope = exchange.envelope(operation)?;
    let mut attempts = Attempts::start(exchange);
    loop {
        let span = exchange.span(attempts.count + 1, envelope.len());
        let first = async {
            let mut response = open(exchange, envelope.clone(), &attempts, span.clone()).await?;
            match poll_fn(|context| response.poll_item(exchange, context)).await {
                Ok(item) => Ok((response, item)),
                Err(kind) => Err(response.answer.failure(kind)),
            }
        };
        match first.instrument(span.clone()).await {
            Ok(first) => return Ok(first),
            Err(failure) => attempts.after(failure).await?,
        }
    }
}

/// Sends the request once, until an answer begins that is no HTTP error.
async fn open<R: ListResponse>(
    exchange: &Exchange<'_>,
    envelope: Bytes,
    before: &Attempts<'_>,
    span: tracing::Span,
) -> Result<Response<R>, Failure> {
    let mut answer = exchange.open(envelope, &span).await?;
    if !answer.status.is_success() {
        // A fault is small and is told whole.
        let kind = match exchange.collect(&mut answer, &span).await {
            Ok(document) => match exchange.decode(&document, &mut R::default(), &mut answer).await {
                Err(kind) => kind,
                Ok(_) => answer.contradiction(),
            },
            Err(kind) => kind,
        };
        return Err(answer.failure(kind));
    }
    let limit = usize::try_from(exchange.settings.buffered_limit).unwrap_or(usize::MAX);
    let settings = exchange.settings;
    let mut decoder = ItemDecoder::new(exchange.info.response, settings.strict, limit, settings.budget());
    decoder.fall_back_to(answer.charset());
    if settings.page {
        decoder.hold_together();
    }
    if settings.leaves_out_unreadable && !settings.strict {
        decoder.leave_out_unreadable();
    }
    let (attempt, earlier_attempt_open) = (before.count + 1, before.open);
    Ok(Response { answer, decoder, bytes: 0, turn: 0, attempt, earlier_attempt_open, span })
}

impl<R: ListResponse> Response<R> {
    /// The next item. It waits for bytes only where those that are here do not hold one whole.
    fn poll_item(
        &mut self,
        exchange: &Exchange<'_>,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<R::Item>, ErrorKind>> {
        loop {
            let done = self.bytes + self.decoder.position();
            if done - self.turn >= TURN as u64 {
                // However fast the bytes come: the time-out and other tasks go first.
                self.turn = done;
                if exchange.is_late(&self.answer) {
                    return Poll::Ready(Err(late()));
                }
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            match self.decoder.next_item() {
                Ok(Some(item)) => return Poll::Ready(Ok(Some(item))),
                Ok(None) => {}
                Err(error) => return Poll::Ready(Err(exchange.unreadable(&self.answer, error))),
            }
            let _entered = self.span.enter();
            match ready!(self.answer.poll_piece(&*exchange.channel.shared.runtime, context))
                .transpose()
                .map_err(|error| exchange.kept(ErrorKind::Transport(error)))?
            {
                Some(piece) => {
                    self.bytes += piece.len() as u64;
                    let limit = exchange.settings.streamed_limit;
                    if self.bytes > limit {
                        return Poll::Ready(Err(too_large(limit, self.bytes)));
                    }
                    self.decoder.feed(&piece).map_err(|error| exchange.kept(ErrorKind::Response(error)))?;
                }
                None => {
                    let tolerated =
                        self.decoder.finish().map_err(|error| exchange.unreadable(&self.answer, error))?;
                    tell(&tolerated);
                    return Poll::Ready(match self.decoder.refusal() {
                        // A list without an item would look like everything that there is.
                        Some(refusal) => Err(exchange.kept(ErrorKind::Outcome(refusal))),
                        None => Ok(None),
                    });
                }
            }
        }
    }
}

impl<R> Response<R> {
    /// An error behind items that were handed out.
    fn error(&self, operation: &'static str, kind: ErrorKind) -> Error {
        let error = Error::in_stream(operation, kind, self.attempt, &self.answer.request_id);
        if self.earlier_attempt_open { error.with_earlier_attempt_open() } else { error }
    }
}

impl<R> Drop for Response<R> {
    fn drop(&mut self) {
        self.span.record("response_bytes", self.bytes);
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
    /// Values that were left out of the items because they cannot be read; see
    /// [`Call::leaving_out_unreadable`](crate::Call::leaving_out_unreadable).
    pub unreadable: Vec<Unreadable>,
}

impl<T> Page<T> {
    /// A page, for tests.
    pub fn new(items: Vec<T>, next_marker: i64) -> Self {
        Self { items, next_marker, unreadable: Vec::new() }
    }
}

/// What changed since a sync marker, page by page, until a page is empty.
///
/// The next page begins at the highest marker of this one plus one, whatever the order of the items. A page is kept in
/// memory whole; its size is the limit that was asked for (at least 1), and what a response that is held at once may take
/// ([`ClientBuilder::buffered_limit`](crate::ClientBuilder::buffered_limit)). Items may come again when they change while the
/// pages are read, so applying them has to be repeatable.
///
/// A page that holds nothing but items from before the marker that was asked for ends in [`ErrorKind::Paging`]: the server
/// repeats itself, and what lies behind that page would be lost in silence. A page of more items than the limit ends in it as
/// soon as it is (of products those that hold articles count, and those that hold none by themselves). A page that the service
/// says to have refused ends in [`ErrorKind::Outcome`].
pub struct Pages<O: Paged> {
    pages: PageResults<ItemOf<O>>,
}

impl<O: Paged> Pages<O> {
    /// Pages that end before anything is sent.
    pub(crate) fn refused(error: Error) -> Self {
        Self { pages: Box::pin(stream::iter([Err(error)])) }
    }

    pub(crate) fn new(
        channel: Channel,
        operation: O,
        mut settings: Settings,
        marker: i64,
        limit: i32,
    ) -> Self {
        settings.page = true;
        settings.streamed_limit = settings.streamed_limit.min(settings.buffered_limit);
        let start = (channel, operation, settings, marker);
        let pages = stream::try_unfold(start, move |(channel, mut operation, settings, marker)| async move {
            operation.set_page(marker, limit.max(1));
            let mut stream = ItemStream::new(channel.clone(), operation.clone(), settings.clone());
            let mut items = Vec::new();
            let mut newest = None;
            // Where what is inside of the items counts, those with nothing inside may come beside.
            let most = usize::try_from(limit.max(1)).unwrap_or(usize::MAX);
            let mut hollow = 0;
            while let Some(item) = stream.next().await {
                let item = item?;
                newest = newest.max(O::newest_marker(&item));
                hollow += usize::from(O::is_hollow(&item));
                items.push(item);
                if hollow > most || items.len() - hollow > most {
                    return Err(too_many::<O>(most));
                }
            }
            let unreadable = stream.take_unreadable();
            if items.is_empty() {
                return Ok(None);
            }
            let Some(next_marker) = next_marker(marker, newest) else {
                return Err(no_progress::<O>(marker, &unreadable));
            };
            let page = Page { items, next_marker, unreadable };
            Ok(Some((page, (channel, operation, settings, next_marker))))
        });
        Self { pages: Box::pin(pages) }
    }
}

/// Where the page after one for `marker` begins; `None` when that would not be further on.
fn next_marker(marker: i64, newest: Option<i64>) -> Option<i64> {
    newest.filter(|newest| *newest >= marker)?.checked_add(1)
}

fn too_many<O: Operation>(limit: usize) -> Error {
    let what = format!(
        "a page holds more than the {limit} items that were asked for: the server does not keep the limit"
    );
    Error::single(O::INFO.name, ErrorKind::Paging(what), "")
}

fn no_progress<O: Operation>(marker: i64, unreadable: &[Unreadable]) -> Error {
    let mut what = format!(
        "a page for sync marker {marker} holds only older items, or items without a marker: the server repeats a page"
    );
    if let Some(first) = unreadable.first() {
        what += &format!("; of what could not be read in it, the first is: {first}");
    }
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
