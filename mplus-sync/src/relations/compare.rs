//! Whether a relation that the POS found is the customer who was looked for.
//!
//! The POS matches parts of words and ignores case (`findRelation`): "john d" finds "John Doe". What it finds is taken only
//! when it means the same: an e-mail address without regard to case, a telephone number however it is written.

use std::borrow::Cow;

use mplus_qapi::types::Relation;
use mplus_qapi::value::List;
use sha2::{Digest, Sha256};

use crate::model::{Customer, RelationMatch};
use crate::text::plain;

/// What to ask the POS for, and whether what it found is it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    ExternalId,
    Email,
    Telephone,
    Mobile,
}

/// One question to the POS.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wanted {
    pub(super) relation: Relation,
    /// Whether the POS is to compare whole texts, where it knows how.
    pub(super) exact: bool,
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

    /// What to ask for, one after the other; nothing when the customer lacks it.
    pub(super) fn wanted(self, customer: &Customer) -> Vec<Wanted> {
        let empty = Relation::default;
        let exactly = |relation| Wanted { relation, exact: true };
        let loosely = |relation| Wanted { relation, exact: false };
        match self {
            Self::ExternalId => match filled(Some(customer.id.as_str())) {
                Some(id) => vec![exactly(Relation { ext_relation_id: Some(id), ..empty() })],
                None => Vec::new(),
            },
            Self::Email => {
                let email = |email| Relation { email: Some(email), ..empty() };
                let Some(written) = filled(customer.email.as_deref()) else { return Vec::new() };
                vec![exactly(email(written.clone())), loosely(email(written))]
            }
            Self::Telephone => phones(customer, |telephone| Relation { telephone, ..empty() }),
            Self::Mobile => phones(customer, |mobile| Relation { mobile, ..empty() }),
        }
    }

    /// Whether a relation is the customer.
    ///
    /// One that carries another host identifier is another customer, whatever address they share; an inactive one is only
    /// taken by the host's own identifier. A telephone number is shared by households and companies: it counts only for a
    /// person of the same name.
    pub(super) fn is(self, relation: &Relation, customer: &Customer) -> bool {
        let external = relation.ext_relation_id.as_deref().unwrap_or_default();
        if self == Self::ExternalId {
            return external == id_of(customer);
        }
        let same = match self {
            Self::ExternalId => true,
            Self::Email => same(relation.email.as_deref(), customer.email.as_deref(), |one, two| {
                one.to_lowercase() == two.to_lowercase()
            }),
            Self::Telephone => {
                self::same(relation.telephone.as_deref(), customer.phone.as_deref(), is_number)
            }
            Self::Mobile => self::same(relation.mobile.as_deref(), customer.phone.as_deref(), is_number),
        };
        let shared = self != Self::Email && (is_company(relation) || !has_name(relation, customer));
        same && !shared
            && (external.is_empty() || external == id_of(customer))
            && relation.active != Some(false)
    }
}

/// A text that says something, with what XML can hold of it.
fn filled(text: Option<&str>) -> Option<String> {
    let text = plain(text?);
    Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The host's identifier of a customer, as the POS is told it.
fn id_of(customer: &Customer) -> Cow<'_, str> {
    plain(customer.id.as_str())
}

/// The digits that a telephone number has at least, without its country.
const SHORTEST_NUMBER: usize = 6;

/// As it is written, and by the digits that every way of writing it has in a row.
fn phones(customer: &Customer, relation: impl Fn(Option<String>) -> Relation) -> Vec<Wanted> {
    let Some(written) = filled(customer.phone.as_deref()) else { return Vec::new() };
    let digits: String = written.chars().filter(char::is_ascii_digit).collect();
    if digits.len() < SHORTEST_NUMBER {
        return Vec::new();
    }
    let last = digits.len().saturating_sub(8);
    let mut wanted = vec![Wanted { relation: relation(Some(written)), exact: true }];
    if digits.len() >= 8 {
        wanted.push(Wanted { relation: relation(Some(digits[last..].to_owned())), exact: false });
    }
    wanted
}

fn same(theirs: Option<&str>, ours: Option<&str>, is_same: fn(&str, &str) -> bool) -> bool {
    match (filled(theirs), filled(ours)) {
        (Some(theirs), Some(ours)) => is_same(&theirs, &ours),
        _ => false,
    }
}

/// Whether two telephone numbers reach the same: `+31 6 1234 5678`, `0031612345678`, `06-12345678`.
fn is_number(one: &str, two: &str) -> bool {
    let (one, two) = (Number::of(one), Number::of(two));
    // A dash, or `n/a`, is nobody's number.
    if one.rest.len() < SHORTEST_NUMBER {
        return false;
    }
    match (one.country, two.country) {
        (Some(one_country), Some(two_country)) => one_country == two_country && one.rest == two.rest,
        (None, None) => one.rest == two.rest,
        // Written without its country at home, which is the Netherlands or Belgium.
        _ => one.rest == two.rest,
    }
}

/// A telephone number, with its country when it says that.
#[derive(Debug, PartialEq, Eq)]
struct Number {
    country: Option<&'static str>,
    rest: String,
}

impl Number {
    fn of(written: &str) -> Self {
        let written = written.replace("(0)", "");
        let digits: String = written.chars().filter(|char| char.is_ascii_digit()).collect();
        let abroad = match written.trim_start().starts_with('+') {
            true => Some(digits.as_str()),
            false => digits.strip_prefix("00"),
        };
        for country in ["31", "32"] {
            if let Some(rest) = abroad.and_then(|digits| digits.strip_prefix(country)) {
                return Self { country: Some(country), rest: rest.trim_start_matches('0').to_owned() };
            }
        }
        match abroad {
            // Another country, whose code is a part of it.
            Some(all) => Self { country: Some(""), rest: all.to_owned() },
            None => Self { country: None, rest: digits.strip_prefix('0').unwrap_or(&digits).to_owned() },
        }
    }
}

pub(super) fn is_company(relation: &Relation) -> bool {
    let filled = |text: &Option<String>| filled(text.as_deref()).is_some();
    filled(&relation.company_name) || filled(&relation.vat_number) || filled(&relation.commerce_number)
}

/// Whether the relation's name, or the person it names, ends as the customer's does: "J. Jansen", "Jan Jansen".
fn has_name(relation: &Relation, customer: &Customer) -> bool {
    let last = |name: &str| name.split_whitespace().next_back().map(str::to_lowercase);
    let wanted = last(&customer.name);
    let names = [&relation.name, &relation.contact].into_iter().flatten();
    wanted.is_some() && names.into_iter().any(|name| last(name) == wanted)
}

/// A new relation for a customer.
pub(super) fn new_relation(customer: &Customer) -> Relation {
    let text = |text: &str| plain(text).into_owned();
    let optional = |field: &Option<String>| field.as_deref().map(text);
    Relation {
        ext_relation_id: Some(id_of(customer).into_owned()),
        name: Some(text(&customer.name)),
        email: optional(&customer.email),
        telephone: optional(&customer.phone),
        address: optional(&customer.address.street),
        zipcode: optional(&customer.address.postcode),
        city: optional(&customer.address.city),
        country: optional(&customer.address.country),
        ..Relation::default()
    }
}

/// The relation as the POS has it, with what the host knows of the customer on top: for a POS that takes away what an update
/// does not name. What the POS counts itself is not sent back, nor are lists that are absent then, which is not the same as
/// empty.
pub(super) fn changed_relation(held: Relation, customer: &Customer) -> Relation {
    let known = new_relation(customer);
    Relation {
        ext_relation_id: known.ext_relation_id,
        name: known.name,
        email: known.email.or(held.email),
        telephone: known.telephone.or(held.telephone),
        address: known.address.or(held.address),
        zipcode: known.zipcode.or(held.zipcode),
        city: known.city.or(held.city),
        country: known.country.or(held.country),
        sync_marker: None,
        create_timestamp: None,
        change_timestamp: None,
        points: None,
        balance: None,
        invoice_credit: None,
        account_balance: None,
        can_earn_points: None,
        can_redeem_points: None,
        cant_redeem_points_reason: None,
        category_ids: List::absent(),
        image_list: List::absent(),
        custom_field_list: List::absent(),
        contact_list: List::absent(),
        relation_article_discount_list: List::absent(),
        sale_promotion_ids: List::absent(),
        ..held
    }
}

/// What tells one state of a customer from another; nothing can be read from it.
pub(super) fn fingerprint(customer: &Customer) -> String {
    let address = &customer.address;
    let fields = [
        Some(&customer.name),
        customer.email.as_ref(),
        customer.phone.as_ref(),
        address.street.as_ref(),
        address.postcode.as_ref(),
        address.city.as_ref(),
        address.country.as_ref(),
    ];
    let mut hash = Sha256::new();
    // The identifier keeps two customers of the same name apart, and a list of names from being tried out on many.
    hash.update(customer.id.as_str());
    for field in fields {
        hash.update(field.map_or([0xff; 8], |field| (field.len() as u64).to_be_bytes()));
        hash.update(field.map(String::as_str).unwrap_or_default());
    }
    hash.finalize()[..12].iter().map(|byte| format!("{byte:02x}")).collect()
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

    fn with_phone(telephone: &str) -> Relation {
        Relation { name: Some("J. Jansen".into()), telephone: Some(telephone.into()), ..Relation::default() }
    }

    #[test]
    fn an_address_is_taken_whole_and_without_regard_to_case() {
        for same in ["jan@example.com", "Jan@Example.COM", " jan@example.com "] {
            assert!(Key::Email.is(&with_email(same), &customer()), "{same}");
        }
        for loose in ["jan@example.com.au", "arjan@example.com", "an@example.co", ""] {
            assert!(!Key::Email.is(&with_email(loose), &customer()), "{loose}");
        }
    }

    #[test]
    fn a_number_is_taken_however_it_is_written_but_never_in_part() {
        for same in
            ["+31612345678", "0031 6 12345678", "06-12345678", "+31 (0)6 1234 5678", "(06) 12 34 56 78"]
        {
            assert!(Key::Telephone.is(&with_phone(same), &customer()), "{same}");
        }
        for other in ["+316123456789", "12345678", "+32 612345678", "0612345679", "+49612345678", ""] {
            assert!(!Key::Telephone.is(&with_phone(other), &customer()), "{other}");
        }
    }

    #[test]
    fn what_is_no_telephone_number_is_nobodys() {
        for none in ["-", "n.v.t.", "0", "geen", "12345"] {
            let customer = Customer { phone: Some(none.to_owned()), ..customer() };
            assert!(!Key::Telephone.is(&with_phone(none), &customer), "{none}");
            assert!(phones(&customer, |telephone| Relation { telephone, ..Relation::default() }).is_empty());
        }
    }

    #[test]
    fn a_number_that_a_company_or_somebody_else_has_is_not_the_customers() {
        let company = Relation { company_name: Some("Jansen BV".into()), ..with_phone("0612345678") };
        let other = Relation { name: Some("Piet de Vries".into()), ..with_phone("0612345678") };
        let nameless = Relation { name: None, ..with_phone("0612345678") };
        for relation in [company, other, nameless] {
            assert!(!Key::Telephone.is(&relation, &customer()), "{relation:?}");
        }
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
        assert_eq!(Key::Email.wanted(&nobody), []);
        assert_eq!(Key::Mobile.wanted(&nobody), []);
        assert!(!Key::Email.is(&Relation::default(), &nobody));
        assert_eq!(Key::ExternalId.wanted(&nobody).len(), 1);
    }

    #[test]
    fn every_change_of_a_customer_changes_the_fingerprint() {
        let mut moved = customer();
        moved.address.city = Some("Gent".into());
        let mut swapped = customer();
        std::mem::swap(&mut swapped.email, &mut swapped.phone);
        let prints = [customer(), moved, swapped].map(|customer| fingerprint(&customer));
        assert!(prints[0] != prints[1] && prints[0] != prints[2] && prints[1] != prints[2]);
        assert_eq!(fingerprint(&customer()), prints[0]);
    }
}
