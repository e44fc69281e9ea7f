//! The test POS as a process.

use clap::Parser;
use mplus_examples::{ending, test_pos};

/// A point of sale in memory that listens on this machine until it is interrupted.
///
/// It accepts the ident `testkit` with the secret `geheim & vertrouwelijk`. With a webhook URL it sends a whole sale and an
/// external payment there first.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    pos: test_pos::Arguments,
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    ending::of(test_pos::run(Options::parse().pos, |_| {}).await)
}
