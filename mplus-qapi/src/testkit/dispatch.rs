//! From an envelope to its answer: which operation it calls, what the POS does, what goes back.

use super::{
    domain::{
        self,
        operations::{Answer, Pieces, one_piece},
    },
    state::State,
};
use crate::soap::{Fault, body_root, write_fault};

/// The operation that a document calls.
pub(super) fn called_operation(document: &[u8]) -> Answer<String> {
    body_root(document).map_err(|error| Fault::new("Client", format!("the request cannot be read: {error}")))
}

/// Carries the call out.
pub(super) fn carry_out(state: &mut State, operation: &str, document: &[u8]) -> Answer<Pieces> {
    match domain::operations().get(operation) {
        Some(handler) if state.dialect.knows(operation) => {
            state.catch_up();
            handler(state, document)
        }
        _ => Err(state.dialect.unknown_call(operation)),
    }
}

/// A fault as a document.
pub(super) fn fault_document(fault: &Fault) -> Pieces {
    // The texts of faults may hold what a request brought along, but never a character that XML cannot carry.
    let document =
        write_fault(fault).or_else(|_| write_fault(&Fault::new(fault.code.clone(), "unspeakable")));
    one_piece(document.unwrap_or_default().into())
}
