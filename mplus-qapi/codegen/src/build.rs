//! From the service to the model: every name, every type, every list and scale is decided here.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    domains::{Names, Scaled},
    error::{Result, bail},
    model::{Enum, Field, Line, Model, Operation, Record, Shape, Value},
    names::{self, Ledger},
    recursion,
    wsdl::{Content, Element, Kind, Root, Service},
};

impl Model {
    /// Gives everything its name and its type.
    ///
    /// # Errors
    /// A name that is not unique, or a table that names what the service does not have.
    pub fn build(service: &Service, scaled: &Scaled, names: &Names) -> Result<Self> {
        let builder = Builder { service, scaled, names: given_names(service, names)? };
        let mut model = Self {
            version: service.version.clone(),
            operations: Vec::new(),
            records: BTreeMap::new(),
            enums: BTreeMap::new(),
        };
        for name in service.types.keys().filter(|name| plain_type(name).is_none()) {
            let record = builder.record(name, service.elements(name), false)?;
            model.records.insert(builder.name(name).to_owned(), record);
        }
        for (name, values) in &service.enums {
            let variants = names::variants(name, values)?.into_iter().zip(values.iter().cloned()).collect();
            model.enums.insert(builder.name(name).to_owned(), Enum { wsdl: name.clone(), variants });
        }
        let mut methods = Ledger::new("the methods of the client");
        for operation in &service.operations {
            let request = names::type_name(&operation.name);
            model.records.insert(request.clone(), builder.request(&operation.request)?);
            let response = builder.response(&operation.response, &mut model.records)?;
            let method = names::field_name(&operation.name);
            methods.give(&method, &operation.name)?;
            let key = builder.idempotency_key(&operation.request);
            model.operations.push(Operation {
                name: operation.name.clone(),
                method,
                request,
                response_root: operation.response.name.clone(),
                response,
                key,
            });
        }
        for operation in model.operations.iter().filter(|operation| model.streamed(operation).is_some()) {
            methods
                .give(&names::stream_name(&operation.name), format!("the stream of {}", operation.name))?;
        }
        recursion::box_cycles(&mut model.records)?;
        scaled.check_known(service)?;
        model.drop_unused();
        Ok(model)
    }

    /// Bases, wrappers of lists and whatever else no operation sends or answers by itself.
    fn drop_unused(&mut self) {
        let roots = self.operations.iter().flat_map(|operation| [&operation.request, &operation.response]);
        let used: BTreeSet<String> =
            self.reachable(roots.map(String::as_str)).into_iter().map(str::to_owned).collect();
        self.records.retain(|name, _| used.contains(name));
        self.enums.retain(|name, _| used.contains(name));
    }
}

/// Rust names of all types and enums of the service. The operations come first: they keep theirs.
fn given_names(service: &Service, names: &Names) -> Result<BTreeMap<String, String>> {
    let mut ledger = Ledger::of_types();
    let mut given = BTreeMap::new();
    for operation in &service.operations {
        ledger.give(&names::type_name(&operation.name), format!("operation {}", operation.name))?;
    }
    for name in service.types.keys().chain(service.enums.keys()) {
        if let Some(plain) = plain_type(name) {
            given.insert(name.clone(), plain.to_owned());
            continue;
        }
        let rust = names.get(name).cloned().unwrap_or_else(|| names::type_name(name));
        ledger.give(&rust, format!("type {name}"))?;
        given.insert(name.clone(), rust);
    }
    for root in service.operations.iter().map(|operation| &operation.response) {
        if matches!(root.content, Content::Inline(_)) && !given.contains_key(&root.name) {
            let rust = names::type_name(&root.name);
            ledger.give(&rust, format!("element {}", root.name))?;
            given.insert(root.name.clone(), rust);
        }
    }
    if let Some(stray) = names.keys().find(|name| !given.contains_key(*name)) {
        bail!("[names] of domains.toml names {stray}, which is not a type of the service");
    }
    Ok(given)
}

/// The types of the service that the runtime has by hand.
fn plain_type(name: &str) -> Option<&'static str> {
    match name {
        "SoapMplusDate" => Some("SoapMplusDate"),
        "SoapMplusDateTime" => Some("SoapMplusDateTime"),
        _ => None,
    }
}

fn builtin(name: &str) -> Option<&'static str> {
    Some(match name {
        "string" => "String",
        "boolean" => "bool",
        "short" => "i16",
        "int" => "i32",
        "long" => "i64",
        "unsignedByte" => "u8",
        "unsignedShort" => "u16",
        "unsignedInt" => "u32",
        "unsignedLong" => "u64",
        "decimal" => "XsdDecimal",
        "date" => "Date",
        "dateTime" => "DateTime",
        "base64" => "Binary",
        _ => return None,
    })
}

/// The runtime keeps a bit for each field of a struct in 128.
const LAST_INDEX: usize = 127;

struct Builder<'a> {
    service: &'a Service,
    scaled: &'a Scaled,
    names: BTreeMap<String, String>,
}

impl Builder<'_> {
    fn name<'n>(&'n self, wsdl: &'n str) -> &'n str {
        self.names.get(wsdl).map_or(wsdl, String::as_str)
    }

    fn request(&self, root: &Root) -> Result<Record> {
        let elements = match &root.content {
            Content::Named(name) => self.service.elements(name),
            Content::Inline(elements) => {
                elements.iter().map(|element| (root.name.as_str(), element)).collect()
            }
        };
        self.record(&root.name, elements, true)
    }

    /// The struct of a response. One that is written in place becomes a struct named like its element.
    fn response(&self, root: &Root, records: &mut BTreeMap<String, Record>) -> Result<String> {
        match &root.content {
            Content::Named(name) => Ok(self.name(name).to_owned()),
            Content::Inline(elements) => {
                let elements = elements.iter().map(|element| (root.name.as_str(), element)).collect();
                let rust = self.name(&root.name).to_owned();
                records.insert(rust.clone(), self.record(&root.name, elements, false)?);
                Ok(rust)
            }
        }
    }

    /// `elements`: each with the type that declares it. `is_request`: it is the root element of a request.
    fn record(&self, wsdl: &str, elements: Vec<(&str, &Element)>, is_request: bool) -> Result<Record> {
        let mut fields = Ledger::new(wsdl);
        let mut lines: Vec<Line> = Vec::new();
        let mut companions = Vec::new();
        let mut index = 0;
        for (declared_in, element) in elements {
            if self.scaled.companion_of(declared_in, &element.name).is_some() {
                companions.push((lines.len(), declared_in, element));
                lines.push(Line::Scale { wire: element.name.clone(), of: 0 });
                continue;
            }
            let name = names::field_name(&element.name);
            fields.give(&name, &element.name)?;
            if index > LAST_INDEX {
                bail!("{wsdl} has more than {} elements; its table has no place for them", LAST_INDEX + 1);
            }
            let mut field = self.field(wsdl, name, element, is_request)?;
            field.index = index;
            index += 1;
            if let Some(role) = self.scaled.role(declared_in, &element.name) {
                if !matches!(field.value, Value::Plain("i64" | "i32")) || field.shape == Shape::Vec {
                    bail!("scaled.toml: {wsdl}.{} is not an integer", element.name);
                }
                field.value = Value::Plain("Decimal");
                field.role = Some(role);
            }
            lines.push(Line::Field(field));
        }
        for (at, declared_in, element) in companions {
            let scaled = self.scaled.companion_of(declared_in, &element.name).unwrap_or_default();
            let of = lines.iter().find_map(|line| match line {
                Line::Field(field) if field.wire == scaled => Some(field.index),
                _ => None,
            });
            let Some(of) = of else { bail!("scaled.toml: {wsdl} has no element {scaled}") };
            if at == 0 {
                bail!("{wsdl}.{} is a scale before the first field; the table cannot say that", element.name);
            }
            lines[at] = Line::Scale { wire: element.name.clone(), of };
        }
        Ok(Record { wsdl: wsdl.to_owned(), lines })
    }

    fn field(&self, wsdl: &str, name: String, element: &Element, is_request: bool) -> Result<Field> {
        let mut field = Field {
            index: 0,
            name,
            wire: element.name.clone(),
            item: None,
            shape: match (element.repeated, element.optional) {
                (true, _) => Shape::Vec,
                (false, true) => Shape::Optional,
                (false, false) => Shape::One,
            },
            value: self.value(wsdl, element)?,
            boxed: false,
            role: None,
        };
        let stays = element.repeated || (is_request && element.name == "request");
        if let Kind::Named(list) = &element.kind
            && !stays
            && let Some(item) = self.only_repeated(list)
        {
            field.shape = if element.optional { Shape::List } else { Shape::Vec };
            field.item = Some(item.name.clone());
            field.value = self.value(list, item)?;
        }
        Ok(field)
    }

    /// The one element of a type that is nothing but a list.
    fn only_repeated<'n>(&'n self, name: &'n str) -> Option<&'n Element> {
        match self.service.elements(name)[..] {
            [(_, element)] if element.repeated => Some(element),
            _ => None,
        }
    }

    fn value(&self, wsdl: &str, element: &Element) -> Result<Value> {
        match &element.kind {
            Kind::Builtin(name) => match builtin(name) {
                Some(rust) => Ok(Value::Plain(rust)),
                None => {
                    bail!("{wsdl}.{} has the type {name}, which the generator does not know", element.name)
                }
            },
            Kind::Named(name) => Ok(match plain_type(name) {
                Some(rust) => Value::Plain(rust),
                None if self.service.enums.contains_key(name) => Value::Enum(self.name(name).to_owned()),
                None => Value::Record(self.name(name).to_owned()),
            }),
        }
    }

    /// Where the key stands, in a request whose type is made for it.
    fn idempotency_key(&self, root: &Root) -> Option<String> {
        let has_key = |name: &str| self.service.extends(name, "IdempotentReq");
        let key = names::field_name("idempotencyKey");
        match &root.content {
            Content::Named(name) => has_key(name).then_some(key),
            Content::Inline(elements) => elements.iter().find_map(|element| match &element.kind {
                Kind::Named(name) if !element.optional && !element.repeated && has_key(name) => {
                    Some(format!("{}.{key}", names::field_name(&element.name)))
                }
                _ => None,
            }),
        }
    }
}
