//! Reading JSON that may be spelled in more than one way: numbers as text, absent lists, unknown fields.
//!
//! An object is opened one level at a time, so a field that nobody asks for is kept as text and costs nothing. A field that
//! is no field's reason to be sent (a side field) is left out when it cannot be read, and told; its text stays among the
//! unknown ones. Only what the event is for can fail.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::from_json::{DataError, FromJson};
use super::oddity::{OddityKind, Reading};
use super::path::Path;
use super::raw::{Extra, RawJson};
use super::scalar::Identifier;

/// The deepest nesting of a field that is kept unread, and of objects that are read.
pub(super) const MAX_DEPTH: usize = 64;
const MAX_OBJECTS: usize = 12;
/// The most fields of one object, and the most values of one list.
const MAX_FIELDS: usize = 512;
const MAX_ITEMS: usize = 10_000;

/// An object's fields, each taken at most once.
#[derive(Debug)]
pub(crate) struct Object<'a> {
    entries: Vec<Entry<'a>>,
}

#[derive(Debug, Clone)]
struct Entry<'a> {
    name: Cow<'a, str>,
    raw: &'a RawValue,
    /// Whether another value stands under the same name.
    contradicted: bool,
}

impl<'a> Object<'a> {
    /// Opens an object; a list of one object is taken for that object.
    pub(crate) fn open(
        raw: &'a RawValue,
        path: &Path<'_>,
        reading: &mut Reading,
    ) -> Result<Self, OddityKind> {
        // Lines contain lines: the reader would otherwise follow a hostile body to the end of the stack.
        if path.depth() > MAX_OBJECTS {
            return Err(OddityKind::TooDeep);
        }
        reading.one_more_object()?;
        let json = match raw.get() {
            list if list.starts_with('[') => {
                let mut items = serde_json::from_str::<Vec<&RawValue>>(list).unwrap_or_default().into_iter();
                match (items.next(), items.next()) {
                    (None, _) => return Err(OddityKind::Empty),
                    (Some(only), None) if only.get().starts_with('{') => {
                        reading.note(path, OddityKind::ListForOne, list);
                        only.get()
                    }
                    _ => return Err(OddityKind::NotObject),
                }
            }
            "\"\"" => return Err(OddityKind::Empty),
            json => json,
        };
        let Entries(sent) = serde_json::from_str(json).map_err(|_| OddityKind::NotObject)?;
        Ok(Self { entries: told_apart(sent, path, reading) })
    }

    /// The names of the fields that were not taken yet.
    #[cfg(feature = "testkit")]
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.name.as_ref())
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.entries.iter().position(|entry| entry.name == name)
    }

    /// The field as it was sent; `null` counts as absent.
    pub(crate) fn get(&self, name: &str) -> Option<&'a RawValue> {
        let entry = self.entries.get(self.position(name)?)?;
        Some(entry.raw).filter(|raw| raw.get() != "null")
    }

    /// Whether there is nothing in the object.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether the field is there, `null` included.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.position(name).is_some()
    }

    /// Whether the field stands twice with different values.
    pub(crate) fn contradicted(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.contradicted && entry.name == name)
    }

    /// Passes a field over: it is not among the unknown ones.
    pub(crate) fn forget(&mut self, name: &str) {
        if let Some(position) = self.position(name) {
            self.entries.remove(position);
        }
    }

    /// Reads a side field. What cannot be read is none, is told, and stays among the unknown fields.
    pub(crate) fn side<T: FromJson>(
        &mut self,
        path: &Path<'_>,
        name: &str,
        reading: &mut Reading,
    ) -> Option<T> {
        match self.read(path, name, reading) {
            Ok(value) => value,
            // Told when the object was opened.
            Err((OddityKind::Twice, _)) => None,
            Err((what, raw)) => {
                reading.note(&path.field(name), what, raw.get());
                None
            }
        }
    }

    /// Reads a list. What of it cannot be read is left out and told, and the whole list stays among the unknown fields.
    pub(crate) fn list<T: FromJson>(&mut self, path: &Path<'_>, name: &str, reading: &mut Reading) -> Vec<T> {
        let sent =
            self.position(name).and_then(|position| Some((position, self.entries.get(position)?.clone())));
        let values: Vec<T> = self.side(path, name, reading).unwrap_or_default();
        if let Some((position, entry)) = sent
            && self.position(name).is_none()
            && items_of(entry.raw) > values.len()
        {
            self.entries.insert(position, entry);
        }
        values
    }

    /// Reads a side field that every object of its kind should have.
    pub(crate) fn expected<T: FromJson>(
        &mut self,
        path: &Path<'_>,
        name: &str,
        reading: &mut Reading,
    ) -> Option<T> {
        if self.get(name).is_none() {
            reading.note(&path.field(name), OddityKind::Missing, "");
        }
        self.side(path, name, reading)
    }

    /// Reads a field that decides. Absent is none; unreadable or contradicted is an error.
    pub(crate) fn decisive<T: FromJson>(
        &mut self,
        path: &Path<'_>,
        name: &str,
        reading: &mut Reading,
    ) -> Result<Option<T>, DataError> {
        self.read(path, name, reading).map_err(|(what, _)| DataError::at(&path.field(name), what))
    }

    /// Reads a field that the event cannot be without.
    pub(crate) fn required<T: FromJson>(
        &mut self,
        path: &Path<'_>,
        name: &str,
        reading: &mut Reading,
    ) -> Result<T, DataError> {
        let value = self.decisive(path, name, reading)?;
        value.ok_or_else(|| DataError::at(&path.field(name), OddityKind::Missing))
    }

    /// Takes the object that belongs to the event.
    pub(crate) fn details(&mut self, name: &'static str) -> Result<&'a RawValue, DataError> {
        let raw = self.get(name).ok_or(DataError::NoDetails(name))?;
        if self.contradicted(name) {
            return Err(DataError::at(&Path::ROOT.field(name), OddityKind::Twice));
        }
        self.forget(name);
        Ok(raw)
    }

    /// Opens the object that belongs to the event.
    pub(crate) fn open_details(
        &mut self,
        path: &Path<'_>,
        name: &'static str,
        reading: &mut Reading,
    ) -> Result<Self, DataError> {
        Self::open(self.details(name)?, path, reading).map_err(|what| DataError::at(path, what))
    }

    /// Refuses an identifier that was sent twice with different values, or that no store can keep.
    pub(crate) fn judge_identifier(&self, path: &Path<'_>, name: &str) -> Result<(), DataError> {
        let unfit = |raw| Identifier::from_json(raw, path, &mut Reading::new()).err();
        let what = match self.get(name).and_then(unfit) {
            _ if self.contradicted(name) => OddityKind::Twice,
            Some(OddityKind::ControlCharacters) => OddityKind::ControlCharacters,
            _ => return Ok(()),
        };
        Err(DataError::at(&path.field(name), what))
    }

    fn read<T: FromJson>(
        &mut self,
        path: &Path<'_>,
        name: &str,
        reading: &mut Reading,
    ) -> Result<Option<T>, (OddityKind, &'a RawValue)> {
        let Some(position) = self.position(name) else { return Ok(None) };
        let Some(Entry { raw, contradicted, .. }) = self.entries.get(position) else { return Ok(None) };
        if *contradicted {
            return Err((OddityKind::Twice, raw));
        }
        let value = match raw.get() {
            "null" => None,
            _ => Some(T::from_json(raw, &path.field(name), reading).map_err(|what| (what, *raw))?),
        };
        self.entries.remove(position);
        Ok(value)
    }

    /// Keeps what was not taken.
    pub(crate) fn rest(self, path: &Path<'_>, reading: &mut Reading) -> Extra {
        let mut extra = Vec::with_capacity(self.entries.len());
        for Entry { name, raw, .. } in self.entries {
            if depth(raw.get()) > MAX_DEPTH {
                reading.note(&path.field(&name), OddityKind::TooDeep, raw.get());
                continue;
            }
            extra.push((name.into_owned(), RawJson::new(raw)));
        }
        Extra(extra)
    }
}

/// Equal duplicates are one; the first of unequal ones is marked.
fn told_apart<'a>(
    sent: Vec<(Cow<'a, str>, &'a RawValue)>,
    path: &Path<'_>,
    reading: &mut Reading,
) -> Vec<Entry<'a>> {
    let mut entries: Vec<Entry<'a>> = Vec::with_capacity(sent.len().min(MAX_FIELDS));
    // Built only for objects that are too large to look through.
    let mut by_name: HashMap<Cow<'a, str>, usize> = HashMap::new();
    let large = sent.len() > 16;
    for (name, raw) in sent {
        let known = if large {
            by_name.get(&name).copied()
        } else {
            entries.iter().position(|entry| entry.name == name)
        };
        match known {
            Some(position) => {
                let Some(entry) = entries.get_mut(position) else { continue };
                if same(entry.raw, raw) {
                    continue;
                }
                reading.note(&path.field(&entry.name), OddityKind::Twice, raw.get());
                entry.contradicted = true;
            }
            None if entries.len() == MAX_FIELDS => {
                reading.note(path, OddityKind::TooMany, &name);
                break;
            }
            None => {
                if large {
                    by_name.insert(name.clone(), entries.len());
                }
                entries.push(Entry { name, raw, contradicted: false });
            }
        }
    }
    entries
}

/// Whether two values say the same: the same text, or the same number.
fn same(one: &RawValue, other: &RawValue) -> bool {
    let number = |raw| Decimal::from_json(raw, &Path::ROOT, &mut Reading::new()).ok();
    one.get() == other.get() || number(one).is_some_and(|one| number(other) == Some(one))
}

/// How deep arrays and objects are nested in well-formed JSON.
fn depth(json: &str) -> usize {
    let (mut open, mut deepest) = (0_usize, 0);
    let (mut in_text, mut escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => {
                open += 1;
                deepest = deepest.max(open);
            }
            b'}' | b']' if !in_text => open = open.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The fields of an object in the order in which they were sent, also those that stand twice.
pub(super) struct Entries<'a>(pub(super) Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Entries<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::with_capacity(8);
                while let Some(Key(name)) = map.next_key()? {
                    entries.push((name, map.next_value()?));
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Key<'a>(#[serde(borrow, deserialize_with = "key")] Cow<'a, str>);

/// serde copies a plain `Cow`; a key without escapes is borrowed.
fn key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'de, str>, D::Error> {
    struct Text;
    impl<'de> Visitor<'de> for Text {
        type Value = Cow<'de, str>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a field name")
        }

        fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
            Ok(Cow::Borrowed(text))
        }

        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Cow::Owned(text.to_owned()))
        }
    }
    deserializer.deserialize_str(Text)
}

/// How many items a list has; one that is no list is an item itself, and `null` is nothing.
fn items_of(raw: &RawValue) -> usize {
    match raw.get() {
        "null" => 0,
        list => serde_json::from_str::<Vec<&RawValue>>(list).map_or(1, |items| items.len()),
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(raw: &RawValue, path: &Path<'_>, reading: &mut Reading) -> Result<Self, OddityKind> {
        let items: Vec<&RawValue> = match raw.get() {
            "\"\"" | "{}" => return Err(OddityKind::Empty),
            list if list.starts_with('[') => serde_json::from_str(list).map_err(|_| OddityKind::NotList)?,
            one => {
                let value = T::from_json(raw, &path.item(0), reading).map_err(|_| OddityKind::NotList)?;
                reading.note(path, OddityKind::OneForList, one);
                return Ok(vec![value]);
            }
        };
        let mut values = Vec::with_capacity(items.len().min(MAX_ITEMS));
        for (index, item) in items.into_iter().enumerate() {
            let path = path.item(index);
            if values.len() == MAX_ITEMS {
                reading.note(&path, OddityKind::TooMany, item.get());
                break;
            }
            match item.get() {
                "null" => reading.note(&path, OddityKind::Empty, "null"),
                raw => match T::from_json(item, &path, reading) {
                    Ok(value) => values.push(value),
                    Err(what) => reading.note(&path, what, raw),
                },
            }
        }
        Ok(values)
    }
}

impl FromJson for RawJson {
    fn from_json(raw: &RawValue, _: &Path<'_>, _: &mut Reading) -> Result<Self, OddityKind> {
        if depth(raw.get()) > MAX_DEPTH {
            return Err(OddityKind::TooDeep);
        }
        Ok(Self::new(raw))
    }
}

/// Reads an object's fields: `fields!(Type { rust_name: "wireName" side, ... })`. A field named `extra` keeps the rest.
macro_rules! fields {
    ($type:ident { $($field:ident: $wire:literal $need:ident,)* }) => {
        impl $type {
            /// Takes the fields that belong to it, and all that are left.
            pub(crate) fn from_fields(
                mut fields: $crate::event::object::Object<'_>,
                path: &$crate::event::path::Path<'_>,
                reading: &mut $crate::event::oddity::Reading,
            ) -> Self {
                Self {
                    $($field: $crate::event::object::fields!(@$need fields path reading $wire),)*
                    extra: fields.rest(path, reading),
                }
            }
        }
    };
    (@side $fields:ident $path:ident $reading:ident $wire:literal) => {
        $fields.side($path, $wire, $reading)
    };
    (@expected $fields:ident $path:ident $reading:ident $wire:literal) => {
        $fields.expected($path, $wire, $reading)
    };
    (@identifier $fields:ident $path:ident $reading:ident $wire:literal) => {
        $fields.expected::<$crate::event::scalar::Identifier>($path, $wire, $reading).map(|id| id.0)
    };
    (@unique $fields:ident $path:ident $reading:ident $wire:literal) => {
        $fields.expected::<$crate::event::scalar::UniqueId>($path, $wire, $reading).map(|id| id.0)
    };
    (@list $fields:ident $path:ident $reading:ident $wire:literal) => {
        $fields.list($path, $wire, $reading)
    };
}
pub(crate) use fields;

/// A plain object: [`fields!`], and nothing else to it.
macro_rules! object {
    ($type:ident { $($field:ident: $wire:literal $need:ident,)* }) => {
        $crate::event::object::fields!($type { $($field: $wire $need,)* });

        impl $crate::event::from_json::FromJson for $type {
            fn from_json(
                raw: &serde_json::value::RawValue,
                path: &$crate::event::path::Path<'_>,
                reading: &mut $crate::event::oddity::Reading,
            ) -> Result<Self, $crate::event::oddity::OddityKind> {
                let fields = $crate::event::object::Object::open(raw, path, reading)?;
                Ok(Self::from_fields(fields, path, reading))
            }
        }
    };
}
pub(crate) use object;
