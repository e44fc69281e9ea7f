//! Modifier groups: the POS's preparation method groups and article alterations groups. Pull only.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{ArticleNumber, ModifierGroupId, ModifierId, Record};

/// A set of choices offered with an item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModifierGroup {
    /// The host's identifier.
    pub id: ModifierGroupId,
    /// As guests read it.
    pub name: String,
    /// How few modifiers must be chosen; 0 means the group may be skipped.
    #[serde(default)]
    pub minimum: i32,
    /// How many modifiers may be chosen; none means any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<i32>,
    /// The choices, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modifiers: Vec<Modifier>,
    /// Whether it is offered. A group that the POS deleted is inactive.
    pub active: bool,
}

impl ModifierGroup {
    /// An active group without modifiers, from which any number may be chosen.
    pub fn new(id: impl Into<ModifierGroupId>, name: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            minimum: 0,
            maximum: None,
            modifiers: Vec::new(),
            active: true,
        }
    }
}

impl Record for ModifierGroup {
    type Id = ModifierGroupId;
    type PosId = PosModifierGroup;
    const NAME: &'static str = "modifier_group";

    fn id(&self) -> &ModifierGroupId {
        &self.id
    }

    fn pos_key(group: &PosModifierGroup) -> String {
        format!("{}-{}", group.source.as_str(), group.number)
    }

    fn from_pos_key(key: &str) -> Option<PosModifierGroup> {
        let (name, number) = key.split_once('-')?;
        let sources = [ModifierSource::PreparationMethod, ModifierSource::ArticleAlteration];
        let source = sources.into_iter().find(|source| source.as_str() == name)?;
        Some(PosModifierGroup { source, number: number.parse().ok()? })
    }
}

/// One choice of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Modifier {
    /// The host's identifier, unique within its group.
    pub id: ModifierId,
    /// As guests read it.
    pub name: String,
    /// What it adds to the price in euros, VAT included; none when it costs nothing extra.
    #[serde(default, with = "rust_decimal::serde::str_option", skip_serializing_if = "Option::is_none")]
    pub price: Option<Decimal>,
    /// The POS's number of the choice within its group (`id` of the method or the alteration).
    pub number: i32,
    /// The article that is booked for it, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub article: Option<ArticleNumber>,
}

impl Modifier {
    /// A choice that costs nothing extra and is no article.
    pub fn new(id: impl Into<ModifierId>, name: impl Into<String>, number: i32) -> Self {
        Self { id: id.into(), name: name.into(), price: None, number, article: None }
    }
}

/// A group's identity at the POS: both sources count on their own, so that a number alone names two groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PosModifierGroup {
    /// What kind of group it is there.
    pub source: ModifierSource,
    /// `groupNumber`.
    pub number: i32,
}

impl PosModifierGroup {
    /// The identifier of a modifier group that was first seen as this one.
    pub fn host_id(&self) -> ModifierGroupId {
        ModifierGroupId::from(format!("mpluskassa-{}", ModifierGroup::pos_key(self)))
    }
}

/// What a modifier group is at the POS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModifierSource {
    /// A preparation method group.
    PreparationMethod,
    /// An article alterations group.
    ArticleAlteration,
}

impl ModifierSource {
    const fn as_str(self) -> &'static str {
        match self {
            Self::PreparationMethod => "preparation",
            Self::ArticleAlteration => "alteration",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_both_sources_with_one_number_are_told_apart() {
        for source in [ModifierSource::PreparationMethod, ModifierSource::ArticleAlteration] {
            let group = PosModifierGroup { source, number: -7 };
            assert_eq!(ModifierGroup::from_pos_key(&ModifierGroup::pos_key(&group)), Some(group));
        }
        assert_eq!(ModifierGroup::from_pos_key("preparation-x"), None);
    }
}
