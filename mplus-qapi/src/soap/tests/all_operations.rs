//! Every request and response of every operation that is compiled in, filled from seeds.

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
        (View::Decimal(one), View::Decimal(other)) if one == other && one.scale() == other.scale() => None,
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
        let mut decoder =
            ItemDecoder::<GetProductsResponse>::new("GetProductsResponse", false, 1 << 20, Budget::default());
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
