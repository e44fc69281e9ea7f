//! Documents that come in pieces.

use super::*;

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
