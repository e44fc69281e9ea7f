//! The choices that belong to an article: preparation methods and article alterations.

use std::collections::BTreeMap;

use crate::{
    preparation::*,
    value::{DateTime, Decimal},
};

#[derive(Debug, Clone, Default)]
pub(in crate::testkit) struct Preparation {
    pub(in crate::testkit) groups: BTreeMap<i32, PreparationMethodGroup>,
    pub(in crate::testkit) marker: i64,
    pub(in crate::testkit) alterations: BTreeMap<i32, ArticleAlterationsGroup>,
    pub(in crate::testkit) alterations_marker: i64,
    /// Preparation method groups of each article.
    pub(in crate::testkit) attached: BTreeMap<i64, Vec<i32>>,
    pub(in crate::testkit) attached_alterations: BTreeMap<i64, Vec<i32>>,
    pub(in crate::testkit) ids: i32,
}

impl Preparation {
    pub(in crate::testkit) fn marker(&self) -> i64 {
        self.marker
    }

    pub(in crate::testkit) fn alterations_marker(&self) -> i64 {
        self.alterations_marker
    }

    pub(in crate::testkit) fn attach(&mut self, article: i64, groups: Vec<i32>) {
        self.attached.insert(article, groups);
    }

    /// The articles that can be chosen in an alterations group.
    pub(in crate::testkit) fn articles_of(&self, group: i32) -> Vec<i64> {
        let group = self.alterations.get(&group);
        let items = group.into_iter().flat_map(|group| &group.article_alterations);
        items.filter_map(|item| item.article_number).collect()
    }

    pub(in crate::testkit) fn is_of(&self, group: i32, kind: &ArticleAlterationsGroupType) -> bool {
        self.alterations
            .get(&group)
            .is_some_and(|group| group.group_type == *kind && group.deleted_on.is_none())
    }

    /// Adds an article to an alterations group, or changes its fee.
    pub(in crate::testkit) fn add_choice(&mut self, group: i32, article: i64, name: &str, fee: Decimal) {
        let id = self.next_id();
        let Some(group) = self.alterations.get_mut(&group) else { return };
        self.alterations_marker += 1;
        group.sync_marker = self.alterations_marker;
        match group.article_alterations.iter_mut().find(|item| item.article_number == Some(article)) {
            Some(item) => item.price_incl = Some(fee.into()),
            None => group.article_alterations.push(ArticleAlteration {
                id,
                sequence_number: group.article_alterations.len() as i32 + 1,
                article_number: Some(article),
                price_incl: Some(fee.into()),
                remark: name.to_owned(),
                ..ArticleAlteration::default()
            }),
        }
    }

    pub(in crate::testkit) fn delete_group(&mut self, number: i32, now: DateTime) -> bool {
        let Some(group) = self.groups.get_mut(&number).filter(|group| group.deleted_on.is_none()) else {
            return false;
        };
        self.marker += 1;
        (group.sync_marker, group.deleted_on) = (self.marker, Some(now));
        self.attached.values_mut().for_each(|groups| groups.retain(|held| *held != number));
        true
    }

    pub(in crate::testkit) fn delete_alterations(&mut self, number: i32, now: DateTime) -> bool {
        let Some(group) = self.alterations.get_mut(&number).filter(|group| group.deleted_on.is_none()) else {
            return false;
        };
        self.alterations_marker += 1;
        (group.sync_marker, group.deleted_on) = (self.alterations_marker, Some(now));
        self.attached_alterations.values_mut().for_each(|groups| groups.retain(|held| *held != number));
        true
    }

    pub(in crate::testkit) fn next_id(&mut self) -> i32 {
        self.ids += 1;
        self.ids
    }
}
