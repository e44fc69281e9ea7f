//! What Troubleshooting quotes is what the libraries say.

mod connecting;
mod menu;
mod orders;
mod stock;
mod webhooks;
mod world;

use crate::text::{chapter, source};

/// Asserts that Troubleshooting quotes this message; `...` in the quote stands for anything.
#[track_caller]
pub(crate) fn assert_quoted(message: &str) {
    let page = chapter(&source().join("troubleshooting.md"));
    assert!(page.code_spans().any(|quote| fits(quote, message)), "not in troubleshooting.md: {message}");
}

fn fits(quote: &str, message: &str) -> bool {
    let parts: Vec<&str> = quote.split("...").collect();
    let [first, inner @ .., last] = &parts[..] else { return quote == message };
    let Some(mut rest) = message.strip_prefix(first).and_then(|rest| rest.strip_suffix(last)) else {
        return false;
    };
    for part in inner {
        let Some((_, behind)) = rest.split_once(part) else { return false };
        rest = behind;
    }
    // Dots alone would fit everything.
    quote.len() > 12
}

#[test]
fn a_quote_fits_with_its_dots_and_not_without() {
    assert!(fits("order 1001 waits: ...; look", "order 1001 waits: it rains; look"));
    assert!(fits("order 1001 waits: ...", "order 1001 waits: it rains"));
    assert!(!fits("order 1001 waits", "order 1001 waits: it rains"));
    assert!(!fits("order 1001 waits: ...; look", "order 1001 waits: it rains; go"));
}
