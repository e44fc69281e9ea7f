//! The database in which a program keeps orders and webhooks.

use std::path::Path;
use std::sync::Arc;

use clap::Args;
use mplus_sync::model::{Connection, ConnectionId};
use mplus_sync::store::{MySqlStore, Page, PostgresStore, SqliteStore, Store};
use url::Url;

use crate::failure::Failure;

/// Where things are kept.
#[derive(Debug, Args)]
pub(crate) struct Database {
    /// The path of a SQLite file, postgres://..., or mysql://... MPLUS_DATABASE unless given; a URL with a password has to be
    /// there, since other users of this machine see flags.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

/// What kind of database a text names.
enum Kind<'u> {
    Postgres(&'u str),
    Mysql(&'u str),
    Sqlite(&'u Path),
}

impl Database {
    fn url(&self) -> Result<String, Failure> {
        if let Some(url) = &self.database {
            let has_password = Url::parse(url).is_ok_and(|url| url.password().is_some());
            if has_password || url.contains("password=") {
                return Err(Failure::usage(
                    "other users of this machine see a password in a flag: set MPLUS_DATABASE to this URL instead",
                ));
            }
            return Ok(url.clone());
        }
        match std::env::var("MPLUS_DATABASE") {
            Ok(url) if !url.is_empty() => Ok(url),
            _ => Err(Failure::usage("which database? Give --database, or set MPLUS_DATABASE")),
        }
    }

    /// The store of orders.
    pub(crate) async fn orders(&self) -> Result<Arc<dyn Store>, Failure> {
        let url = self.url()?;
        let failed = |error| Failure::store(&error).at(&shown(&url));
        Ok(match kind(&url)? {
            Kind::Postgres(url) => Arc::new(PostgresStore::connect(url).await.map_err(failed)?),
            Kind::Mysql(url) => Arc::new(MySqlStore::connect(url).await.map_err(failed)?),
            Kind::Sqlite(path) => Arc::new(SqliteStore::open(path).await.map_err(failed)?),
        })
    }

    /// The store of webhooks.
    pub(crate) async fn webhooks(&self) -> Result<Arc<dyn mplus_webhooks::Store>, Failure> {
        use mplus_webhooks::{MysqlStore, PostgresStore, SqliteStore};
        let url = self.url()?;
        let failed = |error: mplus_webhooks::StoreError| {
            Failure::unreachable(mplus_examples::ending::sentence(&error)).at(&shown(&url))
        };
        Ok(match kind(&url)? {
            Kind::Postgres(url) => Arc::new(PostgresStore::connect(url).await.map_err(failed)?),
            Kind::Mysql(url) => Arc::new(MysqlStore::connect(url).await.map_err(failed)?),
            Kind::Sqlite(path) => Arc::new(SqliteStore::open(path).map_err(failed)?),
        })
    }
}

/// A file has to be there: opening would make an empty one of a name that was mistyped.
fn kind(url: &str) -> Result<Kind<'_>, Failure> {
    if url.starts_with("postgres:") || url.starts_with("postgresql:") {
        return Ok(Kind::Postgres(url));
    }
    if url.starts_with("mysql:") {
        return Ok(Kind::Mysql(url));
    }
    let path = Path::new(url.trim_start_matches("sqlite:"));
    match path.is_file() {
        true => Ok(Kind::Sqlite(path)),
        false => Err(Failure::usage(format!("there is no database {}", path.display()))),
    }
}

/// A URL without user and password.
fn shown(url: &str) -> String {
    match Url::parse(url) {
        Ok(url) if url.host_str().is_some() => {
            let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
            format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
        }
        _ => url.to_owned(),
    }
}

/// The merchants to look at: the one that is named, or all.
pub(crate) async fn merchants(store: &dyn Store, named: Option<&str>) -> Result<Vec<Connection>, Failure> {
    let failed = |error| Failure::store(&error);
    if let Some(id) = named {
        let found = store.connection(&ConnectionId::from(id)).await.map_err(failed)?;
        let found =
            found.ok_or_else(|| Failure::refused(format!("there is no merchant {id} in this database")))?;
        return Ok(vec![found]);
    }
    let mut all: Vec<Connection> = Vec::new();
    loop {
        let page = match all.last() {
            None => Page::first(500),
            Some(last) => Page::after(last.id.clone(), 500),
        };
        let more = store.connections(page).await.map_err(failed)?;
        if more.is_empty() {
            return Ok(all);
        }
        all.extend(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_a_flag_is_refused_and_shown_nowhere() {
        for url in ["postgres://me:s3cret@db.example/pos", "mysql://me:s3cret@db.example:3306/pos"] {
            let database = Database { database: Some(url.to_owned()) };
            let failure = database.url().expect_err("a password");
            assert!(!failure.message.contains("s3cret"), "{}", failure.message);
            assert!(!shown(url).contains("s3cret") && shown(url).contains("db.example"), "{}", shown(url));
        }
        let plain = Database { database: Some("postgres://me@db.example/pos".to_owned()) };
        assert!(plain.url().is_ok());
    }
}
