//! Numbers as other programs write them.

use super::super::{Decimals, Integers, VatScale};

/// `text` is a decimal as the encoder writes it.
pub(super) fn decimal(text: &str, decimals: Decimals) -> String {
    let Ok(value) = text.parse::<f64>() else { return text.to_owned() };
    match decimals {
        Decimals::Plain => text.to_owned(),
        Decimals::Noise => seventeen_digits(value),
        Decimals::Padded => match text.split_once('.') {
            Some((whole, places)) => format!("{whole}.{places:0<6}"),
            None => format!("{text}.000000"),
        },
        Decimals::Exponent => {
            let digits = text.trim_start_matches('-').trim_start_matches("0.").replace('.', "");
            let places = digits.trim_start_matches('0').len().saturating_sub(1);
            let written = format!("{value:.places$e}");
            let (mantissa, exponent) = written.split_once('e').unwrap_or((&written, "0"));
            let (sign, exponent) = match exponent.strip_prefix('-') {
                Some(exponent) => ('-', exponent),
                None => ('+', exponent),
            };
            format!("{mantissa}E{sign}{exponent:0>2}")
        }
    }
}

/// What C's `%.17lG` makes of a double.
fn seventeen_digits(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let scientific = format!("{value:.16e}");
    let exponent: i32 = scientific.split_once('e').and_then(|(_, digits)| digits.parse().ok()).unwrap_or(0);
    let places = usize::try_from(16 - exponent).unwrap_or_default();
    let plain = format!("{value:.places$}");
    match plain.contains('.') {
        true => plain.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => plain,
    }
}

/// `text` is an integer.
pub(super) fn integer(text: &str, integers: Integers) -> String {
    match (integers, text.strip_prefix('-')) {
        (Integers::Plain, _) => text.to_owned(),
        (Integers::Zeros, Some(digits)) => format!("-00{digits}"),
        (Integers::Zeros, None) => format!("00{text}"),
        (Integers::Blanks, _) => format!("\n  {text} "),
    }
}

/// `text` is a percentage in hundredths.
pub(super) fn vat(text: &str, scale: VatScale) -> String {
    let Ok(hundredths) = text.parse::<i64>() else { return text.to_owned() };
    match (scale, hundredths % 100) {
        (VatScale::Hundredths, _) => text.to_owned(),
        (VatScale::Whole, 0) => (hundredths / 100).to_string(),
        (VatScale::Whole | VatScale::Point, rest) => format!("{}.{rest:02}", hundredths / 100),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_have_the_forms_that_other_programs_give_them() {
        let forms = |text| {
            [Decimals::Noise, Decimals::Padded, Decimals::Exponent].map(|decimals| decimal(text, decimals))
        };
        assert_eq!(forms("9.95"), ["9.9499999999999993", "9.950000", "9.95E+00"]);
        assert_eq!(forms("3.6"), ["3.6000000000000001", "3.600000", "3.6E+00"]);
        assert_eq!(forms("12"), ["12", "12.000000", "1.2E+01"]);
        assert_eq!(forms("-0.05"), ["-0.050000000000000003", "-0.050000", "-5E-02"]);
        assert_eq!(forms("0"), ["0", "0.000000", "0E+00"]);
    }

    #[test]
    fn integers_and_rates_have_the_forms_that_other_programs_give_them() {
        assert_eq!(integer("-12", Integers::Zeros), "-0012");
        assert_eq!(integer("12", Integers::Blanks).trim(), "12");
        assert_eq!(
            [VatScale::Hundredths, VatScale::Whole, VatScale::Point].map(|scale| vat("2100", scale)),
            ["2100", "21", "21.00"]
        );
    }
}
