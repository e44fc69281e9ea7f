//! What documents read as, and why some do not.

use super::*;

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
fn of_a_quantity_that_is_told_again_the_last_digits_and_the_last_scale_hold() {
    // Every order in which digits and scales can come, six of them at most; each is told anew.
    for length in 1..=6 {
        for order_of in 0..1_u32 << length {
            let (mut digits, mut places, mut told) = (None, 0, String::new());
            for step in 0..length {
                if order_of & (1 << step) == 0 {
                    digits = Some(1000 + i64::from(step));
                    told += &format!("<ns:quantity>{}</ns:quantity>", 1000 + step);
                } else {
                    places = step % 4;
                    told += &format!("<ns:decimalPlaces>{places}</ns:decimalPlaces>");
                }
            }
            let read = order(&format!("<ns:lineList><ns:line>{told}</ns:line></ns:lineList>"));
            let expected = digits.map_or(Decimal::ZERO, |digits| Decimal::new(digits, places));
            assert_eq!(read.lines[0].quantity, expected, "{told}");
        }
    }
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
