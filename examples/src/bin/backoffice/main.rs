//! A back office for restaurants on MplusKASSA: every flow of the three libraries with pages, to be used and to be copied.
//!
//! Begin with `start.rs`, which puts everything together, and `server.rs`, which has all routes. A page is a file in `page/`;
//! what pages ask and do stands in `restaurant/`, what they look like in `view/`, what keeps strangers out in `safe/`.

mod api;
mod app;
mod callbacks;
mod demo;
mod flags;
mod notices;
mod page;
mod providers;
mod records;
mod restaurant;
mod safe;
mod sales;
mod server;
mod start;
mod text;
mod view;
mod webhooks;
mod work;

#[cfg(test)]
mod tests;

use std::process::ExitCode;

use clap::Parser as _;

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .with_writer(std::io::stderr)
        .init();
    mplus_examples::ending::of(start::run(flags::Flags::parse()).await)
}
