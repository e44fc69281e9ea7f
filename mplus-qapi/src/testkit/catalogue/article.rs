//! What all articles of the test POS have in common.

use crate::{
    products::{Article, ArticleAskFor},
    types::{
        ArticleSpecialPrice, NutritionalCharacteristic, NutritionalCharacteristicPresence,
        NutritionalCharacteristicType, NutritionalCharacteristics, VatGroup,
    },
    value::{Decimal, SoapMplusDateTime},
};

/// Code and percentage in hundredths: BTW Hoog, Laag and Vrij.
pub(in crate::testkit) const VAT_RATES: [(i32, i64); 3] = [(1, 2100), (2, 900), (3, 0)];
pub(in crate::testkit) const HIGH: i32 = 1;
pub(in crate::testkit) const LOW: i32 = 2;
pub(in crate::testkit) const FREE: i32 = 3;

/// The VAT groups of a branch in the Netherlands.
pub(in crate::testkit) fn vat_groups(branch_number: i32) -> Vec<VatGroup> {
    let group = |(vat_code, vat_percentage)| VatGroup {
        branch_number: Some(branch_number),
        country_code: Some(528),
        country_iso3: Some("NLD".into()),
        vat_code,
        vat_percentage,
        ..VatGroup::default()
    };
    VAT_RATES.map(group).into()
}

/// Hundredths of a percent.
pub(in crate::testkit) fn vat_percentage(code: i32) -> Option<i64> {
    VAT_RATES.iter().find(|(known, _)| *known == code).map(|(_, percentage)| *percentage)
}

/// A price without the VAT of `code`, to the cent.
pub(in crate::testkit) fn without_vat(price: Decimal, code: i32) -> Decimal {
    let hundredths = Decimal::from(vat_percentage(code).unwrap_or_default());
    (price * Decimal::from(10_000) / (Decimal::from(10_000) + hundredths)).round_dp(2)
}

/// An article with the fields that every article of the POS has.
pub(in crate::testkit) fn article(number: i64, description: &str, cents: i64, vat_code: i32) -> Article {
    let price = Decimal::new(cents, 2);
    Article {
        article_number: Some(number),
        plu_number: Some(format!("{number:06}")),
        active: Some(true),
        description: Some(description.to_owned()),
        invoice_text: Some(description.to_owned()),
        receipt_text: Some(description.to_owned()),
        display_text: Some(description.to_owned()),
        turnover_group: Some(if vat_code == HIGH { 20 } else { 10 }),
        vat_code: Some(vat_code),
        vat_percentage: vat_percentage(vat_code).and_then(|percentage| i32::try_from(percentage).ok()),
        price_incl: Some(price),
        price_excl: Some(without_vat(price, vat_code)),
        purchase_price: Some((price * Decimal::new(3, 1)).round_dp(2)),
        si_unit: Some("st".into()),
        webshop: Some(true),
        stock_article: Some(false),
        special_price: Some(ArticleSpecialPrice::Normal),
        ask_for: Some(ArticleAskFor::Nothing),
        show_preparation_methods_directly: Some(false),
        discontinued: Some(false),
        ..Article::default()
    }
}

/// Allergens of the European list, with the numbers that the POS gives them.
pub(in crate::testkit) const ALLERGENS: [(&str, &str); 14] = [
    ("Gluten", "GLU"),
    ("Schaaldieren", "SCH"),
    ("Eieren", "EI"),
    ("Vis", "VIS"),
    ("Pinda's", "PIN"),
    ("Soja", "SOJ"),
    ("Melk", "MEL"),
    ("Noten", "NOT"),
    ("Selderij", "SEL"),
    ("Mosterd", "MOS"),
    ("Sesamzaad", "SES"),
    ("Sulfiet", "SUL"),
    ("Lupine", "LUP"),
    ("Weekdieren", "WEE"),
];

pub(in crate::testkit) const DIETS: [(&str, &str); 3] =
    [("Vegetarisch", "VEG"), ("Veganistisch", "VGN"), ("Halal", "HAL")];

/// The characteristics with these numbers (from 1) are present, all others are not.
pub(in crate::testkit) fn characteristics(allergens: &[i32], diets: &[i32]) -> NutritionalCharacteristics {
    let list = |names: &[(&str, &str)], present: &[i32], kind: NutritionalCharacteristicType| {
        let entry = |(id, (name, abbreviation)): (i32, &(&str, &str))| NutritionalCharacteristic {
            id: Some(id),
            name: Some((*name).to_owned()),
            abbreviation: Some((*abbreviation).to_owned()),
            r#type: Some(kind.clone()),
            is_present: Some(present.contains(&id)),
            presence: Some(if present.contains(&id) {
                NutritionalCharacteristicPresence::Present
            } else {
                NutritionalCharacteristicPresence::NotPresent
            }),
            source_number: None,
        };
        (1..).zip(names).map(entry).collect::<Vec<_>>().into()
    };
    NutritionalCharacteristics {
        allergen_list: list(&ALLERGENS, allergens, NutritionalCharacteristicType::Allergen),
        diet_restriction_list: list(&DIETS, diets, NutritionalCharacteristicType::DietRestriction),
    }
}

/// When the catalogues of the test POS were made.
pub(in crate::testkit) const MADE: SoapMplusDateTime =
    SoapMplusDateTime { sec: 0, min: 0, hour: 9, day: 4, mon: 5, year: 2026, isdst: true, timezone: 120 };
