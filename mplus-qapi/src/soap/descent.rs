//! The way down from the envelope to the items of a list, part by part: the same for a document that is there whole and for
//! one that comes in pieces.

use super::{
    DecodeError, DecodeProblem, Element, Field, NAMESPACE, Record, Schema,
    decode::{Filled, find, read_element, report_missing},
    fault::{ResponseError, read_fault},
    reader::Reader,
};
use crate::scan::{Namespace, Tag, shown};

/// What one part of a document was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// An item of the list that is handed out item by item.
    Item,
    Other,
    /// The end of the envelope.
    End,
}

/// How far down a document was read.
#[derive(Debug)]
pub(crate) struct Descent<'n> {
    root: &'n str,
    /// Number of the response's field whose items are handed out one by one.
    handed_out: Option<usize>,
    /// What is handed out is held until the end all the same.
    held: bool,
    /// Envelope, body, response and wrapper of a list, as far as they are open.
    open: Vec<Entered>,
    /// The list whose wrapper is open.
    list: Option<&'static Element>,
    filled: Filled,
    items: usize,
    response_read: bool,
    done: bool,
}

/// An element whose end tag comes in a later part.
#[derive(Debug)]
struct Entered {
    name: String,
    scope: usize,
}

impl Entered {
    fn tag(&self) -> Tag<'_> {
        Tag::reopened(&self.name, self.scope)
    }
}

/// What is to be done with an element.
enum Place {
    Enter,
    /// The wrapper of a list, to be entered.
    Wrapper(&'static Element),
    Content,
    Field(&'static Element),
    Item(&'static Element),
    Skip,
}

const IN_ENVELOPE: usize = 1;
const IN_BODY: usize = 2;
const IN_RESPONSE: usize = 3;
const IN_WRAPPER: usize = 4;

impl<'n> Descent<'n> {
    /// To the response `root`. The items of the field `handed_out` go elsewhere than into the response.
    pub(crate) fn new(root: &'n str, handed_out: Option<usize>) -> Self {
        let filled = Filled::default();
        let open = Vec::with_capacity(IN_WRAPPER);
        Self {
            root,
            handed_out,
            held: false,
            open,
            list: None,
            filled,
            items: 0,
            response_read: false,
            done: false,
        }
    }

    /// What is handed out is held together: it is counted as one.
    pub(crate) fn hold_together(&mut self) {
        self.held = true;
    }

    pub(crate) fn is_done(&self) -> bool {
        self.done
    }

    /// Whether a start tag that comes next may be entered: in a list, every element is read whole.
    pub(crate) fn may_enter(&self) -> bool {
        self.open.len() < IN_WRAPPER
    }

    /// Whether an element of this name may be one that is entered: most are told by it, without a look at their tag.
    pub(crate) fn may_enter_named(&self, local_name: &[u8], schema: &'static Schema) -> bool {
        match self.open.len() {
            IN_ENVELOPE => local_name == b"Body",
            IN_BODY => !self.response_read,
            IN_RESPONSE => {
                let mut wrappers = schema.elements.iter().filter(|element| element.item.is_some());
                wrappers.any(|element| element.name.as_bytes() == local_name)
            }
            _ => true,
        }
    }

    /// Whether the element whose start tag comes next is entered; else it is read whole.
    pub(crate) fn enters(
        &self,
        reader: &mut Reader<'_>,
        schema: &'static Schema,
    ) -> Result<bool, DecodeError> {
        let Some(parent) = self.open.last() else { return Ok(true) };
        let Some(tag) = reader.next_child(&parent.tag())? else { return Ok(false) };
        let place = self.place(&tag, schema);
        Ok(match place {
            Place::Enter | Place::Wrapper(_) => true,
            Place::Content => tag.is_in_service(),
            Place::Field(_) | Place::Item(_) | Place::Skip => false,
        })
    }

    /// Reads what comes next: an element, the start of one that is entered, or the end of the one that is open.
    pub(crate) fn read<'x>(
        &mut self,
        reader: &mut Reader<'x>,
        response: &mut dyn Record,
        item: Option<&mut dyn Field>,
    ) -> Result<Part, ResponseError> {
        if self.done {
            return Ok(Part::End);
        }
        let Some(parent) = self.open.last() else {
            let envelope = reader.root()?;
            check_envelope(reader, &envelope)?;
            return self.enter(reader, &envelope, response.schema());
        };
        if let Some(list) = self.list
            && let Some(name) = list.item
            && let Some(tag) = reader.open_expected(name)
        {
            return self.read_item(reader, &tag, list, response, item);
        }
        let Some(tag) = reader.next_child(&parent.tag())? else {
            return self.close(reader, response.schema());
        };
        match self.place(&tag, response.schema()) {
            Place::Enter => return self.enter(reader, &tag, response.schema()),
            Place::Content => {
                check_content(reader, &tag, self.root)?;
                reader.enter(self.root.to_owned(), &tag)?;
                return self.enter(reader, &tag, response.schema());
            }
            Place::Wrapper(element) => {
                self.filled.mark(element.field);
                if self.handed_out != Some(element.field)
                    && let Some(field) = response.field_mut(element.field)
                {
                    // From now on the list is there, with or without items.
                    let empty = reader.without_content(&tag);
                    field.read(reader, &empty, element)?;
                }
                self.list = Some(element);
                reader.enter(element.name, &tag)?;
                return self.enter(reader, &tag, response.schema());
            }
            Place::Item(element) => return self.read_item(reader, &tag, element, response, item),
            Place::Field(element) => read_element(reader, &tag, element, response, &mut self.filled)?,
            Place::Skip => reader.skip(&tag)?,
        }
        Ok(Part::Other)
    }

    fn place(&self, tag: &Tag<'_>, schema: &'static Schema) -> Place {
        match self.open.len() {
            IN_ENVELOPE if is_body(tag) => Place::Enter,
            IN_BODY if !self.response_read => Place::Content,
            IN_RESPONSE if !tag.nil => {
                match find(schema, 0, tag).map(|position| &schema.elements[position]) {
                    Some(element) if element.item.is_some() => Place::Wrapper(element),
                    Some(element) if self.handed_out == Some(element.field) => Place::Item(element),
                    Some(element) => Place::Field(element),
                    None => Place::Skip,
                }
            }
            IN_WRAPPER if !tag.nil => match self.list {
                Some(list) if list.item.is_some_and(|name| tag.is_service(name)) => Place::Item(list),
                _ => Place::Skip,
            },
            _ => Place::Skip,
        }
    }

    fn enter(
        &mut self,
        reader: &mut Reader<'_>,
        tag: &Tag<'_>,
        schema: &'static Schema,
    ) -> Result<Part, ResponseError> {
        self.open.push(Entered { name: tag.name().to_owned(), scope: tag.scope() });
        if !tag.is_empty() {
            return Ok(Part::Other);
        }
        reader.end(tag);
        self.close(reader, schema)
    }

    fn read_item<'x>(
        &mut self,
        reader: &mut Reader<'x>,
        tag: &Tag<'x>,
        list: &'static Element,
        response: &mut dyn Record,
        item: Option<&mut dyn Field>,
    ) -> Result<Part, ResponseError> {
        let element = Element { name: list.item.unwrap_or(list.name), item: None, repeated: true, ..*list };
        match item {
            Some(item) if self.handed_out == Some(list.field) => {
                self.filled.mark(list.field);
                // What was handed out is not held any more, unless it is.
                let budget = (!self.held).then(|| reader.begin_part());
                reader.number(Some(self.items));
                let filled = item.read(reader, tag, &element)?;
                reader.number(None);
                if let Some(budget) = budget {
                    reader.end_part(budget);
                }
                self.items += 1;
                Ok(if filled { Part::Item } else { Part::Other })
            }
            _ => {
                if let Some(field) = response.field_mut(list.field) {
                    field.read(reader, tag, &element)?;
                }
                Ok(Part::Other)
            }
        }
    }

    /// The end tag of the innermost open element was read.
    fn close(&mut self, reader: &mut Reader<'_>, schema: &'static Schema) -> Result<Part, ResponseError> {
        match self.open.len() {
            IN_WRAPPER => {
                self.list = None;
                reader.leave();
            }
            IN_RESPONSE => {
                report_missing(reader, schema, schema.required & !self.filled.seen())?;
                reader.leave();
                self.response_read = true;
            }
            IN_BODY if !self.response_read => {
                return Err(unexpected(reader, "an envelope with an empty body").into());
            }
            IN_ENVELOPE if !self.response_read => {
                return Err(unexpected(reader, "an envelope without a body").into());
            }
            IN_ENVELOPE => self.done = true,
            _ => {}
        }
        self.open.pop();
        Ok(if self.done { Part::End } else { Part::Other })
    }
}

pub(crate) fn is_body(tag: &Tag<'_>) -> bool {
    is_soap(tag) && tag.local_name() == "Body"
}

fn is_soap(tag: &Tag<'_>) -> bool {
    matches!(tag.namespace, Namespace::Soap11 | Namespace::Soap12)
}

/// The root element has to be a SOAP envelope.
pub(crate) fn check_envelope(reader: &Reader<'_>, tag: &Tag<'_>) -> Result<(), DecodeError> {
    if is_soap(tag) && tag.local_name() == "Envelope" {
        return Ok(());
    }
    let what = if tag.local_name().eq_ignore_ascii_case("html") {
        "an HTML page instead of a SOAP envelope".to_owned()
    } else {
        format!("`{}` instead of a SOAP envelope", shown(tag.local_name()))
    };
    Err(unexpected(reader, &what))
}

/// The content of the body has to be the element `root`, else it is a fault or somebody else's answer.
fn check_content<'x>(reader: &mut Reader<'x>, content: &Tag<'x>, root: &str) -> Result<(), ResponseError> {
    if is_soap(content) && content.local_name() == "Fault" {
        return Err(ResponseError::Fault(read_fault(reader, content)?));
    }
    if content.is_in_service() && content.local_name().eq_ignore_ascii_case(root) {
        return Ok(());
    }
    let what = format!("`{}` where `{root}` of {NAMESPACE} was expected", shown(content.local_name()));
    Err(unexpected(reader, &what).into())
}

pub(crate) fn unexpected(reader: &Reader<'_>, what: &str) -> DecodeError {
    reader.error(None, DecodeProblem::UnexpectedDocument(what.to_owned()))
}
