//! Why an order cannot be sent as it is.

use std::fmt;

use rust_decimal::Decimal;

use crate::model::{
    ArticleNumber, ComboId, ItemId, LocationId, ModifierGroupId, ModifierId, OrderNumber, PaymentMethod,
    RelationNumber, TableRef,
};

/// An order cannot be sent as it is. Nothing was sent. Everything that is wrong with it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OrderRefused {
    /// Which order.
    pub order: OrderNumber,
    /// What is wrong, at least one problem.
    pub problems: Vec<Problem>,
}

/// Something that is wrong with an order.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// The order has no lines.
    Empty,
    /// The order has no number, or one with characters that cannot be sent.
    Number,
    /// An item has no article at the POS.
    ItemUnlinked {
        /// As the guest read it.
        name: String,
        /// Which.
        item: ItemId,
    },
    /// A combo has no article at the POS.
    ComboUnlinked {
        /// As the guest read it.
        name: String,
        /// Which.
        combo: ComboId,
    },
    /// A modifier is unknown to the POS.
    ModifierUnlinked {
        /// As the guest read it.
        name: String,
        /// Its group.
        group: ModifierGroupId,
        /// Which.
        modifier: ModifierId,
    },
    /// An item is switched off.
    ItemInactive {
        /// As the guest read it.
        name: String,
        /// Which.
        item: ItemId,
    },
    /// An item cannot be ordered at the order's location.
    NotSoldHere {
        /// As the guest read it.
        name: String,
        /// Which.
        item: ItemId,
        /// Where.
        location: LocationId,
    },
    /// The POS does not have the employee in whose name the order is entered, or has switched the employee off.
    EmployeeUnknown {
        /// The employee's number.
        employee: i64,
    },
    /// The POS does not have an article.
    ArticleUnknown {
        /// Which.
        article: ArticleNumber,
    },
    /// An article is switched off at the POS.
    ArticleInactive {
        /// Which.
        article: ArticleNumber,
    },
    /// Too few or too many modifiers of a group were chosen.
    ModifierCount {
        /// With what, as the guest read it.
        name: String,
        /// The group, as the guest read it.
        group: String,
        /// How many were chosen.
        chosen: Decimal,
        /// How few must be.
        minimum: i32,
        /// How many may be; none means any number.
        maximum: Option<i32>,
    },
    /// The branch has no such table.
    TableUnknown {
        /// Which.
        table: TableRef,
    },
    /// No article is set up for an amount.
    NoArticle {
        /// For what: `discounts`, `tips`, `delivery fees`.
        what: &'static str,
    },
    /// A payment method has no code of the POS.
    PaymentUnmapped {
        /// Which.
        method: PaymentMethod,
    },
    /// The POS does not have a payment method's code, or it is inactive there.
    PaymentUnknown {
        /// Which.
        method: PaymentMethod,
        /// The code that it is mapped to.
        code: String,
    },
    /// The lines do not add up to the order's total.
    TotalDiffers {
        /// What the order says.
        total: Decimal,
        /// What its lines add up to, as the POS books them.
        lines: Decimal,
    },
    /// The payments do not fit the total.
    PaymentsDiffer {
        /// What the order costs.
        total: Decimal,
        /// What was paid.
        paid: Decimal,
    },
    /// An order that is paid later holds payments.
    PaidBeforehand {
        /// What was paid.
        paid: Decimal,
    },
    /// An amount has fractions of a cent.
    FractionOfCent {
        /// Of what.
        what: String,
        /// The amount.
        amount: Decimal,
    },
    /// An amount is so large that it must be a mistake.
    TooLarge {
        /// Of what.
        what: String,
        /// The amount.
        amount: Decimal,
    },
    /// An amount is below zero where it must not be.
    Negative {
        /// Of what.
        what: String,
        /// The amount.
        amount: Decimal,
    },
    /// A quantity is zero, below zero, or too fine or too large for the POS.
    Quantity {
        /// Of what.
        what: String,
        /// The quantity.
        quantity: Decimal,
    },
    /// The location has no branch at the POS.
    NoBranch {
        /// Which.
        location: LocationId,
    },
    /// It is not known at which workplace of the branch to enter the order.
    NoWorkplace {
        /// Which location.
        location: LocationId,
    },
    /// The location's branch has no such workplace.
    WorkplaceUnknown {
        /// Which location.
        location: LocationId,
        /// The workplace's number.
        workplace: i32,
    },
    /// There is no customer and no fallback relation.
    NoRelation,
    /// The POS does not have the relation of orders without a customer.
    RelationUnknown {
        /// Its number.
        relation: RelationNumber,
    },
    /// The merchant has set up no orders.
    NotSetUp,
    /// The order asks to be kept from the POS, in an environment where real guests are served.
    SkipOutsideTest,
}

impl fmt::Display for OrderRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "order {} was not sent to the POS: ", self.order)?;
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for OrderRefused {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it has no lines"),
            Self::Number => f.write_str("it has no number that can be sent: give it one of letters, digits and signs"),
            Self::ItemUnlinked { name, item } => write!(
                f,
                "item \"{name}\" ({item}) has no article number of MplusKASSA (external_ids.mpluskassa); \
                 sync the menu or link the item"
            ),
            Self::ComboUnlinked { name, combo } => write!(
                f,
                "combo \"{name}\" ({combo}) has no article number of MplusKASSA (external_ids.mpluskassa); \
                 sync the menu or link the combo"
            ),
            Self::ModifierUnlinked { name, group, modifier } => write!(
                f,
                "modifier \"{name}\" ({modifier} of group {group}) is unknown to MplusKASSA; sync the menu"
            ),
            Self::ItemInactive { name, item } => {
                write!(f, "item \"{name}\" ({item}) is switched off; take it off the menu")
            }
            Self::NotSoldHere { name, item, location } => {
                write!(f, "item \"{name}\" ({item}) is not sold at location {location}; take it off the menu there")
            }
            Self::EmployeeUnknown { employee } => write!(
                f,
                "MplusKASSA does not have employee {employee} or has switched them off; choose another one in the \
                 order settings"
            ),
            Self::ArticleUnknown { article } => {
                write!(f, "MplusKASSA does not have article {article}; sync the menu or link the item anew")
            }
            Self::ArticleInactive { article } => {
                write!(f, "article {article} is switched off at MplusKASSA; sync the menu")
            }
            Self::ModifierCount { name, group, chosen, minimum, maximum } => {
                write!(f, "\"{name}\" needs ")?;
                match maximum {
                    Some(maximum) => write!(f, "{minimum} to {maximum}")?,
                    None => write!(f, "at least {minimum}")?,
                }
                write!(f, " of \"{group}\", and has {chosen}")
            }
            Self::TableUnknown { table } => {
                let table = super::error::name_of(table);
                write!(f, "the branch has no table {table}; choose another one")
            }
            Self::NoArticle { what } => {
                write!(f, "no article is set up for {what}; choose one in the order settings")
            }
            Self::PaymentUnmapped { method } => write!(
                f,
                "payment method {} is not mapped to one of MplusKASSA; map it in the order settings",
                name_of(method)
            ),
            Self::PaymentUnknown { method, code } => write!(
                f,
                "payment method {} is mapped to \"{code}\", which MplusKASSA does not have or has switched off; \
                 map it to another one",
                name_of(method)
            ),
            Self::TotalDiffers { total, lines } => write!(
                f,
                "its total is {total} euros and its lines add up to {lines}, a difference of {}",
                total - lines
            ),
            Self::PaymentsDiffer { total, paid } => {
                write!(f, "it costs {total} euros and {paid} were paid, a difference of {}", total - paid)
            }
            Self::PaidBeforehand { paid } => write!(
                f,
                "{paid} euros were paid though it is to be paid later; send it as a table order that is paid now"
            ),
            Self::FractionOfCent { what, amount } => {
                write!(f, "{what}: {amount} euros has fractions of a cent")
            }
            Self::TooLarge { what, amount } => write!(f, "{what}: {amount} euros cannot be right"),
            Self::Negative { what, amount } => write!(f, "{what}: {amount} euros is below zero"),
            Self::Quantity { what, quantity } => write!(
                f,
                "{what}: MplusKASSA takes no quantity of {quantity}; it must be above zero with at most 6 decimals"
            ),
            Self::NoBranch { location } => {
                write!(f, "location {location} is no branch of MplusKASSA; sync the branches")
            }
            Self::NoWorkplace { location } => write!(
                f,
                "it is not set up at which workplace orders of location {location} are entered; choose one in the \
                 order settings"
            ),
            Self::WorkplaceUnknown { location, workplace } => write!(
                f,
                "the branch of location {location} has no workplace {workplace}; choose another one in the order settings"
            ),
            Self::RelationUnknown { relation } => write!(
                f,
                "MplusKASSA does not have the fallback relation {relation}; choose another one in the order settings"
            ),
            Self::NoRelation => f.write_str(
                "it has no customer and no fallback relation is set up; choose one in the order settings",
            ),
            Self::NotSetUp => f.write_str("orders are not set up for this merchant; save the order settings first"),
            Self::SkipOutsideTest => f.write_str(
                "it asks to be kept from the POS (skip_order_sync), which is allowed in a test environment only",
            ),
        }
    }
}

fn name_of(method: &PaymentMethod) -> &str {
    match method {
        PaymentMethod::Ideal => "iDEAL",
        PaymentMethod::Card => "card",
        PaymentMethod::Bancontact => "Bancontact",
        PaymentMethod::Stripe => "Stripe",
        PaymentMethod::VivaWallet => "Viva Wallet",
        PaymentMethod::Cash => "cash",
        PaymentMethod::GiftCard => "gift card",
        PaymentMethod::Other(name) => name,
    }
}
