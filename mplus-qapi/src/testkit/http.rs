//! The POS on a port.

use std::{convert::Infallible, io, net::SocketAddr, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Either, Empty, Limited, StreamBody};
use hyper::{
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpListener,
    task::{JoinHandle, JoinSet},
};

use super::{Pos, domain::operations::Pieces, exchange::Reaction, transport::response};
use crate::Endpoint;

/// A [`Pos`] that listens on loopback. It stops when this is dropped, with every connection.
#[derive(Debug)]
pub struct PosServer {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Pos {
    /// Listens on a free port of this machine.
    ///
    /// # Errors
    /// The operating system gives none.
    pub async fn serve(&self) -> io::Result<PosServer> {
        self.serve_on(0).await
    }

    /// Listens on a port of this machine.
    ///
    /// # Errors
    /// The port is taken, or not to be had.
    pub async fn serve_on(&self, port: u16) -> io::Result<PosServer> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(accept(self.clone(), listener));
        Ok(PosServer { address, task })
    }
}

impl PosServer {
    /// Where it listens, as a client wants to know it.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint::loopback(self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for PosServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves connections until it is dropped; they end with it.
async fn accept(pos: Pos, listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file handles, for one: some connection has to end first.
            connections.join_next().await;
            continue;
        };
        let pos = pos.clone();
        connections.spawn(async move {
            let service = service_fn(move |request| answer(pos.clone(), request));
            // An error is a connection that was broken off, by the client or on purpose.
            let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            if let Err(error) = served {
                tracing::debug!(%error, "a connection to the test POS ended");
            }
        });
    }
}

/// A connection that is broken off on purpose.
#[derive(Debug, thiserror::Error)]
#[error("broken off on purpose")]
struct BrokenOff;

type PieceStream = stream::BoxStream<'static, Result<Frame<Bytes>, Infallible>>;
type HttpBody = Either<Empty<Bytes>, StreamBody<PieceStream>>;

/// The largest request that is taken.
const LARGEST_REQUEST: usize = 64 << 20;

async fn answer(pos: Pos, request: Request<Incoming>) -> Result<Response<HttpBody>, BrokenOff> {
    if request.method() != Method::POST {
        return Ok(bare(StatusCode::METHOD_NOT_ALLOWED));
    }
    let query = request.uri().query().map(str::to_owned);
    let Ok(document) = Limited::new(request.into_body(), LARGEST_REQUEST).collect().await else {
        return Ok(bare(StatusCode::PAYLOAD_TOO_LARGE));
    };
    match pos.exchange(query.as_deref(), &document.to_bytes()) {
        Reaction::Refused | Reaction::Reset => Err(BrokenOff),
        // The client gives up first; the connection is dropped with it.
        Reaction::Timeout => std::future::pending().await,
        Reaction::Answer(answer) => {
            let drip = answer.drip;
            Ok(response(answer).map(|body| Either::Right(StreamBody::new(frames(body, drip)))))
        }
    }
}

/// How many drops of a slow answer come by themselves; the rest comes at once, or it would never end.
const SLOW_DROPS: usize = 50;

fn frames(pieces: Pieces, drip: bool) -> PieceStream {
    let frames = stream::iter(pieces).enumerate().then(move |(at, piece)| async move {
        if drip && at < SLOW_DROPS {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(Frame::data(piece))
    });
    frames.boxed()
}

fn bare(status: StatusCode) -> Response<HttpBody> {
    let mut response = Response::new(Either::Left(Empty::new()));
    *response.status_mut() = status;
    response
}
