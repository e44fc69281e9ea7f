//! Documents that are made to hurt: reading them costs time and memory in proportion to their bytes, in a stream no more
//! than half as much again.
//!
//! Each shape is read by a process of its own, for its memory and its time on the processor to be its own.
//! `MPLUS_HOSTILE_MB=16 cargo test --release -p mplus-qapi --all-features --test it hostile` reads the large ones.

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use mplus_qapi::{
    Call, Client, Credentials, Endpoint, Error, ErrorKind, RetryPolicy, TokioRuntime, Transport,
    products::GetProductsRequest,
    soap::{DecodeProblem, ListResponse, Operation},
    stock::GetStockRequest,
    transport::{Body, Request, TransportError},
};

use crate::measured::{Seen, in_own_process, measure, told};

const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:m="urn:mplusqapi" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><s:Body>"#;
const TAIL: &str = "</s:Body></s:Envelope>";

/// So many bytes of a response that hurts.
type Shape = fn(usize) -> Vec<u8>;

const SHAPES: &[(&str, Shape)] = &[
    // Bytes that mean nothing.
    ("white space between items", |size| in_list(&" ".repeat(size))),
    ("white space before the root", |size| [" ".repeat(size).as_bytes(), &in_list("")].concat()),
    ("a comment", |size| in_list(&format!("<!--{}-->", "-".repeat(size)))),
    ("comments", |size| in_list(&fill("<!-- -->", size))),
    ("comments in an item", |size| in_item(&fill("<!--</m:product>-->", size))),
    ("an instruction", |size| in_list(&format!("<?x {}?>", "x".repeat(size)))),
    ("a declaration", |size| format!("<?xml version='1.0' {}?><x/>", "x".repeat(size)).into_bytes()),
    ("white space inside of items", |size| {
        in_item(&fill("\n\t<m:productNumber>1</m:productNumber>\r\n  ", size))
    }),
    // Tags.
    ("attributes", |size| in_list(&format!("<m:product{}/>", numbered(size, |n| format!(" a{n}='v'"))))),
    ("tags with attributes", |size| {
        in_list(&fill(&format!("<m:x{}/>", numbered(500, |n| format!(" a{n}='v'"))), size))
    }),
    ("an attribute", |size| in_list(&format!("<m:product a='{}'/>", "x".repeat(size)))),
    ("ends of tags in attributes", |size| {
        in_list(&format!("<m:product>{}</m:product>", fill("<m:x a='/>'/>", size)))
    }),
    ("a name", |size| in_list(&format!("<{}/>", "x".repeat(size)))),
    ("a name that is closed", |size| in_list(&format!("<m:product></{}>", "x".repeat(size)))),
    ("a prefix", |size| format!("<{}:Envelope/>", "x".repeat(size)).into_bytes()),
    ("declarations of one tag", |size| {
        in_list(&format!("<m:product{}/>", numbered(size, |n| format!(" xmlns:p{n}='u'"))))
    }),
    ("tags with declarations", |size| {
        in_list(&fill("<m:product xmlns:a='u' xmlns:b='v' xmlns:m='urn:mplusqapi'/>", size))
    }),
    ("prefixes of no namespace among many", |size| {
        let declared = numbered(800, |n| format!(" xmlns:p{n}='u'"));
        in_list(&format!("<m:product{declared}>{}</m:product>", fill("<zz:y/>", size)))
    }),
    // Elements.
    ("unknown elements", |size| in_list(&fill("<m:unk/>", size))),
    ("unknown elements of an item", |size| in_item(&fill("<m:unk/>", size))),
    ("unknown elements in one", |size| in_item(&format!("<m:unk>{}</m:unk>", fill("<m:u>x</m:u>", size)))),
    ("items in an unknown element", |size| {
        in_item(&format!("<m:u>{}</m:u>", fill("<m:product></m:product>", size)))
    }),
    ("empty items", |size| in_list(&fill("<m:product/>", size))),
    ("empty items in an item", |size| {
        in_item(&format!("<m:articleList>{}</m:articleList>", fill("<m:article/>", size)))
    }),
    ("empty lists", |size| in_item(&fill("<m:articleList/>", size))),
    ("numbers in a list", |size| {
        in_item(&format!(
            "<m:groupNumbers>{}</m:groupNumbers>",
            fill("<m:groupNumbers>1</m:groupNumbers>", size)
        ))
    }),
    ("one field again and again", |size| in_item(&fill("<m:productNumber>7</m:productNumber>", size))),
    ("elements that are nil", |size| in_item(&fill("<m:description xsi:nil='true'/>", size))),
    ("a scale again and again", |size| {
        let article = fill(
            "<m:decimalPlaces>2</m:decimalPlaces><m:amountDecimalPlaces>1</m:amountDecimalPlaces>",
            size,
        );
        in_item(&format!("<m:articleList><m:article>{article}</m:article></m:articleList>"))
    }),
    ("depth", |size| in_item(&fill(&format!("{}{}", "<m:d>".repeat(100), "</m:d>".repeat(100)), size))),
    ("depth without end", |size| in_item(&"<m:d>".repeat(size / 5))),
    // Texts and values.
    ("a text", |size| in_description(&"x".repeat(size))),
    ("texts", |size| in_item(&fill("<m:description>x</m:description>", size))),
    ("references", |size| in_description(&fill("&amp;", size))),
    ("references to no characters", |size| in_description(&fill("&#0;", size))),
    ("halves of characters", |size| in_description(&fill("&#xD83D;&#xDE00;", size))),
    ("control characters", |size| in_description(&fill("a\u{1}", size))),
    ("line ends", |size| in_description(&"\r".repeat(size))),
    ("sections of no characters", |size| in_description(&fill("<![CDATA[]]>", size))),
    ("sections that nearly end", |size| in_description(&format!("<![CDATA[{}]]>", fill("]] >", size)))),
    ("a reference without end", |size| in_description(&format!("&{};", "a".repeat(size)))),
    ("leading zeros", |size| in_item(&format!("<m:productNumber>{}1</m:productNumber>", "0".repeat(size)))),
    ("values of leading zeros", |size| {
        in_item(&fill(&format!("<m:productNumber>{}1</m:productNumber>", "0".repeat(60_000)), size))
    }),
    ("Latin-1", |size| {
        let text = String::from_utf8(in_item(&fill("<m:description>caf#</m:description>", size))).unwrap();
        text.replace("UTF-8", "ISO-8859-1")
            .bytes()
            .map(|byte| if byte == b'#' { 0xe9 } else { byte })
            .collect()
    }),
    // Beside the list, and without one around the items.
    ("headers", |size| {
        let headers = fill("<m:h>x</m:h>", size);
        String::from_utf8(in_list(""))
            .unwrap()
            .replace("<s:Body>", &format!("<s:Header>{headers}</s:Header><s:Body>"))
            .into_bytes()
    }),
    ("elements before the body", |size| {
        String::from_utf8(in_list(""))
            .unwrap()
            .replace("<s:Body>", &format!("{}<s:Body>", fill("<m:h>x</m:h>", size)))
            .into_bytes()
    }),
    ("elements behind the body", |size| {
        String::from_utf8(in_list(""))
            .unwrap()
            .replace("</s:Body>", &format!("</s:Body>{}", fill("<m:h a='b'>x</m:h>", size)))
            .into_bytes()
    }),
    ("elements behind the response", |size| {
        String::from_utf8(in_list(""))
            .unwrap()
            .replace("</s:Body>", &format!("{}</s:Body>", fill("<m:h>x</m:h>", size)))
            .into_bytes()
    }),
    ("elements beside the list", |size| {
        format!("{HEAD}<m:GetProductsResponse>{}</m:GetProductsResponse>{TAIL}", fill("<m:h>x</m:h>", size))
            .into_bytes()
    }),
    ("lists", |size| {
        let list = "<m:productList><m:x></m:x></m:productList>";
        format!("{HEAD}<m:GetProductsResponse>{}</m:GetProductsResponse>{TAIL}", fill(list, size))
            .into_bytes()
    }),
    ("bare items", |size| {
        of_stock("<m:articleStocks><m:articleNumber>7</m:articleNumber></m:articleStocks>", size)
    }),
    ("bare items of nothing that is known", |size| {
        of_stock("<m:articleStocks><m:u>x</m:u><m:u>x</m:u><m:u>x</m:u></m:articleStocks>", size)
    }),
    ("bytes that are no characters", |size| {
        let text = String::from_utf8(in_item(&fill("<m:description>caf#</m:description>", size))).unwrap();
        text.bytes().map(|byte| if byte == b'#' { 0xff } else { byte }).collect()
    }),
    ("a text of bytes that are no characters", |size| {
        in_description(&"#".repeat(size))
            .iter()
            .map(|byte| if *byte == b'#' { 0xff } else { *byte })
            .collect()
    }),
    ("UTF-16", |size| {
        let text =
            String::from_utf8(in_item(&fill("<m:description>caf\u{e9}</m:description>", size / 2))).unwrap();
        text.replace("UTF-8", "UTF-16").encode_utf16().flat_map(u16::to_le_bytes).collect()
    }),
    // Answers that are no response.
    ("a fault", |size| {
        let fault = format!(
            "<s:Fault><faultcode>s:Server</faultcode><faultstring>{}</faultstring></s:Fault>",
            "x".repeat(size)
        );
        format!("{HEAD}{fault}{TAIL}").into_bytes()
    }),
    ("a fault with details", |size| {
        let fault = format!(
            "<s:Fault><faultcode>s:Server</faultcode><detail>{}</detail></s:Fault>",
            fill("<a>b</a>", size)
        );
        format!("{HEAD}{fault}{TAIL}").into_bytes()
    }),
    ("content that was not asked for", |size| format!("{HEAD}<{}/>{TAIL}", "x".repeat(size)).into_bytes()),
    ("what follows the end", |size| [in_list(""), "<!-- -->".repeat(size / 8).into_bytes()].concat()),
];

fn in_list(content: &str) -> Vec<u8> {
    format!(
        "{HEAD}<m:GetProductsResponse><m:productList>{content}</m:productList></m:GetProductsResponse>{TAIL}"
    )
    .into_bytes()
}

fn in_item(content: &str) -> Vec<u8> {
    in_list(&format!("<m:product>{content}</m:product>"))
}

/// Items without a wrapper.
fn of_stock(item: &str, size: usize) -> Vec<u8> {
    format!("{HEAD}<m:GetStockResponse>{}</m:GetStockResponse>{TAIL}", fill(item, size)).into_bytes()
}

fn in_description(text: &str) -> Vec<u8> {
    in_item(&format!("<m:description>{text}</m:description>"))
}

fn fill(with: &str, size: usize) -> String {
    with.repeat(size / with.len() + 1)
}

fn numbered(size: usize, of: impl Fn(usize) -> String) -> String {
    let mut text = String::with_capacity(size + 40);
    (0..)
        .take_while(|n| {
            text.push_str(&of(*n));
            text.len() < size
        })
        .for_each(drop);
    text
}

/// How often a shape is measured that seems to break a bound: whatever else the machine does only adds to what is seen.
const TRIES: usize = 5;

/// The bounds that a shape breaks, when the least that was seen of each measurement counts.
fn broken<const N: usize>(
    name: &str,
    runs: [(&str, usize); N],
    bounds: impl Fn(&[(String, Seen); N]) -> Vec<String>,
) -> Vec<String> {
    let measured = || runs.map(|(way, size)| run(name, way, size));
    let mut seen = measured();
    let mut wrong = bounds(&seen);
    for _ in 1..TRIES {
        if wrong.is_empty() {
            break;
        }
        for ((_, least), (_, again)) in seen.iter_mut().zip(measured()) {
            *least = least.least(again);
        }
        wrong = bounds(&seen);
    }
    println!("{name}: {seen:.3?}");
    wrong.into_iter().map(|what| format!("{name}: {what}: {seen:?}")).collect()
}

#[test]
fn reading_costs_in_proportion_to_the_bytes_whatever_they_are_whole_and_in_pieces() {
    let large = std::env::var("MPLUS_HOSTILE_MB").ok().and_then(|mb| mb.parse().ok()).unwrap_or(1);
    let large: usize = large << 20;
    let small = large / 4;
    let growth = large as f64 / small as f64;
    // Unoptimized, what is ours is slower than what is not.
    let (most, grace) = if cfg!(debug_assertions) { (2.5, 0.05) } else { (1.5, 0.01) };
    let runs = [("whole", small), ("streamed", small), ("whole", large), ("streamed", large)];
    // The document and the text that is made of it; and the values, as far as their budget goes.
    let text = 5.0 * large as f64 / f64::from(1 << 20) + 24.0;
    let values = (32.0 * large as f64 / f64::from(1 << 20) + 4.0).min(128.0) * 1.5;
    let bounds = |seen: &[(String, Seen); 4]| {
        let [(_, small_whole), (_, small_streamed), (whole_end, whole), (streamed_end, streamed)] = seen;
        let held = [
            (whole_end == streamed_end, "ends differently"),
            (whole.seconds <= small_whole.seconds * growth * 1.6 + grace, "more than linear"),
            (
                streamed.seconds <= small_streamed.seconds * growth * 1.6 + grace,
                "more than linear in a stream",
            ),
            (streamed.seconds <= whole.seconds * most + grace, "dearer in a stream"),
            (whole.mebibytes <= text + values, "held too much"),
            (streamed.mebibytes <= text + 8.0, "held too much in a stream"),
        ];
        held.iter().filter(|(holds, _)| !holds).map(|(_, what)| (*what).to_owned()).collect()
    };
    let problems: Vec<String> = SHAPES.iter().flat_map(|(name, _)| broken(name, runs, bounds)).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn a_stream_that_comes_by_the_byte_is_read_in_linear_time_too() {
    let runs = [("by the byte", 32 << 10), ("by the byte", 128 << 10)];
    let bounds = |[(_, small), (_, large)]: &[(String, Seen); 2]| {
        let is_linear = large.seconds <= small.seconds * 4.0 * 1.8 + 0.05;
        if is_linear { Vec::new() } else { vec!["more than linear".to_owned()] }
    };
    let problems: Vec<String> = SHAPES.iter().flat_map(|(name, _)| broken(name, runs, bounds)).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Reads in a process of its own: how it ended, and what it took.
fn run(shape: &str, way: &str, size: usize) -> (String, Seen) {
    in_own_process("hostile::one_shape_in_this_process", &format!("{shape}|{way}|{size}"))
}

/// Only does something in the process that [`run`] starts.
#[test]
fn one_shape_in_this_process() {
    let Some(told) = told() else { return };
    let parts: Vec<&str> = told.split('|').collect();
    let (_, shape) = SHAPES.iter().find(|(name, _)| *name == parts[0]).unwrap();
    let document = Bytes::from(shape(parts[2].parse().unwrap()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = client(document, if parts[1] == "by the byte" { 1 } else { 16 << 10 });
    measure(|| {
        ending(runtime.block_on(async {
            match parts[0].starts_with("bare items") {
                true => read(client.get_stock(GetStockRequest::default()), parts[1]).await,
                false => read(client.get_products(GetProductsRequest::default()), parts[1]).await,
            }
        }))
    });
}

async fn read<O: Operation<Response: ListResponse>>(call: Call<O>, way: &str) -> Result<(), Error> {
    if way == "whole" {
        return call.await.map(drop);
    }
    let mut items = call.stream();
    while let Some(item) = items.next().await {
        item?;
    }
    Ok(())
}

fn ending(read: Result<(), Error>) -> String {
    let Err(error) = read else { return "read".to_owned() };
    match error.kind() {
        ErrorKind::Response(error) => match error.problem() {
            // An item is held, or all of them.
            DecodeProblem::TooLarge { .. } => "too large".to_owned(),
            _ => error.to_string(),
        },
        kind => kind.to_string().chars().take(80).collect(),
    }
}

/// Answers with one document, in pieces of so many bytes.
#[derive(Debug)]
struct Document(Bytes, usize);

#[async_trait::async_trait]
impl Transport for Document {
    async fn send(&self, _: Request) -> Result<http::Response<Body>, TransportError> {
        let (document, size) = (self.0.clone(), self.1);
        let pieces = (0..document.len()).step_by(size);
        let pieces = pieces.map(move |at| Ok(document.slice(at..(at + size).min(document.len()))));
        Ok(http::Response::new(Body::from_stream(stream::iter(pieces))))
    }
}

fn client(document: Bytes, piece: usize) -> Client {
    let endpoint = Endpoint::from_url("https://pos.invalid/").unwrap();
    Client::builder(endpoint, Credentials::new("ident", "secret"), Document(document, piece), TokioRuntime)
        .retry(RetryPolicy::none())
        .build()
}
