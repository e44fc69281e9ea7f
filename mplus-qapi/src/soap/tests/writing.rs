//! What is written, and what is not.

use super::*;

#[test]
fn what_is_written_reads_back_the_same() {
    let text = write_envelope("Orders", &sample()).expect("fits");
    let (read, missing) = read::<Orders>(&text, "Orders").expect("readable");
    assert_eq!(read, sample());
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn what_does_not_fit_is_not_written() {
    let cases = [
        (
            Line { price: Some(Decimal::new(9955, 3)), ..Line::default() },
            "9.955 is no whole number of cents",
            "Line/price",
        ),
        (Line { quantity: Decimal::MAX, ..Line::default() }, "more digits", "Line/quantity"),
        (Line { line_id: Some("a\u{1}".to_owned()), ..Line::default() }, "0x01", "Line/lineId"),
        (Line { line_id: Some("\u{ff66}\u{ffff}".to_owned()), ..Line::default() }, "0xffff", "Line/lineId"),
    ];
    for (line, expected, path) in cases {
        let error = write_envelope("Line", &line).expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(error.path(), path);
    }
    let unset = write_envelope("Order", &Order::default()).expect_err("kind is not set");
    assert_eq!(unset.path(), "Order/kind");
    let exact = Line { price: Some("9.950".parse().expect("decimal")), ..Line::default() };
    assert!(write_envelope("Line", &exact).expect("fits").contains(">995<"));
}

#[cfg(feature = "serde")]
#[test]
fn json_has_wire_names_exact_decimals_and_no_absent_fields() {
    let line = Line { quantity: Decimal::new(10, 1), price: Some(Decimal::new(995, 2)), ..Line::default() };
    let json = serde_json::to_value(&line).expect("serializes");
    assert_eq!(json, serde_json::json!({"quantity": "1.0", "price": "9.95", "tags": []}));
}
