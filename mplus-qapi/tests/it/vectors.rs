//! Envelopes come back the same in value space: decimals in value and scale, instants with their offset, texts to the
//! character, lists in order.

use std::{fs, path::Path};

use mplus_qapi::{
    testkit::{Direction, Message},
    value::{DateTime, Decimal},
};
use roxmltree::{Document, Node};

#[test]
fn the_vectors_in_the_tree_come_back_the_same() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/vectors");
    assert!(check_folder(&folder) >= 6);
}

/// For a folder of many: `MPLUS_VECTORS=folder cargo test -p mplus-qapi --all-features --test it vectors`.
#[test]
fn the_vectors_of_a_given_folder_come_back_the_same() {
    if let Some(folder) = std::env::var_os("MPLUS_VECTORS") {
        assert!(check_folder(Path::new(&folder)) > 0);
    }
}

fn check_folder(folder: &Path) -> usize {
    let mut count = 0;
    let mut problems = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
        let Some((operation, rest)) = name.split_once('.') else { continue };
        let direction = match rest.split('.').next() {
            Some("req") => Direction::Request,
            Some("resp") => Direction::Response,
            _ => continue,
        };
        let given = fs::read_to_string(&path).expect("text");
        let message = Message::read(operation, direction, given.as_bytes());
        let written = match message.as_ref().map(Message::write) {
            Ok(Ok(written)) => written,
            Ok(Err(error)) => {
                problems.push(format!("{name}: {error}"));
                continue;
            }
            Err(error) => {
                problems.push(format!("{name}: {error}"));
                continue;
            }
        };
        let (given, written) =
            (Document::parse(&given).expect("XML"), Document::parse(&written).expect("XML"));
        compare(body(&given), body(&written), &name, &mut problems);
        count += 1;
    }
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    count
}

fn body<'a>(document: &'a Document<'_>) -> Node<'a, 'a> {
    document.descendants().find(|node| node.tag_name().name() == "Body").expect("a body")
}

fn compare(given: Node<'_, '_>, written: Node<'_, '_>, path: &str, problems: &mut Vec<String>) {
    let path = format!("{path}/{}", given.tag_name().name());
    let children: Vec<_> = given.children().filter(Node::is_element).collect();
    let names: Vec<_> = children.iter().map(|child| child.tag_name().name()).collect();
    // A scale that was left out reads as 0, and is always written.
    let told = |child: &Node<'_, '_>| {
        let name = child.tag_name().name();
        names.contains(&name) || !name.to_lowercase().contains("decimalplaces") || child.text() != Some("0")
    };
    let kept: Vec<_> = written.children().filter(Node::is_element).filter(told).collect();
    let kept_names: Vec<_> = kept.iter().map(|child| child.tag_name().name()).collect();
    if names != kept_names {
        problems.push(format!("{path}: {names:?} became {kept_names:?}"));
        return;
    }
    if children.is_empty() && !same(&text(given), &text(written)) {
        problems.push(format!("{path}: {:?} became {:?}", text(given), text(written)));
    }
    for (given, written) in children.into_iter().zip(kept) {
        compare(given, written, &path, problems);
    }
}

fn text(node: Node<'_, '_>) -> String {
    node.children().filter_map(|child| child.text()).collect()
}

/// Equal to the character, or two spellings of one value.
fn same(given: &str, written: &str) -> bool {
    let decimal = |text: &str| text.trim().parse::<Decimal>().ok().map(|value| (value, value.scale()));
    let instant = |text: &str| text.trim().parse::<DateTime>().ok();
    let boolean = |text: &str| match text.trim() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    };
    fn equal<T: PartialEq>(given: Option<T>, written: Option<T>) -> bool {
        given.is_some() && given == written
    }
    let base64 = |text: &str| text.split_ascii_whitespace().collect::<String>();
    given == written
        || equal(decimal(given), decimal(written))
        || equal(instant(given), instant(written))
        || equal(boolean(given), boolean(written))
        || (written.len() > 40 && base64(given) == base64(written))
}
