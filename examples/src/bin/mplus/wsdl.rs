//! `mplus wsdl`: versions of the service's description.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use crate::failure::Failure;
use crate::output;

/// Which operation belongs to which domain, and which integers are decimals: as the client was generated.
const DOMAINS: &str = include_str!("../../../../mplus-qapi/codegen/domains.toml");
const SCALED: &str = include_str!("../../../../mplus-qapi/codegen/scaled.toml");

#[derive(Subcommand)]
pub(crate) enum Wsdl {
    /// List what changes from one WSDL to another, and what of it breaks code that uses the client's types.
    Diff(Diff),
}

#[derive(Args)]
#[command(
    after_help = "A new optional element, operation or type breaks nothing. What was removed or changed its type does."
)]
pub(crate) struct Diff {
    /// The WSDL that is in use.
    old: PathBuf,
    /// The one to compare with.
    new: PathBuf,
    /// Names for types that would clash, as `mplus-codegen` takes them; those of the client unless given.
    #[arg(long, value_name = "FILE")]
    domains: Option<PathBuf>,
    /// Which integers are decimals, as `mplus-codegen` takes it; as the client was generated unless given.
    #[arg(long, value_name = "FILE")]
    scaled: Option<PathBuf>,
    /// End with exit code 1 when a change breaks callers.
    #[arg(long)]
    fail_on_breaking: bool,
    /// The changes as JSON.
    #[arg(long)]
    json: bool,
}

impl Wsdl {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let Self::Diff(diff) = self;
        let domains = diff.domains.as_deref().map(read).transpose()?;
        let domains = domains.as_deref().unwrap_or(DOMAINS);
        let scaled = diff.scaled.as_deref().map(read).transpose()?;
        let scaled = scaled.as_deref().unwrap_or(SCALED);
        let compared = mplus_codegen::compare(&read(&diff.old)?, &read(&diff.new)?, domains, scaled);
        let changes = compared.map_err(|error| Failure::usage(error.to_string()))?;
        let breaking = changes.iter().filter(|change| change.breaking).count();
        if diff.json {
            let all: Vec<_> = changes
                .iter()
                .map(|change| json!({ "breaking": change.breaking, "change": change.what }))
                .collect();
            output::json(&json!({ "breaking": breaking, "changes": all }))?;
        } else {
            let row = |change: &mplus_codegen::diff::Change| {
                vec![if change.breaking { "breaking" } else { "compatible" }.to_owned(), change.what.clone()]
            };
            if !changes.is_empty() {
                output::table(&["for callers", "change"], changes.iter().map(row))?;
            }
            eprintln!("{} changes, {breaking} breaking", changes.len());
        }
        match diff.fail_on_breaking && breaking > 0 {
            true => {
                Err(Failure::refused(format!("{breaking} changes break code that uses the client's types")))
            }
            false => Ok(()),
        }
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("{} cannot be read: {error}", path.display())))
}
