//! The whole story in one command: connect, import branches, sync the menu into SQLite, pull stock, forward an order of
//! each type, take one external payment by webhook.
//!
//! Nothing has to be set up: the POS runs in memory. With `MPLUS_HOST`, `MPLUS_PORT`, `MPLUS_IDENT` and `MPLUS_SECRET`
//! set it is a real one; orders are then placed only with `--place-orders`.

mod edits;
mod orders;
mod payment;
mod story;
mod summary;

use std::{io::Write as _, process::ExitCode};

use clap::Parser;

use story::{Pos, Story};

/// Tells the whole story of the integration, from connecting a merchant to an external payment.
#[derive(Parser)]
#[command(version, about)]
struct Options {
    /// Print one JSON object for machines instead of a table.
    #[arg(long)]
    json: bool,
    /// Use a generated catalogue of this many products instead of the brasserie's.
    #[arg(long, value_name = "N")]
    products: Option<u32>,
    /// Forward the orders to a real POS, too.
    #[arg(long)]
    place_orders: bool,
    /// The POS's host name; 127.0.0.1 for one that the binary `pos` plays.
    #[arg(long, env = "MPLUS_HOST", requires_all = ["port", "ident", "secret"])]
    host: Option<String>,
    /// The POS's port; every customer has their own.
    #[arg(long, env = "MPLUS_PORT")]
    port: Option<u16>,
    /// The API user name.
    #[arg(long, env = "MPLUS_IDENT", hide_env_values = true)]
    ident: Option<String>,
    /// The API password.
    #[arg(long, env = "MPLUS_SECRET", hide_env_values = true)]
    secret: Option<String>,
}

impl Options {
    fn pos(&self) -> Pos {
        match (&self.host, self.port, &self.ident, &self.secret) {
            (Some(host), Some(port), Some(ident), Some(secret)) => Pos::Real {
                host: host.clone(),
                port,
                ident: ident.clone(),
                secret: secret.clone().into(),
                place_orders: self.place_orders,
            },
            _ => Pos::in_memory(self.products),
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let story = Story { pos: options.pos(), quiet: options.json };
    let text = match story.tell().await {
        Ok(summary) if options.json => summary.to_json() + "\n",
        Ok(summary) => summary.to_string(),
        Err(error) => {
            eprintln!("quickstart: {error}");
            return ExitCode::FAILURE;
        }
    };
    // Whoever reads may have seen enough and gone.
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
