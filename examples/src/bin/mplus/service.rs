//! The POS that a command calls.

use std::time::Duration;

use clap::Args;
use mplus_examples::{address::Address, test_pos};
use mplus_qapi::transport::ReqwestTransport;
use mplus_qapi::{Client, Credentials, Endpoint, RetryPolicy, TokioRuntime};

use crate::failure::Failure;
use crate::secret;

/// Which POS, and how patiently.
#[derive(Debug, Args)]
pub(crate) struct Service {
    #[command(flatten)]
    address: Address,
    /// How many seconds one attempt may take. Unless set, 50 for reads and 600 for what changes something.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: Option<u64>,
    /// Try once only.
    #[arg(long)]
    no_retry: bool,
}

impl Service {
    /// A client; nothing is sent yet.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        let endpoint = self.address.endpoint().map_err(|error| Failure::usage(error.to_string()))?;
        let endpoint = endpoint.ok_or_else(|| {
            Failure::usage(
                "which POS? Give --url, or set MPLUS_URL; `mplus pos` starts one to try things with",
            )
        })?;
        let credentials = self.credentials()?;
        let transport = ReqwestTransport::builder().build();
        let transport = transport.map_err(|error| Failure::usage(format!("TLS cannot start: {error}")))?;
        let mut client = Client::builder(endpoint, credentials, transport, TokioRuntime);
        if let Some(seconds) = self.timeout {
            client = client.timeout(Duration::from_secs(seconds));
        }
        if self.no_retry {
            client = client.retry(RetryPolicy::none());
        }
        Ok(client.build())
    }

    /// Those of the environment; what the test POS accepts for a POS on this machine when there are none.
    fn credentials(&self) -> Result<Credentials, Failure> {
        let unset = |name: &str| std::env::var_os(name).is_none();
        if self.address.is_here() && unset("MPLUS_IDENT") && unset("MPLUS_SECRET") {
            return Ok(Credentials::new(test_pos::IDENT, test_pos::SECRET));
        }
        let ident = secret::read("MPLUS_IDENT", "the connection's user name")?;
        Ok(Credentials::new(ident, secret::read("MPLUS_SECRET", "the connection's password")?))
    }
}

/// Where a client sends to, for messages.
pub(crate) fn address(client: &Client) -> &str {
    Endpoint::as_str(client.endpoint()).trim_end_matches('/')
}
