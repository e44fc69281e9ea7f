//! What several services ask of a failed call.

/// Whether a service said that it does not know an operation: customers run different versions.
pub(crate) fn is_unknown_operation(error: &mplus_qapi::Error) -> bool {
    error.is_unknown_operation()
}

/// Whether the POS took a call and did not answer it in time.
pub(crate) fn is_silence(error: &mplus_qapi::Error) -> bool {
    // One that waited for its turn among others of ours was not sent.
    let waited = matches!(error.kind(), mplus_qapi::ErrorKind::Busy { .. });
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
