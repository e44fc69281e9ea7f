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
