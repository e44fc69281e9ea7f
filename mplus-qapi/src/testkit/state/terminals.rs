//! Terminals, and who has registered them.

use super::branches::Branches;
use crate::types::{Terminal, TerminalStatus};

#[derive(Debug)]
pub(in crate::testkit) struct Terminals {
    pub(in crate::testkit) list: Vec<Terminal>,
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

    pub(in crate::testkit) fn find(&mut self, wanted: &Terminal) -> Option<&mut Terminal> {
        self.list.iter_mut().find(|terminal| {
            (terminal.branch_number, terminal.terminal_number)
                == (wanted.branch_number, wanted.terminal_number)
        })
    }

    /// Why `terminal` may not be used, if it may not.
    pub(in crate::testkit) fn check(&mut self, terminal: &Terminal) -> Result<(), String> {
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
