//! `mplus describe`: the elements of a message. They are found by having every field filled, and noting what each asks for.

use clap::Args;
use mplus_qapi::soap::{Record, Role, ValueSource};
use mplus_qapi::testkit::{Direction, Message};
use mplus_qapi::value::{Binary, Date, DateTime, Decimal, XsdDecimal};

use super::{list::repeat, message};
use crate::failure::Failure;
use crate::output;

/// Show what an operation takes or answers, element by element.
#[derive(Args)]
pub(crate) struct Describe {
    /// The operation, as `mplus operations` lists it.
    operation: String,
    /// What it answers instead.
    #[arg(long)]
    response: bool,
}

impl Describe {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let direction = if self.response { Direction::Response } else { Direction::Request };
        show(&mut message(&self.operation, direction)?)
    }
}

/// Prints the elements of an empty message.
pub(super) fn show(message: &mut Message) -> Result<(), Failure> {
    let info = message.operation();
    let mut elements = Elements::default();
    elements.fill(message.record_mut());
    eprintln!("{} ({}, domain {})", info.name, repeat(info.repeat), info.domain);
    if elements.lines.is_empty() {
        return output::text("no elements");
    }
    output::table(&["element", "content", "occurs"], elements.lines.into_iter().map(Line::into_row))
}

/// The only element of an operation's request, when there is one that holds others.
pub(super) fn only_holder(operation: &str) -> Option<&'static str> {
    let mut request = Message::new(operation, Direction::Request).ok()?;
    let mut elements = Elements::default();
    elements.fill(request.record_mut());
    let mut outer = elements.lines.iter().filter(|line| line.depth == 0);
    match (outer.next(), outer.next()) {
        (Some(only), None) if only.holds_others && !only.is_list => Some(only.name),
        _ => None,
    }
}

/// One element.
#[derive(Default)]
struct Line {
    depth: usize,
    name: &'static str,
    content: String,
    is_optional: bool,
    is_list: bool,
    holds_others: bool,
}

impl Line {
    fn into_row(self) -> Vec<String> {
        let occurs = match (self.is_list, self.is_optional) {
            (true, _) => "any number",
            (false, true) => "optional",
            (false, false) => "required",
        };
        vec![format!("{}{}", "  ".repeat(self.depth), self.name), self.content, occurs.to_owned()]
    }
}

/// Takes note of what is asked for.
#[derive(Default)]
struct Elements {
    lines: Vec<Line>,
    /// The line of the element that is being filled.
    current: usize,
    /// The types that it is in: one that holds itself is not opened again.
    inside: Vec<&'static str>,
}

impl Elements {
    fn note(&mut self, content: impl Into<String>) {
        if let Some(line) = self.lines.get_mut(self.current) {
            line.content = content.into();
        }
    }
}

impl ValueSource for Elements {
    fn fill(&mut self, record: &mut dyn Record) {
        let schema = record.schema();
        let depth = self.inside.len();
        if depth > 0
            && let Some(line) = self.lines.get_mut(self.current)
        {
            line.holds_others = true;
        }
        self.note(schema.name);
        if self.inside.contains(&schema.name) {
            self.note(format!("{}, as above", schema.name));
            return;
        }
        self.inside.push(schema.name);
        for element in schema.elements.iter().filter(|element| element.role != Role::ScaleOf) {
            self.current = self.lines.len();
            self.lines.push(Line { depth, name: element.name, is_list: element.repeated, ..Line::default() });
            if let Some(field) = record.field_mut(element.field) {
                field.fill(self, element);
            }
        }
        self.inside.pop();
    }

    fn is_present(&mut self) -> bool {
        if let Some(line) = self.lines.get_mut(self.current) {
            line.is_optional = true;
        }
        true
    }

    fn count(&mut self) -> u64 {
        if let Some(line) = self.lines.get_mut(self.current) {
            line.is_list = true;
        }
        1
    }

    fn integer(&mut self, _: i64) -> i64 {
        self.note("whole number");
        0
    }

    fn flag(&mut self) -> bool {
        self.note("true or false");
        false
    }

    fn text(&mut self) -> String {
        self.note("text");
        String::new()
    }

    fn choice(&mut self, texts: &[&'static str]) -> &'static str {
        self.note(texts.join(" | "));
        texts.first().copied().unwrap_or_default()
    }

    fn decimal(&mut self, role: Role) -> Decimal {
        self.note(if role == Role::Cents { "euros, two decimals" } else { "decimal" });
        Decimal::ZERO
    }

    fn xsd_decimal(&mut self) -> XsdDecimal {
        self.note("decimal");
        XsdDecimal::default()
    }

    fn binary(&mut self) -> Binary {
        self.note("base64");
        Binary::default()
    }

    fn date(&mut self) -> Date {
        self.note("date, such as 2026-01-31");
        Date::default()
    }

    fn date_time(&mut self) -> DateTime {
        self.note("date and time, such as 2026-01-31T18:00:00");
        DateTime::default()
    }
}
