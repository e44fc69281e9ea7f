//! Figures that outlive the text they are printed in: `benches/run` gathers them into one table.

use std::env;
use std::fs::OpenOptions;
use std::io::{self, Write as _};

/// What a figure has to reach.
#[derive(Debug, Clone, Copy)]
pub enum Target {
    /// More is better, and this much is enough.
    AtLeast(f64),
    /// Less is better, and it has to stay under this.
    Under(f64),
    /// A point of a curve, or a figure that explains another one.
    Told,
}

/// Appends a figure to the file that `MPLUS_FIGURES` names; without it nothing happens.
///
/// `name` is a path of words (`menu/sqlite`), `unit` says what one means (`x by hand`, `ms`).
///
/// # Errors
/// When the file cannot be written.
pub fn record(name: &str, value: f64, unit: &str, target: Target) -> io::Result<()> {
    let Some(path) = env::var_os("MPLUS_FIGURES") else { return Ok(()) };
    let (kind, bound) = match target {
        Target::AtLeast(bound) => ("at least", bound.to_string()),
        Target::Under(bound) => ("under", bound.to_string()),
        Target::Told => ("", String::new()),
    };
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    // One write, so that lines of two processes do not mix.
    file.write_all(format!("{name}\t{value}\t{unit}\t{kind}\t{bound}\n").as_bytes())?;
    Ok(())
}
