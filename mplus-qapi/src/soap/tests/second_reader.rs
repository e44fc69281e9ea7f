//! Another reader of the same documents: quick-xml, and a few lines that know three types. What both make of documents that
//! were changed at random has to be the same value, or a refusal of both.

use quick_xml::{
    NsReader,
    events::{BytesStart, Event},
    name::{Namespace, NamespaceResolver, ResolveResult},
};

use super::*;

/// An element as quick-xml tells it.
#[derive(Debug, Default)]
struct Node {
    namespace: String,
    name: String,
    nil: bool,
    elsewhere: bool,
    text: String,
    /// There is other text in it than white space.
    has_text: bool,
    children: Vec<Node>,
}

type Told<T> = Result<T, String>;

fn refused<T>(why: impl std::fmt::Display) -> Told<T> {
    Err(why.to_string())
}

fn tree(document: &str) -> Told<Node> {
    let mut reader = NsReader::from_str(document);
    let mut open: Vec<Node> = vec![Node::default()];
    loop {
        let event = reader.read_event().or_else(refused)?;
        let at = open.len();
        let Some(here) = open.last_mut() else { return refused("too many ends") };
        match event {
            Event::Start(start) => open.push(node(&start, reader.resolver())?),
            Event::Empty(start) => here.children.push(node(&start, reader.resolver())?),
            Event::End(_) => {
                let node = open.pop().unwrap_or_default();
                match open.last_mut() {
                    Some(parent) => parent.children.push(node),
                    None => return refused("too many ends"),
                }
            }
            Event::Text(text) => {
                here.has_text |= !text.bytes().all(|byte| byte.is_ascii_whitespace());
                here.text.push_str(&text.xml10_content().replace('\u{1}', "\u{fffd}"));
            }
            Event::CData(_) if at == 1 => return refused("characters outside"),
            Event::CData(text) => {
                here.has_text = true;
                here.text.push_str(&text.xml10_content().replace('\u{1}', "\u{fffd}"));
            }
            Event::GeneralRef(reference) => {
                here.has_text = true;
                let name: &str = &reference;
                let character = match name {
                    "amp" => '&',
                    "lt" => '<',
                    "gt" => '>',
                    "quot" => '"',
                    "apos" => '\'',
                    "#xD83D" | "#0" | "#x1B" => '\u{fffd}',
                    _ => match reference.resolve_char_ref() {
                        Ok(Some(character)) if character < ' ' && !"\t\n\r".contains(character) => '\u{fffd}',
                        Ok(Some(character)) => character,
                        Ok(None) => return refused("an entity"),
                        Err(error) => return refused(error),
                    },
                };
                here.text.push(character);
            }
            Event::DocType(_) => return refused("a document type"),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    match open.as_mut_slice() {
        [outside] if !outside.has_text && outside.children.len() == 1 => Ok(outside.children.remove(0)),
        _ => refused("not one root"),
    }
}

fn node(start: &BytesStart<'_>, resolver: &NamespaceResolver) -> Told<Node> {
    let (namespace, name) = resolver.resolve_element(start.name());
    let mut node = Node { name: name.as_ref().to_owned(), namespace: uri(&namespace), ..Node::default() };
    if name.as_ref().is_empty()
        || start.name().as_ref().starts_with(|c: char| c.is_ascii_digit() || "-.:=\"'&<".contains(c))
    {
        return refused("no name");
    }
    if start.name().as_ref().contains(['"', '\'', '=', '<', '&', '/'])
        || start.attributes_raw().trim_end().ends_with('/')
        || !is_spaced(start.attributes_raw())
    {
        return refused("no name");
    }
    let mut nils = 0;
    for attribute in start.attributes() {
        let attribute = attribute.or_else(refused)?;
        // It refuses what we let pass in what is not read.
        let value = ["&#0;", "&#x1B;"]
            .iter()
            .fold(attribute.value.to_string(), |value, number| value.replace(number, ""));
        quick_xml::escape::unescape(&value).or_else(refused)?;
        let key = attribute.key.as_ref();
        if attribute.value.contains('<')
            || key.is_empty()
            || key.contains(['"', '\'', '&', '<', '/'])
            || key.starts_with(|c: char| c.is_ascii_digit() || "-.:".contains(c))
        {
            return refused("an attribute");
        }
        let (namespace, name) = resolver.resolve_attribute(attribute.key);
        match name.as_ref() {
            // Behind an element that declares, its resolver does not know the prefix.
            "nil" if uri(&namespace) == "http://www.w3.org/2001/XMLSchema-instance" || key == "xsi:nil" => {
                nils += 1;
                node.nil = matches!(attribute.value.trim(), "true" | "1");
            }
            "href" | "ref" if !attribute.value.is_empty() && !key.starts_with("xmlns") => {
                node.elsewhere = true
            }
            _ => {}
        }
    }
    if nils > 1 { refused("twice nil") } else { Ok(node) }
}

/// Whether there is a space before each attribute.
fn is_spaced(attributes: &str) -> bool {
    let mut quote = None;
    let mut closed = false;
    attributes.chars().all(|c| {
        let spaced = !closed || c.is_ascii_whitespace();
        closed = quote == Some(c);
        quote = match quote {
            Some(open) if open != c => quote,
            Some(_) => None,
            None => Some(c).filter(|c| matches!(c, '"' | '\'')),
        };
        spaced
    })
}

fn uri(resolved: &ResolveResult<'_>) -> String {
    match resolved {
        ResolveResult::Bound(Namespace(uri)) => (*uri).to_owned(),
        _ => String::new(),
    }
}

const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";

fn second_reader(document: &str) -> Told<Orders> {
    let envelope = tree(document)?;
    if (envelope.namespace.as_str(), envelope.name.as_str(), envelope.has_text) != (SOAP, "Envelope", false) {
        return refused("no envelope");
    }
    let is_body = |node: &&Node| node.namespace == SOAP && node.name == "Body";
    let bodies: Vec<&Node> = envelope.children.iter().filter(is_body).collect();
    let Some(body) = bodies.first().filter(|_| bodies.iter().all(|body| !body.has_text)) else {
        return refused("no body");
    };
    match body.children.first() {
        Some(root) if root.namespace == NAMESPACE && root.name.eq_ignore_ascii_case("Orders") => orders(root),
        _ => refused("something else"),
    }
}

/// The children that are read: of the service, and there.
fn fields(node: &Node) -> Told<Vec<&Node>> {
    if node.has_text || node.elsewhere {
        return refused("text between elements");
    }
    Ok(node.children.iter().filter(|child| child.namespace == NAMESPACE && !child.nil).collect())
}

fn items<T>(list: &Node, item: &str, read: impl Fn(&Node) -> Told<T>) -> Told<Vec<T>> {
    fields(list)?.into_iter().filter(|child| child.name == item).map(read).collect()
}

fn text(node: &Node) -> Told<&str> {
    let elsewhere = node.elsewhere || node.children.iter().any(|child| child.elsewhere);
    if elsewhere { refused("elsewhere") } else { Ok(&node.text) }
}

/// A value that is one word; `None` when there is nothing.
fn word<T>(node: &Node, parse: impl Fn(&str) -> Option<T>) -> Told<Option<T>> {
    let word = text(node)?.trim_ascii();
    if word.is_empty() {
        return Ok(None);
    }
    parse(word).map(Some).ok_or_else(|| format!("{word} is no value"))
}

fn whole(word: &str) -> Option<i64> {
    match word.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.chars().all(|c| c == '0') => whole.parse().ok(),
        _ => word.parse().ok(),
    }
}

fn orders(node: &Node) -> Told<Orders> {
    let mut read = Orders::default();
    for child in fields(node)? {
        match child.name.as_str() {
            "result" => read.result = Some(text(child)?.to_owned()),
            "orderList" => {
                read.orders = [read.orders.into_vec(), items(child, "order", order)?].concat().into()
            }
            "last" => read.last = word(child, |word| whole(word)?.try_into().ok())?,
            _ => {}
        }
    }
    Ok(read)
}

fn order(node: &Node) -> Told<Order> {
    let mut read = Order::default();
    for child in fields(node)? {
        match child.name.as_str() {
            "number" => read.number = word(child, whole)?.unwrap_or(read.number),
            "kind" => read.kind = Kind::from(text(child)?.trim_ascii()),
            "lineList" => read.lines.extend(items(child, "line", line)?),
            "amount" => read.amount = word(child, |word| word.parse().ok())?,
            "paid" => {
                read.paid = word(child, |word| match word {
                    "true" | "1" => Some(true),
                    "false" | "0" => Some(false),
                    _ => None,
                })?
            }
            "at" => read.at = word(child, |word| word.parse().ok())?,
            _ => {}
        }
    }
    Ok(read)
}

fn line(node: &Node) -> Told<Line> {
    let mut read = Line::default();
    let (mut digits, mut places) = (None, 0);
    for child in fields(node)? {
        match child.name.as_str() {
            "lineId" => read.line_id = Some(text(child)?.to_owned()),
            "quantity" => digits = word(child, |word| word.parse().ok())?.or(digits),
            "decimalPlaces" => {
                places = word(child, |word| whole(word)?.try_into().ok())?.unwrap_or(0);
                if places > 28 {
                    return refused("places");
                }
            }
            "price" => read.price = word(child, |word| Some(Decimal::new(word.parse().ok()?, 2)))?,
            "preparationList" => {
                read.preparation_list =
                    [read.preparation_list.into_vec(), items(child, "line", line)?].concat().into()
            }
            "tags" => read.tags.push(text(child)?.to_owned()),
            "parent" => read.parent = Some(Box::new(line(child)?)),
            _ => {}
        }
    }
    read.quantity = digits.map_or(Decimal::ZERO, |digits: i64| Decimal::new(digits, places));
    Ok(read)
}

/// What we make of it, whole and in pieces: both have to say the same.
fn first_reader(document: &str, piece: usize) -> Told<Orders> {
    let mut whole = Orders::default();
    let read =
        read_envelope(document.as_bytes(), "Orders", &mut whole, false).map_err(|error| error.to_string());
    let mut decoder = ItemDecoder::<Orders>::new("Orders", false, 1 << 20, Budget::default());
    let mut items = Vec::new();
    let mut streamed = document.as_bytes().chunks(piece).try_for_each(|piece| {
        decoder.feed(piece).map_err(|error| error.to_string())?;
        while let Some(item) = decoder.next_item().map_err(|error| error.to_string())? {
            items.push(item);
        }
        Ok::<(), String>(())
    });
    streamed = streamed.and_then(|()| decoder.finish().map(drop).map_err(|error| error.to_string()));
    match (&read, streamed) {
        (Ok(_), Ok(())) => assert_eq!(whole.orders[..], items, "{document}"),
        (Err(whole), Err(streamed)) => assert_eq!(*whole, streamed, "{document}"),
        (read, streamed) => panic!("whole {read:?}, in pieces of {piece} {streamed:?}: {document}"),
    }
    read.map(|_| whole)
}

const BASE: &str = r##"<?xml version="1.0"?><S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:ns="urn:mplusqapi"><S:Header><o:x xmlns:o="urn:o"><ns:number>9 &amp; </ns:number></o:x></S:Header><S:Body><ns:Orders><ns:result>R</ns:result><ns:orderList><ns:order><ns:number>12</ns:number><ns:kind>KIND-SALES</ns:kind><ns:lineList><ns:line><ns:lineId>a &lt; b<![CDATA[<c>]]> &#233;</ns:lineId><ns:quantity>125</ns:quantity><ns:decimalPlaces>2</ns:decimalPlaces><ns:price>995</ns:price><ns:preparationList><ns:line/></ns:preparationList><ns:tags>x</ns:tags><ns:tags/></ns:line></ns:lineList><ns:amount>1.50</ns:amount><ns:paid>true</ns:paid><ns:at>2026-10-25T02:30:00Z</ns:at></ns:order><!-- second --><ns:order><ns:number xsi:nil="true"/><ns:later a="1" b='2'><ns:deep>x</ns:deep></ns:later><q:kind xmlns:q="urn:mplusqapi">KIND-NEW</q:kind></ns:order></ns:orderList><ns:last>7</ns:last></ns:Orders></S:Body></S:Envelope>"##;

const WORDS: &[&str] = &[
    "<",
    ">",
    "/",
    "&",
    ";",
    "\"",
    "'",
    "=",
    " ",
    "\r\n",
    "\u{1}",
    "x",
    "0",
    ".00",
    ".5",
    "-",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?p ",
    "?>",
    "<!DOCTYPE x>",
    "&amp;",
    "&#65;",
    "&#+65;",
    "&#x1B;",
    "&#0;",
    "&nbsp;",
    "& ",
    " a='b'",
    " a=\"<\"",
    " a='&'",
    " xsi:nil='true'",
    " xmlns='urn:mplusqapi'",
    " xmlns:ns='urn:x'",
    " xmlns:q='urn:mplusqapi'",
    " href='#a'",
    "<ns:x>",
    "</ns:x>",
    "<ns:x/>",
    "<x/>",
    "<ns:order>",
    "</ns:order>",
    "<ns:line>",
    "</ns:line>",
    "<ns:number>3</ns:number>",
    "<ns:quantity>7</ns:quantity>",
    "<ns:decimalPlaces>1</ns:decimalPlaces>",
    "<q:x xsi:nil='1' xsi:nil='0'/>",
    "<ns:tags>&#xE9;</ns:tags>",
    "</S:Body>",
    "<S:Body>",
];

/// Words that leave a document well-formed behind a tag.
const WHOLE: &[&str] = &[
    "<ns:x/>",
    "<x/>",
    " ",
    "\r\n",
    "<!-- -->",
    "<?p ?>",
    "<ns:order/>",
    "<ns:order><ns:number>4</ns:number></ns:order>",
    "<ns:line><ns:quantity>7</ns:quantity></ns:line>",
    "<ns:number>3</ns:number>",
    "<ns:number> 3.00 </ns:number>",
    "<ns:number/>",
    "<ns:quantity>7</ns:quantity>",
    "<ns:decimalPlaces>1</ns:decimalPlaces>",
    "<ns:price>-5</ns:price>",
    "<ns:kind>KIND-TABLE</ns:kind>",
    "<ns:tags>&#xE9;&amp;\r</ns:tags>",
    "<ns:tags><![CDATA[ < ]]><ns:x/></ns:tags>",
    "<ns:lineList/>",
    "<ns:orderList/>",
    "<ns:parent><ns:lineId> p </ns:lineId></ns:parent>",
    "<ns:amount>1.50</ns:amount>",
    "<ns:paid>0</ns:paid>",
    "<ns:last>9</ns:last>",
    "<ns:x a='1'>&lt;<y/></ns:x>",
    "<z:number xmlns:z='urn:mplusqapi'>8</z:number>",
    "<number xmlns='urn:mplusqapi'>9</number>",
    "<ns:number xmlns:ns='urn:x'>9</ns:number>",
    "<ns:number xsi:nil='1'>9</ns:number>",
];

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % limit
    }
}

fn changed(random: &mut Random) -> String {
    let mut text = BASE.to_owned();
    for _ in 0..=random.below(3) {
        let tags: Vec<usize> = text.match_indices('>').map(|(at, _)| at + 1).collect();
        let behind_a_tag = tags[random.below(tags.len())];
        match random.below(8) {
            // Well-formed as it was.
            0..6 => text.insert_str(behind_a_tag, WHOLE[random.below(WHOLE.len())]),
            // At a tag, where most happens, or anywhere.
            change => {
                let anywhere = random.below(text.len());
                let from = if random.below(2) == 0 { behind_a_tag - random.below(2) } else { anywhere };
                let to = (from + random.below(40)).min(text.len());
                let whole = |at: usize| (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
                let (from, to) = (whole(from), whole(to));
                match (change, random.below(3)) {
                    (6, 0) => text.replace_range(from..to, ""),
                    (6, 1) => {
                        let again = text[from..to].to_owned();
                        text.insert_str(from, &again);
                    }
                    _ => text.insert_str(from, WORDS[random.below(WORDS.len())]),
                }
            }
        }
    }
    text
}

/// `MPLUS_CHANGED=1000000 cargo test --release -p mplus-qapi --all-features --lib second_reader` for many.
#[test]
fn another_reader_makes_the_same_of_documents_that_were_changed_at_random() {
    assert_eq!(first_reader(BASE, 7), second_reader(BASE));
    let count = std::env::var("MPLUS_CHANGED").ok().and_then(|count| count.parse().ok()).unwrap_or(5_000);
    let mut random = Random(2026);
    let mut values = 0;
    let mut problems = Vec::new();
    for _ in 0..count {
        let document = changed(&mut random);
        let (first, second) = (first_reader(&document, 1 + random.below(200)), second_reader(&document));
        match (&first, &second) {
            (Err(_), Err(_)) => {}
            (Ok(one), Ok(other)) if one == other => values += 1,
            _ => problems.push(format!("{first:?}\n{second:?}\n{document}\n")),
        }
    }
    assert!(
        problems.is_empty(),
        "{} of {count}, the first of them:\n{}",
        problems.len(),
        problems[..problems.len().min(6)].join("\n")
    );
    assert!(values > count / 10, "{values} of {count} were values");
}
