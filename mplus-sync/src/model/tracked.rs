//! What is kept beside a record: its number at the POS, what both sides last agreed on, whether the host edited it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Editable, Edits, Field, FieldValue, Marker};

/// A record that lives on both sides and can be found by the host's identifier and by the POS's number.
///
/// Implemented by [`Category`](super::Category), [`Item`](super::Item), [`ModifierGroup`](super::ModifierGroup),
/// [`Combo`](super::Combo) and [`Location`](super::Location); hosts use it, they do not implement it.
pub trait Record:
    Clone + fmt::Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// The host's identifier of such a record.
    type Id: Clone + fmt::Debug + Ord + AsRef<str> + From<String> + Send + Sync + 'static;
    /// The POS's number of such a record.
    type PosId: Clone + fmt::Debug + Ord + Serialize + DeserializeOwned + Send + Sync + 'static;

    /// What such a record is called in messages and tables.
    const NAME: &'static str;

    /// The host's identifier of this record.
    fn id(&self) -> &Self::Id;

    /// The POS's number as text, unique among records of this kind.
    fn pos_key(number: &Self::PosId) -> String;

    /// The POS's number that such a text stands for; none when it stands for none.
    fn from_pos_key(key: &str) -> Option<Self::PosId>;
}

/// A record as a store keeps it.
///
/// The record itself is the host's; the rest is the sync's and survives every edit that the host makes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "T: Record")]
pub struct Tracked<T: Record> {
    /// The host's record.
    pub record: T,
    /// Where the record is known outside the host.
    pub external_ids: ExternalIds<T::PosId>,
    /// What was last pulled and pushed.
    pub sync: SyncState,
    /// The fields that the host edited and that were not pushed yet: several edits between two runs are one push.
    ///
    /// Settling one in a chunk takes it back, as a pull does in which the POS wins.
    pub edits: Edits,
    /// The revision that was read; a write is refused when the stored one has moved on.
    pub revision: Revision,
    /// The record as a newer release wrote it, of which this one does not know everything: kept when it is written again.
    #[serde(skip)]
    pub(crate) newer: Option<Newer>,
}

/// What a newer release wrote. Says nothing of the record, and so is equal to any other.
#[derive(Debug, Clone)]
pub(crate) struct Newer(
    #[cfg_attr(not(any(feature = "sqlite", feature = "postgres", feature = "mysql")), expect(dead_code))]
    pub(crate) Arc<str>,
);

impl PartialEq for Newer {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Newer {}

impl<T: Record> Tracked<T> {
    /// A record that the store does not have yet.
    pub fn new(record: T) -> Self {
        Self {
            record,
            external_ids: ExternalIds { mpluskassa: None },
            sync: SyncState::default(),
            edits: Edits::default(),
            revision: Revision::NEW,
            newer: None,
        }
    }

    /// The same with its number at the POS.
    pub fn linked(mut self, number: T::PosId) -> Self {
        self.external_ids.mpluskassa = Some(number);
        self
    }

    /// When the host last edited the record, when not all of it was pushed yet.
    pub fn edited_at(&self) -> Option<DateTime<Utc>> {
        self.edits.latest()
    }
}

impl<T: Editable> Tracked<T> {
    /// The value that the POS has of a field as far as is known: of one that the host edited it is what both sides agreed on
    /// before, and as in an empty record where they never did.
    pub(crate) fn at_pos(&self, field: &Field) -> Option<FieldValue> {
        match self.edits.get(field) {
            None => self.record.value(field),
            Some(edit) => edit.agreed.clone().or_else(|| T::empty(self.record.id().clone()).value(field)),
        }
    }

    /// Records that the POS has taken `sent`, which is this record as it was when it was pushed; nothing of it when there is
    /// none. Pure.
    ///
    /// The edit of a field is settled when the field still is what was sent; one that was edited meanwhile stays pending, and
    /// both sides agree on what was sent. Number and sync state are facts and stored in any case.
    pub fn pushed(mut self, sent: Option<&T>, number: T::PosId, sync: SyncState) -> Self {
        let record = &self.record;
        if let Some(sent) = sent {
            self.edits.retain(|field, edit| {
                let sent = sent.value(field);
                let settled = record.value(field) == sent;
                edit.agreed = sent.or_else(|| edit.agreed.take());
                !settled
            });
        }
        self.external_ids.mpluskassa = Some(number);
        self.sync = sync;
        self
    }
}

/// Where a record is known outside the host: the `external_ids` of the guide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalIds<N> {
    /// The POS's number; none while the record is unknown there.
    pub mpluskassa: Option<N>,
}

/// How often a stored record was written; what makes a lost update visible.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(i64);

impl Revision {
    /// Of a record that was never stored: writing it is refused when it exists after all.
    pub const NEW: Self = Self(0);

    /// A revision as a store counted it.
    pub const fn new(count: i64) -> Self {
        Self(count)
    }

    /// The count, for a store to keep.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The revision after one more write.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// What both sides last agreed on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SyncState {
    /// The POS's content as last pulled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pulled: Option<Version>,
    /// The host's content as last pushed; the pull that brings the same content back is an echo and no conflict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushed: Option<Version>,
    /// Content that travels by calls of its own (branch prices, nutrition, links), by a name that the caller chooses.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<String, Fingerprint>,
}

/// One state of a record's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Of the content that both sides share.
    pub fingerprint: Fingerprint,
    /// When the content was made: the POS's change time for a pull, the edit's time for a push.
    pub changed_at: Option<DateTime<Utc>>,
    /// The POS's sync marker of this state, when it gave one.
    pub marker: Option<Marker>,
}

/// A short stand-in for content: equal content gives an equal fingerprint on every machine and in every release.
///
/// The first 128 bits of the SHA-256 of the content's JSON, as hexadecimal text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The fingerprint of a value.
    ///
    /// # Errors
    /// When the value has no JSON form (a map whose keys are not text).
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, FingerprintError> {
        let json = serde_json::to_vec(value).map_err(FingerprintError)?;
        let digest = Sha256::digest(&json);
        let mut text = String::with_capacity(32);
        for byte in &digest[..16] {
            text.push(char::from(HEX[usize::from(byte >> 4)]));
            text.push(char::from(HEX[usize::from(byte & 15)]));
        }
        Ok(Self(text))
    }

    /// The fingerprint as hexadecimal text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({})", self.0)
    }
}

/// A value that has no JSON form and so no fingerprint.
#[derive(Debug, thiserror::Error)]
#[error("the value has no JSON form: {0}")]
pub struct FingerprintError(serde_json::Error);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_depends_on_content_alone_and_never_changes_between_releases() {
        let one = Fingerprint::of(&("Cola", 250)).unwrap();
        assert_eq!(one, Fingerprint::of(&("Cola", 250)).unwrap());
        assert_ne!(one, Fingerprint::of(&("Cola", 251)).unwrap());
        assert_eq!(Fingerprint::of("").unwrap().as_str(), "12ae32cb1ec02d01eda3581b127c1fee");
    }

    #[test]
    fn a_value_without_a_json_form_has_no_fingerprint() {
        let odd = BTreeMap::from([((1, 2), 3)]);
        assert!(Fingerprint::of(&odd).is_err());
    }
}
