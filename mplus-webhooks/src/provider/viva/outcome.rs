//! What the numbers of a terminal session's end mean.

use crate::payment::Reason;

/// How a session ended without money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is still going on.
    GoesOn,
    /// Stopped at the terminal, or aborted: over.
    Cancelled,
    /// Nothing can be paid any more.
    Over,
    /// Refused; the customer may still try again within the session's life.
    Declined,
}

/// What an `eventId` in a session's body means. A number that is not known is a decline, which is never final at once.
pub(super) fn outcome(event: i64) -> Outcome {
    match event {
        // Another payment is running, or this one: nobody says which.
        1100 => Outcome::GoesOn,
        1000 | 1016 => Outcome::Cancelled,
        // Timed out, expired; the terminal was never reached; the request was none.
        1003 | 1102 | 3000..=3099 | 6000 | 6102 => Outcome::Over,
        _ => Outcome::Declined,
    }
}

/// Why, for the cashier.
pub(super) fn why(event: i64, message: Option<String>) -> Reason {
    let text = match event {
        1000 => "the customer cancelled it at the terminal",
        1016 => "it was aborted",
        1001 => "the terminal is busy",
        1002 => "the terminal has to reverse earlier payments first",
        1003 => "the terminal timed out",
        1100 => "the terminal was still at work and told no result",
        1102 => "the payment ran out",
        1004 => "the terminal declined",
        1006 => "the bank declined",
        1007 => "the card declined",
        1010 => "the card is not valid",
        1019 => "try another card",
        1020 | 1057 => "not enough money on the account",
        1061 | 1066 | 1068 => "the PIN was not right",
        1301..=1303 => "the card has to be inserted",
        3000..=3099 => "the terminal is not connected",
        4000 => "the terminal has no network",
        _ => return Reason::with_code(event.to_string(), message.unwrap_or_else(|| "declined".to_owned())),
    };
    Reason::with_code(event.to_string(), text)
}
