//! `mplus operations`: what can be called.

use clap::Args;
use mplus_qapi::soap::Repeat;
use mplus_qapi::testkit::operations;
use serde_json::json;

use crate::failure::Failure;
use crate::output;

/// List the operations of the POS.
///
/// With the domain of each, and what a repeat may do: a read changes nothing, an idempotent operation carries a key.
#[derive(Args)]
pub(crate) struct Operations {
    /// Only those whose name or domain has this in it, in whatever case.
    word: Option<String>,
    /// The list as JSON.
    #[arg(long)]
    json: bool,
}

impl Operations {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let word = self.word.unwrap_or_default().to_lowercase();
        let mut found: Vec<_> = operations()
            .filter(|info| info.name.to_lowercase().contains(&word) || info.domain.contains(&word))
            .collect();
        found.sort_by_key(|info| (info.domain, info.name));
        if found.is_empty() {
            return Err(Failure::refused(format!("no operation has `{word}` in its name")));
        }
        if self.json {
            let all: Vec<_> = found
                .iter()
                .map(
                    |info| json!({ "name": info.name, "domain": info.domain, "repeat": repeat(info.repeat) }),
                )
                .collect();
            return output::json(&all);
        }
        let row = |info: &mplus_qapi::soap::OperationInfo| {
            vec![info.name.to_owned(), info.domain.to_owned(), repeat(info.repeat).to_owned()]
        };
        output::table(&["operation", "domain", "repeat"], found.iter().map(row))?;
        eprintln!("{} operations", found.len());
        Ok(())
    }
}

/// How safe it is to call again.
pub(super) fn repeat(repeat: Repeat) -> &'static str {
    match repeat {
        Repeat::Read => "read",
        Repeat::Idempotent => "idempotent",
        _ => "write",
    }
}
