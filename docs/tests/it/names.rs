//! Names that the guide mentions exist in the sources.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use crate::text::{chapters, workspace};

/// Where names may come from: everything of the workspace but the guide.
const PLACES: [&str; 6] = ["mplus-qapi", "mplus-sync", "mplus-webhooks", "examples", "benches", "Cargo.toml"];

fn is_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

fn collect(path: &Path, words: &mut HashSet<String>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("readable") {
            let path = entry.expect("readable").path();
            if path.file_name().is_some_and(|name| name != "target") {
                collect(&path, words);
            }
        }
    } else if path
        .extension()
        .is_some_and(|extension| ["rs", "toml", "sql"].iter().any(|known| extension == *known))
    {
        let text = fs::read_to_string(path).expect("readable");
        words.extend(text.split(|character| !is_name(character)).map(str::to_owned));
    }
}

fn words() -> HashSet<String> {
    let mut words = HashSet::new();
    PLACES.iter().for_each(|place| collect(&workspace().join(place), &mut words));
    words
}

/// Whether a word is a name and not just a word: it has an underscore, or changes its case within.
fn looks_like_a_name(word: &str) -> bool {
    let inner_capital =
        word.chars().zip(word.chars().skip(1)).any(|(a, b)| a.is_lowercase() && b.is_uppercase());
    word.len() > 2
        && !word.starts_with(|first: char| first.is_ascii_digit())
        && (word.contains('_') || inner_capital)
}

#[test]
fn every_name_exists() {
    let words = words();
    let mut unknown = Vec::new();
    for chapter in chapters() {
        // Messages hold examples; names stand alone, or with their path and parentheses.
        for span in chapter.code_spans().filter(|span| !span.contains(' ') || span.contains("::")) {
            let names = span.split(|character| !is_name(character));
            let strict = span.contains("::");
            for name in names.filter(|name| looks_like_a_name(name) || (strict && !name.is_empty())) {
                if !words.contains(name) {
                    unknown.push(format!("{}: `{span}`", chapter.name));
                }
            }
        }
    }
    assert_eq!(unknown, [""; 0], "names that no source has");
}

#[test]
fn every_file_that_is_named_exists() {
    for chapter in chapters() {
        for span in chapter.code_spans().filter(|span| span.starts_with("mplus-") && span.contains('/')) {
            assert!(workspace().join(span).exists(), "{}: {span}", chapter.name);
        }
    }
}

#[test]
fn every_code_span_ends_in_its_line() {
    // Else the other tests of this module would read the text between two spans as a name.
    for chapter in chapters() {
        for line in chapter.prose() {
            assert!(line.matches('`').count() % 2 == 0, "{}: {line}", chapter.name);
        }
    }
}

#[test]
fn every_reading_of_an_open_question_is_in_the_list_of_what_is_tested() {
    let chapters = chapters();
    let chapter = chapters.iter().find(|chapter| chapter.name == "unknowns.md").expect("the chapter");
    for question in mplus_qapi::testkit::Dialect::questions() {
        let row = chapter.text.lines().find(|line| line.contains(&format!("| `{}` |", question.name)));
        let row = row.unwrap_or_else(|| panic!("{} is not in the list", question.name));
        for reading in question.readings {
            assert!(row.contains(&format!("`{}`", reading.name)), "{} is not in its row", reading.name);
        }
    }
}
