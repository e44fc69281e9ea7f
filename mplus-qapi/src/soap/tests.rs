//! The codec on a small service of our own.

#![expect(unreachable_pub, reason = "the macros make public types")]

use super::{prelude::*, *};

record! { Line "Line" {
    0 line_id: Option<String> = "lineId";
    1 quantity: Decimal = "quantity" [scaled];
    scale "decimalPlaces" of 1;
    2 price: Option<Decimal> = "price" [cents];
    3 preparation_list: List<Line> = "preparationList" / "line";
    4 tags: Vec<String> = "tags";
    5 parent: Option<Box<Line>> = "parent";
} }

record! { Order "Order" {
    0 number: i64 = "number";
    1 kind: Kind = "kind";
    2 lines: Vec<Line> = "lineList" / "line";
    3 amount: Option<XsdDecimal> = "amount";
    4 paid: Option<bool> = "paid";
    5 at: Option<DateTime> = "at";
} }

wire_enum! { Kind "Kind" {
    Sales = "KIND-SALES";
    Table = "KIND-TABLE";
} }

record! { Orders "Orders" {
    0 result: Option<String> = "result";
    1 orders: List<Order> = "orderList" / "order";
    2 last: Option<i32> = "last";
} }

impl ListResponse for Orders {
    type Item = Order;
    const FIELD: usize = 1;

    fn take_items(&mut self) -> Vec<Order> {
        std::mem::take(&mut self.orders).into_vec()
    }
}

fn document(body: &str) -> String {
    format!(
        r#"<?xml version="1.0"?><S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/" xmlns:ns="urn:mplusqapi" xmlns:o="urn:other" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><S:Header><o:x><ns:number>9</ns:number></o:x></S:Header><S:Body>{body}</S:Body></S:Envelope>"#
    )
}

fn read<R: Record + Default>(document: &str, root: &str) -> Result<(R, Vec<String>), ResponseError> {
    let mut record = R::default();
    let tolerated = read_envelope(document.as_bytes(), root, &mut record, false)?;
    Ok((record, tolerated.missing))
}

fn order(body: &str) -> Order {
    read(&document(&format!("<ns:Order>{body}</ns:Order>")), "Order").expect("readable").0
}

fn problem(body: &str) -> String {
    match read::<Order>(&document(&format!("<ns:Order>{body}</ns:Order>")), "Order") {
        Err(ResponseError::Decode(error)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

fn sample() -> Orders {
    let line = Line {
        line_id: Some(" Caf\u{e9} & <Bar> ]]> \r\n\u{1f600}\u{ff66}".to_owned()),
        quantity: Decimal::new(1250, 3),
        price: Some(Decimal::new(-995, 2)),
        preparation_list: List::empty(),
        tags: vec![String::new(), "a".to_owned()],
        parent: Some(Box::new(Line::default())),
    };
    let order = |number| Order {
        number,
        kind: Kind::Unknown("KIND-NEW".to_owned()),
        lines: vec![line.clone(), Line { preparation_list: vec![line.clone()].into(), ..line.clone() }],
        amount: Some(Decimal::new(100, 2).into()),
        paid: Some(false),
        at: "2026-10-25T02:30:00.25+02:00".parse().ok(),
    };
    Orders {
        result: Some("R".to_owned()),
        orders: vec![order(i64::MAX), order(i64::MIN)].into(),
        last: Some(7),
    }
}

#[test]
fn what_is_written_reads_back_the_same() {
    let text = write_envelope("Orders", &sample()).expect("fits");
    let (read, missing) = read::<Orders>(&text, "Orders").expect("readable");
    assert_eq!(read, sample());
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn text_is_put_together_from_text_cdata_and_entities() {
    let read = order(
        "<ns:number>1</ns:number><ns:lineList><ns:line><ns:lineId> Caf&#233; &amp; <![CDATA[<Bar>&amp;]]><!-- no -->&#x1F600;\r\n</ns:lineId></ns:line></ns:lineList>",
    );
    assert_eq!(read.lines[0].line_id.as_deref(), Some(" Caf\u{e9} & <Bar>&amp;\u{1f600}\n"));
}

#[test]
fn elements_of_other_namespaces_and_unknown_ones_are_skipped_whole() {
    let read = order(
        "<o:number>2</o:number><ns:later><ns:number>3</ns:number><ns:deep/></ns:later><number>4</number>\
         <ns:number>1</ns:number><ns:kind>KIND-TABLE</ns:kind><x:number xmlns:x='urn:mplusqapi'>5</x:number>",
    );
    assert_eq!((read.number, read.kind), (5, Kind::Table));
}

#[test]
fn any_prefix_and_order_of_elements_is_read() {
    let text = r#"<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Body>
        <order xmlns="urn:mplusqapi">
            <kind>KIND-SALES</kind> <number> +5 </number>
            <lineList><line><decimalPlaces>2</decimalPlaces><quantity>125</quantity></line></lineList>
            <paid>1</paid>
        </order></Body></Envelope>
        <!-- end -->"#;
    let (read, _) = read::<Order>(text, "Order").expect("readable");
    assert_eq!((read.number, read.kind, read.paid), (5, Kind::Sales, Some(true)));
    assert_eq!(read.lines[0].quantity.to_string(), "1.25");
}

#[test]
fn an_absent_scale_reads_as_zero_and_is_written() {
    let read = order("<ns:lineList><ns:line><ns:quantity>5</ns:quantity></ns:line></ns:lineList>");
    assert_eq!(read.lines[0].quantity.to_string(), "5");
    let text = write_envelope("Line", &read.lines[0]).expect("fits");
    assert!(
        text.contains("<ns1:quantity>5</ns1:quantity><ns1:decimalPlaces>0</ns1:decimalPlaces>"),
        "{text}"
    );
}

#[test]
fn an_empty_or_nil_optional_is_none_and_a_missing_required_element_is_reported() {
    let text = document(
        "<ns:Order><ns:number/><ns:amount></ns:amount><ns:paid xsi:nil='true'/><ns:lineList><ns:line/></ns:lineList></ns:Order>",
    );
    let (read, missing) = read::<Order>(&text, "Order").expect("readable");
    assert_eq!((read.number, read.amount, read.paid), (0, None, None));
    assert_eq!(missing, ["Order/lineList/line[0]/quantity", "Order/number", "Order/kind"]);
}

#[test]
fn strict_mode_makes_a_missing_element_an_error() {
    let text = document("<ns:Order><ns:number>1</ns:number><ns:kind>KIND-SALES</ns:kind></ns:Order>");
    let error = read_envelope(text.as_bytes(), "Order", &mut Order::default(), true);
    let Err(ResponseError::Decode(error)) = error else { panic!("read") };
    assert_eq!((error.path(), error.problem()), ("Order/lineList", &DecodeProblem::Missing));
}

#[test]
fn absent_and_empty_optional_lists_stay_different() {
    for (list, present) in [("", false), ("<ns:orderList/>", true), ("<ns:orderList></ns:orderList>", true)] {
        let (read, _) =
            read::<Orders>(&document(&format!("<ns:Orders>{list}</ns:Orders>")), "Orders").expect("readable");
        assert_eq!((read.orders.is_present(), read.orders.len()), (present, 0), "{list}");
        assert_eq!(write_envelope("Orders", &read).expect("fits").contains("orderList"), present);
    }
}

#[test]
fn values_out_of_range_are_errors_with_path_and_offset() {
    let message = problem("<ns:number>9223372036854775808</ns:number>");
    assert!(
        message
            .starts_with("`9223372036854775808` is not a whole number of 64 bits in Order/number at byte "),
        "{message}"
    );
    let text = document("<ns:Order><ns:kind>KIND-SALES</ns:kind><ns:number>12a</ns:number></ns:Order>");
    let Err(ResponseError::Decode(error)) = read::<Order>(&text, "Order") else { panic!("read") };
    assert!(text[error.offset() as usize..].starts_with("12a"), "{error}");
    for bad in ["1e3", "0x1", "12a", "1.5", "--1", "\u{0664}"] {
        assert!(problem(&format!("<ns:number>{bad}</ns:number>")).contains("Order/number"), "{bad}");
    }
    for bad in ["1e", "1,5", "NaN", "+-1", ".", "-", "1.2.3", "99999999999999999999999999999.5"] {
        assert!(problem(&format!("<ns:amount>{bad}</ns:amount>")).contains("Order/amount"), "{bad}");
    }
    for bad in ["yes", "TRUE", "2"] {
        assert!(problem(&format!("<ns:paid>{bad}</ns:paid>")).contains("Order/paid"), "{bad}");
    }
    let nested = "<ns:lineList><ns:line/><ns:line><ns:price>1.50</ns:price></ns:line></ns:lineList>";
    assert!(problem(nested).contains("cents in Order/lineList/line[1]/price at byte"), "{}", problem(nested));
}

#[test]
fn a_document_cut_off_anywhere_is_an_error() {
    let text = document(
        "<ns:Order><ns:number>123</ns:number><ns:kind>KIND-SALES</ns:kind><ns:lineList><ns:line><ns:quantity>5</ns:quantity><ns:tags>&amp;<![CDATA[x]]></ns:tags></ns:line></ns:lineList></ns:Order>",
    );
    for cut in 0..text.len() {
        assert!(read::<Order>(&text[..cut], "Order").is_err(), "cut at {cut}");
    }
    assert!(read::<Order>(&text, "Order").is_ok());
}

#[test]
fn what_is_no_response_says_what_it_is() {
    let cases = [
        (String::new(), "an empty body"),
        ("  \n".to_owned(), "an empty body"),
        ("<!DOCTYPE html><html><body>Hi</body></html>".to_owned(), "an HTML page"),
        ("<html></html>".to_owned(), "an HTML page"),
        ("Bad gateway".to_owned(), "no XML"),
        ("<!DOCTYPE x [<!ENTITY a 'b'>]><x/>".to_owned(), "document type declaration"),
        ("<x/>".to_owned(), "`x` instead of a SOAP envelope"),
        (document(""), "an empty body"),
        (document("<ns:Other/>"), "`Other` where `Order`"),
        (document("<o:Order/>"), "`Order` where `Order` of urn:mplusqapi"),
        (document("<ns:Order></ns:Orders>"), "`ns:Order` is closed as `ns:Orders`"),
        (
            document("<ns:Order/>").replace("version=\"1.0\"", "version=\"1.0\" encoding='KOI8-R'"),
            "KOI8-R is not read",
        ),
        (document("<ns:Order>text</ns:Order>"), "text between elements"),
        (document("<ns:Order><ns:number>&nbsp;</ns:number></ns:Order>"), "unknown entity"),
        (document("<ns:Order/>") + "<x/>", "after the end"),
    ];
    for (text, expected) in cases {
        match read::<Order>(&text, "Order") {
            Err(ResponseError::Decode(error)) => {
                assert!(error.to_string().contains(expected), "{error} for {text}")
            }
            other => panic!("{other:?} for {text}"),
        }
    }
}

#[test]
fn nesting_is_bounded_in_known_and_unknown_elements() {
    let deep = |open: &str, close: &str| problem(&(open.repeat(200) + &close.repeat(200)));
    assert!(deep("<ns:x>", "</ns:x>").contains("deeper than 128"));
    assert!(
        problem(&format!("<ns:lineList><ns:line>{}", "<ns:parent>".repeat(200))).contains("deeper than 128")
    );
}

#[test]
fn faults_of_both_versions_are_read() {
    let soap_1_1 = document(
        "<S:Fault><faultcode>S:Client.Authentication</faultcode><faultstring>no &amp; no</faultstring><detail><a>b</a> <c>d</c></detail></S:Fault>",
    );
    let Err(ResponseError::Fault(fault)) = read::<Order>(&soap_1_1, "Order") else { panic!("no fault") };
    assert_eq!(
        (fault.code.as_str(), fault.message.as_str(), fault.detail.as_deref()),
        ("Client.Authentication", "no & no", Some("b d"))
    );
    assert!(fault.is_client() && !fault.is_server());
    let soap_1_2 = r#"<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body><e:Fault><e:Code><e:Value>e:Receiver</e:Value><e:Subcode><e:Value>m:Busy</e:Value></e:Subcode></e:Code><e:Reason><e:Text xml:lang="en">busy</e:Text></e:Reason></e:Fault></e:Body></e:Envelope>"#;
    let Err(ResponseError::Fault(fault)) = read::<Order>(soap_1_2, "Order") else { panic!("no fault") };
    assert_eq!(
        (fault.version, fault.code.as_str(), fault.message.as_str()),
        (SoapVersion::V1_2, "Receiver.Busy", "busy")
    );
    assert!(fault.is_server());
}

#[test]
fn what_does_not_fit_is_not_written() {
    let cases = [
        (
            Line { price: Some(Decimal::new(9955, 3)), ..Line::default() },
            "9.955 is no whole number of cents",
            "Line/price",
        ),
        (Line { quantity: Decimal::MAX, ..Line::default() }, "more digits", "Line/quantity"),
        (Line { line_id: Some("a\u{1}".to_owned()), ..Line::default() }, "0x01", "Line/lineId"),
        (Line { line_id: Some("\u{ff66}\u{ffff}".to_owned()), ..Line::default() }, "0xffff", "Line/lineId"),
    ];
    for (line, expected, path) in cases {
        let error = write_envelope("Line", &line).expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(error.path(), path);
    }
    let unset = write_envelope("Order", &Order::default()).expect_err("kind is not set");
    assert_eq!(unset.path(), "Order/kind");
    let exact = Line { price: Some("9.950".parse().expect("decimal")), ..Line::default() };
    assert!(write_envelope("Line", &exact).expect("fits").contains(">995<"));
}

type End = Result<(Orders, Vec<String>), String>;

fn stream(pieces: &[&[u8]]) -> (Vec<Order>, End) {
    let mut decoder = ItemDecoder::<Orders>::new("Orders", false, 1 << 20, Budget::default());
    let mut items = Vec::new();
    for piece in pieces {
        if let Err(error) = decoder.feed(piece) {
            return (items, Err(error.to_string()));
        }
        loop {
            match decoder.next_item() {
                Ok(Some(item)) => items.push(item),
                Ok(None) => break,
                Err(error) => return (items, Err(format!("{error:?}"))),
            }
        }
    }
    let end = decoder.finish().map_err(|error| error.to_string());
    (items, end.map(|tolerated| (decoder.into_response(), tolerated.missing)))
}

#[test]
fn a_stream_in_pieces_of_any_size_gives_what_the_whole_gives() {
    let text = write_envelope("Orders", &sample()).expect("fits");
    let expected = Orders { orders: List::absent(), ..sample() };
    for size in (1..60).chain([500, text.len()]) {
        let pieces: Vec<_> = text.as_bytes().chunks(size).collect();
        let (items, end) = stream(&pieces);
        assert_eq!(items, sample().orders.into_vec(), "pieces of {size}");
        assert_eq!(end.expect("whole"), (expected.clone(), Vec::new()), "pieces of {size}");
    }
}

#[test]
fn a_document_in_pieces_may_begin_with_a_mark_or_white_space() {
    let text = write_envelope("Orders", &sample()).expect("fits");
    let (_, bare) = text.split_once("?>").expect("a declaration");
    for document in [format!("\u{feff}{text}"), format!("{}{bare}", " \n".repeat(40))] {
        for size in [1, 2, 7, document.len()] {
            let pieces: Vec<_> = document.as_bytes().chunks(size).collect();
            let (items, end) = stream(&pieces);
            assert_eq!((items.len(), end.is_ok()), (sample().orders.len(), true), "pieces of {size}");
        }
    }
    for page in ["<!DOCTYPE html><p>", "  <html><p></p></html>"] {
        let pieces: Vec<_> = page.as_bytes().chunks(3).collect();
        assert!(stream(&pieces).1.expect_err("a page").contains("HTML"), "{page}");
    }
}

#[test]
fn an_item_comes_as_soon_as_its_bytes_are_there() {
    let text = write_envelope("Orders", &sample()).expect("fits");
    let end = text.find("</ns1:order>").expect("an order") + "</ns1:order>".len();
    for size in [1, 7, end] {
        let pieces: Vec<_> = text.as_bytes()[..end].chunks(size).collect();
        assert_eq!(stream(&pieces).0.len(), 1, "pieces of {size}");
    }
}

#[test]
fn a_stream_cut_off_anywhere_ends_with_an_error_after_its_whole_items() {
    let text = write_envelope("Orders", &sample()).expect("fits");
    let whole = text.trim_end().len();
    for cut in 0..whole {
        let (items, end) = stream(&[&text.as_bytes()[..cut]]);
        assert!(end.is_err(), "cut at {cut}");
        assert_eq!(items[..], sample().orders[..items.len()]);
    }
}

#[test]
fn a_fault_or_garbage_in_a_stream_is_told() {
    let fault = document("<S:Fault><faultcode>S:Server</faultcode><faultstring>late</faultstring></S:Fault>");
    for size in [1, 10, fault.len()] {
        let pieces: Vec<_> = fault.as_bytes().chunks(size).collect();
        assert!(stream(&pieces).1.expect_err("a fault").contains("late"));
    }
    let broken = document(
        "<ns:Orders><ns:orderList><ns:order><ns:number>1</ns:number></ns:order><ns:order><ns:number>x</ns:number></ns:order>",
    );
    let (items, end) = stream(&[broken.as_bytes()]);
    assert_eq!(items.len(), 1);
    assert!(end.expect_err("broken").contains("order[1]"));
    assert!(stream(&[b"<html>"]).1.is_err());
    assert!(stream(&[]).1.expect_err("empty").contains("empty body"));
}

#[cfg(feature = "serde")]
#[test]
fn json_has_wire_names_exact_decimals_and_no_absent_fields() {
    let line = Line { quantity: Decimal::new(10, 1), price: Some(Decimal::new(995, 2)), ..Line::default() };
    let json = serde_json::to_value(&line).expect("serializes");
    assert_eq!(json, serde_json::json!({"quantity": "1.0", "price": "9.95", "tags": []}));
}

/// Every request and response of every operation that is compiled in, filled from seeds.
#[cfg(feature = "testkit")]
mod all_operations {
    use super::*;
    use crate::testkit::Sampler;

    fn each_document(mut check: impl FnMut(&'static str, &dyn Record, fn() -> Box<dyn Record>)) {
        for descriptor in crate::generated::operations().into_iter().flatten() {
            let info = descriptor.info;
            for (root, make) in [(info.name, descriptor.request), (info.response, descriptor.response)] {
                for seed in 0..4 {
                    let mut record = make();
                    Sampler::awkward(seed).fill(&mut record);
                    check(root, &record, make);
                }
            }
        }
    }

    /// The first difference between two values.
    fn difference(one: View<'_>, other: View<'_>) -> Option<String> {
        match (one, other) {
            (View::Record(one), View::Record(other)) => one.schema().elements.iter().find_map(|element| {
                let found = difference(field(one, element), field(other, element))?;
                Some(format!("{}/{found}", element.name))
            }),
            (View::List(one), View::List(other)) if one.count() == other.count() => {
                (0..one.count()).find_map(|index| difference(one.item(index), other.item(index)))
            }
            (View::Decimal(one), View::Decimal(other)) if one == other && one.scale() == other.scale() => {
                None
            }
            (one, other) => {
                let (one, other) = (format!("{one:?}"), format!("{other:?}"));
                (one != other).then(|| format!(": {one} is not {other}"))
            }
        }
    }

    fn field<'a>(record: &'a dyn Record, element: &Element) -> View<'a> {
        record.view(element.field)
    }

    /// What another reader makes of a document: paths and texts of its elements, in order.
    fn leaves(text: &str) -> Vec<(String, String)> {
        fn walk(node: roxmltree::Node<'_, '_>, path: &str, leaves: &mut Vec<(String, String)>) {
            assert_eq!(node.tag_name().namespace(), Some(NAMESPACE), "{path}");
            let path = format!("{path}/{}", node.tag_name().name());
            let mut children = node.children().filter(roxmltree::Node::is_element).peekable();
            if children.peek().is_none() {
                leaves.push((path, node.text().unwrap_or_default().to_owned()));
                return;
            }
            children.for_each(|child| walk(child, &path, leaves));
        }
        let document = roxmltree::Document::parse(text).expect("XML");
        let body = document.descendants().find(|node| node.tag_name().name() == "Body").expect("a body");
        let mut leaves = Vec::new();
        walk(body.first_element_child().expect("content"), "", &mut leaves);
        leaves
    }

    /// The same from the values themselves: names, order and wrappers as the schema has them, without our writer.
    fn values(path: &str, record: &dyn Record, leaves: &mut Vec<(String, String)>) {
        let before = leaves.len();
        let mut empty = true;
        for element in record.schema().elements {
            let path = format!("{path}/{}", element.name);
            match (element.role, field(record, element)) {
                (_, View::Absent) => continue,
                (Role::ScaleOf, View::Decimal(value)) => leaves.push((path, value.scale().to_string())),
                (role, View::List(items)) => {
                    let item_path = element.item.map_or(path.clone(), |item| format!("{path}/{item}"));
                    (0..items.count()).for_each(|index| value(&item_path, role, items.item(index), leaves));
                    if element.item.is_none() && items.count() == 0 {
                        continue;
                    }
                    if items.count() == 0 {
                        leaves.push((path, String::new()));
                    }
                }
                (role, view) => value(&path, role, view, leaves),
            }
            empty = false;
        }
        if empty {
            leaves.truncate(before);
            leaves.push((path.to_owned(), String::new()));
        }
    }

    fn value(path: &str, role: Role, view: View<'_>, leaves: &mut Vec<(String, String)>) {
        let text = match view {
            View::Record(record) => return values(path, record, leaves),
            View::Decimal(value) if role == Role::Cents => {
                (value.get() * Decimal::ONE_HUNDRED).normalize().to_string()
            }
            View::Decimal(value) if role == Role::Scaled => value.get().mantissa().to_string(),
            View::Binary(bytes) => Binary::to_base64(bytes),
            View::Date(value) => value.to_string(),
            View::DateTime(value) => value.to_string(),
            View::Text(text) | View::Choice(text) => text.to_owned(),
            other => format!("{other:?}"),
        };
        leaves.push((path.to_owned(), text));
    }

    #[test]
    fn another_reader_finds_the_values_of_every_request_and_response_where_the_schema_has_them() {
        let mut operations = 0;
        each_document(|root, record, _| {
            let text = write_envelope(root, record).expect(root);
            let mut expected = Vec::new();
            values(&format!("/{root}"), record, &mut expected);
            for (told, expected) in leaves(&text).iter().zip(&expected) {
                assert_eq!(told, expected, "{root}");
            }
            assert_eq!(leaves(&text).len(), expected.len(), "{root}");
            operations += 1;
        });
        assert_eq!(operations, 8 * crate::generated::operations().into_iter().flatten().count());
        #[cfg(feature = "full")]
        assert_eq!(operations, 8 * 374);
    }

    #[test]
    fn what_is_written_reads_back_the_same_in_value_and_scale() {
        each_document(|root, record, make| {
            let text = write_envelope(root, record).expect(root);
            let mut read = make();
            let tolerated = read_envelope(text.as_bytes(), root, &mut read, true).expect(root);
            assert_eq!(tolerated, Tolerated::default(), "{root}");
            assert_eq!(difference(View::Record(record), View::Record(&read)), None, "{root}\n{text}");
            assert_eq!(write_envelope(root, &read).expect(root), text);
        });
    }

    /// Other clients take a cut off response of this operation for a whole one at thousands of cut points.
    #[test]
    fn products_cut_off_anywhere_are_an_error_buffered_and_streamed() {
        use crate::products::{GetProductsResponse, Product};
        let mut products = vec![Product::default(); 2];
        for (seed, product) in products.iter_mut().enumerate() {
            Sampler::full(seed as u64).with_optional(140).fill(product);
        }
        let response = GetProductsResponse { product_list: products.clone().into_iter().collect() };
        let text = write_envelope("GetProductsResponse", &response).expect("fits");
        assert!(text.len() > 8_000, "{}", text.len());
        for cut in 0..text.len() {
            let bytes = &text.as_bytes()[..cut];
            let mut read = GetProductsResponse::default();
            assert!(read_envelope(bytes, "GetProductsResponse", &mut read, false).is_err(), "cut at {cut}");
            let mut decoder = ItemDecoder::<GetProductsResponse>::new(
                "GetProductsResponse",
                false,
                1 << 20,
                Budget::default(),
            );
            decoder.feed(bytes).expect("a beginning");
            let mut whole = 0;
            while let Some(product) = decoder.next_item().expect("a beginning") {
                assert_eq!(product, products[whole], "cut at {cut}");
                whole += 1;
            }
            assert!(decoder.finish().is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn a_document_cut_off_at_any_tag_is_an_error() {
        each_document(|root, record, make| {
            let text = write_envelope(root, record).expect(root);
            let last = text.rfind('<').expect("a tag");
            let cuts = text.match_indices(['<', '>']).map(|(at, _)| at).filter(|at| *at <= last);
            for cut in cuts.step_by(97) {
                assert!(
                    read_envelope(&text.as_bytes()[..cut], root, &mut make(), false).is_err(),
                    "{root} at {cut}"
                );
            }
        });
    }
}

#[test]
fn a_record_shows_what_is_there_by_the_names_of_the_wire() {
    let line = Line { line_id: Some("7".into()), tags: vec!["a".into()], ..Default::default() };
    assert_eq!(format!("{line:?}"), r#"Line { lineId: "7", quantity: 0, tags: ["a"] }"#);
    let order = Order { number: 4, kind: Kind::Sales, lines: vec![line], ..Default::default() };
    let shown = format!("{order:?}");
    assert!(shown.starts_with("Order { number: 4, kind: KIND-SALES, lineList: [Line { lineId"), "{shown}");
}

#[test]
fn a_record_hides_what_is_sensitive() {
    record! { Login "Login" {
        0 user: String = "user";
        1 password: Option<String> = "password";
    } }
    let login = Login { user: "till".into(), password: Some("hunter2".into()) };
    assert_eq!(format!("{login:?}"), r#"Login { user: "till", password: *** }"#);
}

#[test]
fn records_are_equal_when_every_field_is() {
    let line = || Line { line_id: Some("7".into()), tags: vec!["a".into()], ..Default::default() };
    assert_eq!(line(), line());
    assert_ne!(line(), Line { line_id: None, ..line() });
    assert_ne!(line(), Line { tags: vec![], ..line() });
    assert_ne!(line(), Line { parent: Some(Box::new(line())), ..line() });
    assert_ne!(
        line(),
        Line { preparation_list: List::empty(), ..line() },
        "an empty list is not an absent one"
    );
    let of = |lines| Order { lines, ..Default::default() };
    assert_ne!(of(vec![line()]), of(vec![line(), line()]));
    assert_ne!(of(vec![line()]), of(vec![Line { quantity: Decimal::ONE, ..line() }]));
}
