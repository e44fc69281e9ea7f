//! Articles that do not simply have a price.

use std::sync::Arc;

use crate::{
    products::Article,
    testkit::{
        dialect::{BranchLines, PriceAmount, SpecialPlace, SpecialPrice},
        state::State,
    },
    types::ArticleSpecialPrice,
    value::Decimal,
};

/// Of the first products that many are looked at: a generated catalogue may be large.
const PRODUCTS: usize = 60;
/// Every so many-th of their numbers is a special article's, whatever else the menu has.
const EVERY: i64 = 6;
const FIRST: i64 = 1004;
/// The branch whose lines tell special prices.
const BRANCH: i32 = 1;

impl SpecialPrice {
    fn told(self) -> Option<ArticleSpecialPrice> {
        let told = match self {
            Self::Normal => return None,
            Self::NotSet => "PRICE-NOT-SET",
            Self::Free => "PRICE-FREE",
            Self::AskPositive => "PRICE-ASK-POSITIVE",
            Self::AskNegative => "PRICE-ASK-NEGATIVE",
            Self::AskPositiveNoPopup => "PRICE-ASK-POSITIVE-NO-POPUP",
            Self::AskNegativeNoPopup => "PRICE-ASK-NEGATIVE-NO-POPUP",
            Self::Barcode => "PRICE-BARCODE-PRICE",
            Self::NotForSale => "PRICE-NOT-FOR-SALE",
            Self::NotForSaleVisible => "PRICE-NOT-FOR-SALE-VISIBLE",
            Self::Unheard => "PRICE-OF-THE-DAY",
        };
        Some(told.into())
    }
}

impl State {
    /// Gives some articles what the dialect says of prices.
    pub(in crate::testkit) fn set_special_prices(&mut self) {
        let special = self.dialect.special_price.told();
        let amount = self.dialect.price_amount;
        if special.is_none() && amount == PriceAmount::Kept {
            return;
        }
        let catalogue = Arc::clone(&self.catalogue);
        let mut products: Vec<i64> = catalogue.since(0).take(PRODUCTS).collect();
        products.sort_unstable();
        let products = products.into_iter().filter_map(|number| catalogue.product(number));
        let articles: Vec<Article> = products.flat_map(|product| product.article_list.to_vec()).collect();
        for article in articles {
            let is_special = |number: &i64| (number - FIRST) % EVERY == 0;
            let Some(number) = article.article_number.filter(is_special) else { continue };
            let price = match amount {
                PriceAmount::Kept => article.price_incl,
                PriceAmount::Zero => Some(Decimal::new(0, 2)),
                PriceAmount::Negative => article.price_incl.map(|price| -price),
                PriceAmount::Absent => None,
            };
            let special = special.clone();
            match self.dialect.special_place {
                SpecialPlace::Article => {
                    self.catalogue_mut().change_article(number, |article| {
                        article.special_price = special.or(article.special_price.take());
                        (article.price_incl, article.price_excl) = (price, None);
                    });
                }
                SpecialPlace::Branch => self.prices.change_line(number, BRANCH, |line| {
                    line.special_price = special;
                    line.sales_price_incl = price.map(Into::into);
                }),
            }
        }
    }

    /// Gives the lines of branch prices what the dialect says of them.
    pub(in crate::testkit) fn set_branch_texts(&mut self) {
        let vat_code = |article| self.catalogue.article(article)?.vat_code;
        let lines: Vec<_> = self.prices.lines().cloned().collect();
        for mut line in lines {
            match self.dialect.branch_lines {
                BranchLines::PriceOnly => continue,
                BranchLines::WithTexts => {
                    line.description.get_or_insert_with(|| format!("In filiaal {}", line.branch_number));
                    line.special_price.get_or_insert(ArticleSpecialPrice::Normal);
                }
                BranchLines::Exclusive => {
                    let Some(price) = line.sales_price_incl.take() else { continue };
                    let code = vat_code(line.article_number).unwrap_or_default();
                    let rate = Decimal::from(self.vat_rate(code).unwrap_or_default());
                    let whole = Decimal::from(10_000);
                    let price = Decimal::from(price) * whole / (whole + rate);
                    line.sales_price_excl = Some(price.round_dp(6).into());
                }
            }
            self.prices.keep_line(line);
        }
    }
}
