//! Telling processes of new work, so that they need not wait for their next look.

use std::fmt;

use tokio::sync::watch;

/// What there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Wake {
    /// An order was queued, or came back.
    Orders,
    /// A run was asked for.
    Runs,
    /// A notice waits for the host.
    Notices,
}

impl Wake {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Orders, Self::Runs, Self::Notices];

    /// The name under which processes tell each other.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Runs => "runs",
            Self::Notices => "notices",
        }
    }

    const fn index(self) -> usize {
        match self {
            Self::Orders => 0,
            Self::Runs => 1,
            Self::Notices => 2,
        }
    }
}

/// Tells of new work.
///
/// It only ever shortens a wait: a call may be lost or come twice, and whoever listens looks by itself now and then. Queuing an
/// order or asking for a run tells by itself; a host that queued an order in a transaction of its own calls
/// [`wake`](Self::wake) after its commit.
pub trait WakeUp: Send + Sync {
    /// Tells everybody who listens. Never waits.
    fn wake(&self, what: Wake);

    /// Begins to listen: what is told from now on is heard.
    fn listen(&self) -> Listener;
}

/// Hears of new work.
#[derive(Debug, Clone)]
pub struct Listener {
    told: watch::Receiver<[u64; 3]>,
    /// How often each was told when it was last heard.
    heard: [u64; 3],
}

impl Listener {
    /// Waits until one of these was told since it was last heard, or since this listener began. Several calls of
    /// [`WakeUp::wake`] are heard as one. Never ends once the store is gone.
    ///
    /// A call that is dropped half-way has heard nothing.
    pub async fn heard(&mut self, what: &[Wake]) {
        loop {
            let told = *self.told.borrow_and_update();
            let mut is_new = false;
            for index in what.iter().map(|wake| wake.index()) {
                is_new |= self.heard[index] != told[index];
                self.heard[index] = told[index];
            }
            if is_new {
                return;
            }
            if self.told.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }
}

/// Tells within a process.
#[cfg_attr(not(any(feature = "sqlite", feature = "postgres", feature = "mysql")), expect(unreachable_pub))]
pub struct Bell(watch::Sender<[u64; 3]>);

impl Default for Bell {
    fn default() -> Self {
        Self(watch::Sender::new([0; 3]))
    }
}

impl fmt::Debug for Bell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bell")
    }
}

impl Bell {
    pub(crate) fn ring(&self, what: Wake) {
        self.0.send_modify(|told| told[what.index()] = told[what.index()].wrapping_add(1));
    }

    pub(crate) fn listen(&self) -> Listener {
        let told = self.0.subscribe();
        let heard = *told.borrow();
        Listener { told, heard }
    }
}
