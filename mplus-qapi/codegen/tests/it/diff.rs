//! What a new version of the service means for code that uses the old one.

use std::fs;

use mplus_codegen::compare;

use crate::golden::case;

/// The changes from the case `domains` to itself with texts replaced, as lines.
fn changes(replaced: &[(&str, &str)]) -> Vec<String> {
    let read = |name: &str| fs::read_to_string(case("domains").join(name)).unwrap();
    let old = read("service.wsdl");
    let new = replaced.iter().fold(old.clone(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    });
    let changes = compare(&old, &new, &read("domains.toml"), &read("scaled.toml")).unwrap();
    changes.iter().map(ToString::to_string).collect()
}

#[test]
fn nothing_for_the_same_service() {
    assert_eq!(changes(&[]), Vec::<String>::new());
}

#[test]
fn new_operations_and_types_are_compatible() {
    let operation = r#"<operation name="pong"><input message="tns:ping" /><output message="tns:pingResponse" /></operation></portType>"#;
    assert_eq!(
        changes(&[("</portType>", operation)]),
        ["compatible  operation pong added", "compatible  type Pong added"]
    );
}

#[test]
fn a_new_field_breaks_only_where_a_request_must_have_it() {
    let guests = r#"<element name="guests" type="xsd:int" />"#;
    let required = format!(r#"{guests}<element name="dog" type="xsd:boolean" />"#);
    let optional = format!(r#"{guests}<element name="dog" type="xsd:boolean" minOccurs="0" />"#);
    let alive = r#"<element name="alive" type="xsd:boolean" />"#;
    let answered = format!(r#"{alive}<element name="since" type="xsd:date" />"#);
    assert_eq!(
        changes(&[(guests, &required)]),
        ["breaking    field BookTableRequest.dog added: bool, required in a request"]
    );
    assert_eq!(
        changes(&[(guests, &optional)]),
        ["compatible  field BookTableRequest.dog added: Option<bool>"]
    );
    assert_eq!(changes(&[(alive, &answered)]), ["compatible  field PingResponse.since added: Date"]);
}

#[test]
fn removed_fields_and_other_types_break() {
    let guests = r#"<element name="guests" type="xsd:int" />"#;
    assert_eq!(changes(&[(guests, "")]), ["breaking    field BookTableRequest.guests removed (guests)"]);
    let wider = r#"<element name="guests" type="xsd:long" minOccurs="0" />"#;
    assert_eq!(
        changes(&[(guests, wider)]),
        ["breaking    field BookTableRequest.guests is Option<i64>, not i32"]
    );
}

#[test]
fn a_list_type_that_gets_a_second_element_is_no_list_any_more() {
    let more =
        r#"type="tns:Table" minOccurs="0" maxOccurs="unbounded" /><element name="total" type="xsd:int" />"#;
    assert_eq!(
        changes(&[(r#"type="tns:Table" minOccurs="0" maxOccurs="unbounded" />"#, more)]),
        [
            "breaking    field GetTablesResponse.table_list is TableList, not Vec<Table>",
            "compatible  field GetTablesResponse.table_list has other elements for its items",
            "compatible  type TableList added",
        ]
    );
}

#[test]
fn a_value_that_shortens_the_common_words_renames_the_others() {
    let full = r#"<enumeration value="BOOK-TABLE-RESULT-FULL" />"#;
    let same = format!(r#"{full}<enumeration value="BOOK-TABLE-RESULT-CLOSED" />"#);
    assert_eq!(
        changes(&[(full, &same)]),
        ["compatible  value BookTableResult::Closed added (BOOK-TABLE-RESULT-CLOSED)"]
    );
    let other = format!(r#"{full}<enumeration value="BOOK-TABLE-CLOSED" />"#);
    let lines = changes(&[(full, &other)]);
    assert!(
        lines.contains(&"compatible  value BookTableResult::Closed added (BOOK-TABLE-CLOSED)".to_owned())
    );
    assert!(
        lines.contains(
            &"breaking    value BookTableResult::Ok is called ResultOk (BOOK-TABLE-RESULT-OK)".to_owned()
        ),
        "{lines:?}"
    );
    assert_eq!(
        changes(&[(full, "")]),
        ["breaking    value BookTableResult::Full removed (BOOK-TABLE-RESULT-FULL)"]
    );
}

#[test]
fn a_lost_key_breaks_and_another_order_does_not() {
    let lines = changes(&[(r#"base="tns:IdempotentReq""#, r#"base="tns:Visit""#)]);
    assert!(
        lines.contains(&"breaking    operation bookTable no longer carries an idempotency key".to_owned())
    );
    let (table, guests) =
        (r#"<element name="table" type="tns:Table" />"#, r#"<element name="guests" type="xsd:int" />"#);
    let swapped = changes(&[(guests, "HERE"), (table, guests), ("HERE", table)]);
    assert_eq!(swapped, ["compatible  type BookTableRequest has its elements in another order"]);
}
