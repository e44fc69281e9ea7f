//! How things are, in a word and a colour.

use maud::{Markup, html};
use mplus_sync::model::{Connection, ConnectionStatus};

use super::Lang;
use crate::text::connection as t;

/// What a state means to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Calm,
    Waits,
    Bad,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Self::Good => "badge good",
            Self::Calm => "badge calm",
            Self::Waits => "badge waits",
            Self::Bad => "badge bad",
        }
    }
}

/// A word in its colour; the word says it all, for those who see no colours.
pub(crate) fn badge(tone: Tone, word: &str) -> Markup {
    html! { span class=(tone.class()) { (word) } }
}

/// How a connection is doing.
pub(crate) fn connection(lang: Lang, connection: &Connection) -> Markup {
    let (tone, word) = match &connection.status {
        ConnectionStatus::Disconnected { .. } => (Tone::Calm, t::DISCONNECTED),
        _ if connection.other_pos.is_some() => (Tone::Bad, t::OTHER_ANSWERS),
        _ if connection.paused.is_some() => (Tone::Calm, t::PAUSED),
        ConnectionStatus::Connected => (Tone::Good, t::CONNECTED),
        ConnectionStatus::Failing { .. } => (Tone::Bad, t::FAILING),
    };
    badge(tone, &lang[word])
}
