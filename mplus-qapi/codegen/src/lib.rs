//! Generates the types and operations of `mplus-qapi` from the WSDL.
//!
//! ```text
//! WSDL --wsdl--> Service --model--> Model --domains--> Layout --render--> files
//!                                     \------diff----> changes
//! ```

pub mod domains;
pub mod error;
pub mod model;
pub mod names;
pub mod render;
pub mod wsdl;

use std::collections::{BTreeMap, BTreeSet};

use self::{
    domains::{Domains, Layout, Scaled},
    error::Result,
    model::Model,
    wsdl::Service,
};

/// The generated files by name, from the texts of a WSDL, of `domains.toml` and of `scaled.toml`. With `only`, just
/// these operations and what they need.
///
/// # Errors
/// One of the three cannot be read, or they do not fit each other.
pub fn generate(
    wsdl: &str,
    domains: &str,
    scaled: &str,
    only: Option<&BTreeSet<String>>,
) -> Result<BTreeMap<String, String>> {
    let service = Service::parse(wsdl)?;
    let domains = Domains::parse(domains)?;
    let model = Model::build(&service, &Scaled::parse(scaled)?, &domains.names)?;
    let layout = Layout::new(&model, &domains, only)?;
    render::files(&model, &layout, &domains)
}
