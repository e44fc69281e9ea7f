//! Prints how fast responses are read and requests written, as ratios to what a user would write by hand.
//!
//! `cargo run --release -p mplus-benches --bin codec-figures`

use mplus_benches::{
    documents::{self, Document},
    orders as serde_orders, products as serde_products,
    ratio::{Way, seconds},
    relations as serde_relations,
    serde_types::Envelope,
    stock as serde_stock,
};
use mplus_qapi::{
    orders::GetOrdersResponse,
    products::GetProductsResponse,
    relations::GetRelationsResponse,
    soap::{Record, read_document, write_document},
    stock::GetStockResponse,
};
use quick_xml::{Reader, events::Event};
use serde::de::DeserializeOwned;

const ROUNDS: usize = 15;

fn main() {
    println!(
        "| decode | size | ours MB/s | quick-xml + serde | bare event loop | ours / serde | ours / bare |"
    );
    println!("|---|---|---|---|---|---|---|");
    decode::<GetProductsResponse, serde_products::GetProductsResponse>(&documents::products(1000));
    decode::<GetOrdersResponse, serde_orders::GetOrdersResponse>(&documents::orders(1000));
    decode::<GetRelationsResponse, serde_relations::GetRelationsResponse>(&documents::relations(1000));
    decode::<GetStockResponse, serde_stock::GetStockResponse>(&documents::stock(10_000));
    println!();
    encode();
}

fn decode<R: Record + Default, S: DeserializeOwned>(document: &Document) {
    let text = document.text.as_str();
    let mut ways: Vec<Way<'_>> = vec![
        (
            "ours",
            Box::new(|| {
                let mut response = R::default();
                let root = response.schema().name;
                read_document(text.as_bytes(), root, &mut response, true)
                    .map_or(0, |missing| missing.len() + 1)
            }),
        ),
        (
            "serde",
            Box::new(|| {
                let envelope: Result<Envelope<S>, _> = quick_xml::de::from_str(text);
                if let Err(error) = &envelope {
                    eprintln!("{}: {error}", document.name);
                }
                usize::from(envelope.is_ok())
            }),
        ),
        ("bare", Box::new(|| events(text))),
    ];
    let times = seconds(&mut ways, ROUNDS);
    let rate = |index: usize| text.len() as f64 / 1e6 / times[index];
    println!(
        "| {} | {:.1} MB | {:.0} | {:.0} | {:.0} | {:.2} | {:.2} |",
        document.name,
        text.len() as f64 / 1e6,
        rate(0),
        rate(1),
        rate(2),
        rate(0) / rate(1),
        rate(0) / rate(2),
    );
}

/// Reads every event and looks at none.
fn events(text: &str) -> usize {
    let mut reader = Reader::from_str(text);
    let mut count = 0;
    loop {
        match reader.read_event() {
            Ok(Event::Eof) | Err(_) => return count,
            Ok(_) => count += 1,
        }
    }
}

fn encode() {
    let order = documents::order();
    let text = write_document("createOrderV3", &order).unwrap_or_default();
    let plain: Result<Envelope<serde_orders::CreateOrderV3>, _> = quick_xml::de::from_str(&text);
    let Ok(plain) = plain.map(|envelope| envelope.body.content) else {
        eprintln!("the baseline cannot read the order");
        return;
    };
    let mut ways: Vec<Way<'_>> = vec![
        (
            "ours",
            Box::new(|| {
                (0..100).map(|_| write_document("createOrderV3", &order).map_or(0, |text| text.len())).sum()
            }),
        ),
        (
            "serde",
            Box::new(|| {
                (0..100)
                    .map(|_| {
                        quick_xml::se::to_string_with_root("createOrderV3", &plain)
                            .map_or(0, |text| text.len())
                    })
                    .sum()
            }),
        ),
    ];
    if let Err(error) = quick_xml::se::to_string_with_root("createOrderV3", &plain) {
        eprintln!("the baseline cannot write the order: {error}");
    }
    let times = seconds(&mut ways, ROUNDS);
    println!("| encode | size | ours ms | quick-xml + serde ms | serde / ours |");
    println!("|---|---|---|---|---|");
    println!(
        "| createOrderV3, 8 lines | {} KB | {:.4} | {:.4} | {:.2} |",
        text.len() / 1000,
        times[0] * 10.0,
        times[1] * 10.0,
        times[1] / times[0],
    );
}
