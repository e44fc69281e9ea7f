//! Servers that mean harm, over real HTTP: each ends in an error, within a bound of time on the processor and of memory, read whole
//! and as a stream. Documents that are made to hurt without a server are in `hostile`.

use std::{io::Write as _, time::Duration};

use futures_util::StreamExt as _;
use mplus_qapi::{
    Client, Endpoint, Error, ErrorKind, RetryPolicy, TokioRuntime, products::GetProductsRequest,
    soap::DecodeProblem, transport::ReqwestTransport,
};

use crate::{
    measured::{Seen, in_own_process, measure, told},
    server::{ENVELOPE, Server, Step, credentials, endless_head, http, leaks},
};

const MIB: usize = 1 << 20;
/// What a client of these tests holds at once. Unoptimized, less of it has to do.
const HELD: usize = if cfg!(debug_assertions) { 2 * MIB } else { 16 * MIB };
/// What it streams.
const STREAMED: usize = 2 * HELD;
/// What a bomb unpacks to.
const UNPACKED: usize = 4 * HELD;
/// Unoptimized, unpacking and reading an eighth takes this much longer.
const SLOWER: f64 = if cfg!(debug_assertions) { 10.0 } else { 1.0 };

struct Bomb {
    name: &'static str,
    step: Step,
    /// How it ends, whole, streamed and by pages.
    ends: [&'static str; 3],
    /// Seconds on the processor of an optimized build.
    seconds: f64,
    /// Read whole; a stream may hold an item of [`HELD`].
    mebibytes: f64,
}

fn bombs() -> Vec<Bomb> {
    let gzipped = ["Content-Encoding: gzip"];
    let list = format!("{ENVELOPE}<ns:GetProductsResponse><ns:productList>");
    let in_list = |content: &str, size: usize| format!("{list}{}", content.repeat(size / content.len()));
    let in_item = |content: &str, size: usize| {
        format!("{list}<ns:product><ns:articleList>{}", content.repeat(size / content.len()))
    };
    let articles = "<ns:article/>".repeat(900);
    let product = format!(
        "<ns:product><ns:syncMarker>5</ns:syncMarker><ns:articleList>{articles}</ns:articleList></ns:product>"
    );
    let each_below = in_list(&product, UNPACKED);
    let bomb = |document: &str| Step::SendIfWanted(http(200, &gzipped, gzip(document.as_bytes())));
    let chunk = |bytes: &str| format!("{:x}\r\n{bytes}\r\n", bytes.len());
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let trickle = |head: &str, piece: &str, pause: u64| {
        Step::Trickle(head.as_bytes().to_vec(), piece.as_bytes().to_vec(), Duration::from_millis(pause))
    };
    let laughs: String =
        (1..10).map(|n| format!("<!ENTITY l{n} '{}'>", format!("&l{};", n - 1).repeat(10))).collect();
    let laughs = format!("<?xml version='1.0'?><!DOCTYPE x [<!ENTITY l0 'ha'>{laughs}]><x>&l9;</x>");
    let large = ["too large"; 3];
    // A stream refuses much white space before it has had all that it may read.
    let blank = ["too large", "no response", "no response"];
    let late = ["late"; 3];
    let unread = ["no response"; 3];
    let broken = ["broken"; 3];
    // What is held: the document twice where it is still growing, and values of twice its size.
    let whole = (HELD / MIB) as f64 * 6.0 + 12.0;
    let of = |name, step, ends, seconds, mebibytes| Bomb { name, step, ends, seconds, mebibytes };
    vec![
        of("gzip of white space", bomb(&in_list("\n", UNPACKED)), blank, 0.3, whole),
        of(
            "gzip of empty items",
            bomb(&in_list("<ns:product/>", UNPACKED)),
            ["too large", "too large", "too many"],
            1.0,
            whole,
        ),
        of("gzip of items that are each below the limit of one", bomb(&each_below), large, 1.0, whole),
        of(
            "gzip of one item of empty articles",
            bomb(&in_item("<ns:article/>", UNPACKED)),
            large,
            0.3,
            whole,
        ),
        of(
            "gzip of a text",
            bomb(&format!("{list}<ns:product><ns:description>{}", "x".repeat(UNPACKED))),
            large,
            0.3,
            whole,
        ),
        of(
            "gzip of depth",
            bomb(&in_list("<ns:x>", UNPACKED)),
            ["too large", "no response", "no response"],
            0.3,
            whole,
        ),
        of(
            "gzip in gzip",
            {
                let inner = gzip(&gzip(in_list("\n", UNPACKED).as_bytes()));
                Step::SendIfWanted(http(200, &["Content-Encoding: gzip, gzip"], inner))
            },
            unread,
            0.1,
            8.0,
        ),
        of(
            "a whole response under a status that says failure",
            {
                let product = "<ns:product><ns:productNumber>1</ns:productNumber></ns:product>";
                let list = in_list(product, HELD - (64 << 10));
                let response =
                    format!("{list}</ns:productList></ns:GetProductsResponse></S:Body></S:Envelope>");
                Step::SendIfWanted(http(500, &gzipped, gzip(response.as_bytes())))
            },
            ["status"; 3],
            1.0,
            whole,
        ),
        of("entities in entities", Step::SendIfWanted(http(200, &[], laughs)), unread, 0.1, 8.0),
        of(
            "chunks without end",
            trickle(&format!("{chunked}{}", chunk(&list)), &chunk(&" ".repeat(64 << 10)), 0),
            blank,
            0.5,
            whole,
        ),
        of(
            "a length that is a lie",
            Step::SendIfWanted({
                let mut answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1099511627776\r\n\r\n".to_vec();
                answer.extend(in_list(" ", UNPACKED).into_bytes());
                answer
            }),
            blank,
            0.5,
            whole,
        ),
        of(
            "headers without end",
            trickle("HTTP/1.1 200 OK\r\n", &"X-A: a\r\n".repeat(100), 0),
            broken,
            0.2,
            8.0,
        ),
        of(
            "a header without end",
            trickle("HTTP/1.1 200 OK\r\nX-A: ", &"a".repeat(16 << 10), 0),
            broken,
            0.2,
            8.0,
        ),
        of("a reason without end", trickle("HTTP/1.1 200 ", &"a".repeat(16 << 10), 0), broken, 0.2, 8.0),
        of(
            "an extension of a chunk without end",
            trickle(&format!("{chunked}1;"), &"a".repeat(16 << 10), 0),
            broken,
            0.2,
            8.0,
        ),
        of(
            "trailers without end",
            trickle(&format!("{chunked}{}0\r\n", chunk(&list)), &"X-A: a\r\n".repeat(100), 0),
            broken,
            0.2,
            8.0,
        ),
        of("answers that announce another", trickle("", "HTTP/1.1 100 Continue\r\n\r\n", 1), late, 1.0, 8.0),
        of("no answer", trickle("", "", 3_600_000), late, 0.2, 8.0),
        of("a head by the byte", trickle("HTTP/1.1 200 OK\r\nX-A: ", "a", 5), late, 1.0, 8.0),
        of(
            "a body by the byte",
            trickle(&String::from_utf8(endless_head()).unwrap(), " ", 5),
            late,
            1.0,
            8.0,
        ),
        of(
            "a body that stops",
            trickle(&format!("{chunked}{}", chunk(&list)), "", 3_600_000),
            late,
            0.2,
            8.0,
        ),
    ]
}

fn gzip(document: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(document).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_server_that_means_harm_costs_little_time_and_memory_and_ends_in_an_error() {
    let mut problems = Vec::new();
    for bomb in bombs() {
        for (way, expected) in ["whole", "streamed", "paged"].into_iter().zip(bomb.ends) {
            let server = Server::start([bomb.step.clone()]).await;
            // What is slow on purpose is not waited for long, everything else as long as it takes.
            let time_out = if expected == "late" { 1 } else { 120 };
            let told = format!("{way}|{time_out}|{}|small", server.address());
            let (end, Seen { seconds, mebibytes }) =
                tokio::task::spawn_blocking(move || in_own_process("bombs::one_call_in_this_process", &told))
                    .await
                    .unwrap();
            let name = bomb.name;
            println!("{name}, {way}: {:.0} ms, {mebibytes:.1} MiB, {end}", seconds * 1000.0);
            if !end.starts_with(expected) {
                problems.push(format!("{name}, {way}: {end}"));
            }
            if seconds > bomb.seconds * SLOWER || mebibytes > bomb.mebibytes {
                problems.push(format!("{name}, {way}: {seconds} s, {mebibytes} MiB"));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Documents of one thing again and again: how each begins, and the thing.
fn small_bombs() -> [(&'static str, &'static str, &'static str); 16] {
    let list = "<ns:GetProductsResponse><ns:productList>";
    let item = "<ns:GetProductsResponse><ns:productList><ns:product>";
    let text = "<ns:GetProductsResponse><ns:productList><ns:product><ns:description>";
    [
        ("white space", list, " "),
        ("comments", list, "<!---->"),
        ("empty items", list, "<ns:product/>"),
        ("items", list, "<ns:product><ns:productNumber>1</ns:productNumber></ns:product>"),
        ("unknown elements", list, "<ns:u/>"),
        ("unknown elements of an item", item, "<ns:u>x</ns:u>"),
        ("elements beside the list", "<ns:GetProductsResponse>", "<ns:u>x</ns:u>"),
        ("empty lists", item, "<ns:articleList/>"),
        ("numbers", item, "<ns:productNumber>1</ns:productNumber>"),
        ("attributes", item, "<ns:u a='' b='' c='' d='' e=''/>"),
        ("declarations", item, "<ns:u xmlns:a='' xmlns:b='' xmlns:c=''/>"),
        ("a text", text, "x"),
        ("references", text, "&lt;"),
        ("references to no characters", text, "&#0;"),
        ("control characters", text, "\u{1}"),
        ("line ends", text, "\r"),
    ]
}

/// Seconds on the processor that a small bomb may take, on a slow machine that others use as well.
const SMALL_BOMB: f64 = 0.25;

/// Run alone as a release for the figures, which should be below 50 ms on a calm machine: `cargo test --release -p mplus-qapi --all-features --test it sixteen -- --nocapture`.
#[tokio::test]
async fn sixteen_kilobytes_of_gzip_cost_little_time() {
    let size = if cfg!(debug_assertions) { 2 << 10 } else { 16 << 10 };
    let mut problems = Vec::new();
    for (name, begins, with) in small_bombs() {
        let of =
            |bytes: usize| gzip(format!("{ENVELOPE}{begins}{}", with.repeat(bytes / with.len())).as_bytes());
        // What packs to as much as that, or a little less.
        let unpacked = size * 1000;
        let bomb = of(unpacked.min(unpacked * size / of(unpacked).len()));
        let packed = bomb.len();
        for way in ["whole", "streamed", "paged"] {
            let answer = http(200, &["Content-Encoding: gzip"], bomb.clone());
            let server = Server::start([Step::SendIfWanted(answer)]).await;
            let told = format!("{way}|120|{}|usual", server.address());
            let once =
                tokio::task::spawn_blocking(move || in_own_process("bombs::one_call_in_this_process", &told));
            let (end, seen) = once.await.unwrap();
            println!(
                "{name}, {packed} bytes, {way}: {:.0} ms, {:.1} MiB, {end}",
                seen.seconds * 1000.0,
                seen.mebibytes
            );
            if seen.seconds > SMALL_BOMB * SLOWER {
                problems.push(format!("{name}, {way}: {} s", seen.seconds));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Only does something in the processes of the tests above.
#[test]
fn one_call_in_this_process() {
    let Some(told) = told() else { return };
    let [way, seconds, address, limits] = told.split('|').collect::<Vec<_>>()[..] else { panic!("{told}") };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let transport = ReqwestTransport::builder().build().unwrap();
    let endpoint = Endpoint::from_url(&format!("http://{address}/")).unwrap();
    let client = Client::builder(endpoint, credentials(), transport, TokioRuntime)
        .retry(RetryPolicy::none())
        .timeout(Duration::from_secs(seconds.parse().unwrap()));
    let client = match limits {
        "usual" => client,
        _ => client.buffered_limit(HELD as u64).streamed_limit(STREAMED as u64),
    };
    let client = client.build();
    measure(|| match runtime.block_on(read(&client, way)) {
        Ok(()) => "read".to_owned(),
        Err(error) => ending(&error),
    });
}

async fn read(client: &Client, way: &str) -> Result<(), Error> {
    if way == "whole" {
        return client.get_products(GetProductsRequest::default()).await.map(drop);
    }
    if way == "paged" {
        let mut pages = client.get_products(GetProductsRequest::default()).changes_since(1, 1000);
        return pages.next().await.transpose().map(drop);
    }
    let mut items = client.stream_products(GetProductsRequest::default());
    while let Some(item) = items.next().await {
        item?;
    }
    Ok(())
}

/// What it is, with what it says, for a person.
fn ending(error: &Error) -> String {
    let what = match error.kind() {
        ErrorKind::Response(problem) if matches!(problem.problem(), DecodeProblem::TooLarge { .. }) => {
            "too large"
        }
        ErrorKind::Response(_) => "no response",
        ErrorKind::Transport(_) if error.is_timeout() => "late",
        ErrorKind::Transport(_) => "broken",
        ErrorKind::Paging(_) => "too many",
        ErrorKind::Http { .. } => "status",
        _ => "something else",
    };
    let said = error.to_string();
    assert!(said.len() < 8 << 10 && !leaks(&said), "{said}");
    format!("{what}: {}", said.replace(['\n', '\r'], " "))
}
