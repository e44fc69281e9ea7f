//! Roles that may only read and write, and tables that a later release made.

use std::sync::Arc;

use mplus_webhooks::testkit::conformance;
use mplus_webhooks::{MysqlStore, PostgresStore, SqliteStore, StoreError};
use mysql_async::prelude::Queryable as _;

use super::database::of_this_process;
use super::{mysql, postgres};

/// What somebody reads who starts an older release.
fn says_that_it_is_older(opened: Result<impl std::fmt::Debug, StoreError>) {
    let error = opened.unwrap_err();
    let text = format!(
        "{error}: {}",
        std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default()
    );
    assert!(text.contains("they are at version 99, this release knows"), "{text}");
}

/// The numbers of MySQL and MariaDB for that.
const MAY_NOT_GRANT: [u16; 3] = [1044, 1045, 1227];

const NEWER: &str = "INSERT INTO mplus_webhook_migrations (version, applied_at) VALUES (99, 0)";

#[tokio::test]
async fn on_postgres_a_role_that_may_not_make_tables_uses_those_that_are_there() {
    let Some(mut url) = postgres("roles").await else { return };
    PostgresStore::connect(&url).await.unwrap();
    let (owner, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let (role, schema) = (format!("mplus_webhooks_test_writer_{}", of_this_process()), url.name.clone());
    owner
        .batch_execute(&format!(
            "CREATE ROLE {role} LOGIN; \
             GRANT USAGE ON SCHEMA {schema} TO {role}; \
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}"
        ))
        .await
        .unwrap();
    url.remove_too(format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    let restricted = url_of(&url, &role);
    let store = PostgresStore::connect(&restricted).await.unwrap();
    conformance::store(Arc::new(store)).await.unwrap();

    owner.batch_execute(NEWER).await.unwrap();
    says_that_it_is_older(PostgresStore::connect(&restricted).await);
    says_that_it_is_older(PostgresStore::connect(&url).await);
}

#[tokio::test]
async fn on_mysql_a_role_that_may_not_make_tables_uses_those_that_are_there() {
    let Some(mut url) = mysql("roles").await else { return };
    MysqlStore::connect(&url).await.unwrap();
    let pool = mysql_async::Pool::new(&*url);
    let mut owner = pool.get_conn().await.unwrap();
    let (role, database) = (format!("mplus_rw_{}", of_this_process()), url.name.clone());
    // A fresh server may have a nameless user of this very host, who goes before one of any host.
    let hosts = ["localhost", "%"];
    for statement in hosts.iter().flat_map(|host| {
        let grant = format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {database}.*");
        [format!("CREATE USER {role}@'{host}'"), format!("{grant} TO {role}@'{host}'")]
    }) {
        match owner.query_drop(&statement).await {
            Err(mysql_async::Error::Server(error)) if MAY_NOT_GRANT.contains(&error.code) => {
                eprintln!("skipped: the user of MPLUS_TEST_MYSQL may not make other users");
                return;
            }
            granted => granted.unwrap(),
        }
    }
    for host in hosts {
        url.remove_too(format!("DROP USER {role}@'{host}'"));
    }
    let restricted = url_of(&url, &role);
    let store = MysqlStore::connect(&restricted).await.unwrap();
    conformance::store(Arc::new(store)).await.unwrap();

    owner.query_drop(NEWER).await.unwrap();
    says_that_it_is_older(MysqlStore::connect(&restricted).await);
    says_that_it_is_older(MysqlStore::connect(&url).await);
    drop(owner);
    pool.disconnect().await.unwrap();
}

#[tokio::test]
async fn a_sqlite_file_that_a_later_release_used_is_refused_with_both_versions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("webhooks.sqlite");
    SqliteStore::open(&path).unwrap();
    rusqlite::Connection::open(&path).unwrap().execute(NEWER, []).unwrap();
    says_that_it_is_older(SqliteStore::open(&path));
}

/// The same URL for another user, without a password.
fn url_of(url: &str, role: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap();
    format!("{scheme}://{role}@{}", rest.rsplit_once('@').map_or(rest, |(_, host)| host))
}
