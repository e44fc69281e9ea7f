//! Reading a record: the one loop that fills every type of the service.

use super::{DecodeError, Element, Field, Record, Role, Schema, View, reader::Reader};
use crate::{scan::Tag, value::Decimal};

/// Fills `record` from the children of `tag`, which was just opened, up to its end tag.
///
/// Known elements go to their fields in whatever order they come, unknown ones and those of other namespaces are
/// skipped whole. What is missing keeps its default and is reported.
pub(crate) fn read_record<'x>(
    reader: &mut Reader<'x>,
    tag: &Tag<'x>,
    record: &mut dyn Record,
) -> Result<(), DecodeError> {
    let schema = record.schema();
    let mut filled = Filled::default();
    let mut next = 0;
    // Behind `<x/>` there are only its neighbours.
    while !tag.is_empty() {
        let later = schema.elements.get(next..).unwrap_or_default();
        let (position, child) = match reader.open_one_of(later) {
            Some((before, child)) => (next + before, child),
            None => match reader.next_child(tag)? {
                None => break,
                Some(child) => match find(schema, next, &child) {
                    Some(position) if !child.nil => (position, child),
                    _ => {
                        reader.skip(&child)?;
                        continue;
                    }
                },
            },
        };
        let element = &schema.elements[position];
        read_element(reader, &child, element, record, &mut filled)?;
        // In a list the same element follows; else the next one, or one further on.
        next = if element.repeated { position } else { position + 1 };
    }
    if tag.is_empty() {
        reader.end(tag);
    }
    report_missing(reader, schema, schema.required & !filled.seen)
}

/// Which fields of a record were read so far.
#[derive(Debug, Default)]
pub(crate) struct Filled {
    seen: u128,
    /// Scales that came before the value that they belong to, one for a field; none for one that was left out.
    early_scales: Vec<(usize, Option<u32>)>,
}

impl Filled {
    pub(crate) fn mark(&mut self, field: usize) {
        self.seen |= 1 << field;
    }

    pub(crate) fn seen(&self) -> u128 {
        self.seen
    }

    /// Notes the scale of a value that is still to come, or may come again.
    #[cold]
    fn scale_early(&mut self, field: usize, places: Option<u32>) {
        match self.early_scales.iter_mut().find(|(known, _)| *known == field) {
            Some(known) => known.1 = places,
            None => self.early_scales.push((field, places)),
        }
    }

    fn has_early_scale(&self, field: usize) -> bool {
        self.early_scales.iter().any(|(known, _)| *known == field)
    }
}

/// Reads one element of a record into its field.
pub(crate) fn read_element<'x>(
    reader: &mut Reader<'x>,
    tag: &Tag<'x>,
    element: &Element,
    record: &mut dyn Record,
    filled: &mut Filled,
) -> Result<(), DecodeError> {
    if element.role == Role::ScaleOf {
        return read_scale_of(reader, tag, element, record, filled);
    }
    let Some(field) = record.field_mut(element.field) else {
        return reader.skip(tag);
    };
    // A value that comes again keeps the scale that was told with the one before.
    let told =
        (element.role == Role::Scaled && filled.seen & (1 << element.field) != 0).then(|| scale(&*field));
    if field.read(reader, tag, element)? {
        filled.mark(element.field);
    }
    if let Some(places) = told {
        field.set_scale(places);
    }
    if let Some((_, places)) = filled.early_scales.iter().find(|(field, _)| *field == element.field) {
        scale_with(field, *places);
    }
    Ok(())
}

/// Reads the number of decimals of a value that comes before or after it.
fn read_scale_of<'x>(
    reader: &mut Reader<'x>,
    tag: &Tag<'x>,
    element: &Element,
    record: &mut dyn Record,
    filled: &mut Filled,
) -> Result<(), DecodeError> {
    let places = read_scale(reader, tag, element, record.schema())?;
    let was_read = filled.seen & (1 << element.field) != 0;
    if was_read && let Some(field) = record.field_mut(element.field) {
        scale_with(field, places);
    }
    // The scale that was told last holds for a value that comes again.
    if !was_read || places.is_none() || filled.has_early_scale(element.field) {
        filled.scale_early(element.field, places);
    }
    Ok(())
}

/// Without its scale a value could be anything: it is left out too.
fn scale_with(field: &mut dyn Field, places: Option<u32>) {
    match places {
        Some(places) => field.set_scale(places),
        None => field.unset(),
    }
}

#[cold]
fn scale(field: &dyn Field) -> u32 {
    match field.view() {
        View::Decimal(value) => value.scale(),
        _ => 0,
    }
}

/// Where the element of this tag stands in the schema; looked for from `next` on, since that is where it mostly is.
pub(crate) fn find(schema: &Schema, next: usize, tag: &Tag<'_>) -> Option<usize> {
    if !tag.is_in_service() {
        return None;
    }
    let name = tag.local_name();
    let (before, after) = schema.elements.split_at_checked(next)?;
    let later = after.iter().position(|element| element.name == name).map(|found| found + next);
    later.or_else(|| before.iter().position(|element| element.name == name))
}

/// The number of decimals that a companion element tells; none for one that was left out, and its value with it. A decimal of
/// ours has at most 28.
fn read_scale<'x>(
    reader: &mut Reader<'x>,
    tag: &Tag<'x>,
    element: &Element,
    schema: &Schema,
) -> Result<Option<u32>, DecodeError> {
    let text = reader.token(tag)?;
    match text.trim_ascii() {
        "" => Ok(Some(0)),
        digits => match whole_number(digits).parse() {
            Ok(places) if places <= Decimal::MAX_SCALE => Ok(Some(places)),
            _ => {
                let value = |other: &&Element| other.field == element.field && other.role != Role::ScaleOf;
                let named = match reader.state.leaves_out_unreadable() {
                    true => schema.elements.iter().find(value).unwrap_or(element),
                    false => element,
                };
                reader.unreadable(named, digits, "a number of decimals from 0 to 28").map(|_| None)
            }
        },
    }
}

/// An integer without the zeros behind a point: `21.00` is 21. What is no integer stays as it is.
pub(crate) fn whole_number(token: &str) -> &str {
    match token.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0') => whole,
        _ => token,
    }
}

pub(crate) fn report_missing(
    reader: &mut Reader<'_>,
    schema: &'static Schema,
    missing: u128,
) -> Result<(), DecodeError> {
    if missing == 0 {
        return Ok(());
    }
    for element in schema.elements {
        if element.role != Role::ScaleOf && missing & (1 << element.field) != 0 {
            reader.missing(schema, element.name)?;
        }
    }
    Ok(())
}

/// Reads the items of a wrapped list: every child `item` of the wrapper `tag` goes to `read`, others are skipped.
pub(crate) fn read_items<'x>(
    reader: &mut Reader<'x>,
    tag: &Tag<'x>,
    item: &str,
    mut read: impl FnMut(&mut Reader<'x>, &Tag<'x>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    while !tag.is_empty() {
        let child = match reader.open_expected(item) {
            Some(child) => child,
            None => match reader.next_child(tag)? {
                None => return Ok(()),
                Some(child) if child.is_service(item) && !child.nil => child,
                Some(other) => {
                    reader.skip(&other)?;
                    continue;
                }
            },
        };
        read(reader, &child)?;
    }
    reader.end(tag);
    Ok(())
}
