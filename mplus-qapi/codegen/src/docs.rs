//! The handwritten table of what operations do (`operations.toml`).

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    error::{Error, Result, bail},
    model::Model,
};

/// `operations.toml`: by the WSDL's name of the operation.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Docs(BTreeMap<String, Doc>);

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Doc {
    /// What it does, its limits and its traps: Markdown, the first line a summary.
    does: String,
    /// Rust that calls it on a `client`.
    example: String,
}

impl Docs {
    /// Reads `operations.toml`.
    ///
    /// # Errors
    /// Not TOML, or not this table.
    pub fn parse(text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| Error::new(format!("operations.toml: {}", error.message())))
    }

    /// Refuses an entry for an operation that the service does not have.
    pub(crate) fn check_known(&self, model: &Model) -> Result<()> {
        let known = |name: &str| model.operations.iter().any(|operation| operation.name == name);
        match self.0.keys().find(|name| !known(name)) {
            Some(stray) => bail!("operations.toml: {stray} is not an operation of the service"),
            None => Ok(()),
        }
    }

    /// The documentation of an operation's method, line by line; nothing for one that the table does not name.
    pub(crate) fn lines(&self, operation: &str, domain: &str) -> Vec<String> {
        let Some(Doc { does, example }) = self.0.get(operation) else { return Vec::new() };
        let mut lines: Vec<String> = does.trim().lines().map(str::to_owned).collect();
        lines.extend(["".to_owned(), "```".to_owned()]);
        lines.push(format!("use mplus_qapi::{domain}::*;"));
        // Whoever copies it needs that, too. A reply has its own.
        if example.contains(".into_result()") && !example.contains(".reply()") {
            lines.push("use mplus_qapi::soap::Outcome as _;".to_owned());
        }
        lines.push(
            "# async fn example(client: mplus_qapi::Client) -> Result<(), mplus_qapi::Error> {".to_owned(),
        );
        lines.push(String::new());
        lines.extend(example.trim().lines().map(str::to_owned));
        lines.extend(["# Ok(())", "# }", "```", ""].map(str::to_owned));
        lines
    }
}
