//! Reading and viewing single values, optional values and lists of them.

#[cfg(feature = "testkit")]
use super::ValueSource;
use super::{
    DecodeError, Element, Field, Items, Record, Role, View,
    decode::{read_items, read_record, whole_number},
    reader::Reader,
    schema::sealed::OfField,
};
use crate::scan::Tag;
use crate::value::{Binary, Date, DateTime, Decimal, List, XsdDecimal};

/// The content of one element.
pub(crate) trait Value: Default {
    fn view(&self) -> View<'_>;

    /// Reads the element's content; `false` when it was empty and that is no value of this type.
    fn read<'x>(
        &mut self,
        reader: &mut Reader<'x>,
        tag: &Tag<'x>,
        element: &Element,
    ) -> Result<bool, DecodeError>;

    fn set_scale(&mut self, _places: u32) {}

    /// Puts another text in the place of this one, if it is one.
    fn change_text(&mut self, _: &dyn Fn(String) -> String) {}

    /// Some value of this type.
    #[cfg(feature = "testkit")]
    fn made(source: &mut dyn ValueSource, element: &Element) -> Self;
}

/// An enum of the service.
pub(crate) trait Choice: Default {
    /// All texts that are known, to make up values from.
    #[cfg(feature = "testkit")]
    const TEXTS: &'static [&'static str];

    fn text(&self) -> &str;
    fn parse(text: &str) -> Self;
}

/// A [`Choice`] to be set, without its type: what reads it is compiled once.
pub(crate) trait SetChoice {
    fn set(&mut self, text: &str);
}

impl<T: Choice> SetChoice for T {
    fn set(&mut self, text: &str) {
        *self = T::parse(text);
    }
}

impl<T: Record + Default> Value for T {
    fn view(&self) -> View<'_> {
        View::Record(self)
    }

    fn read<'x>(
        &mut self,
        reader: &mut Reader<'x>,
        tag: &Tag<'x>,
        element: &Element,
    ) -> Result<bool, DecodeError> {
        reader.enter(element.name, tag)?;
        reader.spend(self.behind_a_pointer())?;
        read_record(reader, tag, self)?;
        reader.leave();
        Ok(true)
    }

    #[cfg(feature = "testkit")]
    fn made(source: &mut dyn ValueSource, _: &Element) -> Self {
        let mut record = T::default();
        source.fill(&mut record);
        record
    }
}

impl Value for String {
    fn view(&self) -> View<'_> {
        View::Text(self)
    }

    fn read<'x>(&mut self, reader: &mut Reader<'x>, tag: &Tag<'x>, _: &Element) -> Result<bool, DecodeError> {
        *self = reader.text(tag)?.into_owned();
        Ok(true)
    }

    fn change_text(&mut self, change: &dyn Fn(String) -> String) {
        *self = change(std::mem::take(self));
    }

    #[cfg(feature = "testkit")]
    fn made(source: &mut dyn ValueSource, _: &Element) -> Self {
        source.text()
    }
}

/// Values that are one word of text: white space around it is not theirs and an empty element holds none.
macro_rules! token {
    ($type:ty, $view:ident $(as $wide:ty)?, $expected:literal, $parse:expr, $made:expr) => {
        impl Value for $type {
            fn view(&self) -> View<'_> {
                View::$view(*self $(as $wide)?)
            }

            fn read<'x>(
                &mut self,
                reader: &mut Reader<'x>,
                tag: &Tag<'x>,
                element: &Element,
            ) -> Result<bool, DecodeError> {
                let text = reader.token(tag)?;
                let token = text.trim_ascii();
                if token.is_empty() {
                    return Ok(false);
                }
                let parse: fn(&str) -> Option<$type> = $parse;
                let Some(value) = parse(token) else {
                    return reader.unreadable(element, token, $expected);
                };
                *self = value;
                Ok(true)
            }

            #[cfg(feature = "testkit")]
            fn made(source: &mut dyn ValueSource, _: &Element) -> Self {
                let made: fn(&mut dyn ValueSource) -> $type = $made;
                made(source)
            }
        }
    };
}

token!(i16, Int as i64, "a whole number of 16 bits", integer, |source| source.integer(100) as i16);
token!(i32, Int as i64, "a whole number of 32 bits", integer, |source| source.integer(100_000) as i32);
token!(i64, Int, "a whole number of 64 bits", integer, |source| source.integer(100_000));
token!(u8, Unsigned as u64, "a whole number from 0 to 255", integer, |source| source.integer(100) as u8);
token!(u16, Unsigned as u64, "a whole number from 0 to 65535", integer, |source| source.integer(100) as u16);
token!(
    u32,
    Unsigned as u64,
    "a whole number of 32 bits, not negative",
    integer,
    |source| source.integer(100) as u32
);
token!(u64, Unsigned, "a whole number of 64 bits, not negative", integer, |source| source.integer(100)
    as u64);
token!(Date, Date, "a date such as 2026-01-31", |token| token.parse().ok(), |source| source.date());
token!(
    DateTime,
    DateTime,
    "a date and time such as 2026-01-31T18:00:00+01:00",
    |token| token.parse().ok(),
    |source| source.date_time()
);
token!(
    XsdDecimal,
    Decimal,
    "a decimal of at most 28 digits that matter",
    |token| token.parse().ok(),
    |source| source.xsd_decimal()
);
token!(
    bool,
    Bool,
    "true or false",
    |token| match token {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    },
    |source| source.flag()
);

/// An integer, or one with nothing but zeros behind its point.
fn integer<T: std::str::FromStr>(token: &str) -> Option<T> {
    token.parse().or_else(|_| whole_number(token).parse()).ok()
}

/// An integer with a scale; xsd:decimal is [`XsdDecimal`].
impl Value for Decimal {
    fn view(&self) -> View<'_> {
        View::Decimal((*self).into())
    }

    fn read<'x>(
        &mut self,
        reader: &mut Reader<'x>,
        tag: &Tag<'x>,
        element: &Element,
    ) -> Result<bool, DecodeError> {
        let text = reader.token(tag)?;
        let token = text.trim_ascii();
        if token.is_empty() {
            return Ok(false);
        }
        let (scale, expected) = match element.role {
            Role::Cents => (2, "a whole number of cents"),
            Role::Value | Role::Set | Role::Scaled | Role::ScaleOf => (0, "a whole number of 64 bits"),
        };
        // No zeros behind a point here: `10.00` may well have been meant as euros.
        let Ok(unscaled) = token.parse::<i64>() else {
            return reader.unreadable(element, token, expected);
        };
        *self = Self::new(unscaled, scale);
        Ok(true)
    }

    fn set_scale(&mut self, places: u32) {
        // The reader has checked the range; a decimal refuses a larger scale and stays as it is.
        let _ = Decimal::set_scale(self, places);
    }

    #[cfg(feature = "testkit")]
    fn made(source: &mut dyn ValueSource, element: &Element) -> Self {
        source.decimal(element.role)
    }
}

impl Value for Binary {
    fn view(&self) -> View<'_> {
        View::Binary(self.as_ref())
    }

    fn read<'x>(
        &mut self,
        reader: &mut Reader<'x>,
        tag: &Tag<'x>,
        element: &Element,
    ) -> Result<bool, DecodeError> {
        let text = reader.text(tag)?;
        let Some(bytes) = Binary::from_base64(&text) else {
            return reader.unreadable(element, &text, "base64");
        };
        *self = bytes;
        Ok(true)
    }

    #[cfg(feature = "testkit")]
    fn made(source: &mut dyn ValueSource, _: &Element) -> Self {
        source.binary()
    }
}

/// `Value` for one enum. (A blanket implementation over `Choice` would overlap with the one over `Record`.)
macro_rules! choice {
    ($name:ident) => {
        impl $crate::soap::scalar::Value for $name {
            #[inline]
            fn view(&self) -> $crate::soap::View<'_> {
                $crate::soap::View::Choice($crate::soap::scalar::Choice::text(self))
            }

            #[inline]
            fn read<'x>(
                &mut self,
                reader: &mut $crate::soap::Reader<'x>,
                tag: &$crate::soap::Tag<'x>,
                _: &$crate::soap::Element,
            ) -> Result<bool, $crate::soap::DecodeError> {
                $crate::soap::scalar::read_choice(self, reader, tag)
            }

            #[inline]
            fn change_text(&mut self, change: &dyn Fn(String) -> String) {
                if let Self::Unknown(text) = self {
                    *text = change(std::mem::take(text));
                }
            }

            #[cfg(feature = "testkit")]
            fn made(source: &mut dyn $crate::soap::ValueSource, _: &$crate::soap::Element) -> Self {
                let texts = <Self as $crate::soap::scalar::Choice>::TEXTS;
                <Self as $crate::soap::scalar::Choice>::parse(source.choice(texts))
            }
        }
    };
}

pub(crate) use choice;

pub(crate) fn read_choice<'x>(
    choice: &mut dyn SetChoice,
    reader: &mut Reader<'x>,
    tag: &Tag<'x>,
) -> Result<bool, DecodeError> {
    let text = reader.token(tag)?;
    let token = text.trim_ascii();
    choice.set(token);
    Ok(!token.is_empty())
}

impl<T: Value> OfField for T {
    #[cfg(feature = "testkit")]
    fn fill(&mut self, source: &mut dyn ValueSource, element: &Element) {
        *self = T::made(source, element);
    }
}

impl<T: Value> Field for T {
    fn view(&self) -> View<'_> {
        Value::view(self)
    }

    fn read<'x>(
        &mut self,
        reader: &mut Reader<'x>,
        tag: &Tag<'x>,
        element: &Element,
    ) -> Result<bool, DecodeError> {
        Value::read(self, reader, tag, element)
    }

    fn set_scale(&mut self, places: u32) {
        Value::set_scale(self, places);
    }

    fn unset(&mut self) {
        *self = T::default();
    }

    fn change_text(&mut self, change: &dyn Fn(String) -> String) {
        Value::change_text(self, change);
    }
}

impl<T: Value> OfField for Option<T> {
    #[cfg(feature = "testkit")]
    fn fill(&mut self, source: &mut dyn ValueSource, element: &Element) {
        *self = source.is_present().then(|| T::made(source, element));
    }
}

impl<T: Value> Field for Option<T> {
    fn view(&self) -> View<'_> {
        self.as_ref().map_or(View::Absent, Value::view)
    }

    fn read<'x>(
        &mut self,
        reader: &mut Reader<'x>,
        tag: &Tag<'x>,
        element: &Element,
    ) -> Result<bool, DecodeError> {
        let filled = self.insert(T::default()).read(reader, tag, element)?;
        if !filled {
            *self = None;
        }
        Ok(filled)
    }

    fn set_scale(&mut self, places: u32) {
        if let Some(value) = self {
            value.set_scale(places);
        }
    }

    fn unset(&mut self) {
        *self = None;
    }

    fn change_text(&mut self, change: &dyn Fn(String) -> String) {
        if let Some(value) = self {
            value.change_text(change);
        }
    }
}

impl<T: Value> OfField for Vec<T> {
    #[cfg(feature = "testkit")]
    fn fill(&mut self, source: &mut dyn ValueSource, element: &Element) {
        *self = (0..source.count()).map(|_| T::made(source, element)).collect();
    }
}

impl<T: Value> Field for Vec<T> {
    fn view(&self) -> View<'_> {
        View::List(self)
    }

    fn read<'x>(
        &mut self,
        reader: &mut Reader<'x>,
        tag: &Tag<'x>,
        element: &Element,
    ) -> Result<bool, DecodeError> {
        let Some(item) = element.item else {
            return read_item(self, reader, tag, element);
        };
        let item = Element { name: item, item: None, repeated: true, ..*element };
        reader.enter(element.name, tag)?;
        read_items(reader, tag, item.name, |reader, tag| read_item(self, reader, tag, &item).map(drop))?;
        reader.leave();
        Ok(true)
    }

    fn set_scale(&mut self, _: u32) {}

    fn unset(&mut self) {
        self.clear();
    }
}

/// Appends one item. An empty element that holds no value of the type is no item.
fn read_item<'x, T: Value>(
    items: &mut Vec<T>,
    reader: &mut Reader<'x>,
    tag: &Tag<'x>,
    element: &Element,
) -> Result<bool, DecodeError> {
    reader.number(Some(items.len()));
    reader.spend(size_of::<T>())?;
    items.push(T::default());
    let Some(item) = items.last_mut() else { return Ok(false) };
    let filled = item.read(reader, tag, element)?;
    reader.number(None);
    if !filled {
        items.pop();
    }
    Ok(filled)
}

impl<T: Value> Items for Vec<T> {
    fn count(&self) -> usize {
        self.len()
    }

    fn item(&self, index: usize) -> View<'_> {
        self.get(index).map_or(View::Absent, Value::view)
    }
}

impl<T: Value> OfField for List<T> {
    #[cfg(feature = "testkit")]
    fn fill(&mut self, source: &mut dyn ValueSource, element: &Element) {
        *self = List::absent();
        if source.is_present() {
            self.items_mut().fill(source, element);
        }
    }
}

impl<T: Value> Field for List<T> {
    fn view(&self) -> View<'_> {
        self.items().map_or(View::Absent, |items| View::List(items))
    }

    fn read<'x>(
        &mut self,
        reader: &mut Reader<'x>,
        tag: &Tag<'x>,
        element: &Element,
    ) -> Result<bool, DecodeError> {
        self.items_mut().read(reader, tag, element)
    }

    fn set_scale(&mut self, _: u32) {}

    fn unset(&mut self) {
        *self = List::absent();
    }
}
