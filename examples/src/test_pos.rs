//! The test POS as a process, for the binaries `pos` and `mplus`.

use std::{borrow::Cow, error::Error, time::Duration};

use clap::{Args, ValueEnum};
use mplus_qapi::testkit::{Dialect, Pos};
use mplus_webhooks::{
    ReqwestClient, Secret, SubscriptionSecret,
    event::EventName,
    testkit::{Till, TillLine, TillReply},
};
use rust_decimal::Decimal;

use crate::argument;
use crate::ending::sentence;

/// The user name that the test POS accepts.
pub const IDENT: &str = "testkit";
/// The password that the test POS accepts.
pub const SECRET: &str = "geheim & vertrouwelijk";

/// What the test POS is like.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Which catalogue it has.
    #[arg(long, default_value = "brasserie")]
    catalog: Catalog,
    /// A generated catalogue of this many products instead.
    #[arg(long, value_name = "N", conflicts_with = "catalog", value_parser = clap::value_parser!(u32).range(1..))]
    products: Option<u32>,
    /// Share of the calls that fail in some way, 0 to 1.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = argument::share)]
    fault_rate: f64,
    /// Seed of the generated catalogue and of the faults.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Readings of open questions, with commas between them: names from --list-dialects, or question=reading.
    #[arg(long, value_name = "NAME,NAME", default_value_t)]
    dialect: Dialect,
    /// A reading of every open question instead, drawn from this seed.
    #[arg(long, value_name = "N", conflicts_with = "dialect")]
    dialect_seed: Option<u64>,
    /// List the open questions with their readings, the default first, and end.
    #[arg(long)]
    list_dialects: bool,
    /// Where events are sent to: the URL before the event's name.
    #[arg(long, value_name = "URL", requires_all = ["webhook_secret", "subscription"], value_parser = argument::webhook_url)]
    webhook_url: Option<String>,
    /// The subscription's Secret Key, base64. Other users of this machine see a flag: set the environment variable for a real one.
    #[arg(long, env = "MPLUS_WEBHOOK_SECRET", hide_env_values = true)]
    webhook_secret: Option<Secret>,
    /// The subscription's id.
    #[arg(long)]
    subscription: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Catalog {
    Brasserie,
}

/// Runs until it is interrupted. `listening` is told the address, to say more about it.
///
/// # Errors
/// When the port cannot be listened on, or the webhook's answers are not what a till accepts.
pub async fn run(arguments: Arguments, listening: impl FnOnce(&str)) -> Result<(), Box<dyn Error>> {
    if arguments.list_dialects {
        list_dialects();
        return Ok(());
    }
    let dialect = arguments.dialect_seed.map_or(arguments.dialect, Dialect::seeded);
    let pos = match (arguments.products, arguments.catalog) {
        (Some(products), _) => Pos::generated(products, arguments.seed),
        (None, Catalog::Brasserie) => Pos::brasserie(),
    };
    if dialect != Dialect::default() {
        pos.set_dialect(dialect);
        println!("dialect: {dialect}");
    }
    if arguments.fault_rate > 0.0 {
        pos.faults().random(arguments.fault_rate, arguments.seed);
    }
    let listened = pos.serve_on(arguments.port).await;
    let server =
        listened.map_err(|error| format!("127.0.0.1:{} cannot be listened on: {error}", arguments.port))?;
    println!("listening on {}", server.endpoint().as_str());
    listening(server.endpoint().as_str());
    if let (Some(url), Some(secret), Some(subscription)) =
        (&arguments.webhook_url, &arguments.webhook_secret, &arguments.subscription)
    {
        let till = Till::new(url, subscription, SubscriptionSecret::from_base64(secret)?, arguments.seed);
        sell(&till).await.map_err(|error| format!("{url}: {}", sentence(&*error)))?;
    }
    tokio::signal::ctrl_c().await?;
    println!("{} requests, {} faults", pos.requests().total(), pos.faults().injected());
    Ok(())
}

fn list_dialects() {
    for question in Dialect::questions() {
        println!("{}: {}", question.name, question.explanation);
        for reading in question.readings {
            println!("  {:<40} {}", reading.name, reading.explanation);
        }
    }
}

/// A whole sale that is paid through the webhook, as a till sends it: its end arrives twice, as it may.
async fn sell(till: &Till) -> Result<(), Box<dyn Error>> {
    let host = ReqwestClient::new(Duration::from_secs(30))?;
    let price = Decimal::new(350, 2);
    let session = till.ring_up(&host, &[TillLine::new(1003, "Cappuccino", price)]).await?;
    println!("webhook: session started, a line rung up");
    let payment = till.start_payment(price);
    let started = payment.start(&host).await?;
    println!("webhook: payment {} of {price} euros: {}", payment.id, text(&started));
    if started.started == Some(true) {
        let pause = || tokio::time::sleep(Duration::from_secs(1));
        let finished = payment.poll_until_finished(&host, 120, pause).await?;
        println!("webhook: payment finished: {}", text(&finished));
        if finished.confirmed == Some(true) {
            let completed = till.signed(
                &EventName::CompleteSession,
                till.body(true, serde_json::json!({ "session": session })),
            );
            let first = till.send_request(&host, &EventName::CompleteSession, completed.clone()).await?;
            let again = till.send_request(&host, &EventName::CompleteSession, completed).await?;
            let same = if first == again { "the same answer" } else { "ANOTHER ANSWER" };
            println!("webhook: session completed; sent again: {same}");
            return Ok(());
        }
    }
    till.send(&host, &EventName::CancelPayment, serde_json::json!({ "session": session })).await?;
    till.cancel(&host, &session).await?;
    println!("webhook: not paid; session cancelled");
    Ok(())
}

fn text(reply: &TillReply) -> Cow<'_, str> {
    String::from_utf8_lossy(&reply.body)
}
