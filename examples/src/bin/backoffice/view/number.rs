//! Numbers, money and times as people of a language write them.

use chrono::{DateTime, Utc};
use maud::{Markup, html};
use rust_decimal::{Decimal, RoundingStrategy};

use super::Lang;

/// The zone in which times are shown.
pub(crate) const ZONE: chrono_tz::Tz = chrono_tz::Europe::Amsterdam;

/// An amount of euros; every digit that it has, two at least.
pub(crate) fn euros(lang: Lang, amount: Decimal) -> String {
    let plain = amount.abs().normalize();
    let decimals = plain.scale().max(2);
    let text = format!("{plain:.0$}", decimals as usize);
    let sign = if amount.is_sign_negative() && !amount.is_zero() { "-" } else { "" };
    let (whole, part) = text.split_once('.').unwrap_or((&text, "00"));
    match lang {
        Lang::En => format!("{sign}€{}.{part}", grouped(whole, ',')),
        Lang::Nl => format!("€ {sign}{},{part}", grouped(whole, '.')),
    }
}

/// An amount in a field to edit. Never with three decimals, which may be taken for thousands.
pub(crate) fn editable(lang: Lang, amount: Decimal) -> String {
    let plain = amount.normalize();
    let decimals = if plain.scale() == 3 { 4 } else { plain.scale().max(2) };
    let text = format!("{plain:.0$}", decimals as usize);
    match lang {
        Lang::En => text,
        Lang::Nl => text.replace('.', ","),
    }
}

/// A number that is no money, such as a quantity.
pub(crate) fn decimal(lang: Lang, number: Decimal) -> String {
    let text = number.normalize().to_string();
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("-", digits));
    let (thousand, point) = marks(lang);
    match digits.split_once('.') {
        Some((whole, part)) => format!("{sign}{}{point}{part}", grouped(whole, thousand)),
        None => format!("{sign}{}", grouped(digits, thousand)),
    }
}

/// How many.
pub(crate) fn count(lang: Lang, number: u64) -> String {
    grouped(&number.to_string(), marks(lang).0)
}

/// A number of seconds with one decimal.
pub(crate) fn seconds(lang: Lang, milliseconds: i64) -> String {
    let seconds =
        Decimal::new(milliseconds, 3).round_dp_with_strategy(1, RoundingStrategy::MidpointAwayFromZero);
    decimal(lang, seconds)
}

fn marks(lang: Lang) -> (char, char) {
    match lang {
        Lang::En => (',', '.'),
        Lang::Nl => ('.', ','),
    }
}

fn grouped(digits: &str, mark: char) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(mark);
        }
        text.push(digit);
    }
    text
}

/// Date and time, in the restaurants' zone.
pub(crate) fn moment(lang: Lang, at: DateTime<Utc>) -> String {
    let local = at.with_timezone(&ZONE);
    match lang {
        Lang::En => local.format("%-d %b %Y, %H:%M").to_string(),
        Lang::Nl => local.format("%d-%m-%Y %H:%M").to_string(),
    }
}

/// The same for machines and people.
pub(crate) fn time(lang: Lang, at: DateTime<Utc>) -> Markup {
    html! { time datetime=(at.to_rfc3339()) { (moment(lang, at)) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn money_keeps_every_digit_and_has_the_form_of_its_language() {
        assert_eq!(euros(Lang::Nl, amount("1234.5")), "€ 1.234,50");
        assert_eq!(euros(Lang::En, amount("1234567.50")), "€1,234,567.50");
        assert_eq!(euros(Lang::Nl, amount("-0.005")), "€ -0,005");
        assert_eq!(euros(Lang::En, amount("-12")), "-€12.00");
        assert_eq!(euros(Lang::En, amount("0")), "€0.00");
        assert_eq!(editable(Lang::Nl, amount("2.5")), "2,50");
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(count(Lang::Nl, 20_000), "20.000");
        assert_eq!(count(Lang::En, 999), "999");
        assert_eq!(decimal(Lang::Nl, amount("-12.750")), "-12,75");
        assert_eq!(seconds(Lang::En, 1250), "1.3");
    }

    #[test]
    fn times_are_local() {
        let at = "2026-07-01T22:30:00Z".parse().unwrap();
        assert_eq!(moment(Lang::Nl, at), "02-07-2026 00:30");
        assert_eq!(moment(Lang::En, at), "2 Jul 2026, 00:30");
    }
}
