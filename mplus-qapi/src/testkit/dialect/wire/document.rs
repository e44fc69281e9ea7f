//! An answer as a tree. It only has to understand what the encoder of this crate writes.

use super::{super::Prefix, Dialect, types::Types};

/// An element, with its text as it is between the tags.
#[derive(Debug, Default)]
pub(super) struct Element {
    /// Without the prefix.
    pub(super) name: String,
    /// Whether it belongs to the service; the envelope does not.
    pub(super) of_service: bool,
    /// What follows the name in the tag.
    pub(super) attributes: String,
    pub(super) children: Vec<Element>,
    /// Escaped, when there are no children.
    pub(super) text: String,
}

#[derive(Debug)]
pub(super) struct Document {
    declaration: String,
    pub(super) root: Element,
}

const OURS: &str = "ns1:";

impl Document {
    pub(super) fn read(answer: &str) -> Self {
        let (declaration, mut rest) = match answer.find("?>") {
            Some(end) => answer.split_at(end + 2),
            None => ("", answer),
        };
        let mut open = vec![Element::default()];
        while let Some(begin) = rest.find('<') {
            let text = &rest[..begin];
            let Some(end) = rest[begin..].find('>') else { break };
            let tag = &rest[begin + 1..begin + end];
            rest = &rest[begin + end + 1..];
            if tag.starts_with('/') {
                if let Some(mut done) = open.pop() {
                    if done.children.is_empty() {
                        text.clone_into(&mut done.text);
                    }
                    open.last_mut().unwrap_or(&mut Element::default()).children.push(done);
                }
                continue;
            }
            let empty = tag.ends_with('/');
            let tag = tag.trim_end_matches('/');
            let (name, attributes) = tag.split_at(tag.find(' ').unwrap_or(tag.len()));
            let of_service = name.starts_with(OURS);
            let element = Element {
                name: name.trim_start_matches(OURS).to_owned(),
                of_service,
                attributes: attributes.to_owned(),
                ..Element::default()
            };
            match open.last_mut() {
                Some(parent) if empty => parent.children.push(element),
                _ => open.push(element),
            }
        }
        let root = open.swap_remove(0).children.pop().unwrap_or_default();
        Self { declaration: declaration.to_owned(), root }
    }

    pub(super) fn write(&self, dialect: &Dialect, types: &Types) -> String {
        let mut document = self.declaration.clone();
        let writing = Writing { dialect, types };
        writing.element(&mut document, "", &self.root);
        match dialect.prefix {
            Prefix::Ns1 => document,
            Prefix::Ns => document.replacen("xmlns:ns1=", "xmlns:ns=", 1),
            Prefix::Default => document.replacen("xmlns:ns1=", "xmlns=", 1),
        }
    }
}

struct Writing<'a> {
    dialect: &'a Dialect,
    types: &'a Types,
}

impl Writing<'_> {
    fn element(&self, document: &mut String, parent: &str, element: &Element) {
        let prefix = match self.dialect.prefix {
            _ if !element.of_service => "",
            Prefix::Ns1 => OURS,
            Prefix::Ns => "ns:",
            Prefix::Default => "",
        };
        let Element { name, attributes, children, text, .. } = element;
        document.push_str(&format!("<{prefix}{name}{attributes}"));
        if children.is_empty() && text.is_empty() {
            document.push_str("/>");
            return;
        }
        document.push('>');
        for child in children {
            self.element(document, name, child);
        }
        match element.of_service && self.types.is_text(parent, name) {
            true => document.push_str(&self.dialect.written_text(text)),
            false => document.push_str(text),
        }
        document.push_str(&format!("</{prefix}{name}>"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_and_written_as_it_was() {
        let answer = concat!(
            r#"<?xml version="1.0" encoding="UTF-8"?><e:Envelope xmlns:e="x" xmlns:ns1="urn:mplusqapi"><e:Body>"#,
            "<ns1:a><ns1:b>1 &lt; 2</ns1:b><ns1:c/><ns1:b>3</ns1:b></ns1:a></e:Body></e:Envelope>"
        );
        let document = Document::read(answer);
        assert_eq!(document.root.children[0].children[0].children.len(), 3);
        let types = Types::of("getBranches");
        assert_eq!(document.write(&Dialect::default(), &types), answer);
        let dialect = Dialect { prefix: Prefix::Default, ..Dialect::default() };
        let written = document.write(&dialect, &types);
        assert!(
            written.contains(r#"xmlns="urn:mplusqapi""#) && written.contains("<a><b>1 &lt; 2</b><c/>"),
            "{written}"
        );
    }
}
