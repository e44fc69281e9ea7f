//! The crate is built in floors: a room imports only from rooms below it. There is no way back up, and so no circle.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The rooms, from the ground up.
const ROOMS: [&str; 28] = [
    // What everything is made of.
    "cancel",
    "runtime",
    "model",
    "pos_call",
    "text",
    "price",
    // Tools.
    "store",
    "tax",
    "conflict",
    "media",
    "schedule",
    "progress",
    // What a run tells.
    "report",
    // What a merchant sets up.
    "settings",
    // What all services of one merchant share, and what all steps of a run share.
    "merchant",
    "run",
    // Services, each with its own steps.
    "branches",
    "stock",
    "relations",
    "tables",
    "orders",
    "products",
    "articles",
    // What a sync is made of, how a merchant connects, and the facade on top: of one merchant, and of all.
    "sync",
    "connection",
    "integration",
    "fleet",
    // Tests stand on all of it.
    "testkit",
];

#[test]
fn no_room_imports_from_a_room_above_it() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut rooms = BTreeSet::new();
    for entry in fs::read_dir(&source).unwrap() {
        let path = entry.unwrap().path();
        let room = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if room == "lib" {
            continue;
        }
        let floor = ROOMS.iter().position(|known| *known == room);
        let floor = floor.unwrap_or_else(|| panic!("{room} has no floor yet: find its place in the list"));
        let mut text = String::new();
        read(&path, &mut text);
        for above in &ROOMS[floor + 1..] {
            assert!(!imports(&text, above), "{room} imports from {above}, which stands on it");
        }
        rooms.insert(room);
    }
    assert_eq!(rooms.len(), ROOMS.len(), "rooms that are gone are still in the list: {rooms:?}");
}

/// Whether code imports from a room, or names it by its whole path; comments do not count.
fn imports(text: &str, room: &str) -> bool {
    let code = text.lines().map(str::trim_start).filter(|line| !line.starts_with("//"));
    code.into_iter().any(|line| {
        line.split("crate::").skip(1).any(|rest| {
            let names = rest.strip_prefix('{').map_or(rest, |names| names.split('}').next().unwrap_or(names));
            let is_group = rest.starts_with('{');
            let mut words = names.split(|c: char| !c.is_alphanumeric() && c != '_');
            if is_group { words.any(|word| word == room) } else { words.next() == Some(room) }
        })
    })
}

/// All sources of a room, without its unit tests.
fn read(path: &Path, text: &mut String) {
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| read(&entry.unwrap().path(), text));
    } else if path.extension().is_some_and(|extension| extension == "rs")
        && path.file_name().is_none_or(|name| name != "tests.rs")
    {
        let source = fs::read_to_string(path).unwrap();
        text.push_str(source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default());
        text.push('\n');
    }
}
