//! Whether a relation that the POS found is the customer who was looked for.
//!
//! The POS matches parts of words and ignores case (api-facts, section 9): "john d" finds "John Doe". What it finds is
//! taken only when it is the same to the letter.

use mplus_qapi::types::Relation;

use crate::model::{Customer, RelationMatch};

/// What to ask the POS for, and whether what it found is it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    ExternalId,
    Email,
    Telephone,
    Mobile,
}

impl Key {
    /// In the order they are tried.
    pub(super) const ALL: [Self; 4] = [Self::ExternalId, Self::Email, Self::Telephone, Self::Mobile];

    pub(super) fn found_by(self) -> RelationMatch {
        match self {
            Self::ExternalId => RelationMatch::ExternalId,
            Self::Email => RelationMatch::Email,
            Self::Telephone | Self::Mobile => RelationMatch::Phone,
        }
    }

    /// What to ask for; none when the customer lacks it.
    pub(super) fn wanted(self, customer: &Customer) -> Option<Relation> {
        let text =
            |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let empty = Relation::default();
        Some(match self {
            Self::ExternalId => {
                Relation { ext_relation_id: Some(text(Some(customer.id.as_str()))?), ..empty }
            }
            Self::Email => Relation { email: Some(text(customer.email.as_deref())?), ..empty },
            Self::Telephone => Relation { telephone: Some(text(customer.phone.as_deref())?), ..empty },
            Self::Mobile => Relation { mobile: Some(text(customer.phone.as_deref())?), ..empty },
        })
    }

    /// Whether a relation is the customer, exactly.
    ///
    /// One that carries another host identifier is another customer, whatever address they share; an inactive one is
    /// only taken by the host's own identifier.
    pub(super) fn is(self, relation: &Relation, customer: &Customer) -> bool {
        let external = relation.ext_relation_id.as_deref().unwrap_or_default();
        if self == Self::ExternalId {
            return external == customer.id.as_str();
        }
        let same = match self {
            Self::ExternalId => true,
            Self::Email => same(relation.email.as_deref(), customer.email.as_deref(), str::to_owned),
            Self::Telephone => same(relation.telephone.as_deref(), customer.phone.as_deref(), digits),
            Self::Mobile => same(relation.mobile.as_deref(), customer.phone.as_deref(), digits),
        };
        same && (external.is_empty() || external == customer.id.as_str()) && relation.active != Some(false)
    }
}

fn same(theirs: Option<&str>, ours: Option<&str>, plain: fn(&str) -> String) -> bool {
    match (theirs, ours) {
        (Some(theirs), Some(ours)) => {
            let ours = plain(ours.trim());
            !ours.is_empty() && plain(theirs.trim()) == ours
        }
        _ => false,
    }
}

/// A telephone number without what people write between its digits.
fn digits(number: &str) -> String {
    number.chars().filter(|char| !matches!(char, ' ' | '-' | '.' | '(' | ')' | '/')).collect()
}

/// A new relation for a customer.
pub(super) fn new_relation(customer: &Customer) -> Relation {
    Relation {
        ext_relation_id: Some(customer.id.to_string()),
        name: Some(customer.name.clone()),
        email: customer.email.clone(),
        telephone: customer.phone.clone(),
        address: customer.address.street.clone(),
        zipcode: customer.address.postcode.clone(),
        city: customer.address.city.clone(),
        country: customer.address.country.clone(),
        ..Relation::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn customer() -> Customer {
        let mut customer = Customer::new("guest-1", "Jan Jansen");
        customer.email = Some("jan@example.com".into());
        customer.phone = Some("+31 6 1234-5678".into());
        customer
    }

    fn with_email(email: &str) -> Relation {
        Relation { email: Some(email.into()), ..Relation::default() }
    }

    #[test]
    fn an_address_is_taken_only_to_the_letter() {
        assert!(Key::Email.is(&with_email("jan@example.com"), &customer()));
        for loose in ["Jan@example.com", "jan@example.com.au", "arjan@example.com", "an@example.co", ""] {
            assert!(!Key::Email.is(&with_email(loose), &customer()), "{loose}");
        }
    }

    #[test]
    fn a_number_is_taken_however_it_is_spaced_but_never_in_part() {
        let with = |number: &str| Relation { telephone: Some(number.into()), ..Relation::default() };
        assert!(Key::Telephone.is(&with("+31612345678"), &customer()));
        assert!(!Key::Telephone.is(&with("+316123456789"), &customer()));
        assert!(!Key::Telephone.is(&with("12345678"), &customer()));
    }

    #[test]
    fn a_relation_of_another_customer_or_an_inactive_one_is_not_taken_by_its_address() {
        let mut relation = with_email("jan@example.com");
        relation.ext_relation_id = Some("guest-2".into());
        assert!(!Key::Email.is(&relation, &customer()));
        relation.ext_relation_id = None;
        relation.active = Some(false);
        assert!(!Key::Email.is(&relation, &customer()));
    }

    #[test]
    fn what_the_customer_lacks_is_not_looked_for() {
        let nobody = Customer::new("guest-1", "Jan");
        assert_eq!(Key::Email.wanted(&nobody), None);
        assert!(!Key::Email.is(&Relation::default(), &nobody));
        assert!(Key::ExternalId.wanted(&nobody).is_some());
    }
}
