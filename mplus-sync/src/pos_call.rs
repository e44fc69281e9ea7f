//! What several services ask of a failed call.

/// Whether a service said that it does not know an operation: customers run different versions.
///
/// The texts of such faults are not documented; these are the ones that SOAP servers of this kind use.
pub(crate) fn is_unknown_operation(error: &mplus_qapi::Error) -> bool {
    let texts = [
        "not implemented",
        "not recognized",
        "unknown operation",
        "unknown method",
        "no such operation",
        "does not know the operation",
    ];
    error.fault().is_some_and(|fault| {
        let message = fault.message.to_lowercase();
        texts.iter().any(|text| message.contains(text))
    })
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
