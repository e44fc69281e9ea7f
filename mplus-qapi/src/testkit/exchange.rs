//! One request to the test POS, from its query and its body to what happens.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Dialect, Fault, Pos, Refusal,
    dialect::{Authentication, Latency, OUTAGE, Outage, wire::XML},
    dispatch::{called_operation, carry_out, fault_document},
    domain::operations::Pieces,
    pos::{IDENT, Late, SECRET, locked},
};
use crate::{soap, transport::TransportErrorKind};

/// What a request leads to.
pub(super) enum Reaction {
    Refused,
    Reset,
    Timeout,
    Answer(HttpAnswer),
}

pub(super) struct HttpAnswer {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) retry_after: Option<u64>,
    pub(super) body: Pieces,
    /// A few bytes at a time.
    pub(super) drip: bool,
}

/// What some services tell to anybody.
const SYSTEM_CALLS: [&str; 6] = [
    "getApiVersion",
    "getDatabaseVersion",
    "getCurrentSyncMarkers",
    "getCurrentSyncMarkersV2",
    "getVatGroupList",
    "getBranches",
];

impl Pos {
    /// One request, from its query and its body to what happens.
    pub(super) fn exchange(&self, query: Option<&str>, document: &[u8]) -> Reaction {
        let called = called_operation(document);
        let operation = called.as_deref().unwrap_or("(unreadable)");
        let fault = self.shared.faults.next(operation);
        let dialect = self.pass_time();
        self.finish_late();
        if fault == Some(Fault::Refused) || self.is_away() {
            return Reaction::Refused;
        }
        locked(&self.shared.requests).arrived(operation);
        match fault {
            Some(Fault::ResetBefore) => return Reaction::Reset,
            Some(Fault::Late { after }) => {
                let after = TimeDelta::from_std(after).unwrap_or(TimeDelta::MAX);
                let due = self.now().checked_add_signed(after).unwrap_or(DateTime::<Utc>::MAX_UTC);
                let (operation, document) = (operation.to_owned(), document.to_vec());
                locked(&self.shared.late).push(Late { due, operation, document });
                return Reaction::Timeout;
            }
            Some(Fault::ServerFault) => {
                return Reaction::Answer(refusal(&soap::Fault::new("Server", "the service is out of order")));
            }
            Some(Fault::Unavailable { retry_after }) => {
                let body = "<html><body><h1>503 Service Unavailable</h1></body></html>";
                let retry_after = Some(retry_after.as_secs());
                return Reaction::Answer(HttpAnswer { status: 503, retry_after, ..page(body) });
            }
            Some(Fault::Garbage) => {
                return Reaction::Answer(page(
                    "<!DOCTYPE html><html><body>Welcome to the router</body></html>",
                ));
            }
            _ => {}
        }
        let answer = match self.shared.replies.take(operation, document).map(told) {
            Some(Reaction::Answer(answer)) => answer,
            Some(failed) => return failed,
            None => match self.answer(query, called.as_deref(), document) {
                Ok(body) if dialect.is_plainly_written() => {
                    HttpAnswer { status: 200, content_type: XML, retry_after: None, body, drip: false }
                }
                Ok(body) => {
                    let written = body.flatten().collect::<Vec<u8>>();
                    let written = dialect.rewrite(operation, &String::from_utf8_lossy(&written));
                    let (content_type, body) = (dialect.content_type(), Box::new(std::iter::once(written)));
                    HttpAnswer { status: 200, content_type, retry_after: None, body, drip: false }
                }
                Err(fault) => refusal(&fault),
            },
        };
        match fault {
            Some(Fault::ResetAfter) => Reaction::Reset,
            Some(Fault::TimeoutAfter) => Reaction::Timeout,
            Some(Fault::Truncated) => {
                let half = |piece: Bytes| piece.slice(..piece.len() / 2);
                Reaction::Answer(HttpAnswer { body: Box::new(answer.body.take(1).map(half)), ..answer })
            }
            Some(Fault::SlowDrip) => Reaction::Answer(HttpAnswer { drip: true, ..answer }),
            _ => Reaction::Answer(answer),
        }
    }

    fn answer(
        &self,
        query: Option<&str>,
        called: Result<&str, &soap::Fault>,
        document: &[u8],
    ) -> Result<Pieces, soap::Fault> {
        let ident = parameter(query, "ident");
        let secret = parameter(query, "secret");
        let open = match self.dialect().authentication {
            Authentication::Every => false,
            Authentication::NotVersion => called == Ok("getApiVersion"),
            Authentication::NotSystem => called.is_ok_and(|called| SYSTEM_CALLS.contains(&called)),
        };
        if !open && (ident.as_deref(), secret.as_deref()) != (Some(IDENT), Some(SECRET)) {
            return Err(soap::Fault::new("Client.Authentication", "ident or secret is wrong"));
        }
        let operation = called.map_err(Clone::clone)?;
        let pieces = carry_out(&mut self.state(), operation, document)?;
        locked(&self.shared.requests).was_carried_out(operation);
        Ok(pieces)
    }

    /// Carries out what is due by now of the calls that the POS was still at work on.
    pub(super) fn finish_late(&self) {
        let now = self.now();
        let due: Vec<Late> = locked(&self.shared.late).extract_if(.., |late| late.due <= now).collect();
        for Late { operation, document, .. } in due {
            if carry_out(&mut self.state(), &operation, &document).is_ok() {
                locked(&self.shared.requests).was_carried_out(&operation);
            }
        }
    }

    /// The time that a call takes; the dialect in which it is answered.
    fn pass_time(&self) -> Dialect {
        let mut state = self.state();
        let seconds = if state.dialect.latency == Latency::Slow { 30 } else { 1 };
        state.clock.advance(Duration::from_secs(seconds));
        state.dialect
    }

    fn is_away(&self) -> bool {
        let state = self.state();
        state.dialect.outage == Outage::Hours && OUTAGE.contains(&state.clock.hours())
    }
}

/// An answer that a test gave.
fn told(answer: Result<String, Refusal>) -> Reaction {
    match answer {
        Ok(document) => {
            let body = Box::new(std::iter::once(Bytes::from(document)));
            Reaction::Answer(HttpAnswer {
                status: 200,
                content_type: XML,
                retry_after: None,
                body,
                drip: false,
            })
        }
        Err(Refusal::Fault(fault)) => Reaction::Answer(refusal(&fault)),
        Err(Refusal::Status(status)) => Reaction::Answer(HttpAnswer { status, ..page("") }),
        Err(Refusal::Transport(TransportErrorKind::Connect | TransportErrorKind::ConnectTimeout)) => {
            Reaction::Refused
        }
        Err(Refusal::Transport(TransportErrorKind::Timeout)) => Reaction::Timeout,
        Err(Refusal::Transport(_)) => Reaction::Reset,
    }
}

fn refusal(fault: &soap::Fault) -> HttpAnswer {
    HttpAnswer { status: 500, content_type: XML, retry_after: None, body: fault_document(fault), drip: false }
}

/// A page for people.
pub(super) fn page(html: &'static str) -> HttpAnswer {
    let body = Box::new(std::iter::once(Bytes::from_static(html.as_bytes())));
    HttpAnswer { status: 200, content_type: "text/html", retry_after: None, body, drip: false }
}

/// A parameter of a query, unescaped.
fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    let pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
    let value = pairs.into_iter().find(|(key, _)| *key == name)?.1;
    let mut bytes = Vec::new();
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            b'+' => b' ',
            plain => plain,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::parameter;

    #[test]
    fn parameters_are_unescaped_and_found_by_their_whole_name() {
        let query = Some("myident=x&ident=a%20b%26c+d&secret=%C3%A9&broken=%zz");
        assert_eq!(parameter(query, "ident").as_deref(), Some("a b&c d"));
        assert_eq!(parameter(query, "secret").as_deref(), Some("é"));
        assert_eq!(parameter(query, "broken"), None);
        assert_eq!(parameter(None, "ident"), None);
    }
}
