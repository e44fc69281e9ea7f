//! Reading a WSDL: what the service says, in its own names. No Rust names here, no decisions.

use std::collections::BTreeMap;

use roxmltree::{Document, Node};

use crate::error::{Error, Result, bail};

const WSDL: &str = "http://schemas.xmlsoap.org/wsdl/";
const XSD: &str = "http://www.w3.org/2001/XMLSchema";
const SOAP_ENCODING: &str = "http://schemas.xmlsoap.org/soap/encoding/";

/// A service as its WSDL describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The version, where the WSDL states one.
    pub version: Option<String>,
    /// In the order of the port type.
    pub operations: Vec<Operation>,
    /// Named complex types.
    pub types: BTreeMap<String, Complex>,
    /// Named enumerations and their values, in order.
    pub enums: BTreeMap<String, Vec<String>>,
}

/// A call and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Name in the port type.
    pub name: String,
    /// Root element of the request.
    pub request: Root,
    /// Root element of the response.
    pub response: Root,
}

/// A global element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// Local name.
    pub name: String,
    /// Its type.
    pub content: Content,
}

/// The type of a [`Root`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A named type.
    Named(String),
    /// A type written in place.
    Inline(Vec<Element>),
}

/// A named complex type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complex {
    /// The type that it extends.
    pub base: Option<String>,
    /// Its own elements; those of the base come before them on the wire.
    pub elements: Vec<Element>,
}

/// A child element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// Local name.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// It may be absent.
    pub optional: bool,
    /// It may occur any number of times.
    pub repeated: bool,
}

/// What an element holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// An XML Schema type, by its local name; `base64` for both base64 types.
    Builtin(String),
    /// A type or enum of the service.
    Named(String),
}

impl Service {
    /// Reads a WSDL.
    ///
    /// # Errors
    /// XML that is not well-formed, a reference to something that is not there, or a part of XML Schema that the
    /// generator does not know: rather refuse than generate a type that is not what travels.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim_start_matches('\u{feff}');
        let document =
            Document::parse(text).map_err(|error| Error::new(format!("not well-formed XML: {error}")))?;
        let definitions = document.root_element();
        if !definitions.has_tag_name((WSDL, "definitions")) {
            bail!("the root element is {}, not the definitions of a WSDL", definitions.tag_name().name());
        }
        let schema = definitions
            .descendants()
            .find(|node| node.has_tag_name((XSD, "schema")))
            .ok_or_else(|| Error::new("the WSDL holds no schema"))?;

        let mut types = BTreeMap::new();
        let mut enums = BTreeMap::new();
        let mut roots = BTreeMap::new();
        for node in schema.children().filter(Node::is_element) {
            match node.tag_name().name() {
                "complexType" => unique(&mut types, &name_of(node)?, complex_type(node)?)?,
                "simpleType" => unique(&mut enums, &name_of(node)?, enumeration(node)?)?,
                "element" => unique(&mut roots, &name_of(node)?, root(node)?)?,
                "import" | "annotation" => {}
                other => bail!("line {}: the generator does not know <{other}> in a schema", line(node)),
            }
        }
        let operations = operations(definitions, &roots)?;
        let service = Self { version: version(definitions), operations, types, enums };
        service.check_references()?;
        Ok(service)
    }

    /// The elements of a type in wire order, inherited ones first, each with the type that declares it.
    pub fn elements<'a>(&'a self, name: &'a str) -> Vec<(&'a str, &'a Element)> {
        let Some(complex) = self.types.get(name) else { return Vec::new() };
        let mut elements = complex.base.as_deref().map(|base| self.elements(base)).unwrap_or_default();
        elements.extend(complex.elements.iter().map(|element| (name, element)));
        elements
    }

    /// Whether a type is `base` or extends it.
    pub fn extends(&self, name: &str, base: &str) -> bool {
        name == base
            || self
                .types
                .get(name)
                .and_then(|complex| complex.base.as_deref())
                .is_some_and(|parent| self.extends(parent, base))
    }

    fn check_references(&self) -> Result<()> {
        for (name, complex) in &self.types {
            if let Some(base) = &complex.base
                && !self.types.contains_key(base)
            {
                bail!("type {name} extends {base}, which is not in the WSDL");
            }
            let ancestors =
                std::iter::successors(complex.base.as_ref(), |base| self.types.get(*base)?.base.as_ref());
            if ancestors.take(self.types.len() + 1).any(|ancestor| ancestor == name) {
                bail!("type {name} extends itself");
            }
            self.check_elements(name, &complex.elements)?;
        }
        for operation in &self.operations {
            for root in [&operation.request, &operation.response] {
                match &root.content {
                    Content::Named(name) if !self.types.contains_key(name) => {
                        bail!("element {} has the type {name}, which is not in the WSDL", root.name)
                    }
                    Content::Named(_) => {}
                    Content::Inline(elements) => self.check_elements(&root.name, elements)?,
                }
            }
        }
        Ok(())
    }

    fn check_elements(&self, owner: &str, elements: &[Element]) -> Result<()> {
        for element in elements {
            if let Kind::Named(name) = &element.kind
                && !self.types.contains_key(name)
                && !self.enums.contains_key(name)
            {
                bail!("{owner}.{} has the type {name}, which is not in the WSDL", element.name);
            }
        }
        Ok(())
    }
}

fn unique<T>(map: &mut BTreeMap<String, T>, name: &str, value: T) -> Result<()> {
    match map.insert(name.to_owned(), value) {
        Some(_) => bail!("{name} is defined twice"),
        None => Ok(()),
    }
}

/// Where a WSDL tells the version of its service. That of MplusQapi does not.
fn version(definitions: Node<'_, '_>) -> Option<String> {
    definitions.attribute("version").map(str::to_owned)
}

fn operations(definitions: Node<'_, '_>, roots: &BTreeMap<String, Content>) -> Result<Vec<Operation>> {
    let mut messages = BTreeMap::new();
    for message in definitions.children().filter(|node| node.has_tag_name((WSDL, "message"))) {
        let part = child(message, WSDL, "part")
            .and_then(|part| part.attribute("element"))
            .ok_or_else(|| Error::new(format!("line {}: a message without an element", line(message))))?;
        messages.insert(name_of(message)?, local(part).to_owned());
    }
    let root = |operation: Node<'_, '_>, direction: &str| -> Result<Root> {
        let message = child(operation, WSDL, direction)
            .and_then(|node| node.attribute("message"))
            .map(local)
            .ok_or_else(|| {
                Error::new(format!("line {}: an operation without {direction}", line(operation)))
            })?;
        let Some(name) = messages.get(message) else { bail!("message {message} is not in the WSDL") };
        let Some(content) = roots.get(name) else { bail!("element {name} is not in the WSDL") };
        Ok(Root { name: name.clone(), content: content.clone() })
    };
    let port =
        child(definitions, WSDL, "portType").ok_or_else(|| Error::new("the WSDL holds no portType"))?;
    let mut operations: Vec<Operation> = Vec::new();
    for node in port.children().filter(|node| node.has_tag_name((WSDL, "operation"))) {
        let name = name_of(node)?;
        if operations.iter().any(|operation| operation.name == name) {
            bail!("operation {name} is defined twice");
        }
        operations.push(Operation { name, request: root(node, "input")?, response: root(node, "output")? });
    }
    Ok(operations)
}

fn root(node: Node<'_, '_>) -> Result<Content> {
    if let Some(name) = node.attribute("type") {
        return match kind(node, name)? {
            Kind::Named(name) => Ok(Content::Named(name)),
            Kind::Builtin(name) => bail!("line {}: a global element of the simple type {name}", line(node)),
        };
    }
    match child(node, XSD, "complexType") {
        Some(inline) => {
            let complex = complex_type(inline)?;
            if complex.base.is_some() {
                bail!("line {}: the generator does not know an extension inside an element", line(inline));
            }
            Ok(Content::Inline(complex.elements))
        }
        None => Ok(Content::Inline(Vec::new())),
    }
}

fn complex_type(node: Node<'_, '_>) -> Result<Complex> {
    let mut complex = Complex { base: None, elements: Vec::new() };
    for part in node.children().filter(Node::is_element) {
        match part.tag_name().name() {
            "sequence" => complex.elements = sequence(part)?,
            "complexContent" => {
                let extension = child(part, XSD, "extension").ok_or_else(|| {
                    Error::new(format!("line {}: complexContent without extension", line(part)))
                })?;
                let base = extension.attribute("base").ok_or_else(|| {
                    Error::new(format!("line {}: an extension of nothing", line(extension)))
                })?;
                complex.base = Some(local(base).to_owned());
                for inner in extension.children().filter(Node::is_element) {
                    match inner.tag_name().name() {
                        "sequence" => complex.elements = sequence(inner)?,
                        "annotation" => {}
                        other => {
                            bail!("line {}: the generator does not know <{other}> in a type", line(inner))
                        }
                    }
                }
            }
            "annotation" => {}
            other => bail!("line {}: the generator does not know <{other}> in a type", line(part)),
        }
    }
    Ok(complex)
}

fn sequence(node: Node<'_, '_>) -> Result<Vec<Element>> {
    let mut elements: Vec<Element> = Vec::new();
    for part in node.children().filter(Node::is_element) {
        match part.tag_name().name() {
            "element" => {
                let element = element(part)?;
                if elements.iter().any(|known| known.name == element.name) {
                    bail!("line {}: element {} stands twice in one type", line(part), element.name);
                }
                elements.push(element);
            }
            "annotation" => {}
            other => bail!("line {}: the generator does not know <{other}> in a sequence", line(part)),
        }
    }
    Ok(elements)
}

fn element(node: Node<'_, '_>) -> Result<Element> {
    let name = name_of(node)?;
    let Some(of) = node.attribute("type") else {
        bail!("line {}: element {name} has no named type", line(node));
    };
    let repeated = match node.attribute("maxOccurs") {
        None | Some("1") => false,
        Some("unbounded") => true,
        Some(other) => bail!("line {}: element {name} has maxOccurs {other}", line(node)),
    };
    let nillable = node.attribute("nillable") == Some("true");
    let optional = node.attribute("minOccurs") == Some("0") || nillable;
    Ok(Element { name, kind: kind(node, of)?, optional, repeated })
}

fn kind(node: Node<'_, '_>, name: &str) -> Result<Kind> {
    let prefix = name.split_once(':').map(|(prefix, _)| prefix);
    let local = local(name);
    match node.lookup_namespace_uri(prefix) {
        Some(XSD) if local == "base64Binary" => Ok(Kind::Builtin("base64".to_owned())),
        Some(XSD) => Ok(Kind::Builtin(local.to_owned())),
        Some(SOAP_ENCODING) if matches!(local, "base64" | "base64Binary") => {
            Ok(Kind::Builtin("base64".to_owned()))
        }
        Some(SOAP_ENCODING) => bail!("line {}: the generator does not know {name}", line(node)),
        Some(_) => Ok(Kind::Named(local.to_owned())),
        None => bail!("line {}: the prefix of {name} is not declared", line(node)),
    }
}

fn enumeration(node: Node<'_, '_>) -> Result<Vec<String>> {
    let restriction = child(node, XSD, "restriction").ok_or_else(|| {
        Error::new(format!("line {}: a simple type that is not an enumeration", line(node)))
    })?;
    let values: Vec<String> = restriction
        .children()
        .filter(|value| value.has_tag_name((XSD, "enumeration")))
        .filter_map(|value| value.attribute("value"))
        .map(str::to_owned)
        .collect();
    if values.is_empty() {
        bail!("line {}: a simple type that is not an enumeration", line(node));
    }
    Ok(values)
}

fn child<'a, 'input>(node: Node<'a, 'input>, namespace: &str, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|child| child.has_tag_name((namespace, name)))
}

fn name_of(node: Node<'_, '_>) -> Result<String> {
    match node.attribute("name") {
        Some(name) => Ok(name.to_owned()),
        None => bail!("line {}: <{}> without a name", line(node), node.tag_name().name()),
    }
}

fn local(name: &str) -> &str {
    name.split_once(':').map_or(name, |(_, local)| local)
}

fn line(node: Node<'_, '_>) -> u32 {
    node.document().text_pos_at(node.range().start).row
}
