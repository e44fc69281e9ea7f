//! From an envelope to its answer: which operation it calls, what the POS does, what goes back.

use std::{collections::HashMap, sync::LazyLock};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};

use super::{dialect::Keys, domain, state::State};
use crate::soap::{
    EncodeError, Fault, ItemEncoder, ListResponse, Operation, Repeat, ResponseError, body_root,
    read_envelope, write_envelope, write_fault,
};

/// What a handler answers.
pub(super) type Answer<T> = Result<T, Fault>;

/// The items of a list response, made one by one as they are sent.
pub(super) type Items<O> =
    Box<dyn Iterator<Item = <<O as Operation>::Response as ListResponse>::Item> + Send>;

/// A document, piece by piece.
pub(super) type Pieces = Box<dyn Iterator<Item = Bytes> + Send>;

type Handler = Box<dyn Fn(&mut State, &[u8]) -> Answer<Pieces> + Send + Sync>;

/// What the POS can do.
#[derive(Default)]
pub(super) struct Operations {
    handlers: HashMap<&'static str, Handler>,
}

static OPERATIONS: LazyLock<Operations> = LazyLock::new(|| {
    let mut operations = Operations::default();
    domain::register(&mut operations);
    operations
});

impl Operations {
    /// An operation with a response of one piece. A repeated idempotency key gets the response that it got before.
    pub(super) fn on<O: Operation>(&mut self, handle: fn(&mut State, O) -> Answer<O::Response>) {
        self.handlers.insert(
            O::INFO.name,
            Box::new(move |state, document| {
                let mut request = read::<O>(document)?;
                let key = request.idempotency_key().map(|key| (O::INFO.name, key.clone()));
                if O::INFO.repeat == Repeat::Idempotent && key.as_ref().is_none_or(|(_, key)| key.is_empty())
                {
                    return Err(Fault::new(
                        "Client",
                        format!("{}: the idempotencyKey is empty", O::INFO.name),
                    ));
                }
                let replay = key.as_ref().and_then(|key| state.replays.get(key));
                if let Some((replay, _)) = replay.filter(|(_, since)| state.remembers(*since)) {
                    return Ok(one_piece(replay.clone()));
                }
                let response = handle(state, request)?;
                let document = write_envelope(O::INFO.response, &response).map_err(cannot_encode)?;
                let refused = state.dialect.keys == Keys::Successes && document.contains("FAILED");
                if let Some(key) = key.filter(|_| !refused) {
                    let replay = document.replacen(ORIGINAL, REPLAY, 1);
                    state.replays.insert(key, (replay.into(), state.clock.now()));
                }
                Ok(one_piece(document.into()))
            }),
        );
    }

    /// An operation whose response is one list, however long.
    pub(super) fn list<O>(&mut self, handle: fn(&mut State, O) -> Answer<Items<O>>)
    where
        O: Operation<Response: ListResponse>,
    {
        self.handlers.insert(
            O::INFO.name,
            Box::new(move |state, document| {
                let items = handle(state, read::<O>(document)?)?;
                let pieces = ItemEncoder::new(O::INFO.response, O::Response::default(), items);
                // An item that does not fit the schema cuts the answer off: a bug of the testkit, seen at once.
                let pieces = pieces.map_while(|piece| match piece {
                    Ok(text) => Some(Bytes::from(text)),
                    Err(error) => {
                        tracing::error!(%error, "the test POS made an item that cannot be sent");
                        None
                    }
                });
                Ok(Box::new(pieces))
            }),
        );
    }
}

impl State {
    /// Whether an idempotency key from `since` still counts.
    fn remembers(&self, since: DateTime<Utc>) -> bool {
        match self.dialect.keys {
            Keys::Remembered | Keys::Successes => true,
            Keys::Hour => self.clock.now() - since < TimeDelta::hours(1),
            Keys::Ignored => false,
        }
    }
}

const ORIGINAL: &str = "IDEMPOTENCY-RESULT-ORIGINAL-RESPONSE";
const REPLAY: &str = "IDEMPOTENCY-RESULT-REPLAY-RESPONSE";

/// The operation that a document calls.
pub(super) fn called_operation(document: &[u8]) -> Answer<String> {
    body_root(document).map_err(|error| Fault::new("Client", format!("the request cannot be read: {error}")))
}

/// Carries the call out.
pub(super) fn carry_out(state: &mut State, operation: &str, document: &[u8]) -> Answer<Pieces> {
    match OPERATIONS.handlers.get(operation) {
        Some(handler) if state.dialect.knows(operation) => {
            state.catch_up();
            handler(state, document)
        }
        _ => Err(state.dialect.unknown_call(operation)),
    }
}

fn read<O: Operation>(document: &[u8]) -> Answer<O> {
    let mut request = O::default();
    match read_envelope(document, O::INFO.name, &mut request, true) {
        Ok(_) => Ok(request),
        Err(ResponseError::Decode(error)) => {
            Err(Fault::new("Client", format!("the request cannot be read: {error}")))
        }
        Err(ResponseError::Fault(fault)) => {
            Err(Fault::new("Client", format!("a fault is no request: {fault}")))
        }
    }
}

/// A fault as a document.
pub(super) fn fault_document(fault: &Fault) -> Pieces {
    // The texts of faults may hold what a request brought along, but never a character that XML cannot carry.
    let document =
        write_fault(fault).or_else(|_| write_fault(&Fault::new(fault.code.clone(), "unspeakable")));
    one_piece(document.unwrap_or_default().into())
}

fn cannot_encode(error: EncodeError) -> Fault {
    Fault::new("Server", format!("the response cannot be written: {error}"))
}

fn one_piece(document: Bytes) -> Pieces {
    Box::new(std::iter::once(document))
}
