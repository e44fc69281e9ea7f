//! The codec on a small service of our own.

#![expect(unreachable_pub, reason = "the macros make public types")]

use super::{prelude::*, *};

#[cfg(feature = "testkit")]
mod all_operations;
mod reading;
mod records;
mod second_reader;
mod streams;
mod writing;

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
