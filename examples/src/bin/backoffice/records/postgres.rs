//! Records in Postgres.

use std::sync::Arc;

use async_trait::async_trait;
use deadpool_postgres::{Manager, Pool};
use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls_platform_verifier::Verifier;
use tokio_postgres::config::SslMode;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{Driver, QUIET, Record, RecordsError, Value};

pub(crate) struct Postgres(Pool);

impl Postgres {
    /// With TLS where the URL says `sslmode=require`, as the libraries' stores do.
    pub(crate) fn connect(url: &str) -> Result<Self, RecordsError> {
        // What is wrong with the text may quote it, password included.
        let unreadable = |_| RecordsError::new("read the database URL", "it cannot be understood");
        let mut config: Config = url.parse().map_err(unreadable)?;
        // A connection that a failover has swallowed is noticed in seconds, not in hours.
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(QUIET);
        }
        config.keepalives_idle(config.get_keepalives_idle().min(QUIET));
        let manager = if config.get_ssl_mode() == SslMode::Require {
            Manager::new(config, tls()?)
        } else {
            config.ssl_mode(SslMode::Disable);
            Manager::new(config, NoTls)
        };
        let pool = Pool::builder(manager).max_size(8).build();
        pool.map(Self).map_err(|error| RecordsError::new("make a pool of connections", error))
    }
}

/// Whoever proves to be the host of the URL by a certificate of the platform's authorities.
fn tls() -> Result<MakeRustlsConnect, RecordsError> {
    let provider = CryptoProvider::get_default().cloned();
    let provider = provider.unwrap_or_else(|| Arc::new(aws_lc_rs::default_provider()));
    let unusable = |error: rustls::Error| RecordsError::new("use TLS", error);
    let platform = Verifier::new(provider.clone()).map_err(unusable)?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(platform))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(MakeRustlsConnect::new(config))
}

/// The statement with `$1` for its first value.
fn numbered(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len() + 8);
    let mut number = 0;
    for part in sql.split_inclusive('?') {
        match part.strip_suffix('?') {
            Some(before) => {
                number += 1;
                text.push_str(before);
                text.push_str(&format!("${number}"));
            }
            None => text.push_str(part),
        }
    }
    text
}

fn parameters(values: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    let mut parameters: Vec<&(dyn ToSql + Sync)> = Vec::with_capacity(values.len());
    for value in values {
        match value {
            Value::Text(text) => parameters.push(text),
            Value::Number(number) => parameters.push(number),
        }
    }
    parameters
}

#[async_trait]
impl Driver for Postgres {
    async fn execute(&self, sql: &str, values: Vec<Value>) -> Result<u64, RecordsError> {
        let client = self.0.get().await.map_err(|error| RecordsError::new("reach the database", error))?;
        let done = client.execute(&numbered(sql), &parameters(&values)).await;
        done.map_err(|error| RecordsError::new("use the database", error))
    }

    async fn query(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Record>, RecordsError> {
        let client = self.0.get().await.map_err(|error| RecordsError::new("reach the database", error))?;
        let failed = |error| RecordsError::new("use the database", error);
        let rows = client.query(&numbered(sql), &parameters(&values)).await.map_err(failed)?;
        let record = |row: &tokio_postgres::Row| {
            Ok(Record {
                kind: row.try_get(0)?,
                id: row.try_get(1)?,
                owner: row.try_get(2)?,
                subject: row.try_get(3)?,
                position: row.try_get(4)?,
                body: row.try_get(5)?,
                revision: row.try_get(6)?,
            })
        };
        rows.iter().map(record).collect::<Result<_, tokio_postgres::Error>>().map_err(failed)
    }
}
