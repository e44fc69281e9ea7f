//! Every text of the pages, in both languages: one table, cut by what the texts are about.

pub(crate) mod connection;
pub(crate) mod frame;
pub(crate) mod menu;
pub(crate) mod orders;
pub(crate) mod payments;
pub(crate) mod play;
pub(crate) mod programs;
pub(crate) mod providers;
mod reasons;
mod sentences;
pub(crate) mod sync;

use std::fmt::Display;
use std::ops::Index;

/// One text. What stands for something else in it is `{}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) en: &'static str,
    pub(crate) nl: &'static str,
}

/// A part of the table: name, English, Dutch.
macro_rules! texts {
    ($($name:ident = $en:literal, $nl:literal;)*) => {
        $(pub(crate) const $name: crate::text::Text = crate::text::Text { en: $en, nl: $nl };)*

        #[cfg(test)]
        pub(super) const TEXTS: &[(&str, crate::text::Text)] = &[$((stringify!($name), $name)),*];
    };
}
pub(crate) use texts;

/// The language of a visit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Lang {
    #[default]
    En,
    Nl,
}

impl Lang {
    pub(crate) const ALL: [Self; 2] = [Self::En, Self::Nl];

    /// As HTML and HTTP write it.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Nl => "nl",
        }
    }

    /// As its speakers call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::Nl => "Nederlands",
        }
    }

    pub(crate) fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lang| lang.code() == code)
    }

    /// The first language that an `Accept-Language` header names and that is here.
    pub(crate) fn accepted(header: &str) -> Self {
        let codes = header.split(',').filter_map(|part| part.trim().get(..2));
        codes.filter_map(Self::from_code).next().unwrap_or_default()
    }

    /// A text with its gaps filled in their order.
    pub(crate) fn fill(self, text: Text, gaps: &[&dyn Display]) -> String {
        let mut parts = self[text].split("{}");
        let mut filled = parts.next().unwrap_or_default().to_owned();
        for (part, gap) in parts.zip(gaps) {
            filled.push_str(&gap.to_string());
            filled.push_str(part);
        }
        filled
    }
}

impl Index<Text> for Lang {
    type Output = str;

    fn index(&self, text: Text) -> &str {
        match self {
            Self::En => text.en,
            Self::Nl => text.nl,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> impl Iterator<Item = (&'static str, Text)> {
        let parts = [
            connection::TEXTS,
            frame::TEXTS,
            menu::TEXTS,
            orders::TEXTS,
            payments::TEXTS,
            play::TEXTS,
            programs::TEXTS,
            providers::TEXTS,
            sync::TEXTS,
        ];
        parts.into_iter().flatten().copied()
    }

    #[test]
    fn every_text_is_there_in_both_languages_with_the_same_gaps() {
        for (name, text) in all() {
            for lang in Lang::ALL {
                assert!(!lang[text].trim().is_empty(), "{name} has no text in {}", lang.name());
            }
            assert_eq!(text.en.matches("{}").count(), text.nl.matches("{}").count(), "the gaps of {name}");
        }
    }

    #[test]
    fn gaps_are_filled_in_their_order() {
        let text = Text { en: "{} of {} items", nl: "{} van {} artikelen" };
        assert_eq!(Lang::Nl.fill(text, &[&3, &"20.000"]), "3 van 20.000 artikelen");
    }

    #[test]
    fn the_first_language_that_is_here_is_taken() {
        assert_eq!(Lang::accepted("fr-FR,nl;q=0.8,en;q=0.5"), Lang::Nl);
        assert_eq!(Lang::accepted("de"), Lang::En);
        assert_eq!(Lang::accepted("é"), Lang::En);
    }
}
