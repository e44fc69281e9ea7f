//! How fast responses are read and requests written, and what a stream holds, against what a user would write by hand.
//!
//! `cargo bench -p mplus-benches --bench qapi`
//!
//! Not criterion: it runs one way after the other, and only ways that take turns give a ratio that holds on a noisy machine.

use std::error::Error;

use mplus_benches::{
    documents::{self, Document},
    figure::{self, Target},
    orders as serde_orders, products as serde_products,
    ratio::{Way, seconds},
    relations as serde_relations,
    serde_types::Envelope,
    stock as serde_stock, streamed, value_space,
};
use mplus_qapi::{
    orders::GetOrdersResponse,
    products::GetProductsResponse,
    relations::GetRelationsResponse,
    soap::{Record, read_document, write_document},
    stock::GetStockResponse,
};
use quick_xml::{Reader, events::Event};
use serde::{Serialize, de::DeserializeOwned};

type Outcome<T> = Result<T, Box<dyn Error>>;

const ROUNDS: usize = 21;

fn main() -> Outcome<()> {
    // First, while the process is small.
    let memory: [Outcome<_>; 2] = [20_000, 60_000].map(|products| Ok((products, streamed::peak(products)?)));
    println!(
        "| decode | MB | ours MB/s | quick-xml + serde | bare event loop | ours / serde (to reach: 3) | ours / bare |"
    );
    println!("|---|---|---|---|---|---|---|");
    decode::<GetProductsResponse, serde_products::GetProductsResponse>(&documents::products(1000)?)?;
    decode::<GetOrdersResponse, serde_orders::GetOrdersResponse>(&documents::orders(1000)?)?;
    decode::<GetRelationsResponse, serde_relations::GetRelationsResponse>(&documents::relations(1000)?)?;
    decode::<GetStockResponse, serde_stock::GetStockResponse>(&documents::stock(10_000)?)?;
    println!();
    encode()?;
    println!();
    println!(
        "| streamed products | MB | peak memory growth in MiB (to reach: under 8) | peak of the process in MiB |"
    );
    println!("|---|---|---|---|");
    for measured in memory {
        let (products, peak) = measured?;
        let megabytes = streamed::size(products)? as f64 / 1e6;
        println!("| {products} | {megabytes:.0} | {:.1} | {:.1} |", peak.growth, peak.process);
        let name = format!("client/memory of a stream of {products} products");
        figure::record(&name, peak.growth, "MiB", Target::Under(8.0))?;
    }
    println!();
    stream()
}

fn decode<R: Record + Default, S: Serialize + DeserializeOwned>(document: &Document) -> Outcome<()> {
    let text = document.text.as_str();
    let mut ways: Vec<Way<'_>> = vec![
        ("ours", Box::new(|| Ok(std::mem::size_of_val(&read_ours::<R>(text)?)))),
        ("quick-xml + serde", Box::new(|| Ok(std::mem::size_of_val(&read_serde::<S>(text)?)))),
        ("bare event loop", Box::new(|| events(text))),
    ];
    both_read_everything::<R, S>(document)?;
    let times = seconds(&mut ways, ROUNDS)?;
    let megabytes = text.len() as f64 / 1e6;
    let rates: Vec<f64> = times.iter().map(|seconds| megabytes / seconds).collect();
    let &[ours, serde, bare] = rates.as_slice() else { return Err("three ways have three times".into()) };
    println!(
        "| {} | {megabytes:.1} | {ours:.0} | {serde:.0} | {bare:.0} | {:.2} | {:.2} |",
        document.name,
        ours / serde,
        ours / bare,
    );
    let name = format!("client/decode {}", document.name);
    Ok(figure::record(&name, ours / serde, "x quick-xml + serde", Target::AtLeast(3.0))?)
}

fn read_ours<R: Record + Default>(text: &str) -> Outcome<R> {
    let mut response = R::default();
    let root = response.schema().name;
    read_document(text.as_bytes(), root, &mut response, true).map_err(|error| error.to_string())?;
    Ok(response)
}

fn read_serde<S: DeserializeOwned>(text: &str) -> Outcome<S> {
    let envelope: Envelope<S> = quick_xml::de::from_str(text)?;
    Ok(envelope.body.content)
}

/// Neither side may gain by leaving something out: what each has read is written again, and must be the document.
fn both_read_everything<R: Record + Default, S: Serialize + DeserializeOwned>(
    document: &Document,
) -> Outcome<()> {
    let ours = read_ours::<R>(&document.text)?;
    let root = ours.schema().name;
    value_space::same_body(&document.text, &write_document(root, &ours)?)?;
    let content = quick_xml::se::to_string_with_root(root, &read_serde::<S>(&document.text)?)?;
    let start = format!("<{root}");
    let content = content.replacen(&start, &format!("{start} xmlns=\"urn:mplusqapi\""), 1);
    value_space::same_as_body(&document.text, &content)
}

/// Reads every event and looks at none.
fn events(text: &str) -> Outcome<usize> {
    let mut reader = Reader::from_str(text);
    let mut count = 0;
    while reader.read_event()? != Event::Eof {
        count += 1;
    }
    Ok(count)
}

/// A request as a user would write it: its own prefix for SOAP, and no prefix for the service, which is shorter than ours.
#[derive(Serialize)]
#[serde(rename = "SOAP-ENV:Envelope")]
struct RequestEnvelope<'a> {
    #[serde(rename = "@xmlns:SOAP-ENV")]
    soap: &'static str,
    #[serde(rename = "SOAP-ENV:Body")]
    body: RequestBody<'a>,
}

#[derive(Serialize)]
struct RequestBody<'a> {
    #[serde(rename = "createOrderV3")]
    call: RequestCall<'a>,
}

#[derive(Serialize)]
struct RequestCall<'a> {
    #[serde(rename = "@xmlns")]
    service: &'static str,
    request: &'a serde_orders::CreateOrderV3Request,
}

fn write_serde(request: &serde_orders::CreateOrderV3Request) -> Outcome<String> {
    let call = RequestCall { service: "urn:mplusqapi", request };
    let soap = "http://schemas.xmlsoap.org/soap/envelope/";
    let envelope = RequestEnvelope { soap, body: RequestBody { call } };
    Ok(quick_xml::se::to_string(&envelope)?)
}

fn encode() -> Outcome<()> {
    const TIMES: usize = 100;
    let order = documents::order();
    let text = write_document("createOrderV3", &order)?;
    let plain: serde_orders::CreateOrderV3 = read_serde(&text)?;
    let plain = plain.request;
    let theirs = write_serde(&plain)?;
    value_space::same_body(&text, &theirs)?;
    let mut ways: Vec<Way<'_>> = vec![
        (
            "ours",
            Box::new(|| {
                (0..TIMES).try_fold(0, |sum, _| Ok(sum + write_document("createOrderV3", &order)?.len()))
            }),
        ),
        (
            "quick-xml + serde",
            Box::new(|| (0..TIMES).try_fold(0, |sum, _| Ok(sum + write_serde(&plain)?.len()))),
        ),
    ];
    let times = seconds(&mut ways, 4 * ROUNDS)?;
    let &[ours, serde] = times.as_slice() else { return Err("two ways have two times".into()) };
    let milliseconds = 1e3 / TIMES as f64;
    println!(
        "| encode | KB, ours and theirs | ours ms | quick-xml + serde ms | serde / ours (to reach: 1.5) |"
    );
    println!("|---|---|---|---|---|");
    println!(
        "| createOrderV3, 8 lines | {:.1}, {:.1} | {:.4} | {:.4} | {:.2} |",
        text.len() as f64 / 1e3,
        theirs.len() as f64 / 1e3,
        ours * milliseconds,
        serde * milliseconds,
        serde / ours,
    );
    let target = Target::AtLeast(1.5);
    Ok(figure::record("client/encode createOrderV3", serde / ours, "x quick-xml + serde", target)?)
}

fn stream() -> Outcome<()> {
    const PRODUCTS: u64 = 20_000;
    let mut ways: Vec<Way<'_>> = vec![
        ("streamed", Box::new(|| streamed::stream(PRODUCTS))),
        ("buffered", Box::new(|| streamed::buffer(PRODUCTS))),
        (
            "buffered in parts",
            Box::new(|| (0..PRODUCTS / 1000).try_fold(0, |sum, _| Ok(sum + streamed::buffer(1000)?))),
        ),
    ];
    let times = seconds(&mut ways, 7)?;
    let megabytes = streamed::size(PRODUCTS)? as f64 / 1e6;
    let rates: Vec<f64> = times.iter().map(|seconds| megabytes / seconds).collect();
    let &[streamed, buffered, parts] = rates.as_slice() else { return Err("three ways".into()) };
    println!(
        "| {PRODUCTS} products through a client | MB/s | streamed / this (to reach: 0.8) |\n|---|---|---|"
    );
    println!("| streamed | {streamed:.0} | |");
    println!("| buffered, one response | {buffered:.0} | {:.2} |", streamed / buffered);
    println!("| buffered, 20 responses of 1,000 | {parts:.0} | {:.2} |", streamed / parts);
    figure::record("client/stream", streamed / buffered, "x one buffered response", Target::AtLeast(0.8))?;
    Ok(figure::record(
        "client/stream in parts",
        streamed / parts,
        "x 20 buffered responses",
        Target::AtLeast(0.8),
    )?)
}
