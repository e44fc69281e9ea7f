//! The corpus of a fuzz target, and what chance makes of it: for the `fuzz` tests of the libraries, on the stable compiler.
//!
//! `MPLUS_FUZZ_RUNS=100000 cargo test --release -p LIBRARY --all-features --test it fuzz` takes longer, and
//! `cargo +nightly fuzz run TARGET` in the library's folder does not end.

use std::fs;
use std::path::Path;

use proptest::prelude::Rng as _;
use proptest::test_runner::{RngAlgorithm, TestRng};

/// The committed shapes of `target`, then so many that chance made of them, the same in every run. `tokens` are pieces that matter
/// somewhere in such a shape.
pub(crate) fn inputs(
    target: &str,
    tokens: &'static [&'static [u8]],
    runs: u64,
) -> impl Iterator<Item = Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let corpus: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    let runs = std::env::var("MPLUS_FUZZ_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(runs);
    let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    corpus.clone().into_iter().chain((0..runs).map(move |_| changed(&mut rng, &corpus, tokens)))
}

/// One of the shapes, changed in one to four places.
fn changed(rng: &mut TestRng, corpus: &[Vec<u8>], tokens: &[&[u8]]) -> Vec<u8> {
    let mut shape = one_of(rng, corpus).clone();
    for _ in 0..=rng.next_u32() % 4 {
        let (one, other) = (place(rng, shape.len()), place(rng, shape.len()));
        let (from, to) = (one.min(other), one.max(other).min(one.min(other) + 200));
        match rng.next_u32() % 6 {
            0 => drop(shape.drain(from..to)),
            1 => {
                let again = shape[from..to].to_vec();
                drop(shape.splice(from..from, again));
            }
            2 if from < shape.len() => shape[from] = rng.next_u32() as u8,
            3 => shape.truncate(from.max(shape.len() / 2)),
            4 => {
                let other = one_of(rng, corpus);
                let (start, length) = (place(rng, other.len()), place(rng, 200));
                drop(shape.splice(from..to, other[start..].iter().take(length).copied()));
            }
            _ => drop(shape.splice(from..from, one_of(rng, tokens).iter().copied())),
        }
    }
    shape
}

/// A place in so many bytes, or right behind them.
fn place(rng: &mut TestRng, bytes: usize) -> usize {
    usize::try_from(rng.next_u64() % (bytes as u64 + 1)).unwrap()
}

fn one_of<'a, T>(rng: &mut TestRng, all: &'a [T]) -> &'a T {
    &all[place(rng, all.len() - 1)]
}
