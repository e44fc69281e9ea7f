//! Terminals: who may change table orders the old way.

use crate::{
    terminals::*,
    testkit::{
        domain::branches::Branches,
        domain::{
            operations::{Answer, Operations},
            state::State,
        },
    },
    types::{Terminal, TerminalStatus},
};

#[derive(Debug)]
pub(in crate::testkit) struct Terminals {
    list: Vec<Terminal>,
}

pub(super) fn register(operations: &mut Operations) {
    operations.on(get_available_terminal_list);
    operations.on(register_terminal);
}

impl Terminals {
    /// One terminal for each workplace.
    pub(in crate::testkit) fn of(branches: &Branches) -> Self {
        let mut terminals = Self { list: Vec::new() };
        for number in branches.numbers() {
            terminals.add(branches, number);
        }
        terminals
    }

    pub(in crate::testkit) fn add(&mut self, branches: &Branches, number: i32) {
        let Some(branch) = branches.get(number) else { return };
        self.list.extend(branch.workplaces.iter().map(|workplace| Terminal {
            branch_number: number,
            branch_name: branch.branch_name.clone(),
            terminal_number: workplace.workplace_number,
            terminal_name: workplace.workplace_name.clone(),
            terminal_status: TerminalStatus::Available,
            ..Terminal::default()
        }));
    }

    fn find(&mut self, wanted: &Terminal) -> Option<&mut Terminal> {
        self.list.iter_mut().find(|terminal| {
            (terminal.branch_number, terminal.terminal_number)
                == (wanted.branch_number, wanted.terminal_number)
        })
    }

    /// Why `terminal` may not be used, if it may not.
    pub(super) fn check(&mut self, terminal: &Terminal) -> Result<(), String> {
        let name = format!("Terminal {} of branch {}", terminal.terminal_number, terminal.branch_number);
        match self.find(terminal) {
            None => Err(format!("{name} does not exist.")),
            Some(known) if known.terminal_status != TerminalStatus::Registered => {
                Err(format!("{name} is not registered; call registerTerminal first."))
            }
            Some(known) if known.unique_device_identifier != terminal.unique_device_identifier => {
                Err(format!("{name} is registered by another device."))
            }
            Some(_) => Ok(()),
        }
    }
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
