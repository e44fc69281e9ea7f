//! The functions of the fuzz targets, over their corpus and over what chance makes of it.

use mplus_qapi::testkit::fuzzing;

#[path = "../../../tests/fuzzed.rs"]
mod fuzzed;

/// Pieces of XML that matter somewhere.
const TOKENS: &[&[u8]] = &[
    b"<",
    b">",
    b"/>",
    b"</",
    b"&",
    b"&amp;",
    b"&#0;",
    b"&#xD800;",
    b"&#x1F600;",
    b"&nope;",
    b"<![CDATA[",
    b"]]>",
    b"<!--",
    b"-->",
    b"<?x ",
    b"?>",
    b"<!DOCTYPE a>",
    b" xsi:nil='true'",
    b" href='#a'",
    b" xmlns:ns='u'",
    b" xmlns='urn:mplusqapi'",
    b" a='1' a='2'",
    b"\0",
    b"\xff",
    b"\xc3",
    b"\xef\xbf\xbe",
    b"\r\n",
    b" ",
    b"-",
    b".",
    b"000000000000000000000",
    b"1e5",
    b"99999999999999999999",
    b"<ns:x>",
    b"</ns:x>",
    b"<ns:productList>",
    b"</ns:product>",
    b"<ns:decimalPlaces>7</ns:decimalPlaces>",
];

fn run(target: &str, check: fn(&[u8]) -> Result<(), String>) {
    for document in fuzzed::inputs(target, TOKENS, 3_000) {
        if let Err(problem) = check(&document) {
            panic!("{problem}\nin {}", String::from_utf8_lossy(&document));
        }
    }
}

#[test]
fn whatever_a_document_is_whole_and_in_pieces_it_is_the_same() {
    run("reader", fuzzing::reader);
}

#[test]
fn whatever_was_read_is_the_same_when_it_was_written_and_read_again() {
    run("round_trip", fuzzing::round_trip);
}

#[test]
fn whatever_a_fault_holds_it_is_told_the_same_and_not_at_length() {
    run("fault", fuzzing::fault);
}
