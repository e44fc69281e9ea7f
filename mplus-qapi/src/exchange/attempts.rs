//! The attempts of one call: their count, the waits between them, and how they end.

use std::time::Duration;

use super::Exchange;
use crate::{Error, ErrorKind, retry::Decision};

/// One failed attempt.
pub(crate) struct Failure {
    pub(crate) kind: ErrorKind,
    pub(crate) request_id: String,
    pub(crate) retry_after: Option<Duration>,
}

/// Counts the attempts of one call and waits between them.
pub(crate) struct Attempts<'a> {
    exchange: &'a Exchange<'a>,
    started: Duration,
    pub(crate) count: u32,
    /// One of them may have been carried out.
    pub(crate) open: bool,
}

impl<'a> Attempts<'a> {
    pub(crate) fn start(exchange: &'a Exchange<'a>) -> Self {
        Self { exchange, started: exchange.channel.shared.runtime.now(), count: 0, open: false }
    }

    /// After a failed attempt: waits for the next one, or ends with the error.
    pub(crate) async fn after(&mut self, failure: Failure) -> Result<(), Error> {
        // What a gate kept back was not sent.
        self.count += u32::from(!matches!(failure.kind, ErrorKind::Held(_)));
        let Exchange { channel, info, settings, .. } = self.exchange;
        let runtime = &channel.shared.runtime;
        let elapsed = runtime.now().saturating_sub(self.started);
        let Failure { kind, request_id, retry_after } = failure;
        let random = runtime.random();
        match settings.retry.decide(info.repeat, &kind, self.count, elapsed, retry_after, random) {
            Decision::RepeatAfter(pause) => {
                self.open |= kind.may_have_been_processed();
                tracing::debug!(operation = info.name, attempt = self.count, error = %kind, ?pause, "trying again");
                runtime.sleep(pause).await;
                Ok(())
            }
            Decision::Stop(stop) => {
                let error = Error::of_call(info.name, kind, self.count, elapsed, stop, request_id);
                Err(if self.open { error.with_earlier_attempt_open() } else { error })
            }
        }
    }
}
