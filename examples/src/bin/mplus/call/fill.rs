//! JSON into a message: a JSON object is a source of values for the fields that it names.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use mplus_qapi::soap::{Element, Record, Role, ValueSource, View};
use mplus_qapi::testkit::Message;
use mplus_qapi::value::{Binary, Date, DateTime, Decimal, XsdDecimal};
use serde_json::Value;

/// Puts the object into the message's only element, when that one holds others and the object does not name it.
pub(super) fn wrap(only: Option<&'static str>, json: &mut Value) {
    if let Some(name) = only
        && json.as_object().is_some_and(|object| !object.contains_key(name))
    {
        *json = serde_json::json!({ name: json.take() });
    }
}

/// Fills an empty message.
///
/// # Errors
/// The first thing that does not fit, with its path: an element that is not known or missing, or a value of another type.
pub(super) fn fill(message: &mut Message, json: &Value) -> Result<(), String> {
    let mut values = Values { path: String::new(), current: json, items: None, problem: None };
    values.fill(message.record_mut());
    match values.problem {
        Some(problem) => Err(problem),
        None => Ok(()),
    }
}

/// The value at one place of the JSON.
struct Values<'j> {
    path: String,
    current: &'j Value,
    /// Those of a list that are not taken yet.
    items: Option<(usize, std::slice::Iter<'j, Value>)>,
    problem: Option<String>,
}

impl<'j> Values<'j> {
    /// The value that a field asks for: the next of a list, or the one that stands here.
    fn next(&mut self) -> &'j Value {
        match &mut self.items {
            Some((taken, items)) => {
                *taken += 1;
                items.next().unwrap_or(&Value::Null)
            }
            None => self.current,
        }
    }

    fn place(&self) -> String {
        match &self.items {
            Some((taken, _)) => format!("{}[{}]", self.path, taken.saturating_sub(1)),
            None => self.path.clone(),
        }
    }

    fn note(&mut self, what: impl Into<String>) {
        if self.problem.is_none() {
            let place = self.place();
            let place = if place.is_empty() { "the request" } else { &place };
            self.problem = Some(format!("{place}: {}", what.into()));
        }
    }

    fn text_of(&mut self, wanted: &str) -> &'j str {
        let value = self.next();
        value.as_str().unwrap_or_else(|| {
            self.note(format!("{} has to be {wanted}", shown(value)));
            ""
        })
    }

    /// A value that is written as text.
    fn parsed<T: std::str::FromStr + Default>(&mut self, wanted: &str) -> T {
        let text = self.text_of(wanted);
        text.parse().unwrap_or_else(|_| {
            self.note(format!("{text:?} has to be {wanted}"));
            T::default()
        })
    }

    /// The digits as they are written. A number of JSON with more digits than a double holds is none that can be trusted.
    fn exact<T: std::str::FromStr + Default>(&mut self) -> T {
        const WANTED: &str = "a decimal such as \"9.95\"";
        let value = self.next();
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            other => {
                self.note(format!("{} has to be {WANTED}", shown(other)));
                return T::default();
            }
        };
        let digits = text.chars().filter(char::is_ascii_digit).count();
        if value.is_f64() && digits > 15 {
            self.note(format!(
                "{text} has more digits than a number of JSON keeps; write it as text, \"{text}\""
            ));
        }
        text.parse().unwrap_or_else(|_| {
            self.note(format!("{text:?} has to be {WANTED}"));
            T::default()
        })
    }

    /// Fills one field with the value under its name.
    fn field(&mut self, record: &mut dyn Record, element: &Element, value: &'j Value) {
        let Some(field) = record.field_mut(element.field) else { return };
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(element.name);
        let (current, items) = (std::mem::replace(&mut self.current, value), self.items.take());
        field.fill(self, element);
        let view = field.view();
        if self.problem.is_none() && !holds(view, value) {
            self.items = None;
            self.note(format!("{} is out of range for this element", shown(value)));
        }
        self.path.truncate(length);
        (self.current, self.items) = (current, items);
    }
}

/// Whether a field that was filled holds the numbers of the JSON: narrow ones do not hold all.
fn holds(view: View<'_>, value: &Value) -> bool {
    match (view, value) {
        (View::Int(held), value) => value.as_i64() == Some(held),
        (View::Unsigned(held), value) => value.as_u64() == Some(held),
        (View::List(items), Value::Array(values)) => {
            values.iter().enumerate().all(|(index, value)| holds(items.item(index), value))
        }
        _ => true,
    }
}

impl ValueSource for Values<'_> {
    fn fill(&mut self, record: &mut dyn Record) {
        let value = self.next();
        let schema = record.schema();
        let Some(object) = value.as_object() else {
            self.note(format!("{} has to be an object of type {}", shown(value), schema.name));
            return;
        };
        let elements = || schema.elements.iter().filter(|element| element.role != Role::ScaleOf);
        let place = self.place();
        let (path, outer) = (std::mem::replace(&mut self.path, place), self.items.take());
        for name in object.keys() {
            if !elements().any(|element| element.name == name) {
                let known: Vec<&str> = elements().map(|element| element.name).collect();
                self.note(format!("{} has no element {name}; it has {}", schema.name, known.join(", ")));
            }
        }
        for element in elements() {
            match object.get(element.name) {
                Some(value) => self.field(record, element, value),
                // A wrapper without items is written when nothing is said of it.
                None if element.item.is_none() && schema.required & (1 << element.field) != 0 => {
                    self.note(format!("{} is missing", element.name));
                }
                None => {}
            }
        }
        (self.path, self.items) = (path, outer);
    }

    fn is_present(&mut self) -> bool {
        !self.current.is_null()
    }

    fn count(&mut self) -> u64 {
        let current = self.current;
        match current.as_array() {
            Some(items) => {
                self.items = Some((0, items.iter()));
                items.len() as u64
            }
            None => {
                self.note(format!("{} has to be a list", shown(current)));
                0
            }
        }
    }

    fn integer(&mut self, _: i64) -> i64 {
        let value = self.next();
        let whole = value.as_i64().or_else(|| value.as_u64().map(|number| number as i64));
        whole.unwrap_or_else(|| {
            self.note(format!("{} has to be a whole number", shown(value)));
            0
        })
    }

    fn flag(&mut self) -> bool {
        let value = self.next();
        value.as_bool().unwrap_or_else(|| {
            self.note(format!("{} has to be true or false", shown(value)));
            false
        })
    }

    fn text(&mut self) -> String {
        self.text_of("a text").to_owned()
    }

    fn choice(&mut self, texts: &[&'static str]) -> &'static str {
        let wanted = format!("one of {}", texts.join(", "));
        let text = self.text_of(&wanted);
        match texts.iter().find(|known| **known == text) {
            Some(known) => known,
            None => {
                self.note(format!("{text:?} has to be {wanted}"));
                ""
            }
        }
    }

    fn decimal(&mut self, _: Role) -> Decimal {
        self.exact()
    }

    fn xsd_decimal(&mut self) -> XsdDecimal {
        self.exact()
    }

    fn binary(&mut self) -> Binary {
        const WANTED: &str = "base64";
        let text = self.text_of(WANTED);
        match STANDARD.decode(text) {
            Ok(bytes) => Binary(bytes),
            Err(_) => {
                self.note(format!("the text has to be {WANTED}"));
                Binary::default()
            }
        }
    }

    fn date(&mut self) -> Date {
        self.parsed("a date such as 2026-01-31")
    }

    fn date_time(&mut self) -> DateTime {
        self.parsed("a date and time such as 2026-01-31T18:00:00")
    }
}

/// A value as a message shows it.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}
