//! Generates the types and operations of `mplus-qapi` from the WSDL.
//!
//! ```text
//! WSDL --wsdl--> Service --build--> Model --domains--> Layout --render--> files
//!                                     \------diff----> changes
//! ```

mod build;
pub mod diff;
pub mod docs;
pub mod domains;
pub mod error;
pub mod model;
pub mod names;
mod recursion;
pub mod render;
pub mod wsdl;

use std::collections::{BTreeMap, BTreeSet};

use self::{
    diff::Change,
    docs::Docs,
    domains::{Domains, Layout, Scaled},
    error::{Error, Result},
    model::Model,
    wsdl::Service,
};

/// The generated files by name, from the texts of a WSDL, of `domains.toml`, `scaled.toml` and `operations.toml`. With
/// `only`, just these operations and what they need.
///
/// # Errors
/// One of the four cannot be read, or they do not fit each other.
pub fn generate(
    wsdl: &str,
    domains: &str,
    scaled: &str,
    docs: &str,
    only: Option<&BTreeSet<String>>,
) -> Result<BTreeMap<String, String>> {
    let service = Service::parse(wsdl)?;
    let domains = Domains::parse(domains)?;
    let model = Model::build(&service, &Scaled::parse(scaled)?, &domains.names)?;
    let layout = Layout::new(&model, &domains, only)?;
    let docs = Docs::parse(docs)?;
    docs.check_known(&model)?;
    render::files(&model, &layout, &domains, &docs)
}

/// What changes from one WSDL to another, for users of the generated types.
///
/// # Errors
/// As for [`generate`]. Tables may name what only one of the two services has.
pub fn compare(old: &str, new: &str, domains: &str, scaled: &str) -> Result<Vec<Change>> {
    let names = Domains::parse(domains)?.names;
    let scaled = Scaled::parse(scaled)?;
    let build = |wsdl: &str| -> Result<Model> {
        let service = Service::parse(wsdl)?;
        let known = |name: &str| service.types.contains_key(name) || service.enums.contains_key(name);
        let names = names.clone().into_iter().filter(|(name, _)| known(name)).collect();
        Model::build(&service, &scaled.only_known(&service), &names)
    };
    let old = build(old).map_err(|error| Error::new(format!("the old WSDL: {error}")))?;
    let new = build(new).map_err(|error| Error::new(format!("the new WSDL: {error}")))?;
    Ok(diff::changes(&old, &new))
}
