//! From the names of the service to the names of Rust, and the ledger in which every name stands once.

use std::collections::BTreeMap;

use crate::error::{Result, bail};

/// Names that the generated modules see already: those of the prelude and of Rust.
const TAKEN: &[&str] = &[
    "Binary", "Box", "Client", "Date", "DateTime", "Decimal", "Default", "Err", "From", "Into", "List",
    "None", "Ok", "Option", "Result", "Self", "Some", "String", "Vec",
];

/// Words that cannot be a name as they are.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro",
    "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait",
    "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Keywords that cannot be raw identifiers either.
const PATH_KEYWORDS: &[&str] = &["crate", "self", "super"];

/// Every name that was given in one scope, and to what.
#[derive(Debug)]
pub struct Ledger {
    scope: String,
    entries: BTreeMap<String, String>,
}

impl Ledger {
    /// For the scope that the errors name.
    pub fn new(scope: impl Into<String>) -> Self {
        Self { scope: scope.into(), entries: BTreeMap::new() }
    }

    /// For types: the names of the prelude are taken.
    pub fn of_types() -> Self {
        let mut ledger = Self::new("the types");
        ledger
            .entries
            .extend(TAKEN.iter().map(|name| ((*name).to_owned(), "a name of the prelude".to_owned())));
        ledger
    }

    /// Gives `rust` to `wsdl`.
    ///
    /// # Errors
    /// The name is given already: two things would be one.
    pub fn give(&mut self, rust: &str, wsdl: impl Into<String>) -> Result<()> {
        let wsdl = wsdl.into();
        if let Some(other) = self.entries.get(rust) {
            bail!(
                "{}: {wsdl} and {other} would both be called {rust}; give one another name in [names] of domains.toml",
                self.scope
            );
        }
        self.entries.insert(rust.to_owned(), wsdl);
        Ok(())
    }
}

/// `getProducts` -> `GetProducts`, `ReportBPE` -> `ReportBpe`.
pub fn type_name(wsdl: &str) -> String {
    words(wsdl).iter().map(|word| capital(word)).collect()
}

/// `extOrderId` -> `ext_order_id`, `type` -> `r#type`.
pub fn field_name(wsdl: &str) -> String {
    let name = words(wsdl).join("_");
    if KEYWORDS.contains(&name.as_str()) {
        format!("r#{name}")
    } else if PATH_KEYWORDS.contains(&name.as_str()) {
        format!("{name}_")
    } else if name.starts_with(|first: char| first.is_ascii_digit()) {
        format!("n{name}")
    } else {
        name
    }
}

/// `getProducts` -> `stream_products`.
pub fn stream_name(operation: &str) -> String {
    let words = words(operation);
    let rest = if words.first().is_some_and(|word| word == "get") { &words[1..] } else { &words[..] };
    format!("stream_{}", rest.join("_"))
}

/// The variants of an enum: the words that all values begin with are left out.
///
/// # Errors
/// Two values would be one variant.
pub fn variants(name: &str, values: &[String]) -> Result<Vec<String>> {
    let split: Vec<Vec<&str>> = values.iter().map(|value| value.split('-').collect()).collect();
    let shortest = split.iter().map(Vec::len).min().unwrap_or(1);
    let common = (0..shortest.saturating_sub(1))
        .take_while(|at| split.iter().all(|parts| parts.get(*at) == split[0].get(*at)))
        .count();
    let mut ledger = Ledger::new(format!("enum {name}"));
    ledger.give("Unknown", "the variant for unknown values")?;
    split
        .iter()
        .zip(values)
        .map(|(parts, value)| {
            let variant = variant(&parts[common..].join("-"));
            ledger.give(&variant, value)?;
            Ok(variant)
        })
        .collect()
}

fn variant(text: &str) -> String {
    let name = type_name(text);
    match name.as_str() {
        "" => "Empty".to_owned(),
        // `Unknown` keeps the texts that are not known; a value of that name is a known one.
        "Unknown" | "Self" => format!("{name}Value"),
        _ if name.starts_with(|first: char| first.is_ascii_digit()) => format!("N{name}"),
        _ => name,
    }
}

/// Splits at everything that is no letter or digit, and where a capital begins a word. Lower case.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for part in name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty()) {
        let letters: Vec<char> = part.chars().collect();
        let mut word = String::new();
        for (at, letter) in letters.iter().enumerate() {
            let after_small = at > 0 && !letters[at - 1].is_ascii_uppercase();
            let before_small = letters.get(at + 1).is_some_and(char::is_ascii_lowercase);
            if letter.is_ascii_uppercase() && at > 0 && (after_small || before_small) {
                words.push(std::mem::take(&mut word));
            }
            word.push(letter.to_ascii_lowercase());
        }
        words.push(word);
    }
    words
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}
