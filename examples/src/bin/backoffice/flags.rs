//! What the command line says.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Parser;
use mplus_examples::providers;
use secrecy::SecretString;

/// A back office for restaurants on MplusKASSA: menu, stock, orders, payments and webhooks with pages in a browser.
///
/// Without a restaurant of your own it starts a test till and connects a demonstration restaurant to it.
#[derive(Parser)]
#[command(version, about)]
pub(crate) struct Flags {
    /// Port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 8090)]
    pub(crate) port: u16,
    /// Address to listen on. Everything but this machine's own needs HTTPS in front.
    #[arg(long, default_value = "127.0.0.1")]
    pub(crate) bind: IpAddr,
    /// How browsers and tills reach this program, for instance `https://office.example.nl`. The address that it listens on
    /// unless given.
    #[arg(long, value_name = "URL", env = "MPLUS_BACKOFFICE_PUBLIC_URL")]
    pub(crate) public_url: Option<String>,
    /// The address of a web server in front of this program, once for each: who it says in X-Forwarded-For that a request comes from
    /// is believed. Without it everybody behind it counts as one when wrong passwords are counted.
    #[arg(long, value_name = "ADDRESS", env = "MPLUS_BACKOFFICE_TRUSTED_PROXY", value_delimiter = ',')]
    pub(crate) trusted_proxy: Vec<IpAddr>,
    /// Where everything is kept: the path of a SQLite file, postgres://..., or mysql://...
    #[arg(
        long,
        default_value = "backoffice.sqlite",
        env = "MPLUS_BACKOFFICE_DATABASE",
        hide_env_values = true
    )]
    pub(crate) database: String,
    /// Keys that secrets are sealed with, 32 random bytes in base64, the newest first with commas between. Without it a SQLite
    /// database has a key file beside it.
    #[arg(skip = std::env::var("MPLUS_BACKOFFICE_KEY").ok())]
    pub(crate) key: Option<String>,
    /// Sets the administrator's password. Without it the first start makes one and prints it.
    #[arg(long, env = "MPLUS_BACKOFFICE_PASSWORD", hide_env_values = true)]
    pub(crate) admin_password: Option<SecretString>,
    /// The directory that pictures are kept in; beside a SQLite database unless given.
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) pictures: Option<PathBuf>,
    /// Start the test till and the demonstration restaurant although there are restaurants.
    #[arg(long)]
    pub(crate) demo: bool,
    /// Give the test till a generated catalogue of this many products.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) products: Option<u32>,
    /// Who takes the payments of all restaurants but the demonstration's.
    #[command(flatten)]
    pub(crate) providers: providers::Flags,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_flags_of_the_program_and_of_the_providers_fit_together() {
        super::Flags::command().debug_assert();
    }
}
