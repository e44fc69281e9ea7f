//! What is wrong with settings at this POS. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{ArticleNumber, Location, RelationNumber};
use crate::tax::VatGroup;

use super::{MerchantSettings, OrderSettings, SettingsProblem};

/// What the POS says of what settings name. What it does not tell is none, and nothing is held against it.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct PosFacts {
    /// Its VAT groups.
    pub vat_groups: Option<Vec<VatGroup>>,
    /// Its active payment methods: descriptions by code.
    pub payment_methods: Option<BTreeMap<String, String>>,
    /// The merchant's locations, with their workplaces.
    pub locations: Option<Vec<Location>>,
    /// Employees that the settings name and the POS does not have.
    pub unknown_employees: BTreeSet<i64>,
    /// Articles that the settings name and the POS does not have, or has switched off.
    pub unknown_articles: BTreeSet<ArticleNumber>,
    /// Relations that the settings name and the POS does not have.
    pub unknown_relations: BTreeSet<RelationNumber>,
}

impl PosFacts {
    /// Everything in the settings that this POS does not have.
    pub fn problems(&self, settings: &MerchantSettings) -> Vec<SettingsProblem> {
        let mut problems = Vec::new();
        if let Some(groups) = &self.vat_groups {
            let of_tax = settings.tax.check(groups).problems();
            problems.extend(of_tax.into_iter().map(|problem| {
                SettingsProblem::new("tax.rules", problem.kind.to_string(), problem.kind.advice())
            }));
        }
        if let Some(orders) = &settings.orders {
            problems.extend(self.employee_problems(orders));
            problems.extend(self.relation_problem(orders));
            problems.extend(self.payment_problems(orders));
            problems.extend(self.article_problems(orders));
            problems.extend(self.location_problems(orders));
        }
        problems
    }

    fn employee_problems(&self, orders: &OrderSettings) -> Vec<SettingsProblem> {
        let unknown = orders.employees().filter(|(_, number)| self.unknown_employees.contains(number));
        unknown
            .map(|(field, number)| {
                let message = format!("the POS has no active employee {number}");
                SettingsProblem::new(field, message, "Use the number of an employee of the POS")
            })
            .collect()
    }

    fn relation_problem(&self, orders: &OrderSettings) -> Option<SettingsProblem> {
        let relation =
            orders.fallback_relation.filter(|relation| self.unknown_relations.contains(relation))?;
        let message = format!("the POS has no relation {relation}");
        Some(SettingsProblem::new(
            "orders.fallback_relation",
            message,
            "Use the number of a relation of the POS",
        ))
    }

    fn article_problems(&self, orders: &OrderSettings) -> Vec<SettingsProblem> {
        let unknown = orders.named_articles().filter(|(_, number)| self.unknown_articles.contains(number));
        unknown
            .map(|(field, number)| {
                let message = format!("the POS has no active article {number}");
                SettingsProblem::new(field, message, "Use the number of an active article of the POS")
            })
            .collect()
    }

    fn payment_problems(&self, orders: &OrderSettings) -> Vec<SettingsProblem> {
        let Some(listed) = &self.payment_methods else { return Vec::new() };
        let known: Vec<&str> = listed.keys().map(String::as_str).collect();
        let unknown = orders.payment_methods.iter().filter(|method| !listed.contains_key(&method.code));
        unknown
            .map(|method| {
                let message = format!("the POS has no active payment method {}", method.code);
                let advice = format!("Use one of {}, or add it in the POS", known.join(", "));
                SettingsProblem::new("orders.payment_methods", message, advice)
            })
            .collect()
    }

    fn location_problems(&self, orders: &OrderSettings) -> Vec<SettingsProblem> {
        let Some(locations) = &self.locations else { return Vec::new() };
        let mut problems = Vec::new();
        for (id, own) in &orders.locations {
            let field = format!("orders.locations.{id}");
            let Some(location) = locations.iter().find(|location| location.id == *id) else {
                let message = format!("there is no location {id}");
                problems.push(SettingsProblem::new(field, message, "Sync the branches, or remove it"));
                continue;
            };
            let workplaces = &location.workplaces;
            let is_unknown = |number: &i32| workplaces.iter().all(|workplace| workplace.number != *number);
            if let Some(number) = own.workplace.filter(is_unknown).filter(|_| !workplaces.is_empty()) {
                let has: Vec<String> =
                    workplaces.iter().map(|one| format!("{} ({})", one.number, one.name)).collect();
                let message = format!("{} has no workplace {number}", location.name);
                let advice = format!("Use one of {}", has.join(", "));
                problems.push(SettingsProblem::new(field, message, advice));
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BtwCode, PaymentMethod, Workplace};
    use crate::settings::LocationSettings;

    fn lines(facts: &PosFacts, settings: &MerchantSettings) -> Vec<String> {
        facts.problems(settings).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_pos_that_tells_nothing_holds_nothing_against_settings() {
        let mut settings = MerchantSettings::default();
        let orders = OrderSettings::new(1).with_payment_method(PaymentMethod::Cash, "ANYTHING");
        settings.orders = Some(orders.with_location("beach", LocationSettings::at_workplace(7)));
        assert_eq!(PosFacts::default().problems(&settings), []);
    }

    #[test]
    fn what_the_pos_does_not_have_is_named_with_what_it_has() {
        let mut settings = MerchantSettings::default();
        let mut orders = OrderSettings::new(1)
            .with_fallback_relation(RelationNumber::new(5))
            .with_payment_method(PaymentMethod::Cash, "CONTANT")
            .with_payment_method(PaymentMethod::Ideal, "IDEAAL")
            .with_location("city", LocationSettings::at_workplace(7))
            .with_location("beach", LocationSettings::at_workplace(1));
        (orders.articles.tip, orders.articles.discount) =
            (Some(ArticleNumber::new(900)), Some(ArticleNumber::new(901)));
        settings.orders = Some(orders);
        let mut city = Location::new("city", "Amsterdam");
        city.workplaces = vec![Workplace { number: 1, name: "Bar".into() }];
        let facts = PosFacts {
            vat_groups: Some(vec![
                VatGroup::new(BtwCode::new(1), 21.into()),
                VatGroup::new(BtwCode::new(2), 9.into()),
            ]),
            payment_methods: Some(
                [("CONTANT", "Contant"), ("IDEAL", "iDEAL")].map(|(a, b)| (a.into(), b.into())).into(),
            ),
            locations: Some(vec![city]),
            unknown_employees: [1].into(),
            unknown_articles: [ArticleNumber::new(900)].into(),
            unknown_relations: [RelationNumber::new(5)].into(),
        };
        let told = lines(&facts, &settings);
        assert_eq!(told.len(), 7, "{told:#?}");
        assert!(told[0].starts_with("tax.rules: ") && told[0].contains("Vrij"), "{}", told[0]);
        assert!(told[1].starts_with("orders.employee: the POS has no active employee 1."), "{}", told[1]);
        assert!(told[2].starts_with("orders.fallback_relation: the POS has no relation 5."), "{}", told[2]);
        assert_eq!(
            told[3],
            "orders.payment_methods: the POS has no active payment method IDEAAL. Use one of CONTANT, IDEAL, or add it in the POS"
        );
        assert!(
            told[4].starts_with("orders.articles.tip: the POS has no active article 900."),
            "{}",
            told[4]
        );
        assert!(told[5].starts_with("orders.locations.beach: there is no location beach"), "{}", told[5]);
        assert_eq!(told[6], "orders.locations.city: Amsterdam has no workplace 7. Use one of 1 (Bar)");
    }
}
