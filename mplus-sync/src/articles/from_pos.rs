//! POS to host: groups of choices as modifier groups. Pure.

use mplus_qapi::preparation::{
    ArticleAlteration, ArticleAlterationsGroup, PreparationMethodGroup, PreparationMethodItem,
};
use mplus_qapi::value::XsdDecimal;
use rust_decimal::Decimal;

use crate::model::{
    ArticleNumber, Marker, Modifier, ModifierGroup, ModifierId, ModifierSource, PosModifierGroup,
};
use crate::price::{Price, PriceProblem, ToldPrice};
use crate::products::Incoming;

/// A modifier group as it comes from the POS, with what is wrong with it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct IncomingGroup {
    /// The group, with the choices that can be offered.
    pub incoming: Incoming<ModifierGroup, PosModifierGroup>,
    /// Choices that were left out.
    pub problems: Vec<ChoiceProblem>,
}

/// A choice that cannot be offered, because nobody knows what it costs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the choice {choice} was left out: {problem}")]
#[non_exhaustive]
pub struct ChoiceProblem {
    /// As guests would read it.
    pub choice: String,
    /// What is wrong with its price.
    pub problem: PriceProblem,
}

/// The preparation method group as a modifier group; one that was deleted is inactive.
///
/// What a method adds to the price is its surcharge where the POS gives one, otherwise its price.
pub fn preparation_group_to_modifier_group(group: &PreparationMethodGroup) -> IncomingGroup {
    let number = PosModifierGroup { source: ModifierSource::PreparationMethod, number: group.group_number };
    let mut methods: Vec<&PreparationMethodItem> = group.preparation_methods.iter().collect();
    methods.sort_by_key(|method| method.sequence_number);
    let modifiers = methods.into_iter().map(|method| {
        let told = told_price(method.surcharge.or(method.price_incl), method.price_excl);
        modifier(method.id, &method.remark, method.article_number, told)
    });
    let (modifiers, problems) = usable(modifiers);
    let limits = limits(
        group.selection_required,
        group.max_one_selection,
        group.selection_range_min,
        group.selection_range_max,
    );
    let deleted = group.deleted_on.is_some();
    let incoming = incoming(number, &group.description, group.sync_marker, deleted, limits, modifiers);
    IncomingGroup { incoming, problems }
}

/// The article alterations group as a modifier group; one that was deleted is inactive.
pub fn alterations_group_to_modifier_group(group: &ArticleAlterationsGroup) -> IncomingGroup {
    let number = PosModifierGroup { source: ModifierSource::ArticleAlteration, number: group.group_number };
    let mut alterations: Vec<&ArticleAlteration> = group.article_alterations.iter().collect();
    alterations.sort_by_key(|alteration| alteration.sequence_number);
    let modifiers = alterations.into_iter().map(|alteration| {
        let told = told_price(alteration.price_incl, alteration.price_excl);
        modifier(alteration.id, &alteration.remark, alteration.article_number, told)
    });
    let (modifiers, problems) = usable(modifiers);
    let limits = limits(
        group.selection_required,
        group.max_one_selection,
        group.selection_range_min,
        group.selection_range_max,
    );
    let deleted = group.deleted_on.is_some();
    let incoming = incoming(number, &group.description, group.sync_marker, deleted, limits, modifiers);
    IncomingGroup { incoming, problems }
}

fn incoming(
    number: PosModifierGroup,
    name: &str,
    marker: i64,
    deleted: bool,
    (minimum, maximum): (i32, Option<i32>),
    modifiers: Vec<Modifier>,
) -> Incoming<ModifierGroup, PosModifierGroup> {
    let name = match name.trim() {
        "" => format!("Group {}", number.number),
        name => name.to_owned(),
    };
    let mut group = ModifierGroup::new(number.host_id(), name);
    group.active = !deleted;
    group.minimum = minimum;
    group.maximum = maximum;
    group.modifiers = modifiers;
    Incoming { record: group, number, marker: Some(Marker::new(marker)), changed_at: None }
}

/// The price of a choice. Its VAT rate is that of what it is chosen with: an amount without VAT alone says no price.
fn told_price(including: Option<XsdDecimal>, excluding: Option<XsdDecimal>) -> ToldPrice<'static> {
    let (including_vat, excluding_vat) = (including.map(Decimal::from), excluding.map(Decimal::from));
    ToldPrice { including_vat, excluding_vat, ..ToldPrice::default() }
}

fn modifier(
    number: i32,
    name: &str,
    article: Option<i64>,
    told: ToldPrice<'_>,
) -> Result<Modifier, ChoiceProblem> {
    let name = match name.trim() {
        "" => format!("Choice {number}"),
        name => name.to_owned(),
    };
    match Price::of(told) {
        Ok(price) => {
            let mut modifier = Modifier::new(ModifierId::from(number.to_string()), name, number);
            modifier.price = price.amount().filter(|price| !price.is_zero());
            modifier.article = article.filter(|article| *article != 0).map(ArticleNumber::new);
            Ok(modifier)
        }
        Err(problem) => Err(ChoiceProblem { choice: name, problem }),
    }
}

/// The choices that can be offered, and what is wrong with the others.
fn usable(
    choices: impl Iterator<Item = Result<Modifier, ChoiceProblem>>,
) -> (Vec<Modifier>, Vec<ChoiceProblem>) {
    let (mut modifiers, mut problems) = (Vec::new(), Vec::new());
    for choice in choices {
        match choice {
            Ok(modifier) => modifiers.push(modifier),
            Err(problem) => problems.push(problem),
        }
    }
    (modifiers, problems)
}

/// How few and how many may be chosen. The range says more than the two switches, where the POS gives it; a maximum of
/// zero is none.
fn limits(
    required: bool,
    at_most_one: bool,
    minimum: Option<i32>,
    maximum: Option<i32>,
) -> (i32, Option<i32>) {
    let maximum = maximum.filter(|maximum| *maximum > 0).or(at_most_one.then_some(1));
    let minimum = minimum.filter(|minimum| *minimum > 0).unwrap_or_default().max(i32::from(required));
    (minimum, maximum.map(|maximum| maximum.max(minimum)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_preparation_group_keeps_its_order_prices_and_articles() {
        let method = |id, sequence_number, remark: &str, surcharge| PreparationMethodItem {
            id,
            sequence_number,
            remark: remark.to_owned(),
            article_number: Some(7),
            price_incl: Some(Decimal::new(100, 2).into()),
            surcharge,
            ..PreparationMethodItem::default()
        };
        let group = PreparationMethodGroup {
            group_number: 3,
            description: "Bereiding".to_owned(),
            selection_required: true,
            max_one_selection: true,
            preparation_methods: vec![
                method(1, 2, "Medium", None),
                method(2, 1, "Rare", Some(Decimal::new(50, 2).into())),
                method(3, 3, " ", Some(Decimal::ZERO.into())),
            ],
            ..PreparationMethodGroup::default()
        };
        let mapped = preparation_group_to_modifier_group(&group).incoming;
        assert_eq!(mapped.record.id.as_str(), "mpluskassa-preparation-3");
        assert_eq!((mapped.record.minimum, mapped.record.maximum, mapped.record.active), (1, Some(1), true));
        let choices: Vec<_> = mapped
            .record
            .modifiers
            .iter()
            .map(|choice| (choice.name.as_str(), choice.number, choice.price))
            .collect();
        assert_eq!(
            choices,
            [
                ("Rare", 2, Some(Decimal::new(50, 2))),
                ("Medium", 1, Some(Decimal::new(100, 2))),
                ("Choice 3", 3, None)
            ]
        );
    }

    #[test]
    fn a_choice_whose_price_is_told_without_vat_only_is_left_out_and_not_free() {
        let method = |id, price_excl: Option<i64>, price_incl: Option<i64>| PreparationMethodItem {
            id,
            remark: format!("Choice {id}"),
            price_excl: price_excl.map(|cents| Decimal::new(cents, 2).into()),
            price_incl: price_incl.map(|cents| Decimal::new(cents, 2).into()),
            ..PreparationMethodItem::default()
        };
        let group = PreparationMethodGroup {
            preparation_methods: vec![
                method(1, Some(83), None),
                method(2, Some(0), None),
                method(3, Some(83), Some(100)),
                method(4, None, None),
            ],
            ..PreparationMethodGroup::default()
        };
        let mapped = preparation_group_to_modifier_group(&group);
        let choices: Vec<_> =
            mapped.incoming.record.modifiers.iter().map(|choice| (choice.number, choice.price)).collect();
        assert_eq!(choices, [(2, None), (3, Some(Decimal::new(100, 2))), (4, None)]);
        assert_eq!(mapped.problems.len(), 1);
        assert_eq!(mapped.problems[0].choice, "Choice 1");
    }

    #[test]
    fn a_deleted_group_is_inactive_and_its_number_is_not_another_sources() {
        let group = ArticleAlterationsGroup {
            group_number: 3,
            deleted_on: Some("2026-01-01T00:00:00".parse().unwrap()),
            ..ArticleAlterationsGroup::default()
        };
        let mapped = alterations_group_to_modifier_group(&group).incoming;
        assert!(!mapped.record.active);
        assert_eq!(mapped.record.id.as_str(), "mpluskassa-alteration-3");
        assert_eq!(mapped.record.name, "Group 3");
    }

    proptest! {
        #[test]
        fn limits_can_always_be_met(
            required: bool, one: bool, minimum in prop::option::of(-2i32..5), maximum in prop::option::of(-2i32..5),
        ) {
            let (least, most) = limits(required, one, minimum, maximum);
            prop_assert!(least >= i32::from(required));
            prop_assert!(most.is_none_or(|most| most >= least && most > 0));
        }
    }
}
