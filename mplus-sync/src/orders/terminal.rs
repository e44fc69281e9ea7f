//! The terminals at which table orders are saved.

use std::sync::PoisonError;

use mplus_qapi::terminals::{GetAvailableTerminalList, RegisterTerminal, RegisterTerminalResult};
use mplus_qapi::types::{Terminal, TerminalStatus};

use crate::pos_call::is_no_answer;
use crate::text::{kept, readable};

use super::identity::stable_uuid;
use super::service::Attempt;
use super::{OrderService, SubmitError, SubmitErrorKind};

impl OrderService {
    /// The terminal of the draft's workplace, registered for this integration.
    pub(super) async fn terminal(&self, attempt: &Attempt<'_>) -> Result<Terminal, SubmitError> {
        let place = (attempt.draft.branch.get(), attempt.draft.workplace);
        let known = self.terminals.lock().unwrap_or_else(PoisonError::into_inner).get(&place).cloned();
        if let Some(terminal) = known {
            return Ok(terminal);
        }
        let timeout = Some(self.timeout());
        let listed = self.lacking.call(GetAvailableTerminalList::default(), timeout).await;
        let listed = match listed {
            // What is told here only completes what is known.
            Err(error) if is_no_answer(&error) => None,
            listed => listed.map_err(|error| attempt.read_failed(error))?,
        };
        let mut listed = listed.map(|listed| listed.r#return).unwrap_or_default().into_iter();
        let listed = listed.find(|terminal| (terminal.branch_number, terminal.terminal_number) == place);
        let terminal = Terminal {
            branch_number: place.0,
            terminal_number: place.1,
            // The same device for all workers and connections of the host: they share the terminal.
            unique_device_identifier: stable_uuid(&["terminal", &self.settings.installation]),
            terminal_software_name: Some(env!("CARGO_PKG_NAME").to_owned()),
            terminal_software_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            ..listed.map_or_else(unlisted, as_told)
        };
        let request = RegisterTerminal { terminal: terminal.clone(), force_registration: false };
        let response = self.lacking.call(request, timeout).await;
        let response = response.map_err(|error| attempt.read_failed(error))?;
        // A POS that registers none asks for none.
        let Some(response) = response else { return Ok(terminal) };
        match response.result {
            // Whether it is registered the calls that need it tell.
            RegisterTerminalResult::Unknown(_) => Ok(terminal),
            RegisterTerminalResult::Ok => {
                let mut terminals = self.terminals.lock().unwrap_or_else(PoisonError::into_inner);
                terminals.insert(place, terminal.clone());
                Ok(terminal)
            }
            result => {
                let reason = match response.error_message.trim() {
                    "" => kept(result.as_str()),
                    message => kept(message),
                };
                Err(attempt.error(SubmitErrorKind::Terminal { workplace: place.1, reason }))
            }
        }
    }

    /// The registration may be what the POS objects to: the next attempt registers anew.
    pub(super) fn forget_terminal(&self, attempt: &Attempt<'_>) {
        let place = (attempt.draft.branch.get(), attempt.draft.workplace);
        self.terminals.lock().unwrap_or_else(PoisonError::into_inner).remove(&place);
    }
}

/// A terminal as the POS tells it, in words that it takes back.
fn as_told(mut terminal: Terminal) -> Terminal {
    for text in [&mut terminal.branch_name, &mut terminal.terminal_name] {
        *text = readable(text).into_owned();
    }
    terminal
}

/// A terminal of which nothing is known.
pub(super) fn unlisted() -> Terminal {
    Terminal { terminal_status: TerminalStatus::Available, ..Terminal::default() }
}
