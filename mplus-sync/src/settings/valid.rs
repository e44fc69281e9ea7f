//! What is wrong with settings in themselves. Pure.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::{DailySettings, MerchantSettings, OrderSettings, SettingsProblem};

/// Minutes of a day.
const DAY: u32 = 24 * 60;

impl MerchantSettings {
    /// Everything that cannot be, whatever the POS says; see [`PosFacts`](super::PosFacts) for what it says.
    pub fn problems(&self) -> Vec<SettingsProblem> {
        let mut problems = Problems::default();
        problems.of_tax(self);
        if let Some(daily) = &self.daily {
            problems.of_daily(daily);
        }
        problems.unless(
            self.stock.every_minutes != Some(0),
            "stock.every_minutes",
            "0 minutes is no interval",
            "Use 1 or more, or none to pull stock with the daily sync only",
        );
        problems.unless(
            self.full_every_hours > 0,
            "full_every_hours",
            "0 hours is no interval",
            "Use 1 or more; 168 is a week",
        );
        problems.unless(
            self.most_gone <= 100,
            "most_gone",
            format!("{} per cent of the menu is more than all of it", self.most_gone),
            "Use 0 to 100",
        );
        if let Some(orders) = &self.orders {
            problems.of_orders(orders);
        }
        problems.0
    }
}

#[derive(Default)]
struct Problems(Vec<SettingsProblem>);

impl Problems {
    fn unless(&mut self, holds: bool, field: &str, message: impl Into<String>, advice: &str) {
        if !holds {
            self.0.push(SettingsProblem::new(field, message, advice));
        }
    }

    fn of_tax(&mut self, settings: &MerchantSettings) {
        let mut codes = BTreeSet::new();
        for rule in settings.tax.rules() {
            self.rate("tax.rules", rule.rate);
            if let Some(code) = rule.code {
                self.unless(
                    codes.insert(code),
                    "tax.rules",
                    format!("BTW code {code} stands for two rates"),
                    "Give each rate a code of its own",
                );
            }
        }
    }

    fn rate(&mut self, field: &str, rate: Decimal) {
        let is_rate = (Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(&rate);
        self.unless(is_rate, field, format!("{rate} % is no VAT rate"), "Use 0 to 100");
    }

    fn of_daily(&mut self, daily: &DailySettings) {
        self.unless(
            daily.spread_minutes < DAY,
            "daily.spread_minutes",
            format!("{} minutes are a day or more", daily.spread_minutes),
            "Use less than 1440",
        );
    }

    fn of_orders(&mut self, orders: &OrderSettings) {
        self.unless(
            orders.employee > 0,
            "orders.employee",
            format!("{} is no number of an employee", orders.employee),
            "Use the number of the employee in the POS",
        );
        self.of_payment_codes(orders);
        self.of_articles(orders);
        for (location, own) in &orders.locations {
            let field = format!("orders.locations.{location}");
            let employee = own.employee.is_none_or(|employee| employee > 0);
            self.unless(
                employee,
                &field,
                "the employee's number is not above 0",
                "Use the number in the POS",
            );
            let workplace = own.workplace.is_none_or(|workplace| workplace > 0);
            self.unless(
                workplace,
                &field,
                "the workplace's number is not above 0",
                "Use the number in the POS",
            );
        }
        self.unless(
            (1..=600).contains(&orders.timeout_seconds),
            "orders.timeout_seconds",
            format!("a call may not take {} seconds", orders.timeout_seconds),
            "Use 1 to 600",
        );
        self.unless(
            !orders.installation.trim().is_empty(),
            "orders.installation",
            "it is empty",
            "Use a name that no other host of the merchant has",
        );
    }

    fn of_payment_codes(&mut self, orders: &OrderSettings) {
        for (at, known) in orders.payment_methods.iter().enumerate() {
            self.unless(
                !known.code.trim().is_empty(),
                "orders.payment_methods",
                "a code is empty",
                "Use a code of the POS's list of payment methods",
            );
            let earlier = orders.payment_methods[..at].iter().find(|other| other.method == known.method);
            if let Some(earlier) = earlier {
                self.unless(
                    false,
                    "orders.payment_methods",
                    format!("{} and {} are codes of one payment method", earlier.code, known.code),
                    "Keep one of them",
                );
            }
        }
    }

    fn of_articles(&mut self, orders: &OrderSettings) {
        let articles = &orders.articles;
        let named = [
            ("discount", articles.discount),
            ("tip", articles.tip),
            ("delivery_fee", articles.delivery_fee),
            ("remark", articles.remark),
        ];
        for (name, article) in named {
            let field = format!("orders.articles.{name}");
            let is_number = article.is_none_or(|article| article.get() > 0);
            self.unless(
                is_number,
                &field,
                "the article's number is not above 0",
                "Use the number in the POS",
            );
        }
        let mut rates = BTreeSet::new();
        for known in &orders.discount_articles {
            self.rate("orders.discount_articles", known.rate);
            self.unless(
                rates.insert(known.rate),
                "orders.discount_articles",
                format!("{} % has two articles", known.rate),
                "Keep one of them",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ArticleNumber, BtwCode, PaymentMethod};
    use crate::settings::{DiscountArticle, LocationSettings, PaymentCode};

    fn told(change: impl FnOnce(&mut MerchantSettings, &mut OrderSettings)) -> Vec<String> {
        let (mut settings, mut orders) = (MerchantSettings::default(), OrderSettings::new(1));
        change(&mut settings, &mut orders);
        settings.orders = Some(orders);
        settings.problems().into_iter().map(|problem| problem.field).collect()
    }

    #[test]
    fn the_usual_settings_have_no_problem() {
        assert_eq!(MerchantSettings::default().problems(), []);
        assert_eq!(told(|_, _| ()), [] as [&str; 0]);
    }

    #[test]
    fn each_setting_that_cannot_be_is_named() {
        assert_eq!(told(|settings, _| settings.most_gone = 101), ["most_gone"]);
        assert_eq!(told(|settings, _| settings.full_every_hours = 0), ["full_every_hours"]);
        assert_eq!(told(|settings, _| settings.stock.every_minutes = Some(0)), ["stock.every_minutes"]);
        assert_eq!(
            told(|settings, _| settings.daily.as_mut().unwrap().spread_minutes = 1440),
            ["daily.spread_minutes"]
        );
        let twice = |settings: &mut MerchantSettings, _: &mut OrderSettings| {
            let tax = settings.tax.clone().with_code(21.into(), "Hoog", BtwCode::new(1));
            settings.tax = tax.with_code(9.into(), "Laag", BtwCode::new(1));
        };
        assert_eq!(told(twice), ["tax.rules"]);
        assert_eq!(
            told(|settings, _| settings.tax = settings.tax.clone().with_rate(121.into(), "x")),
            ["tax.rules"]
        );
        assert_eq!(told(|_, orders| orders.employee = 0), ["orders.employee"]);
        assert_eq!(told(|_, orders| orders.timeout_seconds = 0), ["orders.timeout_seconds"]);
        assert_eq!(told(|_, orders| orders.installation = " ".into()), ["orders.installation"]);
        assert_eq!(
            told(|_, orders| orders.articles.tip = Some(ArticleNumber::new(0))),
            ["orders.articles.tip"]
        );
        let at = |_: &mut MerchantSettings, orders: &mut OrderSettings| {
            orders.locations.insert("beach".into(), LocationSettings::at_workplace(0));
        };
        assert_eq!(told(at), ["orders.locations.beach"]);
    }

    #[test]
    fn what_stands_twice_is_named() {
        let code = |code: &str| PaymentCode { method: PaymentMethod::Cash, code: code.to_owned() };
        let twice = |_: &mut MerchantSettings, orders: &mut OrderSettings| {
            orders.payment_methods = vec![code("CONTANT"), code("")];
        };
        assert_eq!(told(twice), ["orders.payment_methods"; 2]);
        let of = |article| DiscountArticle { rate: 9.into(), article: ArticleNumber::new(article) };
        let rates = |_: &mut MerchantSettings, orders: &mut OrderSettings| {
            orders.discount_articles = vec![of(1), of(2)];
        };
        assert_eq!(told(rates), ["orders.discount_articles"]);
    }
}
