//! From the names of the service to the names of Rust, and the ledger in which every name stands once.

use std::collections::BTreeMap;

use crate::error::{Result, bail};

/// Names that the generated modules see already: those of the prelude and of Rust.
const TAKEN: &[&str] = &[
    "Binary",
    "Box",
    "Client",
    "Date",
    "DateTime",
    "Decimal",
    "XsdDecimal",
    "Default",
    "Err",
    "From",
    "Into",
    "List",
    "None",
    "Ok",
    "Option",
    "Result",
    "Self",
    "Some",
    "String",
    "Vec",
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

#[cfg(test)]
mod tests {
    use super::*;

    fn variants_of(values: &[&str]) -> Vec<String> {
        variants("Some", &values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn types_are_pascal_case_whatever_the_service_writes() {
        assert_eq!(type_name("getProducts"), "GetProducts");
        assert_eq!(type_name("ReportBPEResponse"), "ReportBpeResponse");
        assert_eq!(type_name("ns-EidType"), "NsEidType");
        assert_eq!(type_name("Struct-1"), "Struct1");
        assert_eq!(type_name("createOrderV3"), "CreateOrderV3");
    }

    #[test]
    fn fields_are_snake_case_and_never_a_keyword() {
        assert_eq!(field_name("extOrderId"), "ext_order_id");
        assert_eq!(field_name("employee-number"), "employee_number");
        assert_eq!(field_name("isVIPGuest"), "is_vip_guest");
        assert_eq!(field_name("type"), "r#type");
        assert_eq!(field_name("return"), "r#return");
        assert_eq!(field_name("self"), "self_");
        assert_eq!(field_name("2go"), "n2go");
    }

    #[test]
    fn streams_are_named_for_what_they_bring() {
        assert_eq!(stream_name("getProducts"), "stream_products");
        assert_eq!(stream_name("reportTables"), "stream_report_tables");
    }

    #[test]
    fn variants_leave_out_the_words_that_all_values_share() {
        assert_eq!(variants_of(&["A-RESULT-OK", "A-RESULT-NOT-FOUND"]), ["Ok", "NotFound"]);
        assert_eq!(variants_of(&["A-RESULT-OK"]), ["Ok"]);
        assert_eq!(variants_of(&["A-B", "A-B-C"]), ["B", "BC"]);
        assert_eq!(variants_of(&["TOP", "RIGHT"]), ["Top", "Right"]);
    }

    #[test]
    fn variants_keep_clear_of_what_is_taken() {
        assert_eq!(variants_of(&["X-UNKNOWN", "X-SELF", "X-2-GO"]), ["UnknownValue", "SelfValue", "N2Go"]);
        let twice = variants("Some", &["ON-OFF".to_owned(), "ON_OFF".to_owned()]).unwrap_err().to_string();
        assert!(twice.contains("both be called OnOff"), "{twice}");
    }

    #[test]
    fn the_ledger_gives_a_name_once() {
        let mut ledger = Ledger::of_types();
        ledger.give("Order", "type Order").unwrap();
        let error = ledger.give("Order", "operation order").unwrap_err().to_string();
        assert!(error.contains("operation order and type Order would both be called Order"), "{error}");
        assert!(error.contains("[names]"), "{error}");
        assert!(ledger.give("Vec", "type Vec").is_err());
    }
}
