//! How the examples reach a POS that is not in their own process.

use mplus_qapi::{Client, Credentials, Endpoint};

/// Over HTTPS; on this machine, where the binary `pos` listens, over plain HTTP.
pub fn connector() -> impl Fn(Endpoint, Credentials) -> Result<Client, String> + Send + Sync {
    |endpoint, credentials| {
        // An endpoint without TLS is taken for this machine only.
        let plain = Endpoint::from_url(&endpoint.as_str().replacen("https://", "http://", 1));
        Client::connect(plain.unwrap_or(endpoint), credentials).map_err(|error| error.to_string())
    }
}
