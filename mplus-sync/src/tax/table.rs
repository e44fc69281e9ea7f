//! A mapping that was compared with the POS.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::TaxRule;
use super::problem::{CodeRate, TaxProblem, TaxProblemKind};
use crate::model::{BtwCode, Fingerprint, FingerprintError};

/// Which code to send for a rate and which rate a code means, as far as host and POS agree.
///
/// Made by [`TaxMapping::check`](super::TaxMapping::check). It holds what the POS said then: make a new one each run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaxTable {
    /// By rate: the code, or why there is none.
    codes: BTreeMap<Decimal, Result<BtwCode, TaxProblemKind>>,
    /// By code: every rate that the POS gives it.
    rates: BTreeMap<BtwCode, BTreeSet<Decimal>>,
    country: Option<String>,
    /// Whether the POS told them now; otherwise they are those that were known before.
    is_told: bool,
}

impl TaxTable {
    pub(super) fn new(
        rules: &[TaxRule],
        country: Option<String>,
        at_pos: impl Iterator<Item = (BtwCode, Decimal)>,
    ) -> Self {
        let mut table = Self { codes: BTreeMap::new(), rates: BTreeMap::new(), country, is_told: true };
        for (code, rate) in at_pos {
            table.rates.entry(code).or_default().insert(rate);
        }
        for rule in rules {
            let code = table.code_of(rule);
            table.codes.insert(rule.rate, code);
        }
        table
    }

    /// What codes meant when the POS told it last. No code is sent by it.
    pub(super) fn remembered(
        rules: &[TaxRule],
        country: Option<String>,
        known: impl Iterator<Item = (BtwCode, Decimal)>,
    ) -> Self {
        let mut table = Self { is_told: false, ..Self::new(&[], country, known) };
        table.codes = rules.iter().map(|rule| (rule.rate, Err(TaxProblemKind::NotTold))).collect();
        table
    }

    /// Whether the POS told what its codes mean, so that what they mean is taken over.
    pub(crate) fn is_told(&self) -> bool {
        self.is_told
    }

    /// Whether the POS has a code.
    pub(crate) fn has(&self, code: BtwCode) -> bool {
        self.rates.contains_key(&code)
    }

    /// Whether it has any.
    pub(crate) fn is_empty(&self) -> bool {
        self.rates.is_empty()
    }

    /// The BTW code to send for an item of this rate in per cent.
    ///
    /// # Errors
    /// The reason why the item has to be left out of the push; `item` is only used to name it.
    pub fn code_for(&self, item: &str, rate: Option<Decimal>) -> Result<BtwCode, TaxProblem> {
        let code = match rate {
            None => Err(TaxProblemKind::NoRate),
            Some(rate) => match self.codes.get(&rate) {
                Some(code) => code.clone(),
                None => Err(TaxProblemKind::RateNotMapped { rate, code: None }),
            },
        };
        code.map_err(|kind| TaxProblem { item: Some(item.to_owned()), rate, kind: Box::new(kind) })
    }

    /// The host's rate in per cent of an article with this BTW code.
    ///
    /// # Errors
    /// The reason why the item's rate cannot be told; `item` is only used to name it.
    pub fn rate_for(&self, item: &str, code: Option<BtwCode>) -> Result<Decimal, TaxProblem> {
        let problem = |rate, kind| TaxProblem { item: Some(item.to_owned()), rate, kind: Box::new(kind) };
        let code = code.ok_or_else(|| problem(None, TaxProblemKind::NoCode))?;
        let rate = self.only_rate(code).map_err(|kind| problem(None, kind))?;
        match self.codes.get_key_value(&rate) {
            // The host's own value: it may write 21 as 21.0.
            Some((mapped, _)) => Ok(*mapped),
            None => Err(problem(Some(rate), TaxProblemKind::RateNotMapped { rate, code: Some(code) })),
        }
    }

    /// The mapping's rates that no item can use, for the head of a report.
    pub fn problems(&self) -> Vec<TaxProblem> {
        let unusable = self.codes.iter().filter_map(|(rate, code)| Some((*rate, code.clone().err()?)));
        unusable
            .map(|(rate, kind)| TaxProblem { item: None, rate: Some(rate), kind: Box::new(kind) })
            .collect()
    }

    /// Stands for what every code means: another number when a rate or the mapping has changed.
    pub(crate) fn hash(&self) -> Result<i64, FingerprintError> {
        let rates: Vec<_> =
            self.rates.keys().map(|code| (*code, self.rate_for("", Some(*code)).ok())).collect();
        let print = Fingerprint::of(&rates)?;
        let hash = u64::from_str_radix(&print.as_str()[..16], 16).unwrap_or_default();
        Ok(i64::from_ne_bytes(hash.to_ne_bytes()))
    }

    /// The code of a rule, when it has exactly the rule's rate at the POS.
    fn code_of(&self, rule: &TaxRule) -> Result<BtwCode, TaxProblemKind> {
        let (rate, name) = (rule.rate, rule.name.clone());
        let code = match rule.code {
            Some(code) => code,
            None => self.code_at(rate, name.clone())?,
        };
        match self.only_rate(code)? {
            pos_rate if pos_rate == rate => Ok(code),
            pos_rate => Err(TaxProblemKind::OtherRate { code, name, rate, pos_rate }),
        }
    }

    /// The one code that has this rate at the POS.
    fn code_at(&self, rate: Decimal, name: String) -> Result<BtwCode, TaxProblemKind> {
        let codes: Vec<_> =
            self.rates.iter().filter(|(_, rates)| rates.contains(&rate)).map(|(code, _)| *code).collect();
        match codes[..] {
            [code] => Ok(code),
            [] => {
                let (country, at_pos) = (self.country.clone(), self.at_pos());
                Err(TaxProblemKind::NoCodeWithRate { rate, name, country, at_pos })
            }
            _ => Err(TaxProblemKind::SeveralCodes { rate, name, codes }),
        }
    }

    /// The one rate that this code has at the POS.
    fn only_rate(&self, code: BtwCode) -> Result<Decimal, TaxProblemKind> {
        let rates: Vec<_> = self.rates.get(&code).into_iter().flatten().copied().collect();
        match rates[..] {
            [rate] => Ok(rate),
            [] if !self.is_told => Err(TaxProblemKind::NotTold),
            [] => Err(TaxProblemKind::UnknownCode {
                code,
                country: self.country.clone(),
                at_pos: self.at_pos(),
            }),
            _ => Err(TaxProblemKind::SeveralRates { code, rates }),
        }
    }

    fn at_pos(&self) -> Vec<CodeRate> {
        let pairs = self.rates.iter().flat_map(|(code, rates)| rates.iter().map(move |rate| (*code, *rate)));
        pairs.map(|(code, rate)| CodeRate { code, rate }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{PercentageScale, TaxMapping, VatGroup};
    use super::*;
    use proptest::prelude::*;

    fn code(number: i32) -> BtwCode {
        BtwCode::new(number)
    }

    fn groups(groups: &[(i32, i64)]) -> Vec<VatGroup> {
        groups.iter().map(|(number, percentage)| VatGroup::new(code(*number), (*percentage).into())).collect()
    }

    const DUTCH: [(i32, i64); 3] = [(1, 2100), (2, 900), (3, 0)];

    fn message(mapping: &TaxMapping, at_pos: &[VatGroup], rate: Option<Decimal>) -> String {
        mapping.check(at_pos).code_for("Cola", rate).unwrap_err().to_string()
    }

    #[test]
    fn the_dutch_rates_find_their_codes_by_percentage() {
        let table = TaxMapping::dutch().check(&groups(&DUTCH));
        for (rate, number) in [(21, 1), (9, 2), (0, 3)] {
            assert_eq!(table.code_for("Cola", Some(rate.into())), Ok(code(number)));
            assert_eq!(table.rate_for("Cola", Some(code(number))), Ok(rate.into()));
        }
        assert_eq!(table.problems(), []);
    }

    #[test]
    fn percentages_are_read_in_either_scale() {
        for at_pos in [[(1, 2100), (2, 900), (3, 0)], [(1, 21), (2, 9), (3, 0)]] {
            let table = TaxMapping::dutch().check(&groups(&at_pos));
            assert_eq!(table.code_for("Cola", Some(9.into())), Ok(code(2)), "{at_pos:?}");
        }
    }

    #[test]
    fn a_scale_that_is_set_is_not_guessed() {
        let mapping =
            TaxMapping::empty().with_rate(Decimal::new(5, 1), "Half").with_scale(PercentageScale::Hundredths);
        assert_eq!(
            mapping.check(&groups(&[(1, 50)])).code_for("Cola", Some(Decimal::new(50, 2))),
            Ok(code(1))
        );
        let percent = TaxMapping::dutch().with_scale(PercentageScale::Percent);
        assert!(percent.check(&groups(&DUTCH)).code_for("Cola", Some(21.into())).is_err());
    }

    #[test]
    fn a_rate_without_a_mapping_names_item_and_rate() {
        assert_eq!(
            message(&TaxMapping::dutch(), &groups(&DUTCH), Some(Decimal::new(1350, 2))),
            "Tax mismatch: item 'Cola' has 13.5 %, and 13.5 % is not in the tax mapping. \
             Add 13.5 % to the tax mapping, or correct the item's tax rate."
        );
        assert_eq!(
            message(&TaxMapping::dutch(), &groups(&DUTCH), None),
            "Tax mismatch: item 'Cola': it has no tax rate. Give the item a tax rate."
        );
    }

    #[test]
    fn a_configured_code_that_means_another_rate_at_the_pos_is_never_sent() {
        let mapping = TaxMapping::dutch().with_code(21.into(), "Hoog", code(2));
        assert_eq!(
            message(&mapping, &groups(&DUTCH), Some(21.into())),
            "Tax mismatch: item 'Cola' has 21 %, and BTW code 2 is 9 % in the POS but BTW Hoog 21 % in the tax \
             mapping. Correct the tax mapping, or the BTW setup in the POS."
        );
        let mapping = TaxMapping::dutch().with_code(21.into(), "Hoog", code(7));
        assert_eq!(
            message(&mapping, &groups(&DUTCH), Some(21.into())),
            "Tax mismatch: item 'Cola' has 21 %, and the POS has no BTW code 7 in NLD (it has 1 = 21 %, 2 = 9 %, 3 = 0 %). \
             Set up the code in the POS, or change the tax mapping."
        );
    }

    #[test]
    fn several_codes_at_one_rate_need_a_choice() {
        let at_pos = groups(&[(1, 2100), (2, 900), (3, 0), (5, 0)]);
        assert_eq!(
            message(&TaxMapping::dutch(), &at_pos, Some(0.into())),
            "Tax mismatch: item 'Cola' has 0 %, and the POS has several BTW codes at 0 % (3, 5). \
             Say in the tax mapping which of them is BTW Vrij."
        );
        let chosen = TaxMapping::dutch().with_code(0.into(), "Vrij", code(5)).check(&at_pos);
        assert_eq!(chosen.code_for("Cola", Some(0.into())), Ok(code(5)));
        assert_eq!(
            chosen.rate_for("Cola", Some(code(3))),
            Ok(0.into()),
            "either code means the same on a pull"
        );
    }

    #[test]
    fn only_the_mappings_country_counts() {
        let at_pos = [
            VatGroup::new(code(2), 900.into()).in_country("NLD"),
            VatGroup::new(code(2), 600.into()).in_country("BEL"),
            VatGroup::new(code(1), 2100.into()),
        ];
        let dutch = TaxMapping::dutch().check(&at_pos);
        assert_eq!(dutch.code_for("Cola", Some(9.into())), Ok(code(2)));
        assert_eq!(
            dutch.code_for("Cola", Some(21.into())),
            Ok(code(1)),
            "a group without country counts everywhere"
        );
        let belgian = TaxMapping::empty().in_country(Some("bel")).with_rate(6.into(), "Laag").check(&at_pos);
        assert_eq!(belgian.code_for("Cola", Some(6.into())), Ok(code(2)));
        let anywhere = TaxMapping::dutch().in_country(None);
        assert_eq!(
            message(&anywhere, &at_pos, Some(9.into())),
            "Tax mismatch: item 'Cola' has 9 %, and the POS's BTW code 2 stands for several rates (6 %, 9 %). \
             Set the country of the tax mapping, or correct the BTW setup in the POS."
        );
    }

    #[test]
    fn a_pulled_code_that_nobody_knows_names_the_item() {
        let table = TaxMapping::dutch().check(&groups(&[(1, 2100), (4, 1300)]));
        let text = |code| table.rate_for("Wine", code).unwrap_err().to_string();
        assert_eq!(
            text(Some(code(4))),
            "Tax mismatch: item 'Wine' has 13 %, and 13 % (BTW code 4 in the POS) is not in the tax mapping. \
             Add 13 % to the tax mapping, or correct the item's tax rate."
        );
        assert!(text(Some(code(9))).contains("the POS has no BTW code 9"));
        assert!(text(None).contains("it has no BTW code in the POS"));
    }

    #[test]
    fn a_pos_without_vat_groups_makes_every_rate_a_problem() {
        let problems = TaxMapping::dutch().check(&[]).problems();
        assert_eq!(problems.len(), 3);
        assert_eq!(
            problems[2].to_string(),
            "Tax mismatch: the POS has no BTW code at 21 % for BTW Hoog in NLD (it has none at all). \
             Set up BTW Hoog in the POS, or change the tax mapping."
        );
    }

    #[test]
    fn a_rate_that_is_mapped_again_replaces_the_first() {
        let mapping = TaxMapping::dutch().with_code(Decimal::new(210, 1), "High", code(1));
        assert_eq!(mapping.rules().len(), 3);
        assert_eq!(mapping.rules()[2].name, "High");
    }

    #[test]
    fn a_host_can_keep_the_mapping_as_json() {
        let mapping =
            TaxMapping::dutch().with_code(0.into(), "Vrij", code(5)).with_scale(PercentageScale::Percent);
        let json = serde_json::to_string(&mapping).unwrap();
        assert_eq!(serde_json::from_str::<TaxMapping>(&json).unwrap(), mapping);
        let short = r#"{"rules":[{"rate":"9.0","name":"Laag"}]}"#;
        let table = serde_json::from_str::<TaxMapping>(short).unwrap().check(&groups(&DUTCH));
        assert_eq!(table.code_for("Cola", Some(9.into())), Ok(code(2)));
    }

    #[test]
    fn a_problem_has_a_json_form_for_machines() {
        let problem =
            TaxMapping::dutch().check(&groups(&DUTCH)).code_for("Cola", Some(13.into())).unwrap_err();
        let json = serde_json::to_value(&problem).unwrap();
        assert_eq!(json["item"], "Cola");
        assert_eq!(json["kind"]["problem"], "rate_not_mapped");
        assert_eq!(json["rate"], "13");
    }

    proptest! {
        #[test]
        fn a_code_that_is_sent_has_exactly_the_items_rate_at_the_pos(
            at_pos in prop::collection::vec((0i32..6, prop::sample::select(vec![0i64, 600, 900, 2100])), 0..8),
            configured in prop::option::of(0i32..6),
            rate in prop::sample::select(vec![0i64, 6, 9, 21]),
        ) {
            let mapping = match configured {
                Some(number) => TaxMapping::dutch().with_code(9.into(), "Laag", code(number)),
                None => TaxMapping::dutch(),
            };
            let at_pos = groups(&at_pos);
            let table = mapping.with_scale(PercentageScale::Hundredths).check(&at_pos);
            if let Ok(sent) = table.code_for("Cola", Some(rate.into())) {
                let hundredths = Decimal::from(rate * 100);
                prop_assert!(at_pos.iter().any(|group| group.code == sent));
                prop_assert!(at_pos.iter().all(|group| group.code != sent || group.percentage == hundredths));
                prop_assert_eq!(table.rate_for("Cola", Some(sent)), Ok(rate.into()), "and comes back as the same rate");
            }
        }
    }
}
