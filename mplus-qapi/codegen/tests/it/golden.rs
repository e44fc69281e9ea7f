//! Small services of our own and the modules that come of them. `UPDATE_GOLDEN=1` writes what comes; read the diff.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use mplus_codegen::generate;

pub(crate) fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn generated(case: &Path, only: Option<&BTreeSet<String>>) -> BTreeMap<String, String> {
    let read = |name: &str| fs::read_to_string(case.join(name)).unwrap();
    generate(
        &read("service.wsdl"),
        &read("domains.toml"),
        &read("scaled.toml"),
        &read("operations.toml"),
        only,
    )
    .unwrap()
}

fn check(name: &str) {
    let case = case(name);
    let expected = case.join("expected");
    let files = generated(&case, None);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(&expected).unwrap();
        for (file, text) in &files {
            fs::write(expected.join(file), text).unwrap();
        }
    }
    let names: BTreeSet<String> = fs::read_dir(&expected)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names, files.keys().cloned().collect());
    for (file, text) in &files {
        assert_eq!(&fs::read_to_string(expected.join(file)).unwrap(), text, "{name}/{file}");
    }
}

#[test]
fn every_shape_of_a_field_becomes_its_line() {
    check("shapes");
}

#[test]
fn operations_and_types_go_to_their_domains() {
    check("domains");
}

#[test]
fn two_runs_write_the_same() {
    for name in ["shapes", "domains"] {
        assert_eq!(generated(&case(name), None), generated(&case(name), None));
    }
}

#[test]
fn an_allow_list_leaves_out_what_its_operations_do_not_need() {
    let only = BTreeSet::from(["getGuests".to_owned()]);
    let files = generated(&case("domains"), Some(&only));
    assert_eq!(files.keys().map(String::as_str).collect::<Vec<_>>(), ["guests.rs", "mod.rs"]);
    let guests = &files["guests.rs"];
    assert!(guests.contains("wire_enum! { Zone"), "a type that is no longer shared moves to its domain");
    assert!(!guests.contains("types::*"));
    assert!(!files["mod.rs"].contains("tables"));
}

#[test]
fn no_word_of_the_documentation_of_the_wsdl_is_written() {
    let case = case("domains");
    let read = |name: &str| fs::read_to_string(case.join(name)).unwrap();
    let documented = read("service.wsdl").replace(
        "<element name=\"guests\" type=\"xsd:int\" />",
        "<element name=\"guests\" type=\"xsd:int\"><annotation><documentation>Secret sauce.</documentation></annotation></element>",
    );
    assert!(documented.contains("Secret sauce"));
    let files =
        generate(&documented, &read("domains.toml"), &read("scaled.toml"), &read("operations.toml"), None)
            .unwrap();
    assert_eq!(files, generated(&case, None));
}
