//! What the libraries say of a failure, in Dutch. They say it in English, in whole sentences that hold names and numbers: each is known
//! here by what stands around those. A sentence that is not known stays as it is.

use super::Lang;
use super::sentences::KNOWN;

impl Lang {
    /// A failure as the visitor reads it; none when its sentence is not known in that language.
    pub(crate) fn reason_of(self, said: &str) -> Option<String> {
        match self {
            Self::En => Some(said.to_owned()),
            Self::Nl => dutch(said),
        }
    }

    /// The same where there is no room to say that it is English: as it was said when it is not known.
    pub(crate) fn reason(self, said: &str) -> String {
        self.reason_of(said).unwrap_or_else(|| said.to_owned())
    }
}

/// The most sentences that are looked for in one text.
const SENTENCES: usize = 32;

/// One known sentence after the other, or none.
fn dutch(said: &str) -> Option<String> {
    let marks = ["; ", ". ", ", "].into_iter().flat_map(|mark| said.match_indices(mark));
    // Where a sentence may end, what stands there, and where the next one begins.
    let mut ends: Vec<(usize, &str, usize)> = marks.map(|(at, mark)| (at, mark, at + mark.len())).collect();
    ends.sort_unstable();
    ends.truncate(SENTENCES);
    let last =
        if said.ends_with('.') { (said.len() - 1, ".", said.len()) } else { (said.len(), "", said.len()) };
    ends.push(last);
    let starts = std::iter::once(0).chain(ends.iter().map(|(_, _, next)| *next));
    let starts: Vec<usize> = starts.take(ends.len()).collect();
    // From the last beginning to the first: what is said from there on.
    let mut rest: Vec<Option<String>> = vec![None; ends.len() + 1];
    rest[ends.len()] = Some(String::new());
    for (first, start) in starts.iter().enumerate().rev() {
        rest[first] = (first..ends.len()).find_map(|end| {
            let ((to, mark, _), after) = (ends[end], rest[end + 1].as_ref()?);
            Some(format!("{}{mark}{after}", sentence(&said[*start..to])?))
        });
    }
    rest.swap_remove(0)
}

fn sentence(said: &str) -> Option<String> {
    KNOWN.iter().find_map(|(english, dutch_words)| {
        let gaps = gaps(english, said)?;
        let mut words = dutch_words.split("{}");
        let mut told = words.next()?.to_owned();
        for (gap, word) in gaps.iter().zip(words) {
            told.push_str(&dutch(gap).unwrap_or_else(|| (*gap).to_owned()));
            told.push_str(word);
        }
        Some(told)
    })
}

/// What stands in the gaps of a sentence, when a text is that sentence.
fn gaps<'s>(sentence: &str, said: &'s str) -> Option<Vec<&'s str>> {
    let mut words = sentence.split("{}");
    let mut left = said.strip_prefix(words.next()?)?;
    let words: Vec<&str> = words.collect();
    let Some((last, between)) = words.split_last() else { return left.is_empty().then(Vec::new) };
    left = left.strip_suffix(last)?;
    let mut gaps = Vec::with_capacity(words.len());
    for word in between {
        let (gap, rest) = left.split_once(word)?;
        gaps.push(gap);
        left = rest;
    }
    gaps.push(left);
    Some(gaps)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use mplus_sync::connection::{ConnectError, OpenError};
    use mplus_sync::model::{PaymentMethod, TableRef};
    use mplus_sync::orders::Problem;
    use mplus_sync::tax::{TaxMapping, VatGroup};
    use rust_decimal::Decimal;

    use super::*;

    #[test]
    fn every_sentence_has_the_same_gaps_in_both_languages_and_comes_once() {
        let mut known = BTreeSet::new();
        for (english, dutch) in KNOWN {
            assert_eq!(english.matches("{}").count(), dutch.matches("{}").count(), "{english}");
            assert!(known.insert(english), "{english} comes twice");
        }
    }

    /// Every problem that keeps an order from the till.
    fn problems() -> Vec<Problem> {
        let (name, what) = ("Steak; rare".to_owned(), "the line".to_owned());
        let (total, paid, amount) = (Decimal::TEN, Decimal::ONE, Decimal::TWO);
        let (location, employee) = (|| "city".into(), 7);
        let (item, group, modifier) = (|| "steak".into(), "doneness".into(), "rare".into());
        let count = |maximum| Problem::ModifierCount {
            name: "Steak".to_owned(),
            group: "Doneness".to_owned(),
            chosen: paid,
            minimum: 2,
            maximum,
        };
        vec![
            Problem::Empty,
            Problem::ItemUnlinked { name: name.clone(), item: item() },
            Problem::ComboUnlinked { name: name.clone(), combo: "menu".into() },
            Problem::ModifierUnlinked { name: name.clone(), group, modifier },
            Problem::ItemInactive { name: name.clone(), item: item() },
            Problem::NotSoldHere { name, item: item(), location: location() },
            Problem::EmployeeUnknown { employee },
            Problem::ArticleUnknown { article: 1003.into() },
            Problem::ArticleInactive { article: 1003.into() },
            count(Some(3)),
            count(None),
            Problem::TableUnknown { table: TableRef::whole(3) },
            Problem::NoArticle { what: "tips" },
            Problem::PaymentUnmapped { method: PaymentMethod::Card },
            Problem::PaymentUnknown { method: PaymentMethod::Ideal, code: "IDEAL".to_owned() },
            Problem::TotalDiffers { total, lines: paid },
            Problem::PaymentsDiffer { total, paid },
            Problem::PaidBeforehand { paid },
            Problem::FractionOfCent { what: what.clone(), amount },
            Problem::TooLarge { what: what.clone(), amount },
            Problem::Negative { what: what.clone(), amount },
            Problem::Quantity { what, quantity: amount },
            Problem::NoBranch { location: location() },
            Problem::NoWorkplace { location: location() },
            Problem::WorkplaceUnknown { location: location(), workplace: 2 },
            Problem::NoRelation,
            Problem::RelationUnknown { relation: 5.into() },
            Problem::NotSetUp,
            Problem::SkipOutsideTest,
        ]
    }

    #[test]
    fn whatever_is_wrong_with_an_order_is_told_in_dutch_one_after_the_other() {
        for problem in problems() {
            let said = problem.to_string();
            let told = Lang::Nl.reason_of(&said);
            assert!(told.as_ref().is_some_and(|told| *told != said), "{said}: {told:?}");
            let refused = format!(
                "order K-1 was not sent to the POS: {}; {said}; {}",
                Problem::Empty,
                Problem::NoRelation
            );
            let told = Lang::Nl.reason(&refused);
            assert!(
                told.starts_with("bestelling K-1 is niet naar de kassa gestuurd: er staan geen regels op; "),
                "{told}"
            );
            assert!(told.contains("er is geen klant en ook geen relatie"), "{told}");
            assert_eq!(Lang::En.reason(&said), said);
        }
    }

    #[test]
    fn why_a_restaurant_is_not_connected_is_told_in_dutch() {
        use mplus_qapi::transport::{TransportError, TransportErrorKind};
        use mplus_qapi::{Error, ErrorKind};
        let away = || {
            let refused = TransportError::new(TransportErrorKind::Connect, "nobody listens there");
            Error::new("getApiVersion", ErrorKind::Transport(refused)).with_attempts(3)
        };
        let told = Lang::Nl.reason(&ConnectError::Pos { error: away() }.to_string());
        for part in [
            "de kassa kon niet worden bereikt",
            "geen verbinding: nobody listens there",
            "3 pogingen",
            "poort",
        ] {
            assert!(told.contains(part), "{told}");
        }
        assert!(!told.contains("failed") && !told.contains("next sync"), "{told}");
        for error in [
            ConnectError::Refused(away()),
            ConnectError::Protocol("2.0".to_owned()),
            ConnectError::Address("x".to_owned()),
        ] {
            assert!(Lang::Nl.reason_of(&error.to_string()).is_some(), "{error}");
        }
        let open = OpenError::NotConnected("cafe".into()).to_string();
        assert!(Lang::Nl.reason_of(&open).is_some(), "{open}");
        // As a connection keeps it.
        let kept = format!(
            "{}. Check host, port and that the POS can be reached; the next sync goes on from here",
            away()
        );
        let told = Lang::Nl.reason(&kept);
        assert!(
            told.ends_with("de volgende synchronisatie gaat hier verder") && told.contains("mislukte"),
            "{told}"
        );
    }

    #[test]
    fn a_rate_that_does_not_fit_is_told_in_dutch() {
        let table = TaxMapping::empty()
            .with_rate(Decimal::from(6), "Oud")
            .with_code(Decimal::from(21), "Hoog", 1.into())
            .check(&[VatGroup::new(1.into(), Decimal::from(9))]);
        for rate in [6, 21, 12] {
            let Err(problem) = table.code_for("", Some(Decimal::from(rate))) else { panic!("{rate} fits") };
            for said in [problem.kind.to_string(), problem.kind.advice(), problem.to_string()] {
                assert!(Lang::Nl.reason_of(&said).is_some(), "{said}");
            }
        }
    }

    #[test]
    fn a_sentence_that_is_not_known_stays_as_it_is() {
        let said = "the flux is low; add flux";
        assert_eq!((Lang::Nl.reason_of(said), Lang::Nl.reason(said)), (None, said.to_owned()));
        let many = "no connection; ".repeat(200);
        assert_eq!(Lang::Nl.reason(&many), many);
    }
}
