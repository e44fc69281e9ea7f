//! A command line for developers and operators: calls, products, orders, till events, webhooks, the test POS, WSDLs.
//!
//! Every command is a file (or a folder) of its name with the flags that it takes and what it does. Whatever goes wrong is a
//! `Failure`, whose kind is the exit code.

mod call;
mod database;
mod failure;
mod lines;
mod orders;
mod output;
mod products;
mod secret;
mod service;
mod till;
mod webhooks;
mod wsdl;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;
use mplus_examples::test_pos;

use self::failure::Failure;

/// Talks to the MplusKASSA point of sale (the POS), and looks after what this SDK keeps.
///
/// Results go to standard output, as tables for people or with --json for programs; everything else goes to standard error.
/// Secrets come from the environment, or are asked for: no flag takes one, since other users of a machine see flags.
#[derive(Parser)]
#[command(name = "mplus", version, about, after_help = ENVIRONMENT, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const ENVIRONMENT: &str = "\
Environment:
  MPLUS_URL, or MPLUS_HOST and MPLUS_PORT   where the POS is
  MPLUS_IDENT, MPLUS_SECRET                 user name and password of the connection
  MPLUS_DATABASE                            where orders and webhooks are kept
  MPLUS_WEBHOOK_URL, MPLUS_SUBSCRIPTION     where the till sends its events, and under which subscription
  MPLUS_WEBHOOK_SECRET                      the subscription's Secret Key, base64

Exit codes:
  0  done
  1  refused: by the POS, the receiver, or the state that something is in
  2  the arguments cannot be used; nothing was sent
  3  not reached; nothing was done, trying again later is safe
  4  no clear answer: it may have been done, so look before you try again

Try it without a POS:
  mplus pos --port 8099 &
  mplus products --url http://127.0.0.1:8099";

#[derive(Subcommand)]
enum Command {
    Call(call::Call),
    Operations(call::list::Operations),
    Describe(call::describe::Describe),
    Products(products::Products),
    /// Look at orders on their way to the POS; send them again, take them back.
    #[command(subcommand)]
    Orders(orders::Orders),
    /// Play a till: send signed events to a webhook and check its replies as the POS does.
    #[command(subcommand)]
    Till(till::Till),
    /// Receive a till's events, or look at those that a program has kept and have them worked on again.
    #[command(subcommand)]
    Webhooks(webhooks::Webhooks),
    /// Run the test POS on this machine until it is interrupted.
    ///
    /// It accepts the user name `testkit` with the password `geheim & vertrouwelijk`, which the other commands take for a POS on
    /// this machine when none are set. With a webhook URL it sends a whole sale and an external payment there first.
    Pos(test_pos::Arguments),
    /// Compare two versions of the service's description.
    #[command(subcommand)]
    Wsdl(wsdl::Wsdl),
    /// Print a completion script for a shell, for instance: mplus completions bash > /etc/bash_completion.d/mplus
    Completions {
        /// Which shell.
        shell: Shell,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse().command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(),
    }
}

async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Call(call) => call.run().await,
        Command::Operations(operations) => operations.run(),
        Command::Describe(describe) => describe.run(),
        Command::Products(products) => products.run().await,
        Command::Orders(orders) => orders.run().await,
        Command::Till(till) => till.run().await,
        Command::Webhooks(webhooks) => webhooks.run().await,
        Command::Pos(arguments) => test_pos::run(arguments, say_how_to_reach)
            .await
            .map_err(|error| Failure::refused(error.to_string())),
        Command::Wsdl(wsdl) => wsdl.run(),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "mplus", &mut script);
            output::text(&String::from_utf8_lossy(&script))
        }
    }
}

/// On standard error, so that standard output is that of the binary `pos`.
fn say_how_to_reach(address: &str) {
    eprintln!("in another terminal:");
    eprintln!(
        "  export MPLUS_URL={address} MPLUS_IDENT={} MPLUS_SECRET='{}'",
        test_pos::IDENT,
        test_pos::SECRET
    );
    eprintln!("  mplus products");
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn flags_and_commands_do_not_contradict_each_other() {
        super::Cli::command().debug_assert();
    }
}
