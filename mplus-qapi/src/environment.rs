//! Settings from the environment.

use crate::{Error, ErrorKind};

/// A variable that has to be there.
pub(crate) fn variable(name: &str) -> Result<String, Error> {
    match std::env::var(name) {
        Ok(value) if !value.is_empty() => Ok(value),
        _ => Err(Error::without_call(ErrorKind::Setup(format!("{name} is not set in the environment")))),
    }
}
