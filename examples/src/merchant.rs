//! The merchant of the examples: a POS in memory, or a real one by the environment.

use std::sync::Arc;

use clap::Parser;
use mplus_qapi::{Client, Secret, testkit, testkit::VirtualRuntime};
use mplus_sync::Host;
use mplus_sync::connection::NewConnection;
use mplus_sync::model::Environment;
use mplus_sync::runtime::TokioRuntime;
use mplus_sync::store::{CredentialVault, Credentials, Store};

use crate::reach;

/// Which POS; the one in memory when no host is given.
#[derive(Debug, Parser)]
pub struct Pos {
    /// Host name of a real POS; 127.0.0.1 for one that the binary `pos` plays.
    #[arg(long, env = "MPLUS_HOST", requires_all = ["port", "ident", "secret"])]
    host: Option<String>,
    /// Its port.
    #[arg(long, env = "MPLUS_PORT")]
    port: Option<u16>,
    /// User name.
    #[arg(long, env = "MPLUS_IDENT")]
    ident: Option<String>,
    /// Password.
    #[arg(long, env = "MPLUS_SECRET", hide_env_values = true)]
    secret: Option<Secret>,
}

impl Pos {
    /// Whether the POS in memory is meant.
    pub fn is_in_memory(&self) -> bool {
        self.host.is_none()
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
            Host::new(store, vault, reach::connector(), runtime)
        }
    }

    /// The merchant's new connection.
    pub fn connection(&self, id: &str) -> NewConnection {
        NewConnection {
            id: id.into(),
            name: "Bistro".to_owned(),
            host: self.host.clone().unwrap_or_else(|| "pos.example".to_owned()),
            port: self.port.unwrap_or(1),
            environment: Environment::Test,
        }
    }

    /// What the merchant entered; without a word of theirs what the POS in memory accepts.
    pub fn credentials(&self) -> Credentials {
        Credentials {
            ident: self.ident.clone().unwrap_or_else(|| "testkit".to_owned()),
            secret: self.secret.clone().unwrap_or_else(|| Secret::from("geheim & vertrouwelijk")),
        }
    }
}
