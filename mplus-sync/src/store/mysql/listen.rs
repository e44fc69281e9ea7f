//! Telling other processes of new work, and hearing of theirs, on a database that has no notifications.
//!
//! Who listens has a connection of its own that sleeps in the database, in a query that names itself. Who tells ends these queries
//! (`KILL QUERY`): the connections stay, and go to sleep again. Between two sleeps a word is missed, which costs a wait.
//!
//! Behind a proxy that shares connections, the numbers of connections are not the database's, and another's query could be ended.
//! There nobody tells: who tells makes sure first that the number which it was greeted with is the database's own.

use std::sync::{Arc, Weak};
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Opts, Pool};

use crate::store::sql::tell::Teller;
use crate::store::{Bell, Wake};

/// What sleeps. The text is what it is found by.
const SLEEP: &str = "SELECT SLEEP(30) AS mplus_wake";
/// The sleeping queries of this database.
const SLEEPING: &str = "SELECT id FROM information_schema.processlist \
                        WHERE db = DATABASE() AND info = 'SELECT SLEEP(30) AS mplus_wake'";
/// How long to wait before the database is asked again for a connection.
const AGAIN: Duration = Duration::from_secs(10);
/// How many are told at most.
const LISTENERS: usize = 100;

/// Tells other processes by ending their sleep.
pub(super) fn teller(pool: Pool) -> Teller {
    Teller::by(move |_| {
        let pool = pool.clone();
        Box::pin(async move {
            // A word that is lost costs the others a wait.
            let _ = tell(&pool).await;
        })
    })
}

async fn tell(pool: &Pool) -> Result<(), Error> {
    let mut connection = pool.get_conn().await?;
    let own: Option<u64> = connection.query_first("SELECT CONNECTION_ID()").await?;
    if own != Some(u64::from(connection.id())) {
        return Ok(());
    }
    let sleeping: Vec<u64> = connection.query(SLEEPING).await?;
    for number in sleeping.into_iter().take(LISTENERS) {
        // One that woke up by itself sleeps again, or is gone.
        let _ = connection.query_drop(format!("KILL QUERY {number}")).await;
    }
    Ok(())
}

/// Listens as long as somebody has the bell.
pub(super) fn start(options: Opts, bell: &Arc<Bell>) {
    let bell = Arc::downgrade(bell);
    tokio::spawn(async move {
        while bell.strong_count() > 0 {
            if let Ok(connection) = Conn::new(options.clone()).await {
                listen(connection, &bell).await;
                // What was told meanwhile was missed.
                ring(&bell);
            }
            tokio::time::sleep(AGAIN).await;
        }
    });
}

/// Sleeps until the connection breaks or the bell is gone.
async fn listen(mut connection: Conn, bell: &Weak<Bell>) {
    while bell.strong_count() > 0 {
        match connection.query_first::<u8, _>(SLEEP).await {
            // It slept to its end.
            Ok(Some(0) | None) => {}
            Ok(Some(_)) => ring(bell),
            Err(Error::Server(error)) if error.code == INTERRUPTED => ring(bell),
            Err(_) => return,
        }
    }
    let _ = connection.disconnect().await;
}

/// The query was ended by another connection.
const INTERRUPTED: u16 = 1317;

/// What was told is not known: everything.
fn ring(bell: &Weak<Bell>) {
    if let Some(bell) = bell.upgrade() {
        Wake::ALL.into_iter().for_each(|wake| bell.ring(wake));
    }
}
