//! Whether two documents say the same: namespaces, names, order and text; prefixes and declarations do not matter.

use std::error::Error;

use roxmltree::{Document, Node};

/// Compares the one element in the bodies of two envelopes.
pub fn same_body(one: &str, other: &str) -> Result<(), Box<dyn Error>> {
    let (one, other) = (Document::parse(one)?, Document::parse(other)?);
    same(content(&one)?, content(&other)?)
}

/// Compares the one element in the body of an envelope with the root of a document.
pub fn same_as_body(envelope: &str, root: &str) -> Result<(), Box<dyn Error>> {
    let (envelope, root) = (Document::parse(envelope)?, Document::parse(root)?);
    same(content(&envelope)?, root.root_element())
}

fn content<'a>(envelope: &'a Document<'_>) -> Result<Node<'a, 'a>, Box<dyn Error>> {
    let body = envelope.descendants().find(|node| node.tag_name().name() == "Body");
    Ok(body.and_then(|body| body.first_element_child()).ok_or("an envelope without a body")?)
}

fn same(one: Node<'_, '_>, other: Node<'_, '_>) -> Result<(), Box<dyn Error>> {
    if one.tag_name() != other.tag_name() {
        return Err(format!("{:?} is not {:?}", one.tag_name(), other.tag_name()).into());
    }
    let elements = |node: Node<'_, '_>| node.children().filter(Node::is_element).count();
    let name = one.tag_name().name();
    if elements(one) != elements(other) {
        return Err(format!("{name} has {} elements, not {}", elements(one), elements(other)).into());
    }
    if elements(one) == 0 && one.text().unwrap_or_default() != other.text().unwrap_or_default() {
        return Err(format!("{name} is {:?}, not {:?}", one.text(), other.text()).into());
    }
    let children = |node| Node::children(&node).filter(Node::is_element);
    children(one).zip(children(other)).try_for_each(|(one, other)| same(one, other))
}
