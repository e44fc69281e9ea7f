//! The merchant of the examples: a POS in memory, or a real one by the environment.

use std::error::Error;
use std::sync::Arc;

use clap::Args;
use mplus_qapi::{Client, Secret, testkit, testkit::VirtualRuntime};
use mplus_sync::Host;
use mplus_sync::connection::NewConnection;
use mplus_sync::model::Environment;
use mplus_sync::runtime::TokioRuntime;
use mplus_sync::store::{CredentialVault, Credentials, Store};

use crate::address::Address;
use crate::ending::sentence;
use crate::test_pos;

/// Which POS; the one in memory when there is no address.
#[derive(Debug, Args)]
pub struct Pos {
    #[command(flatten)]
    address: Address,
    /// The user name of the connection; that of the test POS for one on this machine.
    #[arg(long, env = "MPLUS_IDENT", hide_env_values = true, value_name = "NAME")]
    ident: Option<String>,
    /// The password of the connection. Other users of this machine see a flag: set the environment variable for a real one.
    #[arg(long, env = "MPLUS_SECRET", hide_env_values = true)]
    secret: Option<Secret>,
}

impl Pos {
    /// Whether the POS in memory is meant.
    pub fn is_in_memory(&self) -> bool {
        !self.address.is_given()
    }

    /// A host that keeps things in this store and reaches this POS.
    pub fn host(&self, store: Arc<dyn Store>, vault: Arc<dyn CredentialVault>) -> Host {
        let runtime = Arc::new(TokioRuntime);
        if self.is_in_memory() {
            let pos = testkit::Pos::brasserie();
            let connector = move |endpoint, credentials| {
                Ok(Client::builder(endpoint, credentials, pos.clone(), VirtualRuntime::default()).build())
            };
            Host::new(store, vault, connector, runtime)
        } else {
            Host::new(store, vault, self.address.connector(), runtime)
        }
    }

    /// The merchant's new connection.
    ///
    /// # Errors
    /// When host and port make no address.
    pub fn connection(&self, id: &str) -> Result<NewConnection, String> {
        let endpoint = self.address.endpoint().map_err(|error| error.to_string())?;
        let (host, port) = match &endpoint {
            Some(endpoint) => (endpoint.host().to_owned(), endpoint.port()),
            None => ("pos.example".to_owned(), 1),
        };
        Ok(NewConnection {
            id: id.into(),
            name: "Bistro".to_owned(),
            host,
            port,
            environment: Environment::Test,
        })
    }

    /// What the merchant entered; without a word of theirs what the test POS accepts, for one in memory or on this machine.
    ///
    /// # Errors
    /// When those of a real POS are missing.
    pub fn credentials(&self) -> Result<Credentials, String> {
        match (&self.ident, &self.secret) {
            (Some(ident), Some(secret)) => Ok(Credentials { ident: ident.clone(), secret: secret.clone() }),
            (None, None) if self.is_in_memory() || self.address.is_here() => {
                Ok(Credentials { ident: test_pos::IDENT.to_owned(), secret: Secret::from(test_pos::SECRET) })
            }
            _ => Err("set MPLUS_IDENT and MPLUS_SECRET to the user name and the password of the connection"
                .to_owned()),
        }
    }

    /// A failure of this POS, with its address.
    pub fn failed(&self, error: &dyn Error) -> String {
        match self.address.endpoint() {
            Ok(Some(endpoint)) => format!("{endpoint}: {}", sentence(error)),
            _ => sentence(error),
        }
    }
}
