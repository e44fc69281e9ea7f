//! The table of operations: how a call is read, carried out and answered, and what is remembered of it.

use std::collections::HashMap;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    soap::{
        EncodeError, Fault, ItemEncoder, ListResponse, Operation, Repeat, ResponseError, read_envelope,
        write_envelope,
    },
    testkit::{dialect::Keys, state::State},
};

/// What a handler answers.
pub(in crate::testkit) type Answer<T> = Result<T, Fault>;

/// The items of a list response, made one by one as they are sent.
pub(in crate::testkit) type Items<O> =
    Box<dyn Iterator<Item = <<O as Operation>::Response as ListResponse>::Item> + Send>;

/// A document, piece by piece.
pub(in crate::testkit) type Pieces = Box<dyn Iterator<Item = Bytes> + Send>;

pub(in crate::testkit) type Handler = Box<dyn Fn(&mut State, &[u8]) -> Answer<Pieces> + Send + Sync>;

/// What the POS can do.
#[derive(Default)]
pub(in crate::testkit) struct Operations {
    handlers: HashMap<&'static str, Handler>,
}

impl Operations {
    /// What carries an operation out, if the POS knows it.
    pub(in crate::testkit) fn get(&self, operation: &str) -> Option<&Handler> {
        self.handlers.get(operation)
    }

    /// An operation with a response of one piece. A repeated idempotency key gets the response that it got before.
    pub(in crate::testkit) fn on<O: Operation>(&mut self, handle: fn(&mut State, O) -> Answer<O::Response>) {
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
    pub(in crate::testkit) fn list<O>(&mut self, handle: fn(&mut State, O) -> Answer<Items<O>>)
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

fn cannot_encode(error: EncodeError) -> Fault {
    Fault::new("Server", format!("the response cannot be written: {error}"))
}

/// A document that is there whole.
pub(in crate::testkit) fn one_piece(document: Bytes) -> Pieces {
    Box::new(std::iter::once(document))
}
