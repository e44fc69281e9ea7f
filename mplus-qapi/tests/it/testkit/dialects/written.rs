//! How answers are written.

use mplus_qapi::{
    branches::GetBranches,
    products::{GetArticleBranchDeviations, GetProducts},
    system::GetVatGroupList,
};

use super::*;

async fn products(readings: &str) -> String {
    envelope(&pos(readings), GetProducts::default()).await
}

#[tokio::test]
async fn side_elements_may_be_absent_or_empty() {
    assert!(products("").await.contains("<ns1:receiptText>Cappuccino</ns1:receiptText>"));
    let absent = products("side-elements-absent").await;
    assert!(!absent.contains("receiptText") && !absent.contains("changeTimestamp"));
    let empty = products("side-elements-empty").await;
    assert!(empty.contains("<ns1:receiptText/>") && empty.contains("<ns1:changeTimestamp/>"));
    assert_eq!(texts(&empty, "description"), texts(&absent, "description"), "what matters stays");
}

#[tokio::test]
async fn elements_without_a_value_may_be_there() {
    assert!(!products("").await.contains("<ns1:colour"));
    let empty = products("unset-empty").await;
    assert!(empty.contains("<ns1:colour/>") && empty.contains("<ns1:barcodeList/>"));
    let nil = products("unset-nil").await;
    assert!(nil.contains(r#"<ns1:colour xsi:nil="true""#) && nil.contains("<ns1:barcodeList/>"));
}

#[tokio::test]
async fn decimals_have_four_forms() {
    for (readings, form) in [
        ("decimals-plain", "8.95"),
        ("decimals-noise", "8.9499999999999993"),
        ("decimals-padded", "8.950000"),
        ("decimals-exponent", "8.95E+00"),
    ] {
        let pos = pos(readings);
        pos.set_branch_price(1, pos.article_number("Coca-Cola").expect("cola"), "8.95".parse().ok());
        let lines = envelope(&pos, GetArticleBranchDeviations::default()).await;
        assert!(texts(&lines, "salesPriceIncl").contains(&form), "{form}: {lines}");
    }
}

#[tokio::test]
async fn integers_booleans_and_vat_rates_have_other_forms() {
    let zeros = products("integers-zeros").await;
    assert!(zeros.contains("<ns1:articleNumber>001001</ns1:articleNumber>"));
    assert!(zeros.contains("<ns1:priceIncl>00280</ns1:priceIncl>"));
    assert!(products("integers-blanks").await.contains("<ns1:articleNumber>\n  1001 </ns1:articleNumber>"));
    assert!(products("booleans-digits").await.contains("<ns1:active>1</ns1:active>"));
    for (reading, rates) in [
        ("vat-2100", ["2100", "900", "0"]),
        ("vat-21", ["21", "9", "0"]),
        ("vat-21.00", ["21.00", "9.00", "0.00"]),
    ] {
        let list = envelope(&pos(reading), GetVatGroupList::default()).await;
        assert_eq!(texts(&list, "vatPercentage")[..3], rates);
        assert!(texts(&products(reading).await, "vatPercentage").contains(&rates[1]));
    }
}

#[tokio::test]
async fn texts_hold_characters_that_xml_has_no_place_for_or_are_written_otherwise() {
    assert!(products("text-control-characters").await.contains("Coca&#x1B;-Cola"));
    assert!(products("text-surrogates").await.contains("Coca-Cola&#xD83C;&#xDF55;"));
    assert!(
        products("text-cdata")
            .await
            .contains("<ns1:description><![CDATA[Jus d'orange klein]]></ns1:description>")
    );
    assert!(products("text-references").await.contains("Caf&#xE9; au lait"));
}

#[tokio::test]
async fn answers_have_other_encodings_and_prefixes() {
    let name = "Café au lait";
    let (content_type, marked) = bytes(&pos("utf-8-mark"), GetProducts::default()).await;
    assert!(content_type.ends_with("utf-8") && marked.starts_with(b"\xef\xbb\xbf<?xml"));
    let (content_type, latin) = bytes(&pos("iso-8859-1"), GetProducts::default()).await;
    let latin: String = latin.into_iter().map(char::from).collect();
    assert!(
        content_type.ends_with("iso-8859-1")
            && latin.contains(r#"encoding="ISO-8859-1""#)
            && latin.contains(name)
    );
    let (content_type, wide) = bytes(&pos("utf-16"), GetProducts::default()).await;
    let units: Vec<u16> = wide.chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    let wide = String::from_utf16(&units).expect("UTF-16");
    assert!(content_type.ends_with("utf-16") && wide.starts_with('\u{feff}') && wide.contains(name));

    let real = envelope(&pos("prefix-ns"), GetBranches::default()).await;
    assert!(
        real.contains(r#"xmlns:ns="urn:mplusqapi""#) && real.contains("<ns:branchNumber>1</ns:branchNumber>")
    );
    let none = envelope(&pos("prefix-none"), GetBranches::default()).await;
    assert!(none.contains(r#"xmlns="urn:mplusqapi""#) && none.contains("<branchNumber>1</branchNumber>"));
}
