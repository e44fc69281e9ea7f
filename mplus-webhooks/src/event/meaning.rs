//! What a piece of JSON means, however it is spelled.

use std::fmt::Write as _;

use rust_decimal::Decimal;
use serde_json::value::RawValue;

use super::object::{Entries, MAX_DEPTH};

/// The same text for the same content: without blanks, fields by their names, numbers and texts in one spelling. What cannot be read so is
/// taken as it stands.
pub(super) fn meaning(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    write(json.trim(), 0, &mut text);
    text
}

fn write(json: &str, depth: usize, text: &mut String) {
    let read = match json.as_bytes().first() {
        _ if depth > MAX_DEPTH => None,
        Some(b'{') => object(json, depth, text),
        Some(b'[') => list(json, depth, text),
        Some(b'"') => string(json, text),
        _ => number(json, text),
    };
    if read.is_none() {
        text.push_str(json);
    }
}

fn object(json: &str, depth: usize, text: &mut String) -> Option<()> {
    let Entries(mut fields) = serde_json::from_str(json).ok()?;
    fields.sort_by(|one, other| one.0.cmp(&other.0));
    // What stands twice, and each time otherwise, is read by nobody.
    if fields.windows(2).any(|pair| pair[0].0 == pair[1].0 && pair[0].1.get() != pair[1].1.get()) {
        return None;
    }
    fields.dedup_by(|one, other| one.0 == other.0);
    text.push('{');
    for (name, value) in fields {
        write!(text, "{name:?}:").ok()?;
        write(value.get(), depth + 1, text);
        text.push(',');
    }
    text.push('}');
    Some(())
}

fn list(json: &str, depth: usize, text: &mut String) -> Option<()> {
    let items: Vec<&RawValue> = serde_json::from_str(json).ok()?;
    text.push('[');
    for item in items {
        write(item.get(), depth + 1, text);
        text.push(',');
    }
    text.push(']');
    Some(())
}

fn string(json: &str, text: &mut String) -> Option<()> {
    let string: String = serde_json::from_str(json).ok()?;
    write!(text, "{string:?}").ok()
}

fn number(json: &str, text: &mut String) -> Option<()> {
    let number = Decimal::from_str_exact(json).or_else(|_| Decimal::from_scientific(json)).ok()?;
    write!(text, "{}", number.normalize()).ok()
}

#[cfg(test)]
mod tests {
    use super::meaning;

    #[test]
    fn spellings_of_the_same_content_mean_the_same() {
        let one = r#"{"a": 12.50, "b": ["Caf\u00e9", {"x": 1.0e1, "y": null}], "c": "a b"}"#;
        let other = r#"{"c":"a b","b":["Café",{"y":null,"x":10}],"a":12.5}"#;
        assert_eq!(meaning(one), meaning(other));
        assert_eq!(meaning(r#"{"a":1,"b":2,"a":1}"#), meaning(r#"{"b":2,"a":1.0}"#));
    }

    #[test]
    fn other_content_means_something_else() {
        let all = [
            r#"{"a":1}"#,
            r#"{"a":"1"}"#,
            r#"{"a":[1]}"#,
            r#"{"a":[1,2]}"#,
            r#"{"a":[2,1]}"#,
            r#"{"a":null}"#,
            r#"{"b":1}"#,
            r#"{"a":1.01}"#,
            r#"{"a":true}"#,
            r#"{"a":" 1"}"#,
            r#"{"a":{"b":1}}"#,
            r#"{"a":"{\"b\":1}"}"#,
            r#"{"a":1,"a":2}"#,
            r#"{"a":2,"a":1}"#,
            r#"{"a":2}"#,
            "[]",
            "{}",
            r#""""#,
        ];
        let apart: std::collections::BTreeSet<_> = all.iter().map(|json| meaning(json)).collect();
        assert_eq!(apart.len(), all.len());
    }

    #[test]
    fn what_cannot_be_read_is_taken_as_it_stands() {
        let long = "9".repeat(60);
        for json in [r#"{"a":"#, r#""\ud800""#, long.as_str(), "nonsense", ""] {
            assert_eq!(meaning(json), json);
        }
        let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        assert!(meaning(&deep).contains('1'));
    }
}
