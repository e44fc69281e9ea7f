//! Where the POS is that an example talks to.

use clap::Args;
use mplus_qapi::{Client, Credentials, Endpoint, Error};

/// The address of a POS, as flags and environment tell it.
#[derive(Debug, Clone, Default, Args)]
pub struct Address {
    /// The POS's whole address, as the test POS prints it; goes before host and port. Plain http only on this machine.
    #[arg(long, env = "MPLUS_URL", value_name = "URL")]
    url: Option<Endpoint>,
    /// The POS's host name, without https:// and without the port.
    #[arg(long, env = "MPLUS_HOST", requires = "port", value_name = "NAME")]
    host: Option<String>,
    /// The POS's port; every connection has its own.
    #[arg(long, env = "MPLUS_PORT", requires = "host", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
}

impl Address {
    /// Whether there is one.
    pub fn is_given(&self) -> bool {
        self.url.is_some() || self.host.is_some()
    }

    /// The address: over HTTPS; over plain HTTP for a name of this machine, where the test POS listens. `None` when there is
    /// none.
    ///
    /// # Errors
    /// When host and port make no address.
    pub fn endpoint(&self) -> Result<Option<Endpoint>, Error> {
        match (&self.url, &self.host, self.port) {
            (Some(url), ..) => Ok(Some(url.clone())),
            (None, Some(host), Some(port)) => Ok(Some(plain_here(Endpoint::new(host, port)?))),
            _ => Ok(None),
        }
    }

    /// Whether it is on this machine.
    pub fn is_here(&self) -> bool {
        matches!(self.endpoint(), Ok(Some(endpoint)) if plain(&endpoint).is_some())
    }

    /// Reaches this POS for a `Host` of mplus-sync, which knows host and port alone.
    pub fn connector(
        &self,
    ) -> impl Fn(Endpoint, Credentials) -> Result<Client, String> + Send + Sync + use<> {
        let url = self.url.clone();
        move |endpoint, credentials| {
            let endpoint = url.clone().unwrap_or_else(|| plain_here(endpoint));
            Client::connect(endpoint, credentials).map_err(|error| error.to_string())
        }
    }
}

fn plain_here(endpoint: Endpoint) -> Endpoint {
    plain(&endpoint).unwrap_or(endpoint)
}

/// The same over plain HTTP, which an endpoint takes for this machine only.
fn plain(endpoint: &Endpoint) -> Option<Endpoint> {
    Endpoint::from_url(&endpoint.as_str().replacen("https://", "http://", 1)).ok()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        address: Address,
    }

    fn address(flags: &[&str]) -> Address {
        Flags::try_parse_from([&["test"], flags].concat()).expect("flags").address
    }

    #[test]
    fn a_url_a_host_and_a_port_lead_to_the_same_place_on_this_machine_without_tls() {
        let by_url = address(&["--url", "http://127.0.0.1:8099"]);
        let by_host = address(&["--host", "127.0.0.1", "--port", "8099"]);
        assert_eq!(by_url.endpoint().expect("valid"), by_host.endpoint().expect("valid"));
        assert!(by_url.is_here() && by_host.is_here());
        let far = address(&["--host", "api.mpluskassa.nl", "--port", "34562"]);
        let endpoint = far.endpoint().expect("valid").expect("given");
        assert_eq!(endpoint.as_str(), "https://api.mpluskassa.nl:34562/");
        assert!(!far.is_here());
    }
}
