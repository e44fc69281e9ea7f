//! The whole story in one command: connect, import branches, sync the menu into SQLite, pull stock, forward an order of
//! each type, take one external payment by webhook.
//!
//! Nothing has to be set up: the POS runs in memory. With `--url`, or `MPLUS_HOST`, `MPLUS_PORT`, `MPLUS_IDENT` and `MPLUS_SECRET`
//! set it is a real one; orders are then placed only with `--place-orders`.

mod edits;
mod orders;
mod payment;
mod story;
mod summary;

use std::{io::Write as _, process::ExitCode};

use clap::Parser;
use mplus_examples::{ending, merchant};

use story::{Pos, Story};

/// Tells the whole story of the integration, from connecting a merchant to an external payment.
#[derive(Parser)]
#[command(version, about)]
struct Options {
    /// Print one JSON object for machines instead of a table.
    #[arg(long)]
    json: bool,
    /// Use a generated catalogue of this many products instead of the brasserie's.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    products: Option<u32>,
    /// Forward the orders to a real POS, too.
    #[arg(long)]
    place_orders: bool,
    #[command(flatten)]
    pos: merchant::Pos,
}

impl Options {
    fn pos(self) -> Pos {
        if self.pos.is_in_memory() {
            Pos::in_memory(self.products)
        } else {
            Pos::Real { pos: self.pos, place_orders: self.place_orders }
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let json = options.json;
    let story = Story { pos: options.pos(), quiet: json };
    let text = match story.tell().await {
        Ok(summary) if json => summary.to_json() + "\n",
        Ok(summary) => summary.to_string(),
        Err(error) => {
            eprintln!("error: {}", ending::sentence(&*error));
            return ExitCode::FAILURE;
        }
    };
    // Whoever reads may have seen enough and gone.
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
