//! What the generator does not understand it refuses, in one line that says where and what to do.

use std::fs;

use mplus_codegen::generate;

use crate::golden::case;

/// The error of the case `domains` with texts replaced in its files: each a file, a text and another one.
fn refusal(replaced: &[(&str, &str, &str)]) -> String {
    let read = |name: &str| {
        let text = fs::read_to_string(case("domains").join(name)).unwrap();
        replaced.iter().filter(|(file, ..)| *file == name).fold(text, |text, (_, from, to)| {
            assert!(text.contains(from), "{from} is not in {name}");
            text.replacen(from, to, 1)
        })
    };
    let error = generate(
        &read("service.wsdl"),
        &read("domains.toml"),
        &read("scaled.toml"),
        &read("operations.toml"),
        None,
    )
    .unwrap_err();
    let text = error.to_string();
    assert!(!text.contains('\n'), "{text}");
    text
}

fn assert_refused(file: &str, from: &str, to: &str, expected: &str) {
    let text = refusal(&[(file, from, to)]);
    assert!(text.contains(expected), "{text:?} does not say {expected:?}");
}

#[test]
fn two_things_of_one_name() {
    assert_refused("domains.toml", "findTable = \"FoundTable\"", "", "both be called FindTable");
    assert_refused("domains.toml", "FoundTable", "Table", "both be called Table");
    assert_refused("domains.toml", "FoundTable", "Option", "a name of the prelude");
    assert_refused(
        "service.wsdl",
        "element name=\"guests\" type=\"xsd:int\"",
        "element name=\"Table\" type=\"xsd:int\"",
        "both be called table",
    );
}

#[test]
fn values_that_would_be_one_variant() {
    assert_refused("service.wsdl", "\"OUTSIDE\"", "\"inside\"", "both be called Inside");
}

#[test]
fn an_operation_without_a_domain_or_with_two() {
    assert_refused("domains.toml", "reads = [\"ping\"]", "", "ping has no domain");
    assert_refused(
        "domains.toml",
        "[\"ping\"]",
        "[\"ping\", \"getTables\"]",
        "getTables stands in system and in tables",
    );
    assert_refused("domains.toml", "[\"ping\"]", "[\"ping\", \"pong\"]", "pong is not an operation");
}

#[test]
fn a_read_that_carries_a_key() {
    assert_refused(
        "domains.toml",
        "\"findTable\"]\nwrites = [",
        "\"findTable\", ",
        "bookTable carries a key",
    );
}

#[test]
fn a_result_that_nobody_called_a_success() {
    let named = "[\"BOOK-TABLE-RESULT-WAITING\"]";
    assert_refused("domains.toml", named, "[\"BOOK-TABLE-RESULT-LATE\"]", "names BOOK-TABLE-RESULT-LATE");
    let text = refusal(&[
        ("domains.toml", named, "[]"),
        ("service.wsdl", "BOOK-TABLE-RESULT-OK", "BOOK-TABLE-RESULT-FINE"),
    ]);
    assert!(text.contains("no value of BookTableResult means success"), "{text}");
    let open = "[\"BOOK-TABLE-RESULT-BOOKED-BEFORE\"]";
    assert_refused(
        "domains.toml",
        open,
        "[\"BOOK-TABLE-RESULT-LATE\"]",
        "[open] names BOOK-TABLE-RESULT-LATE",
    );
    assert_refused("domains.toml", open, named, "which means success");
}

#[test]
fn a_result_that_may_be_of_an_earlier_attempt_and_that_nobody_looked_at() {
    let before = "BOOK-TABLE-RESULT-BOOKED-BEFORE";
    let already = "BOOK-TABLE-RESULT-ALREADY-BOOKED";
    let renamed = ("service.wsdl", before, already);
    let text = refusal(&[renamed, ("domains.toml", &format!("[\"{before}\"]"), "[]")]);
    assert!(text.contains(&format!("{already} of BookTableResult may be of an earlier attempt")), "{text}");
}

#[test]
fn parts_of_a_schema_that_it_does_not_know() {
    assert_refused("service.wsdl", "<sequence>", "<choice/><sequence>", "<choice>");
    assert_refused("service.wsdl", "maxOccurs=\"unbounded\"", "maxOccurs=\"7\"", "maxOccurs 7");
    assert_refused("service.wsdl", "type=\"xsd:long\"", "type=\"xsd:duration\"", "duration");
    assert_refused(
        "service.wsdl",
        "type=\"tns:Zone\"",
        "type=\"tns:Area\"",
        "Area, which is not in the WSDL",
    );
    assert_refused(
        "service.wsdl",
        "base=\"tns:IdempotentReq\"",
        "base=\"tns:BookTableRequest\"",
        "extends itself",
    );
}

#[test]
fn what_is_no_wsdl() {
    assert_refused("service.wsdl", "</definitions>", "", "not well-formed XML");
    assert_refused(
        "service.wsdl",
        "http://schemas.xmlsoap.org/wsdl/",
        "urn:other",
        "not the definitions of a WSDL",
    );
}

#[test]
fn a_scale_for_what_is_not_there() {
    assert_refused("scaled.toml", "", "[Bill]\ncents = [\"total\"]\n", "no type Bill");
    assert_refused("scaled.toml", "", "[Table]\ncents = [\"total\"]\n", "Table declares no element total");
    assert_refused("scaled.toml", "", "[Guest]\ncents = [\"name\"]\n", "Guest.name is not an integer");
}

#[test]
fn a_type_that_requires_itself() {
    assert_refused(
        "service.wsdl",
        "<element name=\"number\" type=\"xsd:int\" />",
        "<element name=\"number\" type=\"tns:Table\" />",
        "a Table requires a Table in it",
    );
}

#[test]
fn a_text_for_an_operation_that_is_not_there() {
    assert_refused("operations.toml", "[ping]", "[pong]", "pong is not an operation");
    assert_refused("operations.toml", "example", "sample", "operations.toml: ");
}
