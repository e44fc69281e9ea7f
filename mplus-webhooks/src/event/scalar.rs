//! Texts, numbers, truth and times, in every spelling that has one meaning.

use std::borrow::Cow;
use std::str::FromStr as _;

use chrono::{DateTime, FixedOffset, NaiveDateTime};
use rust_decimal::Decimal;
use serde_json::value::RawValue;

use super::from_json::FromJson;
use super::oddity::{OddityKind, Reading};
use super::path::{Path, cut};

/// The longest text and the longest identifier that are read, bytes.
const MAX_TEXT: usize = 8 * 1024;
const MAX_IDENTIFIER: usize = 255;
/// The longest number: more digits than a binary number is ever printed with.
const MAX_NUMBER: usize = 64;
/// Digits after the point that amounts and quantities have. What lies beyond is noise, when it is small enough.
const MEANT_DIGITS: u32 = 4;
/// One billionth.
const NOISE: Decimal = Decimal::from_parts(1, 0, 0, false, 9);

/// A text's content, or a number's digits.
pub(crate) fn scalar<'a>(raw: &'a RawValue) -> Option<Cow<'a, str>> {
    let json = raw.get();
    match json.as_bytes().first()? {
        b'"' if json.contains('\\') => serde_json::from_str(json).ok().map(Cow::Owned),
        b'"' => json.get(1..json.len().checked_sub(1)?).map(Cow::Borrowed),
        b'-' | b'0'..=b'9' => Some(Cow::Borrowed(json)),
        _ => None,
    }
}

impl FromJson for String {
    fn from_json(raw: &RawValue, path: &Path<'_>, reading: &mut Reading) -> Result<Self, OddityKind> {
        let text = scalar(raw).ok_or(OddityKind::NotText)?;
        let kept = cut(&text, MAX_TEXT);
        if kept.len() < text.len() {
            reading.note(path, OddityKind::TooLong, raw.get());
        }
        let unfit = |character: char| character.is_control() && !matches!(character, '\n' | '\r' | '\t');
        if kept.contains(unfit) {
            reading.note(path, OddityKind::ControlCharacters, raw.get());
            return Ok(kept.replace(unfit, "\u{fffd}"));
        }
        Ok(kept.to_owned())
    }
}

/// A text of which every character counts, such as a scanned code.
pub(crate) struct Exact(pub(crate) String);

impl FromJson for Exact {
    fn from_json(raw: &RawValue, _: &Path<'_>, _: &mut Reading) -> Result<Self, OddityKind> {
        let text = scalar(raw).ok_or(OddityKind::NotText)?;
        match text.len() {
            0 => Err(OddityKind::Empty),
            1..=MAX_TEXT => Ok(Self(text.into_owned())),
            _ => Err(OddityKind::TooLong),
        }
    }
}

/// A text that names something: whole or not at all.
pub(crate) struct Identifier(pub(crate) String);

impl FromJson for Identifier {
    fn from_json(raw: &RawValue, _: &Path<'_>, _: &mut Reading) -> Result<Self, OddityKind> {
        let text = scalar(raw).ok_or(OddityKind::NotText)?;
        if text.trim().is_empty() {
            return Err(OddityKind::Empty);
        }
        if text.len() > MAX_IDENTIFIER {
            return Err(OddityKind::TooLong);
        }
        if text.contains(char::is_control) {
            return Err(OddityKind::ControlCharacters);
        }
        Ok(Self(text.into_owned()))
    }
}

/// The identifier of a sale or a payment, which the till makes anew for each. One of zeros alone, as programs write a UUID that nobody
/// made, names none.
pub(crate) struct UniqueId(pub(crate) String);

impl FromJson for UniqueId {
    fn from_json(raw: &RawValue, path: &Path<'_>, reading: &mut Reading) -> Result<Self, OddityKind> {
        let Identifier(id) = Identifier::from_json(raw, path, reading)?;
        if id.trim().bytes().all(|byte| b"0-{}".contains(&byte)) {
            return Err(OddityKind::Empty);
        }
        Ok(Self(id))
    }
}

impl FromJson for Decimal {
    fn from_json(raw: &RawValue, path: &Path<'_>, reading: &mut Reading) -> Result<Self, OddityKind> {
        let text = scalar(raw).ok_or(OddityKind::NotNumber)?;
        let (number, exact) = decimal(text.trim())?;
        let meant = number.round_dp(MEANT_DIGITS);
        let noise = number.checked_sub(meant).is_some_and(|off| off.abs() < NOISE);
        if noise && !(exact && number == meant) {
            reading.note(path, OddityKind::Noise, raw.get());
            return Ok(meant.normalize());
        }
        if exact { Ok(number) } else { Err(OddityKind::NotExact) }
    }
}

/// Whether a word is a number in the spelling of JSON.
pub(crate) fn is_number(word: &str) -> bool {
    let unsigned = word.strip_prefix('-').unwrap_or(word);
    let leading_zero = matches!(unsigned.as_bytes(), [b'0', b'0'..=b'9', ..]);
    !word.starts_with('+') && !leading_zero && parts(word).is_some()
}

/// A number's mantissa and exponent, as digits.
fn parts(text: &str) -> Option<(&str, &str)> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = |text: &'_ str| text.strip_prefix(['+', '-']).map_or(text.len(), str::len);
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let size = mantissa.get(mantissa.len() - unsigned(mantissa)..)?;
    let proper = match size.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(size),
    };
    let power = exponent.get(exponent.len() - unsigned(exponent)..)?;
    (proper && digits(power)).then_some((mantissa, exponent))
}

/// The number, and whether every digit of it was kept.
fn decimal(text: &str) -> Result<(Decimal, bool), OddityKind> {
    if text.is_empty() {
        return Err(OddityKind::Empty);
    }
    let (mantissa, exponent) = parts(text).ok_or(OddityKind::NotNumber)?;
    if text.len() > MAX_NUMBER {
        return Err(OddityKind::NotExact);
    }
    let (number, exact) = match Decimal::from_str_exact(mantissa) {
        Ok(number) => (number, true),
        Err(_) => (Decimal::from_str(mantissa).map_err(|_| OddityKind::NotExact)?, false),
    };
    let (number, whole) = shifted(number, exponent).ok_or(OddityKind::NotExact)?;
    Ok((number, exact && whole))
}

/// `number` times ten to the power of `exponent`, and whether every digit was kept.
fn shifted(number: Decimal, exponent: &str) -> Option<(Decimal, bool)> {
    let exponent: i32 = exponent.parse().ok()?;
    if exponent == 0 || number.is_zero() {
        return Some((number, true));
    }
    if exponent > 0 {
        let factor = 10_i128.checked_pow(exponent.unsigned_abs())?;
        let factor = Decimal::try_from_i128_with_scale(factor, 0).ok()?;
        return Some((number.checked_mul(factor)?.normalize(), true));
    }
    let scale = number.scale().checked_add(exponent.unsigned_abs())?;
    let beyond = scale.saturating_sub(Decimal::MAX_SCALE);
    let (kept, lost) = match 10_i128.checked_pow(beyond) {
        Some(power) => (number.mantissa().checked_div(power)?, number.mantissa().checked_rem(power)? != 0),
        None => (0, true),
    };
    let number = Decimal::try_from_i128_with_scale(kept, scale.min(Decimal::MAX_SCALE)).ok()?;
    Some((number, !lost))
}

impl FromJson for i64 {
    fn from_json(raw: &RawValue, path: &Path<'_>, reading: &mut Reading) -> Result<Self, OddityKind> {
        let text = scalar(raw).ok_or(OddityKind::NotWhole)?;
        if let Ok(number) = text.trim().parse() {
            return Ok(number);
        }
        // `12.0` is a whole number too.
        let number = Decimal::from_json(raw, path, reading).map_err(|what| match what {
            OddityKind::Empty => OddityKind::Empty,
            _ => OddityKind::NotWhole,
        })?;
        if !number.fract().is_zero() {
            return Err(OddityKind::NotWhole);
        }
        Self::try_from(number).map_err(|_| OddityKind::NotWhole)
    }
}

impl FromJson for bool {
    fn from_json(raw: &RawValue, _: &Path<'_>, _: &mut Reading) -> Result<Self, OddityKind> {
        let word = match raw.get() {
            word @ ("true" | "false") => Cow::Borrowed(word),
            _ => scalar(raw).ok_or(OddityKind::NotBool)?,
        };
        match word.trim() {
            "" => Err(OddityKind::Empty),
            "1" => Ok(true),
            "0" => Ok(false),
            word if word.eq_ignore_ascii_case("true") => Ok(true),
            word if word.eq_ignore_ascii_case("false") => Ok(false),
            _ => Err(OddityKind::NotBool),
        }
    }
}

/// A time of the till: the instant, when its offset was told, and what its clock showed.
pub(crate) struct Clock {
    pub(crate) instant: Option<DateTime<FixedOffset>>,
    pub(crate) shown: NaiveDateTime,
}

impl FromJson for Clock {
    fn from_json(raw: &RawValue, path: &Path<'_>, reading: &mut Reading) -> Result<Self, OddityKind> {
        const WITH_OFFSET: [&str; 4] = [
            "%Y-%m-%dT%H:%M:%S%.f%#z",
            "%Y-%m-%d %H:%M:%S%.f%#z",
            "%Y-%m-%dT%H:%M%#z",
            "%Y-%m-%d %H:%M:%S%.f %#z",
        ];
        const WITHOUT: [&str; 4] =
            ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
        let text = scalar(raw).ok_or(OddityKind::NotTime)?;
        let text = text.trim();
        if text.is_empty() {
            return Err(OddityKind::Empty);
        }
        if text.len() > MAX_NUMBER {
            return Err(OddityKind::NotTime);
        }
        let instant = DateTime::parse_from_rfc3339(text).ok();
        let instant =
            instant.or_else(|| WITH_OFFSET.iter().find_map(|form| DateTime::parse_from_str(text, form).ok()));
        if let Some(instant) = instant {
            return Ok(Self { instant: Some(instant), shown: instant.naive_local() });
        }
        let shown = WITHOUT.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
        let shown = shown.ok_or(OddityKind::NotTime)?;
        reading.note(path, OddityKind::NoOffset, raw.get());
        Ok(Self { instant: None, shown })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: FromJson>(json: &str) -> Result<(T, usize), OddityKind> {
        let raw: &RawValue = serde_json::from_str(json).unwrap();
        let mut reading = Reading::new();
        T::from_json(raw, &Path::ROOT.field("value"), &mut reading)
            .map(|value| (value, reading.oddities.len()))
    }

    #[test]
    fn numbers_are_read_from_their_digits() {
        for (sent, number) in [
            ("2.50", "2.50"),
            ("\"2.5\"", "2.5"),
            ("\" -2.5 \"", "-2.5"),
            ("0.1", "0.1"),
            ("1e2", "100"),
            ("1.5e-3", "0.0015"),
            ("\"007\"", "7"),
            ("-9.50", "-9.50"),
            ("12.345", "12.345"),
            ("0.33333", "0.33333"),
            ("123456789012345678901234.5678", "123456789012345678901234.5678"),
        ] {
            let (read, odd) = read::<Decimal>(sent).unwrap();
            assert_eq!((read.to_string().as_str(), odd), (number, 0), "{sent}");
        }
    }

    #[test]
    fn the_noise_of_binary_numbers_is_read_as_what_was_meant_and_told() {
        // As C prints doubles with 17 and with all their digits.
        for (sent, number) in [
            ("12.299999999999999", "12.3"),
            ("\"12.300000000000001\"", "12.3"),
            ("0.10000000000000000555111512312578270211815834045410156", "0.1"),
            ("-1.7763568394002505e-15", "0"),
            ("4.9406564584124654e-324", "0"),
            ("0.33300000000000002", "0.333"),
            ("12.3000000009", "12.3"),
        ] {
            let (read, odd) = read::<Decimal>(sent).unwrap();
            assert_eq!((read.to_string().as_str(), odd), (number, 1), "{sent}");
        }
        assert_eq!(read::<Decimal>("12.300000001").unwrap().0.to_string(), "12.300000001");
    }

    #[test]
    fn what_is_no_number_or_cannot_be_held_is_none() {
        for (bad, what) in [
            ("\"NaN\"", OddityKind::NotNumber),
            ("\"12,50\"", OddityKind::NotNumber),
            ("\"1_000\"", OddityKind::NotNumber),
            ("\"1.000,00\"", OddityKind::NotNumber),
            ("\"€ 5\"", OddityKind::NotNumber),
            ("\".5\"", OddityKind::NotNumber),
            ("\"0x10\"", OddityKind::NotNumber),
            ("\"٣\"", OddityKind::NotNumber),
            ("\"-\"", OddityKind::NotNumber),
            ("\"\"", OddityKind::Empty),
            ("true", OddityKind::NotNumber),
            ("[]", OddityKind::NotNumber),
            ("1e400", OddityKind::NotExact),
            ("1e99999999999", OddityKind::NotExact),
            ("99999999999999999999999999999999", OddityKind::NotExact),
            ("12.3333333333333333333333333333333333", OddityKind::NotExact),
        ] {
            assert_eq!(read::<Decimal>(bad).map(|(number, _)| number), Err(what), "{bad}");
        }
    }

    #[test]
    fn whole_numbers_and_truth_are_read_in_every_spelling() {
        for twelve in ["12", "\"12\"", "12.0", "1.2e1", "\"012\""] {
            assert_eq!(read::<i64>(twelve).unwrap(), (12, 0), "{twelve}");
        }
        for bad in ["12.5", "99999999999999999999", "\"12A\"", "{}"] {
            assert_eq!(read::<i64>(bad).unwrap_err(), OddityKind::NotWhole, "{bad}");
        }
        for (sent, truth) in
            [("true", true), ("1", true), ("\"True\"", true), ("\"0\"", false), ("false", false)]
        {
            assert_eq!(read::<bool>(sent).unwrap().0, truth, "{sent}");
        }
        assert_eq!(read::<bool>("\"ja\"").unwrap_err(), OddityKind::NotBool);
    }

    #[test]
    fn a_time_is_an_instant_only_with_its_offset() {
        for same in [
            "2017-08-09T16:07:33.964+02:00",
            "2017-08-09 16:07:33.964+0200",
            "2017-08-09T14:07:33.964Z",
            "2017-08-09T16:07:33.964+02",
        ] {
            let (clock, odd) = read::<Clock>(&format!("\"{same}\"")).unwrap();
            assert_eq!((clock.instant.unwrap().timestamp_millis(), odd), (1_502_287_653_964, 0), "{same}");
        }
        for without in ["2026-03-29T02:30:00.000", "2026-03-29 02:30"] {
            let (clock, odd) = read::<Clock>(&format!("\"{without}\"")).unwrap();
            assert_eq!(
                (clock.instant, clock.shown.to_string().as_str(), odd),
                (None, "2026-03-29 02:30:00", 1)
            );
        }
        for (bad, what) in [
            ("\"\"", OddityKind::Empty),
            ("\"0000-00-00\"", OddityKind::NotTime),
            ("1502287653", OddityKind::NotTime),
        ] {
            assert_eq!(read::<Clock>(bad).map(|_| ()), Err(what), "{bad}");
        }
    }

    #[test]
    fn texts_are_bounded_and_identifiers_are_whole_or_none() {
        let long = format!("\"{}\"", "é".repeat(8000));
        let (text, odd) = read::<String>(&long).unwrap();
        assert_eq!((text.len(), odd), (8192, 1));
        assert_eq!(read::<String>("\"a\\u0000\\n\"").unwrap(), ("a\u{fffd}\n".to_owned(), 1));
        let id = |json: &str| read::<Identifier>(json).map(|(id, _)| id.0);
        assert_eq!(id("17"), Ok("17".to_owned()));
        assert_eq!(id("0"), Ok("0".to_owned()));
        for (bad, what) in [
            ("\"\"", OddityKind::Empty),
            ("\"  \"", OddityKind::Empty),
            ("\"a\\u0000\"", OddityKind::ControlCharacters),
            (long.as_str(), OddityKind::TooLong),
            ("[]", OddityKind::NotText),
        ] {
            assert_eq!(id(bad), Err(what));
        }
    }

    #[test]
    fn what_the_till_makes_anew_is_never_zero() {
        let id = |json: &str| read::<UniqueId>(json).map(|(id, _)| id.0);
        for none in [
            "0",
            "\"00000000-0000-0000-0000-000000000000\"",
            "\"{00000000-0000-0000-0000-000000000000}\"",
            "\"\"",
        ] {
            assert_eq!(id(none), Err(OddityKind::Empty), "{none}");
        }
        for one in ["\"00000000-0000-0000-0000-000000000001\"", "\"10\"", "\"s\""] {
            assert!(id(one).is_ok(), "{one}");
        }
    }
}
