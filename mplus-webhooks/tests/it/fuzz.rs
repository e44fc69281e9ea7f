//! The functions of the fuzz targets, over their corpus and over what chance makes of it.
//!
//! `MPLUS_FUZZ_RUNS=100000 cargo test --release -p mplus-webhooks --test it fuzz` takes longer, and `cargo +nightly fuzz run body` in
//! the crate's folder does not end.

use std::fs;
use std::path::Path;

use proptest::prelude::Rng as _;
use proptest::test_runner::{RngAlgorithm, TestRng};

#[path = "../../fuzz/checks.rs"]
mod checks;

/// Pieces that matter somewhere.
const TOKENS: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\"",
    b"\\u0000",
    b"\\ud800",
    b"null",
    b"true",
    b"-0",
    b"1e400",
    b"0.1000000000000000055511151231257827",
    b"99999999999999999999",
    b"NaN",
    b"\"event\":{\"eventBlocking\":true},",
    b"\"sender\":{},",
    b"\"sessionId\":\"\",",
    b"\"amount\":-1,",
    b"\"amount\":\"12,50\",",
    b"\xef\xbb\xbf",
    b"\xff",
    b"\0",
    b"\r\n",
    b"\n",
    b"x-mplus-signature:",
    b"x-mplus-subscription-id:restaurant",
    b"content-type:application/json",
];

fn runs() -> u64 {
    std::env::var("MPLUS_FUZZ_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(1_000)
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

/// One of the shapes, changed in one to three places.
fn changed(rng: &mut TestRng, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut shape = corpus[place(rng, corpus.len() - 1)].clone();
    for _ in 0..=rng.next_u32() % 3 {
        let (one, other) = (place(rng, shape.len()), place(rng, shape.len()));
        let (from, to) = (one.min(other), one.max(other).min(one.min(other) + 60));
        match rng.next_u32() % 5 {
            0 => drop(shape.drain(from..to)),
            1 => {
                let again = shape[from..to].to_vec();
                drop(shape.splice(from..from, again));
            }
            2 if from < shape.len() => shape[from] = rng.next_u32() as u8,
            3 => shape.truncate(from.max(shape.len() / 2)),
            _ => drop(shape.splice(from..from, TOKENS[place(rng, TOKENS.len() - 1)].iter().copied())),
        }
    }
    shape
}

async fn run(target: &str, check: impl AsyncFn(&[u8]) -> Result<(), String>) {
    let corpus = corpus(target);
    for shape in &corpus {
        check(shape).await.unwrap();
    }
    let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    for _ in 0..runs() {
        let shape = changed(&mut rng, &corpus);
        let checked = check(&shape).await;
        assert!(checked.is_ok(), "{checked:?}\nfor {}", String::from_utf8_lossy(&shape));
    }
}

#[tokio::test]
async fn whatever_a_signed_body_is_its_answer_is_one_that_a_till_takes() {
    run("body", checks::body).await;
}

#[tokio::test]
async fn whatever_headers_come_nothing_is_taken_but_under_its_signature() {
    run("headers", checks::headers).await;
}

#[tokio::test]
async fn whatever_calls_without_stripes_signature_is_refused() {
    run("stripe", checks::stripe).await;
}

#[tokio::test]
async fn whatever_calls_as_viva_is_answered_and_believed_in_nothing() {
    run("viva", checks::viva).await;
}
