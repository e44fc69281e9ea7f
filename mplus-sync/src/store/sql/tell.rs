//! Telling other processes of new work, once a second at most.
//!
//! Telling makes the database work, and in Postgres it makes commits wait for each other. That a word is lost costs others a wait
//! and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::store::Wake;

/// How far words of a process are apart.
const APART: Duration = Duration::from_secs(1);
/// How long the database may take to pass a word on: one that hangs must not keep later ones back.
const PASSED_ON: Duration = Duration::from_secs(10);

const fn place(what: Wake) -> usize {
    match what {
        Wake::Orders => 0,
        Wake::Runs => 1,
        Wake::Notices => 2,
    }
}

/// How a database passes a word on.
type Send = dyn Fn(Vec<Wake>) -> BoxFuture<'static, ()> + std::marker::Send + Sync;

/// Tells other processes.
#[derive(Clone)]
pub(crate) struct Teller(Option<Arc<Told>>);

struct Told {
    send: Box<Send>,
    /// What is to be told with the next word.
    pending: [AtomicBool; 3],
    /// Whether a task waits for the time to send it.
    waiting: AtomicBool,
}

impl Teller {
    /// Tells by `send`.
    pub(crate) fn by(
        send: impl Fn(Vec<Wake>) -> BoxFuture<'static, ()> + std::marker::Send + Sync + 'static,
    ) -> Self {
        let pending = [const { AtomicBool::new(false) }; 3];
        Self(Some(Arc::new(Told { send: Box::new(send), pending, waiting: AtomicBool::new(false) })))
    }

    /// Tells nobody.
    pub(crate) fn silent() -> Self {
        Self(None)
    }

    /// Has others told now, or when a second has passed since they last were.
    pub(crate) fn tell(&self, what: Wake) {
        let Some(told) = &self.0 else { return };
        told.pending[place(what)].store(true, Ordering::Release);
        if told.waiting.swap(true, Ordering::AcqRel) {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            told.waiting.store(false, Ordering::Release);
            return;
        };
        let told = Arc::clone(told);
        runtime.spawn(async move {
            loop {
                let _ = tokio::time::timeout(PASSED_ON, told.send()).await;
                tokio::time::sleep(APART).await;
                told.waiting.store(false, Ordering::Release);
                let more = told.pending.iter().any(|pending| pending.load(Ordering::Acquire));
                if !more || told.waiting.swap(true, Ordering::AcqRel) {
                    return;
                }
            }
        });
    }
}

impl Told {
    async fn send(&self) {
        let what = Wake::ALL.into_iter();
        let what: Vec<Wake> =
            what.filter(|wake| self.pending[place(*wake)].swap(false, Ordering::AcqRel)).collect();
        if !what.is_empty() {
            (self.send)(what).await;
        }
    }
}
