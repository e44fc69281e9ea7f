//! Terminals: who may change table orders the old way.

use crate::{
    terminals::*,
    testkit::{
        domain::operations::{Answer, Operations},
        state::State,
    },
    types::{Terminal, TerminalStatus},
};

pub(super) fn register(operations: &mut Operations) {
    operations.on(get_available_terminal_list);
    operations.on(register_terminal);
}

fn get_available_terminal_list(
    state: &mut State,
    _: GetAvailableTerminalList,
) -> Answer<GetAvailableTerminalListResponse> {
    // Who holds a terminal is nobody else's business.
    let list = state.terminals.list.iter();
    let shown = list.map(|terminal| Terminal { unique_device_identifier: String::new(), ..terminal.clone() });
    Ok(GetAvailableTerminalListResponse { r#return: shown.collect() })
}

fn register_terminal(
    state: &mut State,
    RegisterTerminal { terminal, force_registration }: RegisterTerminal,
) -> Answer<RegisterTerminalResponse> {
    let answer =
        |result, message: &str| Ok(RegisterTerminalResponse { result, error_message: message.to_owned() });
    let Some(known) = state.terminals.find(&terminal) else {
        return answer(RegisterTerminalResult::UnknownValue, "There is no such terminal.");
    };
    let taken = known.terminal_status == TerminalStatus::Registered
        && known.unique_device_identifier != terminal.unique_device_identifier;
    if taken && !force_registration {
        return answer(RegisterTerminalResult::Registered, "Another device has registered this terminal.");
    }
    known.terminal_status = TerminalStatus::Registered;
    known.unique_device_identifier = terminal.unique_device_identifier;
    known.terminal_software_name = terminal.terminal_software_name;
    known.terminal_software_version = terminal.terminal_software_version;
    answer(RegisterTerminalResult::Ok, "")
}
