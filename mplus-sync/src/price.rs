//! What something costs: the POS's price fields are read here and nowhere else. Pure.
//!
//! An article, a branch's own line, a preparation method and an alteration all tell a price in the same three fields: an
//! amount with VAT, an amount without, and a special price. [`Price::of`] is the one reading of them.
//!
//! * Free is zero, and zero is not the same as no price.
//! * A price that is asked at the till, or read from a barcode, is no amount: what it costs is known at the till alone.
//! * An amount within 1e-9 of a cent is that cent: a POS that calculates in binary writes 3.6000000000000001 for 3.60.
//! * What is negative, or means a fraction of a cent, is no price. It is named, and nothing is rounded.

use mplus_qapi::types::ArticleSpecialPrice;
use rust_decimal::Decimal;

/// What something costs at the till.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Price {
    /// This amount, euros, VAT included, in whole cents. Free is zero.
    Amount(Decimal),
    /// The till asks the cashier for the price.
    AskedAtTill,
    /// The price is in the barcode, as on weighed goods.
    InBarcode,
    /// It is not sold.
    NotForSale,
    /// Nothing is told.
    NotTold,
}

/// The price fields of something that the POS sells, as it told them. Euros.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct ToldPrice<'a> {
    /// With VAT.
    pub including_vat: Option<Decimal>,
    /// Without VAT.
    pub excluding_vat: Option<Decimal>,
    /// What kind of price it is.
    pub special: Option<&'a ArticleSpecialPrice>,
    /// The VAT rate in per cent, needed only where the amount with VAT is not told.
    pub vat_rate: Option<Decimal>,
}

/// A price that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PriceProblem {
    /// Below zero.
    #[error("the price is negative ({0})")]
    Negative(Decimal),
    /// More digits than cents have.
    #[error("the price is no whole number of cents ({0})")]
    FractionOfCent(Decimal),
    /// Only the amount without VAT is told, and no single amount with VAT belongs to it.
    #[error("the price is told without VAT only ({0}), and which price with VAT is meant cannot be told")]
    WithoutVatOnly(Decimal),
}

impl PriceProblem {
    /// What to do.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Negative(_) => "Correct the price in the POS",
            Self::FractionOfCent(_) => "Set a price in whole cents in the POS",
            Self::WithoutVatOnly(_) => "Set the price with VAT in the POS",
        }
    }
}

impl Price {
    /// Reads the price fields.
    ///
    /// An amount that is told together with `PRICE-FREE`, an asked price, a barcode price or "not for sale" does not count:
    /// the till does not use it either.
    ///
    /// # Errors
    /// [`PriceProblem`] when the amount cannot be used.
    pub fn of(told: ToldPrice<'_>) -> Result<Self, PriceProblem> {
        use ArticleSpecialPrice as Special;
        match told.special {
            Some(Special::Free) => Ok(Self::Amount(Decimal::ZERO)),
            Some(Special::AskPositive | Special::AskNegative) => Ok(Self::AskedAtTill),
            Some(Special::AskPositiveNoPopup | Special::AskNegativeNoPopup) => Ok(Self::AskedAtTill),
            Some(Special::BarcodePrice) => Ok(Self::InBarcode),
            Some(Special::NotForSale | Special::NotForSaleVisible) => Ok(Self::NotForSale),
            // Normal, not set, and what a later service adds.
            Some(_) | None => amount(told),
        }
    }

    /// Whether such a special price alone says what something costs: an amount beside it does not count.
    pub(crate) fn is_settled_by(special: Option<&ArticleSpecialPrice>) -> bool {
        let with_amount = ToldPrice { including_vat: Some(Decimal::ONE), special, ..ToldPrice::default() };
        Self::of(with_amount) != Ok(Self::Amount(Decimal::ONE))
    }

    /// The amount, for whoever only needs that. Euros, VAT included.
    pub fn amount(self) -> Option<Decimal> {
        match self {
            Self::Amount(amount) => Some(amount),
            Self::AskedAtTill | Self::InBarcode | Self::NotForSale | Self::NotTold => None,
        }
    }

    /// Whether it is sold at all.
    pub fn is_for_sale(self) -> bool {
        self != Self::NotForSale
    }
}

fn amount(told: ToldPrice<'_>) -> Result<Price, PriceProblem> {
    let amount = match (told.including_vat, told.excluding_vat) {
        (Some(amount), _) => amount,
        (None, None) => return Ok(Price::NotTold),
        (None, Some(without)) if without.is_zero() => without,
        (None, Some(without)) => with_vat(without, told.vat_rate)?,
    };
    whole_cents(amount).map(Price::Amount)
}

/// The amount in whole cents, with two digits behind the point.
///
/// # Errors
/// [`PriceProblem::Negative`], and [`PriceProblem::FractionOfCent`] for what is further than 1e-9 from a cent.
pub fn whole_cents(amount: Decimal) -> Result<Decimal, PriceProblem> {
    let mut cents = amount.round_dp(2);
    if (amount - cents).abs() > Decimal::new(1, 9) {
        return Err(PriceProblem::FractionOfCent(amount));
    }
    if cents.is_sign_negative() && !cents.is_zero() {
        return Err(PriceProblem::Negative(amount));
    }
    cents.set_sign_positive(true);
    cents.rescale(2);
    Ok(cents)
}

/// The one amount in cents whose amount without VAT is this one, in as many digits as it has.
fn with_vat(without: Decimal, rate: Option<Decimal>) -> Result<Decimal, PriceProblem> {
    let problem = PriceProblem::WithoutVatOnly(without);
    let without = without.normalize();
    let factor = rate.map(|rate| Decimal::ONE + rate / Decimal::ONE_HUNDRED).ok_or(problem)?;
    let digits = without.scale().max(2);
    let nearest = without.checked_mul(factor).ok_or(problem)?.round_dp(2);
    let cent = Decimal::new(1, 2);
    let mut fitting = [nearest - cent, nearest, nearest + cent]
        .into_iter()
        .filter(|with| with.checked_div(factor).is_some_and(|back| rounds_to(back, without, digits)));
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(problem),
    }
}

/// Whether a value becomes another one when it is written with so many digits, whichever way halves are rounded.
fn rounds_to(value: Decimal, written: Decimal, digits: u32) -> bool {
    (value - written).abs() * Decimal::TWO <= Decimal::new(1, digits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(text: &str) -> ToldPrice<'static> {
        ToldPrice { including_vat: Some(text.parse().unwrap()), ..ToldPrice::default() }
    }

    fn special(special: &ArticleSpecialPrice) -> Result<Price, PriceProblem> {
        Price::of(ToldPrice { special: Some(special), ..told("4.50") })
    }

    #[test]
    fn noise_below_a_billionth_is_the_cent_that_was_meant() {
        for text in ["3.6000000000000001", "3.5999999999999996", "3.6", "3.60", "3.6000000001"] {
            assert_eq!(Price::of(told(text)), Ok(Price::Amount(Decimal::new(360, 2))), "{text}");
        }
        assert_eq!(Price::of(told("-0.0000000000000001")), Ok(Price::Amount(Decimal::ZERO)));
    }

    #[test]
    fn a_fraction_of_a_cent_and_a_negative_amount_are_refused_and_not_rounded() {
        let fraction: Decimal = "3.605".parse().unwrap();
        assert_eq!(Price::of(told("3.605")), Err(PriceProblem::FractionOfCent(fraction)));
        assert_eq!(Price::of(told("-1.00")), Err(PriceProblem::Negative(Decimal::new(-100, 2))));
    }

    #[test]
    fn zero_is_a_price_and_nothing_told_is_none() {
        assert_eq!(Price::of(told("0")), Ok(Price::Amount(Decimal::ZERO)));
        assert_eq!(Price::of(ToldPrice::default()), Ok(Price::NotTold));
        assert_eq!(Price::NotTold.amount(), None);
    }

    #[test]
    fn special_prices_say_what_the_till_does_whatever_amount_stands_beside_them() {
        use ArticleSpecialPrice as Special;
        assert_eq!(special(&Special::Free), Ok(Price::Amount(Decimal::ZERO)));
        for asked in [
            Special::AskPositive,
            Special::AskNegative,
            Special::AskPositiveNoPopup,
            Special::AskNegativeNoPopup,
        ] {
            assert_eq!(special(&asked), Ok(Price::AskedAtTill));
        }
        assert_eq!(special(&Special::BarcodePrice), Ok(Price::InBarcode));
        for hidden in [Special::NotForSale, Special::NotForSaleVisible] {
            assert!(!special(&hidden).unwrap().is_for_sale());
        }
        for normal in [Special::Normal, Special::NotSet, Special::Unknown("PRICE-NEW".to_owned())] {
            assert_eq!(special(&normal), Ok(Price::Amount(Decimal::new(450, 2))));
        }
    }

    #[test]
    fn an_amount_without_vat_alone_is_computed_where_one_price_fits() {
        let price = |without: &str, rate: Option<i64>| {
            Price::of(ToldPrice {
                excluding_vat: Some(without.parse().unwrap()),
                vat_rate: rate.map(Decimal::from),
                ..ToldPrice::default()
            })
        };
        assert_eq!(price("3.2110", Some(9)), Ok(Price::Amount(Decimal::new(350, 2))));
        assert_eq!(price("3.21", Some(9)), Ok(Price::Amount(Decimal::new(350, 2))));
        assert_eq!(price("2.5", Some(0)), Ok(Price::Amount(Decimal::new(250, 2))));
        assert_eq!(price("0", None), Ok(Price::Amount(Decimal::ZERO)));
        assert!(matches!(price("3.2110", None), Err(PriceProblem::WithoutVatOnly(_))));
        // 6.07 and 6.08 both are 5.02 without 21 % VAT.
        assert!(matches!(price("5.02", Some(21)), Err(PriceProblem::WithoutVatOnly(_))));
        assert!(matches!(price("3.2155", Some(9)), Err(PriceProblem::WithoutVatOnly(_))));
    }

    #[test]
    fn a_billionth_is_noise_and_more_is_a_fraction() {
        assert_eq!(whole_cents("3.600000001".parse().unwrap()), Ok(Decimal::new(360, 2)));
        let more: Decimal = "3.6000000011".parse().unwrap();
        assert_eq!(whole_cents(more), Err(PriceProblem::FractionOfCent(more)));
    }

    #[test]
    fn what_two_prices_have_without_vat_is_neither_the_lower_nor_the_higher() {
        // 0.14 and 0.15 are 0.12, 0.02 and 0.03 are 0.02.
        for without in ["0.12", "0.02"] {
            let without: Decimal = without.parse().unwrap();
            assert_eq!(with_vat(without, Some(21.into())), Err(PriceProblem::WithoutVatOnly(without)));
        }
    }

    #[test]
    fn only_a_special_price_settles_what_something_costs() {
        use ArticleSpecialPrice as Special;
        for settling in [Special::Free, Special::AskPositive, Special::BarcodePrice, Special::NotForSale] {
            assert!(Price::is_settled_by(Some(&settling)), "{settling:?}");
        }
        for open in [None, Some(&Special::Normal), Some(&Special::NotSet)] {
            assert!(!Price::is_settled_by(open), "{open:?}");
        }
    }

    #[test]
    fn everything_with_or_without_an_amount_is_sold_but_what_is_not_for_sale() {
        let amount = Decimal::new(450, 2);
        assert_eq!(Price::Amount(amount).amount(), Some(amount));
        for price in [Price::AskedAtTill, Price::InBarcode, Price::NotForSale, Price::NotTold] {
            assert_eq!(price.amount(), None);
            assert_eq!(price.is_for_sale(), price != Price::NotForSale);
        }
    }

    #[test]
    fn each_problem_says_what_to_correct() {
        let one = Decimal::ONE;
        let advice = [
            PriceProblem::Negative(one),
            PriceProblem::FractionOfCent(one),
            PriceProblem::WithoutVatOnly(one),
        ]
        .map(|problem| problem.advice());
        assert!(
            advice[0].contains("Correct")
                && advice[1].contains("whole cents")
                && advice[2].contains("with VAT")
        );
    }

    proptest! {
        #[test]
        fn a_price_survives_binary_noise(cents in 0i64..10_000_000, noise in -900i64..900) {
            let amount = Decimal::new(cents, 2) + Decimal::new(noise, 12);
            prop_assert_eq!(whole_cents(amount), Ok(Decimal::new(cents, 2)));
        }

        #[test]
        fn a_price_told_without_vat_in_four_digits_is_found_again(cents in 0i64..1_000_000, rate in 0i64..30) {
            let with = Decimal::new(cents, 2);
            let without = (with / (Decimal::ONE + Decimal::new(rate, 2))).round_dp(4);
            let told = ToldPrice {
                excluding_vat: Some(without), vat_rate: Some(Decimal::from(rate)), ..ToldPrice::default()
            };
            prop_assert_eq!(Price::of(told), Ok(Price::Amount(with)));
        }
    }
}
