//! The handwritten tables (`domains.toml`, `scaled.toml`), and which module each operation and type goes to.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::{
    error::{Error, Result, bail},
    model::{Model, Operation, Role},
    wsdl::{Content, Element, Service},
};

/// Rust names for types whose own name is taken; by WSDL name.
pub type Names = BTreeMap<String, String>;

/// `domains.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Domains {
    /// See [`Names`].
    #[serde(default)]
    pub names: Names,
    /// Values of result enums that mean success beside those that end in `OK`.
    #[serde(default)]
    pub success: BTreeMap<String, Vec<String>>,
    /// Values of result enums that end in `OK` and do not mean success, and those that say that something is there already and
    /// leave nothing open.
    #[serde(default)]
    pub refusal: BTreeMap<String, Vec<String>>,
    /// Values of result enums that say no and leave open what is at the POS.
    #[serde(default)]
    pub open: BTreeMap<String, Vec<String>>,
    /// Required texts of types that only requests have, and that may be empty; by type.
    #[serde(default)]
    pub blank: BTreeMap<String, Vec<String>>,
    /// Required texts, numbers and dates of other types that are left unset when they are empty or 0; by type.
    #[serde(default)]
    pub set: BTreeMap<String, Vec<String>>,
    /// For items of paged lists: where sync markers stand beside the item's own, as paths of elements.
    #[serde(default)]
    pub newest: BTreeMap<String, Vec<String>>,
    /// The domains by name: that of the cargo feature and of the module.
    #[serde(rename = "domain")]
    pub domains: BTreeMap<String, Domain>,
}

/// A group of operations that a host takes or leaves as one.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Domain {
    /// One line for the module's documentation.
    pub about: String,
    /// Operations that change nothing: repeated freely.
    #[serde(default)]
    pub reads: Vec<String>,
    /// All others.
    #[serde(default)]
    pub writes: Vec<String>,
}

/// `scaled.toml`: integers that are decimals, by the type that declares them.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Scaled(BTreeMap<String, ScaledType>);

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScaledType {
    /// Elements with two decimals.
    #[serde(default)]
    cents: Vec<String>,
    /// Elements and the companions that tell how many decimals they have.
    #[serde(default)]
    scaled: BTreeMap<String, String>,
}

/// What a repeat of a request may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// Nothing.
    Read,
    /// Nothing, thanks to its key.
    Idempotent,
    /// Everything a second time.
    Write,
}

/// What goes to which file.
#[derive(Debug)]
pub struct Layout<'a> {
    /// In the order of their names.
    pub modules: Vec<Module<'a>>,
    /// Types of several domains: their Rust names and those domains.
    pub shared: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

/// A domain with what belongs to it alone.
#[derive(Debug)]
pub struct Module<'a> {
    /// Name of the module and of the feature.
    pub name: &'a str,
    /// One line of documentation.
    pub about: &'a str,
    /// In the order of the WSDL.
    pub operations: Vec<(&'a Operation, Repeat)>,
    /// Rust names of structs and enums.
    pub types: BTreeSet<&'a str>,
}

impl Domains {
    /// Reads `domains.toml`.
    ///
    /// # Errors
    /// Not TOML, or not these tables.
    pub fn parse(text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| Error::new(format!("domains.toml: {}", error.message())))
    }

    /// The domain of each operation and whether it is a read.
    fn assignments(&self) -> Result<BTreeMap<&str, (&str, bool)>> {
        let mut assigned = BTreeMap::new();
        for (domain, entry) in &self.domains {
            let reads = entry.reads.iter().map(|name| (name, true));
            let writes = entry.writes.iter().map(|name| (name, false));
            for (operation, is_read) in reads.chain(writes) {
                if let Some((other, _)) = assigned.insert(operation.as_str(), (domain.as_str(), is_read)) {
                    bail!("domains.toml: {operation} stands in {other} and in {domain}");
                }
            }
        }
        Ok(assigned)
    }

    /// The values of a result enum that mean success.
    ///
    /// # Errors
    /// There is none: nobody has looked at this enum yet.
    pub fn accepted<'a>(&'a self, name: &str, values: impl Iterator<Item = &'a str>) -> Result<Vec<&'a str>> {
        let named = self.success.get(name).map(Vec::as_slice).unwrap_or_default();
        let refused = self.refusal.get(name).map(Vec::as_slice).unwrap_or_default();
        let is_success = |value: &str| {
            let ends_so = value == "OK" || value.ends_with("-OK");
            (ends_so && !refused.iter().any(|refused| refused == value))
                || named.iter().any(|named| named == value)
        };
        let values: Vec<&str> = values.collect();
        let accepted: Vec<&str> = values.iter().copied().filter(|value| is_success(value)).collect();
        for (table, names) in [("success", named), ("refusal", refused), ("open", self.open(name))] {
            if let Some(stray) = names.iter().find(|named| !values.contains(&named.as_str())) {
                bail!("domains.toml: [{table}] names {stray}, which is not a value of {name}");
            }
        }
        if let Some(both) = self.open(name).iter().find(|open| accepted.contains(&open.as_str())) {
            bail!("domains.toml: [open] names {both} of {name}, which means success");
        }
        let is_decided = |value: &&str| {
            let named = |names: &[String]| names.iter().any(|named| named == value);
            accepted.contains(value) || named(refused) || named(self.open(name))
        };
        // What is there already may be of an attempt whose answer was lost: somebody has to look.
        if let Some(already) = values.iter().find(|value| value.contains("ALREADY") && !is_decided(value)) {
            bail!(
                "domains.toml: {already} of {name} may be of an earlier attempt; name it in [open] or [refusal]"
            );
        }
        if accepted.is_empty() {
            bail!("no value of {name} means success; name one in [success] of domains.toml");
        }
        Ok(accepted)
    }

    /// The values of a result enum that say no and leave open what is at the POS.
    pub fn open(&self, name: &str) -> &[String] {
        self.open.get(name).map(Vec::as_slice).unwrap_or_default()
    }
}

impl Scaled {
    /// Reads `scaled.toml`.
    ///
    /// # Errors
    /// Not TOML, or not this table.
    pub fn parse(text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| Error::new(format!("scaled.toml: {}", error.message())))
    }

    /// How an element is a decimal, if it is.
    pub fn role(&self, declared_in: &str, element: &str) -> Option<Role> {
        let entry = self.0.get(declared_in)?;
        if entry.cents.iter().any(|name| name == element) {
            Some(Role::Cents)
        } else {
            entry.scaled.contains_key(element).then_some(Role::Scaled)
        }
    }

    /// The element whose number of decimals this one tells.
    pub fn companion_of(&self, declared_in: &str, element: &str) -> Option<&str> {
        let entry = self.0.get(declared_in)?;
        entry.scaled.iter().find(|(_, companion)| *companion == element).map(|(scaled, _)| scaled.as_str())
    }

    /// Without the types that a service does not have: one table serves several versions.
    pub fn only_known(&self, service: &Service) -> Self {
        let known = self.0.iter().filter(|(name, _)| declared(service, name).is_some());
        Self(known.map(|(name, entry)| (name.clone(), entry.clone())).collect())
    }

    /// Refuses what names a type or an element that the service does not have, and a companion of two.
    pub(crate) fn check_known(&self, service: &Service) -> Result<()> {
        for (name, entry) in &self.0 {
            let Some(elements) = declared(service, name) else {
                bail!("scaled.toml: the service has no type {name}");
            };
            let companions: BTreeSet<&String> = entry.scaled.values().collect();
            if companions.len() != entry.scaled.len() {
                bail!("scaled.toml: two elements of {name} share one companion");
            }
            for element in entry.cents.iter().chain(entry.scaled.keys()).chain(companions) {
                if !elements.iter().any(|known| known.name == *element) {
                    bail!("scaled.toml: {name} declares no element {element}");
                }
            }
        }
        Ok(())
    }
}

/// The elements that a type, or a root element with its type in place, declares itself.
fn declared<'a>(service: &'a Service, name: &str) -> Option<&'a [Element]> {
    if let Some(complex) = service.types.get(name) {
        return Some(&complex.elements);
    }
    let mut roots = service.operations.iter().flat_map(|operation| [&operation.request, &operation.response]);
    roots.find(|root| root.name == name).and_then(|root| match &root.content {
        Content::Inline(elements) => Some(elements.as_slice()),
        Content::Named(_) => None,
    })
}

impl<'a> Layout<'a> {
    /// Sorts operations into their domains and types to where they are used. With `only`, everything else is left out.
    ///
    /// # Errors
    /// An operation without a domain, a domain with an operation that the service does not have, a read with a key.
    pub fn new(model: &'a Model, domains: &'a Domains, only: Option<&BTreeSet<String>>) -> Result<Self> {
        let assigned = domains.assignments()?;
        let known: BTreeSet<&str> =
            model.operations.iter().map(|operation| operation.name.as_str()).collect();
        if let Some(stray) = assigned.keys().find(|name| !known.contains(*name)) {
            bail!("domains.toml: {stray} is not an operation of the service");
        }
        if let Some(stray) = only.into_iter().flatten().find(|name| !known.contains(name.as_str())) {
            bail!("{stray} is not an operation of the service");
        }
        let mut operations: BTreeMap<&str, Vec<(&Operation, Repeat)>> = BTreeMap::new();
        let mut users: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for operation in &model.operations {
            let Some(&(domain, is_read)) = assigned.get(operation.name.as_str()) else {
                bail!("domains.toml: {} has no domain", operation.name);
            };
            if only.is_some_and(|only| !only.contains(&operation.name)) {
                continue;
            }
            let repeat = match (&operation.key, is_read) {
                (Some(_), true) => bail!("domains.toml: {} carries a key and is no read", operation.name),
                (Some(_), false) => Repeat::Idempotent,
                (None, true) => Repeat::Read,
                (None, false) => Repeat::Write,
            };
            operations.entry(domain).or_default().push((operation, repeat));
            let roots = [operation.request.as_str(), operation.response.as_str()];
            for name in model.reachable(roots.into_iter()) {
                users.entry(name).or_default().insert(domain);
            }
        }
        let modules = domains.domains.iter().filter_map(|(name, entry)| {
            let operations = operations.remove(name.as_str())?;
            let own = users.iter().filter(|(_, by)| by.len() == 1 && by.contains(name.as_str()));
            Some(Module {
                name,
                about: &entry.about,
                operations,
                types: own.map(|(rust, _)| *rust).collect(),
            })
        });
        let modules = modules.collect();
        users.retain(|_, by| by.len() > 1);
        Ok(Self { modules, shared: users })
    }
}
