//! Tables, of any width.

use maud::{Markup, html};

/// A table that scrolls by itself where a screen is too narrow for it: also by keys, and named as its page.
pub(crate) fn scrolling(table: Markup) -> Markup {
    html! { div.wide tabindex="0" role="group" aria-labelledby="title" { (table) } }
}
