//! A connection of the pool while it is at work.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{ClientWrapper, Object};
use tokio::runtime::Handle;
use tokio_postgres::{CancelToken, NoTls};

use crate::store::{StoreError, StoreErrorKind};

use super::listen::Line;
use super::rows::Asked;

/// How long the database may take to hear that nobody waits any more.
const HEARD: Duration = Duration::from_secs(10);

/// A connection of the pool. It goes back when it has [answered](Self::answered). One on which somebody stopped waiting is closed, since
/// the next one would wait behind what it still does, and the database is asked to give that up.
pub(super) struct Lent {
    /// None once it went back.
    client: Option<Object>,
    line: Arc<Line>,
    /// Whether statements are [prepared](Asked::prepared).
    prepared: bool,
}

impl Lent {
    pub(super) fn new(client: Object, line: &Arc<Line>, prepared: bool) -> Self {
        Self { client: Some(client), line: Arc::clone(line), prepared }
    }

    pub(super) fn asked(&self, action: &str) -> Result<Asked<'_>, StoreError> {
        let client = self.client.as_ref().ok_or_else(|| StoreError::new(StoreErrorKind::Invalid, action))?;
        Ok(Asked { client, prepared: self.prepared })
    }

    /// Nothing is under way on it: others may have it.
    pub(super) fn answered(mut self) {
        drop(self.client.take());
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            give_up(&self.line, Object::take(client));
        }
    }
}

fn give_up(line: &Arc<Line>, client: ClientWrapper) {
    let token = client.cancel_token();
    drop(client);
    // Without a runtime the process ends, and its connections with it.
    if let Ok(runtime) = Handle::try_current() {
        let line = Arc::clone(line);
        runtime.spawn(async move {
            // A statement that is not given up ends by itself, on a connection that nobody has any more.
            let _ = tokio::time::timeout(HEARD, cancel(&line, token)).await;
        });
    }
}

async fn cancel(line: &Line, token: CancelToken) {
    let _ = match line {
        Line::Plain(_) => token.cancel_query(NoTls).await,
        #[cfg(feature = "postgres-tls")]
        Line::Tls(_, tls) => token.cancel_query(tls.clone()).await,
    };
}
