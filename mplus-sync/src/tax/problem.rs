//! Why a rate and a code do not go together, in words for the person who has to put it right.

use std::fmt;

use rust_decimal::Decimal;
use serde::Serialize;

use crate::model::BtwCode;

/// A rate or a code that cannot be used. The item is left out and named in the report; once the mapping, the item or
/// the POS is put right, the next sync takes it along.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TaxProblem {
    /// The item, as people call it; none for a problem of the mapping itself.
    pub item: Option<String>,
    /// The item's rate in per cent, as far as it is known.
    pub rate: Option<Decimal>,
    /// What does not fit.
    pub kind: Box<TaxProblemKind>,
}

/// What does not fit. Rates are in per cent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "problem", rename_all = "snake_case")]
#[non_exhaustive]
pub enum TaxProblemKind {
    /// The item has no tax rate on the host.
    NoRate,
    /// The item has no BTW code at the POS.
    NoCode,
    /// The mapping does not have the rate.
    RateNotMapped {
        /// The rate.
        rate: Decimal,
        /// The code that has it at the POS, for an item that came from there.
        code: Option<BtwCode>,
    },
    /// No code has the rate at the POS.
    NoCodeWithRate {
        /// The rate.
        rate: Decimal,
        /// What the mapping calls it.
        name: String,
        /// The country that was looked at.
        country: Option<String>,
        /// What the POS has there.
        at_pos: Vec<CodeRate>,
    },
    /// Several codes have the rate at the POS and the mapping does not say which one to use.
    SeveralCodes {
        /// The rate.
        rate: Decimal,
        /// What the mapping calls it.
        name: String,
        /// The codes.
        codes: Vec<BtwCode>,
    },
    /// The POS does not have the code.
    UnknownCode {
        /// The code.
        code: BtwCode,
        /// The country that was looked at.
        country: Option<String>,
        /// What the POS has there.
        at_pos: Vec<CodeRate>,
    },
    /// The code stands for another rate at the POS than in the mapping.
    OtherRate {
        /// The code.
        code: BtwCode,
        /// What the mapping calls it.
        name: String,
        /// Its rate in the mapping.
        rate: Decimal,
        /// Its rate at the POS.
        pos_rate: Decimal,
    },
    /// The code stands for several rates at the POS, within the country that was looked at.
    SeveralRates {
        /// The code.
        code: BtwCode,
        /// Its rates at the POS.
        rates: Vec<Decimal>,
    },
    /// The POS does not tell its VAT groups at present.
    NotTold,
}

/// A code and its rate at the POS, in per cent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CodeRate {
    /// The code.
    pub code: BtwCode,
    /// The rate.
    pub rate: Decimal,
}

impl TaxProblemKind {
    /// What to do about it.
    pub fn advice(&self) -> String {
        match self {
            Self::NoRate => "Give the item a tax rate".to_owned(),
            Self::NoCode => "Give the article a BTW code in the POS".to_owned(),
            Self::RateNotMapped { rate, .. } => {
                format!("Add {} to the tax mapping, or correct the item's tax rate", Percent(*rate))
            }
            Self::NoCodeWithRate { name, .. } => {
                format!("Set up BTW {name} in the POS, or change the tax mapping")
            }
            Self::SeveralCodes { name, .. } => format!("Say in the tax mapping which of them is BTW {name}"),
            Self::UnknownCode { .. } => "Set up the code in the POS, or change the tax mapping".to_owned(),
            Self::OtherRate { .. } => "Correct the tax mapping, or the BTW setup in the POS".to_owned(),
            Self::SeveralRates { .. } => {
                "Set the country of the tax mapping, or correct the BTW setup in the POS".to_owned()
            }
            Self::NotTold => "See what the run says of the VAT groups; the next sync tries again".to_owned(),
        }
    }
}

impl std::error::Error for TaxProblem {}

impl fmt::Display for TaxProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tax mismatch: ")?;
        if let Some(item) = &self.item {
            match self.rate {
                Some(rate) => write!(f, "item '{item}' has {}, and ", Percent(rate))?,
                None => write!(f, "item '{item}': ")?,
            }
        }
        write!(f, "{}. {}.", self.kind, self.kind.advice())
    }
}

impl fmt::Display for TaxProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRate => f.write_str("it has no tax rate"),
            Self::NoCode => f.write_str("it has no BTW code in the POS"),
            Self::RateNotMapped { rate, code: None } => {
                write!(f, "{} is not in the tax mapping", Percent(*rate))
            }
            Self::RateNotMapped { rate, code: Some(code) } => {
                write!(f, "{} (BTW code {code} in the POS) is not in the tax mapping", Percent(*rate))
            }
            Self::NoCodeWithRate { rate, name, country, at_pos } => {
                write!(
                    f,
                    "the POS has no BTW code at {} for BTW {name}{}",
                    Percent(*rate),
                    AtPos(country, at_pos)
                )
            }
            Self::SeveralCodes { rate, codes, .. } => {
                write!(f, "the POS has several BTW codes at {} ({})", Percent(*rate), Listed(codes))
            }
            Self::UnknownCode { code, country, at_pos } => {
                write!(f, "the POS has no BTW code {code}{}", AtPos(country, at_pos))
            }
            Self::OtherRate { code, name, rate, pos_rate } => {
                let (rate, pos_rate) = (Percent(*rate), Percent(*pos_rate));
                write!(f, "BTW code {code} is {pos_rate} in the POS but BTW {name} {rate} in the tax mapping")
            }
            Self::SeveralRates { code, rates } => {
                let rates: Vec<_> = rates.iter().copied().map(Percent).collect();
                write!(f, "the POS's BTW code {code} stands for several rates ({})", Listed(&rates))
            }
            Self::NotTold => f.write_str("the POS does not tell its VAT groups"),
        }
    }
}

/// `21 %`, without trailing zeros.
struct Percent(Decimal);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0.normalize())
    }
}

/// Where was looked and what is there.
struct AtPos<'a>(&'a Option<String>, &'a [CodeRate]);

impl fmt::Display for AtPos<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(country) = self.0 {
            write!(f, " in {country}")?;
        }
        match self.1 {
            [] => f.write_str(" (it has none at all)"),
            codes => write!(f, " (it has {})", Listed(codes)),
        }
    }
}

impl fmt::Display for CodeRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.code, Percent(self.rate))
    }
}

/// The values with commas between them.
struct Listed<'a, T>(&'a [T]);

impl<T: fmt::Display> fmt::Display for Listed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, value) in self.0.iter().enumerate() {
            write!(f, "{}{value}", if position == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}
