//! Secrets: from the environment, or asked for. Never from a flag, which other users of the machine see.

use std::io::IsTerminal as _;

use mplus_webhooks::{Secret, SubscriptionSecret};

use crate::failure::Failure;

/// The secret in an environment variable; without one it is asked for, where somebody can answer.
pub(crate) fn read(variable: &str, what: &str) -> Result<String, Failure> {
    match std::env::var(variable) {
        Ok(secret) if !secret.is_empty() => return Ok(secret),
        _ if !std::io::stdin().is_terminal() => {}
        _ => {
            let answer = rpassword::prompt_password(format!("{what}: "));
            return answer.map_err(|error| Failure::usage(format!("{what} cannot be asked for: {error}")));
        }
    }
    Err(Failure::usage(format!("{what} is missing: set {variable} in the environment")))
}

/// The key that a subscription's events are signed with.
pub(crate) fn webhook() -> Result<SubscriptionSecret, Failure> {
    let secret = read("MPLUS_WEBHOOK_SECRET", "the subscription's Secret Key")?;
    let wrong = |error| Failure::usage(format!("MPLUS_WEBHOOK_SECRET cannot be used: {error}"));
    SubscriptionSecret::from_base64(&Secret::from(secret)).map_err(wrong)
}
