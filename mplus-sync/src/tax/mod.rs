//! The host's tax rates and the POS's BTW codes.
//!
//! A connection has a [`TaxMapping`]: which rates the host uses and what they are called. It is of no use by itself:
//! [`TaxMapping::check`] compares it with the VAT groups that the POS has (`getVatGroupList`), and only the
//! [`TaxTable`] that comes out gives codes. So a code is never sent that stands for another percentage at the POS.
//!
//! ```
//! use mplus_sync::model::BtwCode;
//! use mplus_sync::tax::{TaxMapping, VatGroup};
//!
//! let groups = [VatGroup::new(BtwCode::new(1), 2100.into()), VatGroup::new(BtwCode::new(2), 900.into())];
//! let table = TaxMapping::dutch().check(&groups);
//! assert_eq!(table.code_for("Cola", Some(9.into())), Ok(BtwCode::new(2)));
//!
//! let problem = table.code_for("Newspaper", Some(0.into())).unwrap_err();
//! assert_eq!(
//!     problem.to_string(),
//!     "Tax mismatch: item 'Newspaper' has 0 %, and the POS has no BTW code at 0 % for BTW Vrij in NLD \
//!      (it has 1 = 21 %, 2 = 9 %). Set up BTW Vrij in the POS, or change the tax mapping."
//! );
//! ```

mod problem;
mod table;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::model::{BranchNumber, BtwCode};

pub use problem::{CodeRate, TaxProblem, TaxProblemKind};
pub use table::TaxTable;

/// The rates that a connection's host uses, and the BTW code of each. Its JSON form is for the host to keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxMapping {
    rules: Vec<TaxRule>,
    #[serde(default)]
    country: Option<String>,
    #[serde(default)]
    scale: PercentageScale,
}

/// One rate of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxRule {
    /// In per cent: `21` for 21 %.
    #[serde(with = "rust_decimal::serde::str")]
    pub rate: Decimal,
    /// What the POS's back office calls it, without "BTW": `Hoog`.
    pub name: String,
    /// The POS's code; none to take the one code that has the rate at the POS.
    #[serde(default)]
    pub code: Option<BtwCode>,
}

impl TaxMapping {
    /// The Dutch rates: 21 % Hoog, 9 % Laag, 0 % Vrij, in the Netherlands.
    pub fn dutch() -> Self {
        Self::empty()
            .in_country(Some("NLD"))
            .with_rate(21.into(), "Hoog")
            .with_rate(9.into(), "Laag")
            .with_rate(0.into(), "Vrij")
    }

    /// No rates, any country.
    pub fn empty() -> Self {
        Self { rules: Vec::new(), country: None, scale: PercentageScale::Detect }
    }

    /// Maps a rate in per cent to the code that has it at the POS. A rate that was there is replaced.
    #[must_use]
    pub fn with_rate(self, rate: Decimal, name: &str) -> Self {
        self.with_rule(TaxRule { rate, name: name.to_owned(), code: None })
    }

    /// Maps a rate in per cent to this code, which must have it at the POS. Needed where the POS has several codes
    /// with the same percentage.
    #[must_use]
    pub fn with_code(self, rate: Decimal, name: &str, code: BtwCode) -> Self {
        self.with_rule(TaxRule { rate, name: name.to_owned(), code: Some(code) })
    }

    fn with_rule(mut self, rule: TaxRule) -> Self {
        self.rules.retain(|other| other.rate != rule.rate);
        self.rules.push(rule);
        self
    }

    /// The country whose VAT groups count, as ISO 3166 alpha-3 code; none for those of every country.
    ///
    /// A POS with branches in two countries gives one code different percentages. Groups without a country always
    /// count.
    #[must_use]
    pub fn in_country(mut self, iso3: Option<&str>) -> Self {
        self.country = iso3.map(str::to_uppercase);
        self
    }

    /// How the POS's percentages are read.
    #[must_use]
    pub fn with_scale(mut self, scale: PercentageScale) -> Self {
        self.scale = scale;
        self
    }

    /// The rates, in the order they were added.
    pub fn rules(&self) -> &[TaxRule] {
        &self.rules
    }

    /// Compares the mapping with what the POS has.
    ///
    /// Never fails as a whole: a rate that does not fit is refused item by item, and
    /// [`TaxTable::problems`] lists the rates that no item can use.
    pub fn check(&self, groups: &[VatGroup]) -> TaxTable {
        let here = |group: &&VatGroup| match (&self.country, &group.country_iso3) {
            (Some(wanted), Some(country)) => wanted.eq_ignore_ascii_case(country),
            _ => true,
        };
        let percentages = self.scale.read(groups);
        let groups = groups.iter().zip(percentages).filter(|(group, _)| here(group));
        TaxTable::new(&self.rules, self.country.clone(), groups.map(|(group, rate)| (group.code, rate)))
    }

    /// What the POS's codes meant when it told it last, where it does not tell it now.
    pub(crate) fn remembered(&self, known: impl Iterator<Item = (BtwCode, Decimal)>) -> TaxTable {
        TaxTable::remembered(&self.rules, self.country.clone(), known)
    }
}

impl Default for TaxMapping {
    fn default() -> Self {
        Self::dutch()
    }
}

/// A VAT group as the POS lists it (`getVatGroupList`).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VatGroup {
    /// `vatCode`.
    pub code: BtwCode,
    /// `vatPercentage`, the number as it came; see [`PercentageScale`].
    pub percentage: Decimal,
    /// `countryIso3`, when the POS says.
    pub country_iso3: Option<String>,
    /// `branchNumber`, when the POS says.
    pub branch: Option<BranchNumber>,
}

impl VatGroup {
    /// A group without country and branch.
    pub fn new(code: BtwCode, percentage: Decimal) -> Self {
        Self { code, percentage, country_iso3: None, branch: None }
    }

    /// The same in a country.
    #[must_use]
    pub fn in_country(mut self, iso3: &str) -> Self {
        self.country_iso3 = Some(iso3.to_owned());
        self
    }
}

/// How the POS writes a percentage.
///
/// The WSDL declares `vatPercentage` as an integer and does not say of what: 21 % may come as `21` or as `2100`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PercentageScale {
    /// Look at the whole list: when any number in it is above 100, all are hundredths of a per cent, otherwise all are
    /// per cent. Wrong only for a POS all of whose rates are hundredths and none is above 1 %.
    #[default]
    Detect,
    /// `21` is 21 %.
    Percent,
    /// `2100` is 21 %.
    Hundredths,
}

impl PercentageScale {
    /// The groups' percentages in per cent, in their order.
    pub fn read(self, groups: &[VatGroup]) -> Vec<Decimal> {
        let hundredths = match self {
            Self::Detect => groups.iter().any(|group| group.percentage > Decimal::ONE_HUNDRED),
            Self::Percent => false,
            Self::Hundredths => true,
        };
        let divisor = if hundredths { Decimal::ONE_HUNDRED } else { Decimal::ONE };
        groups.iter().map(|group| (group.percentage / divisor).normalize()).collect()
    }
}
