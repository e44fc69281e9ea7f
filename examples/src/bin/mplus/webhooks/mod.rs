//! `mplus webhooks`: the receiving side.

mod inbox;
mod listen;

use clap::Subcommand;

use crate::failure::Failure;

#[derive(Subcommand)]
pub(crate) enum Webhooks {
    Listen(listen::Listen),
    /// List the events that a program has kept; the dead letters unless told otherwise.
    List(inbox::List),
    /// Show one event with its body, as JSON.
    Show(inbox::Show),
    /// Have events worked on again from their beginning. A running program does it soon.
    Replay(inbox::Replay),
    /// Decide that nothing is done about events.
    Discard(inbox::Discard),
}

impl Webhooks {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Listen(listen) => listen.run().await,
            Self::List(list) => list.run().await,
            Self::Show(show) => show.run().await,
            Self::Replay(replay) => replay.run().await,
            Self::Discard(discard) => discard.run().await,
        }
    }
}
