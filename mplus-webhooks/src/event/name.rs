//! The events' names at the end of the URL.

use serde::{Serialize, Serializer};

use super::table::for_each_event;

macro_rules! names {
    ($($(#[$doc:meta])* $event:ident $wire:literal $method:ident $setter:ident $reply:ident;)*) => {
        /// An event's name as it stands at the end of the URL.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum EventName {
            $($(#[$doc])* $event,)*
            /// An event that this crate does not know.
            Unknown(String),
        }

        impl EventName {
            /// Every event that this crate knows.
            pub const ALL: &[Self] = &[$(Self::$event),*];

            /// The name in the URL, camelCase.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$event => $wire,)*
                    Self::Unknown(name) => name,
                }
            }

            /// The event with this name; any other text is kept as [`Unknown`](Self::Unknown).
            ///
            /// A known name in another spelling (`CompleteSession`, `complete-session`) is that event, too. Whether the
            /// spelling was another one shows by comparing with [`as_str`](Self::as_str).
            pub fn from_wire(name: &str) -> Self {
                match name {
                    $($wire => Self::$event,)*
                    other => Self::respelled(other).unwrap_or_else(|| Self::Unknown(other.to_owned())),
                }
            }
        }
    };
}

for_each_event!(names);

impl EventName {
    /// Whether the event begins or ends something that must not be lost or done twice.
    ///
    /// Work on such an event is never cut off halfway, not even when the till stops waiting.
    pub fn changes_state(&self) -> bool {
        matches!(
            self,
            Self::MergeSession
                | Self::CompleteSession
                | Self::CancelSession
                | Self::CreditSession
                | Self::StartExternalPayment
                | Self::RequestCancelExternalPayment
                | Self::CancelExternalPayment
        )
    }

    /// Whether it says how a sale ended, which a till says once.
    pub(crate) fn ends_a_sale(&self) -> bool {
        matches!(self, Self::MergeSession | Self::CompleteSession | Self::CancelSession | Self::CreditSession)
    }

    /// The event whose name has the same letters, whatever their case and whatever stands between them.
    fn respelled(name: &str) -> Option<Self> {
        /// No name is longer, even with something between all its words.
        const LONGEST: usize = 64;
        if name.len() > LONGEST {
            return None;
        }
        let letters = |name: &str| -> String {
            let between = |character: &char| !matches!(character, '-' | '_' | '.' | ' ');
            name.chars().filter(between).map(|character| character.to_ascii_lowercase()).collect()
        };
        let wanted = letters(name);
        Self::ALL.iter().find(|known| letters(known.as_str()) == wanted).cloned()
    }
}

impl Serialize for EventName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::EventName;

    #[test]
    fn a_known_name_in_another_spelling_is_known() {
        for spelling in
            ["completeSession", "CompleteSession", "complete-session", "complete_session", "COMPLETESESSION"]
        {
            assert_eq!(EventName::from_wire(spelling), EventName::CompleteSession, "{spelling}");
        }
        for other in ["completeSessions", "complete", "", "complete/session", "sessionComplete"] {
            assert_eq!(EventName::from_wire(other), EventName::Unknown(other.to_owned()));
        }
    }

    #[test]
    fn no_two_events_have_the_same_letters() {
        for name in EventName::ALL {
            assert_eq!(EventName::from_wire(&name.as_str().to_uppercase()), *name);
        }
    }
}
