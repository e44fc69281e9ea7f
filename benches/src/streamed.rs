//! A large response in pieces, as a socket would hand them out, read by a client: as a stream or whole.

use std::{error::Error, sync::OnceLock};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use mplus_qapi::{
    Client, Credentials, Endpoint, TokioRuntime, Transport,
    products::GetProductsRequest,
    transport::{Body, Request, TransportError},
};

use crate::documents;

/// What one read of a socket brings.
const PIECE: usize = 16 << 10;
/// Different products before they come again.
const DIFFERENT: u64 = 50;

/// Answers every request with a response of so many products, made as it is read: nothing of it is held.
#[derive(Debug)]
struct Server {
    parts: &'static Parts,
    repeats: usize,
}

/// A response taken apart: what stands before, in, and behind its list.
#[derive(Debug)]
struct Parts {
    head: String,
    items: String,
    tail: String,
}

fn parts() -> Result<&'static Parts, Box<dyn Error>> {
    static PARTS: OnceLock<Parts> = OnceLock::new();
    if let Some(parts) = PARTS.get() {
        return Ok(parts);
    }
    let text = documents::products(DIFFERENT)?.text;
    let (start, end) = ("<ns1:productList>", "</ns1:productList>");
    let (head, rest) = text.split_once(start).ok_or("no list")?;
    let (items, tail) = rest.rsplit_once(end).ok_or("no list")?;
    let parts =
        Parts { head: format!("{head}{start}"), items: items.to_owned(), tail: format!("{end}{tail}") };
    Ok(PARTS.get_or_init(|| parts))
}

/// Bytes of the response with so many products.
pub fn size(products: u64) -> Result<usize, Box<dyn Error>> {
    let Parts { head, items, tail } = parts()?;
    Ok(head.len() + items.len() * (products / DIFFERENT) as usize + tail.len())
}

#[async_trait]
impl Transport for Server {
    async fn send(&self, _: Request) -> Result<http::Response<Body>, TransportError> {
        let Parts { head, items, tail } = self.parts;
        let parts = std::iter::once(head).chain(std::iter::repeat_n(items, self.repeats)).chain([tail]);
        let pieces = parts.flat_map(|part| part.as_bytes().chunks(PIECE));
        // Copied, as from a socket.
        let pieces = stream::iter(pieces.map(|piece| Ok(Bytes::copy_from_slice(piece))));
        Ok(http::Response::new(Body::from_stream(pieces)))
    }
}

fn client(products: u64) -> Result<Client, Box<dyn Error>> {
    let server = Server { parts: parts()?, repeats: (products / DIFFERENT) as usize };
    let endpoint = Endpoint::from_url("https://pos.invalid/")?;
    let credentials = Credentials::new("ident", "secret");
    Ok(Client::builder(endpoint, credentials, server, TokioRuntime)
        .buffered_limit(u64::MAX)
        .streamed_limit(u64::MAX)
        .build())
}

fn block_on<T>(future: impl Future<Output = T>) -> Result<T, Box<dyn Error>> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(future))
}

/// Reads a response of so many products item by item; how many articles were in them.
pub fn stream(products: u64) -> Result<usize, Box<dyn Error>> {
    let client = client(products)?;
    block_on(async {
        let mut items = client.stream_products(GetProductsRequest::default());
        let (mut count, mut articles) = (0, 0);
        while let Some(product) = items.next().await {
            count += 1;
            articles += product?.article_list.len();
        }
        if count == products { Ok(articles) } else { Err(format!("{count} products came").into()) }
    })?
}

/// Reads the same response whole.
pub fn buffer(products: u64) -> Result<usize, Box<dyn Error>> {
    let client = client(products)?;
    block_on(async {
        let answer = client.get_products(GetProductsRequest::default()).await?;
        let count = answer.product_list.len() as u64;
        let articles = answer.product_list.iter().map(|product| product.article_list.len()).sum();
        if count == products { Ok(articles) } else { Err(format!("{count} products came").into()) }
    })?
}

/// The most memory that a process held while it streamed, in MiB.
#[derive(Debug, Clone, Copy)]
pub struct Peak {
    /// Above what it held before.
    pub growth: f64,
    /// In all.
    pub process: f64,
}

/// Streams so many products and tells the peak. Linux only.
pub fn peak(products: u64) -> Result<Peak, Box<dyn Error>> {
    parts()?;
    // From here on the peak counts anew.
    std::fs::write("/proc/self/clear_refs", "5")?;
    let before = memory("VmRSS:")?;
    stream(products)?;
    let process = memory("VmHWM:")?;
    Ok(Peak { growth: process - before, process })
}

/// A line of the process's status, in MiB.
fn memory(name: &str) -> Result<f64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such line")?;
    let kibibytes: f64 = line.trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes / 1024.0)
}
