//! Records seen from outside.

use super::*;

#[test]
fn a_record_shows_what_is_there_by_the_names_of_the_wire() {
    let line = Line { line_id: Some("7".into()), tags: vec!["a".into()], ..Default::default() };
    assert_eq!(format!("{line:?}"), r#"Line { lineId: "7", quantity: 0, tags: ["a"] }"#);
    let order = Order { number: 4, kind: Kind::Sales, lines: vec![line], ..Default::default() };
    let shown = format!("{order:?}");
    assert!(shown.starts_with("Order { number: 4, kind: KIND-SALES, lineList: [Line { lineId"), "{shown}");
}

#[test]
fn a_record_hides_what_is_sensitive() {
    record! { Login "Login" {
        0 user: String = "user";
        1 password: Option<String> = "password";
    } }
    let login = Login { user: "till".into(), password: Some("hunter2".into()) };
    assert_eq!(format!("{login:?}"), r#"Login { user: "till", password: *** }"#);
}

#[test]
fn records_are_equal_when_every_field_is() {
    let line = || Line { line_id: Some("7".into()), tags: vec!["a".into()], ..Default::default() };
    assert_eq!(line(), line());
    assert_ne!(line(), Line { line_id: None, ..line() });
    assert_ne!(line(), Line { tags: vec![], ..line() });
    assert_ne!(line(), Line { parent: Some(Box::new(line())), ..line() });
    assert_ne!(
        line(),
        Line { preparation_list: List::empty(), ..line() },
        "an empty list is not an absent one"
    );
    let of = |lines| Order { lines, ..Default::default() };
    assert_ne!(of(vec![line()]), of(vec![line(), line()]));
    assert_ne!(of(vec![line()]), of(vec![Line { quantity: Decimal::ONE, ..line() }]));
}
