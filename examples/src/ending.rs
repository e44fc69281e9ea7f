//! How an example ends.

use std::error::Error;
use std::process::ExitCode;

/// Exit code 0, or 1 with what went wrong in one line on standard error.
pub fn of(done: Result<(), Box<dyn Error>>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
