//! What several services ask of a failed call.

use mplus_qapi::ErrorKind;
use mplus_qapi::soap::DecodeProblem;

/// Whether a service said that it does not know an operation: customers run different versions.
pub(crate) fn is_unknown_operation(error: &mplus_qapi::Error) -> bool {
    error.is_unknown_operation()
}

/// Whether the POS answered a call, but not what was asked: it refuses it, or its answer cannot be read. Other calls may well
/// work.
pub(crate) fn is_no_answer(error: &mplus_qapi::Error) -> bool {
    let is_fault = error.fault().is_some() && !error.is_authentication();
    is_fault || unreadable_at(error).is_some()
}

/// Whether the POS refuses a call, and will again: this user may not make it, or not so.
pub(crate) fn is_refused(error: &mplus_qapi::Error) -> bool {
    error.fault().is_some_and(|fault| fault.is_client()) && !error.is_authentication()
}

/// Where something cannot be read in an answer that came whole.
pub(crate) fn unreadable_at(error: &mplus_qapi::Error) -> Option<&str> {
    match error.kind() {
        ErrorKind::Response(found) if !is_another_document(found.problem()) => Some(found.path()),
        _ => None,
    }
}

/// Whether an answer is none to the call, or none that came whole.
fn is_another_document(problem: &DecodeProblem) -> bool {
    matches!(problem, DecodeProblem::UnexpectedDocument(_) | DecodeProblem::UnexpectedEnd)
}

/// Whether the POS took a call and did not answer it in time.
pub(crate) fn is_silence(error: &mplus_qapi::Error) -> bool {
    // One that waited for its turn among others of ours was not sent.
    let waited = matches!(error.kind(), ErrorKind::Busy { .. });
    error.is_timeout() && !error.is_connect() && !waited
}

/// What a person can do about a failed call.
pub(crate) fn pos_advice(error: &mplus_qapi::Error) -> &'static str {
    if error.is_authentication() {
        "Check the MplusKASSA username and password"
    } else if error.is_connect() {
        "Check host, port and that the POS can be reached; the next sync goes on from here"
    } else if error.is_transient() {
        "The next sync goes on from here"
    } else {
        "See what the POS answered; the next sync tries again"
    }
}

/// Characters of a failure that are kept: of what the POS says, a person needs the beginning.
pub(crate) const LONGEST_MESSAGE: usize = 500;

/// The beginning of a text. Credentials were taken out of it by the client.
pub(crate) fn cut_to(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}...", &text[..end]),
    }
}
