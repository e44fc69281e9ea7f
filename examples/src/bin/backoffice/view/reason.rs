//! Why something went wrong, as a library or a till says it.

use maud::{Markup, html};

use super::Lang;

/// A failure in the visitor's language; a sentence that is known in English only says so, for screen readers.
pub(crate) fn said(lang: Lang, reason: &str) -> Markup {
    match lang.reason_of(reason) {
        Some(known) => html! { (known) },
        None => html! { span lang="en" { (reason) } },
    }
}
