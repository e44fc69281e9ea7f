//! The functions of the fuzz targets, over their corpus and over what chance makes of it.
//!
//! `MPLUS_FUZZ_RUNS=100000 cargo test --release -p mplus-qapi --all-features --test it fuzz` takes longer, and
//! `cargo +nightly fuzz run reader` in the crate's folder does not end.

use std::{fs, path::Path};

use mplus_qapi::testkit::fuzzing;
use proptest::prelude::Rng as _;
use proptest::test_runner::{RngAlgorithm, TestRng};

/// Pieces of XML that matter somewhere.
const TOKENS: &[&[u8]] = &[
    b"<",
    b">",
    b"/>",
    b"</",
    b"&",
    b"&amp;",
    b"&#0;",
    b"&#xD800;",
    b"&#x1F600;",
    b"&nope;",
    b"<![CDATA[",
    b"]]>",
    b"<!--",
    b"-->",
    b"<?x ",
    b"?>",
    b"<!DOCTYPE a>",
    b" xsi:nil='true'",
    b" href='#a'",
    b" xmlns:ns='u'",
    b" xmlns='urn:mplusqapi'",
    b" a='1' a='2'",
    b"\0",
    b"\xff",
    b"\xc3",
    b"\xef\xbf\xbe",
    b"\r\n",
    b" ",
    b"-",
    b".",
    b"000000000000000000000",
    b"1e5",
    b"99999999999999999999",
    b"<ns:x>",
    b"</ns:x>",
    b"<ns:productList>",
    b"</ns:product>",
    b"<ns:decimalPlaces>7</ns:decimalPlaces>",
];

fn runs() -> u64 {
    std::env::var("MPLUS_FUZZ_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(3_000)
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// A place in so many bytes, or right behind them.
fn place(rng: &mut TestRng, bytes: usize) -> usize {
    usize::try_from(rng.next_u64() % (bytes as u64 + 1)).unwrap()
}

/// One of the documents, changed in one to four places.
fn changed(rng: &mut TestRng, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut document = corpus[place(rng, corpus.len() - 1)].clone();
    for _ in 0..=rng.next_u32() % 4 {
        let (one, other) = (place(rng, document.len()), place(rng, document.len()));
        let (from, to) = (one.min(other), one.max(other).min(one.min(other) + 200));
        match rng.next_u32() % 6 {
            0 => drop(document.drain(from..to)),
            1 => {
                let again = document[from..to].to_vec();
                drop(document.splice(from..from, again));
            }
            2 if from < document.len() => document[from] = rng.next_u32() as u8,
            3 => document.truncate(from.max(document.len() / 2)),
            4 => {
                let other = &corpus[place(rng, corpus.len() - 1)];
                let (start, length) = (place(rng, other.len()), place(rng, 200));
                drop(document.splice(from..to, other[start..].iter().take(length).copied()));
            }
            _ => drop(document.splice(from..from, TOKENS[place(rng, TOKENS.len() - 1)].iter().copied())),
        }
    }
    document
}

fn run(target: &str, check: fn(&[u8]) -> Result<(), String>) {
    let corpus = corpus(target);
    let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    for document in &corpus {
        check(document).unwrap();
    }
    for _ in 0..runs() {
        let document = changed(&mut rng, &corpus);
        if let Err(problem) = check(&document) {
            panic!("{problem}\nin {}", String::from_utf8_lossy(&document));
        }
    }
}

#[test]
fn whatever_a_document_is_whole_and_in_pieces_it_is_the_same() {
    run("reader", fuzzing::reader);
}

#[test]
fn whatever_was_read_is_the_same_when_it_was_written_and_read_again() {
    run("round_trip", fuzzing::round_trip);
}

#[test]
fn whatever_a_fault_holds_it_is_told_the_same_and_not_at_length() {
    run("fault", fuzzing::fault);
}
