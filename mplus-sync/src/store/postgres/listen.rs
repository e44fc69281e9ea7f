//! Telling other processes of new work by `NOTIFY`, and hearing of theirs by `LISTEN`.
//!
//! That a notification can be lost costs a wait and nothing else.

use std::sync::{Arc, Weak};
use std::time::Duration;

use deadpool_postgres::Pool;
use futures_util::StreamExt;
use futures_util::stream::poll_fn;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::types::Type;
use tokio_postgres::{AsyncMessage, Client, Config, Connection, NoTls};

use crate::store::sql::tell::Teller;
use crate::store::{Bell, Wake};

/// How long to wait before the database is asked again for a connection.
const AGAIN: Duration = Duration::from_secs(10);

/// Tells other processes by a notification.
pub(super) fn teller(pool: Pool) -> Teller {
    Teller::by(move |what| {
        let pool = pool.clone();
        Box::pin(async move {
            let what: Vec<&str> = what.into_iter().map(Wake::as_str).collect();
            // One that is lost costs the others a wait.
            if let Ok(client) = pool.get().await {
                let sql = "SELECT pg_notify('mplus_wake_' || md5(current_schema()), $1)";
                let _ = client.execute_typed(sql, &[(&what.join(" "), Type::TEXT)]).await;
            }
        })
    })
}

/// The way to the database.
pub(super) enum Line {
    Plain(Config),
    #[cfg(feature = "postgres-tls")]
    Tls(Config, tokio_postgres_rustls::MakeRustlsConnect),
}

impl Line {
    /// Listens until the connection breaks or the bell is gone.
    async fn listen(&self, bell: &Weak<Bell>) {
        match self {
            Self::Plain(config) => {
                let Ok((client, connection)) = config.connect(NoTls).await else { return };
                listen(client, connection, bell).await;
            }
            #[cfg(feature = "postgres-tls")]
            Self::Tls(config, tls) => {
                let Ok((client, connection)) = config.connect(tls.clone()).await else { return };
                listen(client, connection, bell).await;
            }
        }
    }
}

/// Listens as long as somebody has the bell.
pub(super) fn start(line: Arc<Line>, bell: &Arc<Bell>) {
    let bell = Arc::downgrade(bell);
    tokio::spawn(async move {
        while bell.strong_count() > 0 {
            line.listen(&bell).await;
            // What was told meanwhile was missed.
            if let Some(bell) = bell.upgrade() {
                Wake::ALL.into_iter().for_each(|wake| bell.ring(wake));
            }
            tokio::time::sleep(AGAIN).await;
        }
    });
}

async fn listen<S, T>(client: Client, mut connection: Connection<S, T>, bell: &Weak<Bell>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    let mut messages = std::pin::pin!(poll_fn(move |context| connection.poll_message(context)));
    let begin = async {
        let row = client.query_one("SELECT 'mplus_wake_' || md5(current_schema())", &[]).await?;
        let channel: String = row.try_get(0)?;
        client.batch_execute(&format!("LISTEN {channel}")).await
    };
    let mut begin = std::pin::pin!(begin);
    let mut begun = false;
    loop {
        let message = tokio::select! {
            listening = &mut begin, if !begun => match listening {
                Ok(()) => { begun = true; continue }
                Err(_) => return,
            },
            message = messages.next() => message,
            () = tokio::time::sleep(AGAIN) => match bell.strong_count() {
                0 => return,
                _ => continue,
            },
        };
        match message {
            Some(Ok(AsyncMessage::Notification(notification))) => {
                let Some(bell) = bell.upgrade() else { return };
                for wake in Wake::ALL {
                    if notification.payload().split(' ').any(|told| told == wake.as_str()) {
                        bell.ring(wake);
                    }
                }
            }
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return,
        }
    }
}
