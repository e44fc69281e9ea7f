//! What depends on an article's number: prices of branches, components, set menus.

use std::collections::BTreeMap;

use crate::{products::*, testkit::dialect::BranchSave, value::Decimal};

#[derive(Debug, Clone, Default)]
pub(in crate::testkit) struct Prices {
    pub(in crate::testkit) deviations: BTreeMap<(i64, i32), ArticleBranchDeviationLine>,
    pub(in crate::testkit) components: BTreeMap<i64, Vec<ArticleComponent>>,
    pub(in crate::testkit) menus: BTreeMap<i64, Menu>,
}

/// A set menu (combo) of the test POS.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Menu {
    /// What it is called.
    pub description: String,
    /// Whether it can be sold.
    pub is_active: bool,
    /// In euros.
    pub price_incl: Decimal,
    /// The added fee in euros of every choice, by alterations group and article.
    pub choices: BTreeMap<(i32, i64), Decimal>,
}

impl Prices {
    pub(in crate::testkit) fn menu(&self, article: i64) -> Option<Menu> {
        self.menus.get(&article).cloned()
    }

    pub(in crate::testkit) fn deviate(
        &mut self,
        article_number: i64,
        branch_number: i32,
        price: Option<Decimal>,
    ) {
        match price {
            None => drop(self.deviations.remove(&(article_number, branch_number))),
            Some(price) => self.change_line(article_number, branch_number, |line| {
                (line.sales_price_incl, line.sales_price_excl) = (Some(price.into()), None);
            }),
        }
    }

    pub(in crate::testkit) fn lines(&self) -> impl Iterator<Item = &ArticleBranchDeviationLine> {
        self.deviations.values()
    }

    /// Changes what differs of an article in a branch.
    pub(in crate::testkit) fn change_line(
        &mut self,
        article_number: i64,
        branch_number: i32,
        change: impl FnOnce(&mut ArticleBranchDeviationLine),
    ) {
        let line = self.deviations.entry((article_number, branch_number)).or_default();
        (line.article_number, line.branch_number) = (article_number, branch_number);
        change(line);
    }

    pub(in crate::testkit) fn keep_line(&mut self, line: ArticleBranchDeviationLine) {
        self.deviations.insert((line.article_number, line.branch_number), line);
    }

    /// Keeps the lines of a request, and what becomes of the rest.
    pub(in crate::testkit) fn save_lines(
        &mut self,
        lines: Vec<ArticleBranchDeviationLine>,
        save: BranchSave,
    ) {
        if save == BranchSave::Article {
            let articles: Vec<i64> = lines.iter().map(|line| line.article_number).collect();
            self.deviations.retain(|(article, _), _| !articles.contains(article));
        }
        for line in lines {
            if save != BranchSave::Merge {
                self.keep_line(line);
                continue;
            }
            self.change_line(line.article_number, line.branch_number, |held| {
                if line.sales_price_incl.is_some() || line.sales_price_excl.is_some() {
                    held.sales_price_incl = line.sales_price_incl;
                    held.sales_price_excl = line.sales_price_excl;
                }
                held.description = line.description.or(held.description.take());
                held.special_price = line.special_price.or(held.special_price.take());
            });
        }
    }
}
