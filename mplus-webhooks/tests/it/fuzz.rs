//! The functions of the fuzz targets, over their corpus and over what chance makes of it.

#[path = "../../fuzz/checks.rs"]
mod checks;
#[path = "../../../tests/fuzzed.rs"]
mod fuzzed;

/// Pieces that matter somewhere.
const TOKENS: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\"",
    b"\\u0000",
    b"\\ud800",
    b"null",
    b"true",
    b"-0",
    b"1e400",
    b"0.1000000000000000055511151231257827",
    b"99999999999999999999",
    b"NaN",
    b"\"event\":{\"eventBlocking\":true},",
    b"\"sender\":{},",
    b"\"sessionId\":\"\",",
    b"\"amount\":-1,",
    b"\"amount\":\"12,50\",",
    b"\xef\xbb\xbf",
    b"\xff",
    b"\0",
    b"\r\n",
    b"\n",
    b"x-mplus-signature:",
    b"x-mplus-subscription-id:restaurant",
    b"content-type:application/json",
];

async fn run(target: &str, check: impl AsyncFn(&[u8]) -> Result<(), String>) {
    for shape in fuzzed::inputs(target, TOKENS, 1_000) {
        let checked = check(&shape).await;
        assert!(checked.is_ok(), "{checked:?}\nfor {}", String::from_utf8_lossy(&shape));
    }
}

#[tokio::test]
async fn whatever_a_signed_body_is_its_answer_is_one_that_a_till_takes() {
    run("body", checks::body).await;
}

#[tokio::test]
async fn whatever_headers_come_nothing_is_taken_but_under_its_signature() {
    run("headers", checks::headers).await;
}

#[tokio::test]
async fn whatever_calls_without_stripes_signature_is_refused() {
    run("stripe", checks::stripe).await;
}

#[tokio::test]
async fn whatever_calls_as_viva_is_answered_and_believed_in_nothing() {
    run("viva", checks::viva).await;
}
