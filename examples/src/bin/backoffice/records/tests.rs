//! Every database keeps records the same way.

use super::{Mysql, Postgres, Record, Records, Sqlite};

async fn keeps_records(records: Records) {
    records.forget("test-owner").await.unwrap();
    let sale = |id: &str, position| Record {
        body: "{}".into(),
        ..Record::new("test-sale", id).of("test-owner").about("s-1").at(position)
    };
    assert!(records.insert(&sale("a", 1)).await.unwrap());
    assert!(!records.insert(&sale("a", 9)).await.unwrap(), "it is there already");
    records.put(&sale("b", 2)).await.unwrap();
    records.put(&Record { body: "[1]".into(), ..sale("b", 3) }).await.unwrap();
    let b = records.get("test-sale", "b").await.unwrap().unwrap();
    assert_eq!((b.body.as_str(), b.position, b.revision), ("[1]", 3, 2));

    let ids = |found: Vec<Record>| found.into_iter().map(|record| record.id).collect::<Vec<_>>();
    assert_eq!(ids(records.newest("test-sale", "test-owner", None, 10).await.unwrap()), ["b", "a"]);
    assert_eq!(ids(records.newest("test-sale", "test-owner", Some(3), 10).await.unwrap()), ["a"]);
    assert_eq!(ids(records.due("test-sale", 2, 10).await.unwrap()), ["a"]);
    assert_eq!(records.about("test-sale", "test-owner", "s-1").await.unwrap().len(), 2);
    assert_eq!(ids(records.newest_about("test-sale", "test-owner", "s-1", 1).await.unwrap()), ["b"]);
    assert_eq!(records.count("test-sale", Some("s-1")).await.unwrap(), 2);
    assert_eq!(records.count("test-sale", None).await.unwrap(), 2);
    assert_eq!(ids(records.due_about("test-sale", "s-1", 2, 10).await.unwrap()), ["a"]);
    assert_eq!(records.count("test-sale", Some("s-2")).await.unwrap(), 0);

    assert!(records.replace(&b).await.unwrap());
    assert!(!records.replace(&b).await.unwrap(), "somebody else wrote it meanwhile");
    assert!(records.get("test-sale", "B").await.unwrap().is_none(), "identifiers are compared byte by byte");
    records.remove("test-sale", "b").await.unwrap();
    assert_eq!(records.prune("test-sale", 2).await.unwrap(), 1);
    assert!(records.newest("test-sale", "test-owner", None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn sqlite_keeps_records() {
    let folder = tempfile::tempdir().unwrap();
    let driver = Sqlite::open(&folder.path().join("records.sqlite")).unwrap();
    keeps_records(Records::open(driver).await.unwrap()).await;
}

#[tokio::test]
async fn postgres_keeps_records() {
    let Ok(url) = std::env::var("MPLUS_TEST_POSTGRES") else { return };
    keeps_records(Records::open(Postgres::connect(&url).unwrap()).await.unwrap()).await;
}

#[tokio::test]
async fn mysql_keeps_records() {
    let Ok(url) = std::env::var("MPLUS_TEST_MYSQL") else { return };
    keeps_records(Records::open(Mysql::connect(&url).unwrap()).await.unwrap()).await;
}
