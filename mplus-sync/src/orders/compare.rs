//! Whether an order at the POS is the one that was to be sent, and what of it is not as the host said.

use mplus_qapi::types::{Order, OrderCancelState};

use crate::model::{PosOrder, RelationNumber};

use super::OrderDraft;
use super::note::articles;

/// What the POS calls an order, and what of it is not as the host said.
pub(super) fn pos_order(draft: &OrderDraft, found: &Order) -> PosOrder {
    PosOrder {
        order_id: Some(found.order_id.clone()).filter(|id| !id.is_empty()),
        order_number: found.order_number.as_ref().map(|number| format!("{}-{}", number.year, number.number)),
        receipt_id: found.invoice_ids.first().cloned(),
        differs: deviation(draft, found),
    }
}

/// What tells an order at the POS from a draft; none when it is the same one.
///
/// It is the same when it was entered for the same branch and holds everything that the draft does. It may hold more:
/// components and disposables are added by the POS, and staff may have added lines since. One that was sent just now, for
/// this relation, still has its total and its relation, which another system's order of the same number seldom has.
pub(super) fn difference(
    draft: &OrderDraft,
    found: &Order,
    just_sent_for: Option<RelationNumber>,
) -> Option<String> {
    if found.cancel_state == Some(OrderCancelState::Complete) {
        return Some("it was cancelled".to_owned());
    }
    if let Some(branch) = found.entry_branch_number.filter(|branch| *branch != draft.branch.get()) {
        return Some(format!("it is of branch {branch} instead of {}", draft.branch));
    }
    let relation = found.relation_number.filter(|number| *number != 0);
    if let (Some(ours), Some(theirs)) = (just_sent_for, relation)
        && ours.get() != theirs
    {
        return Some(format!("it is of relation {theirs} instead of {ours}"));
    }
    let total = || {
        let compared = found.line_list.is_empty() || just_sent_for.is_some();
        let other = found.total_incl_amount.filter(|total| compared && *total != draft.total)?;
        Some(format!("its total is {other} euros instead of {}", draft.total))
    };
    if found.line_list.is_empty() {
        return total();
    }
    let theirs = articles(&found.line_list);
    let missing = draft.articles().into_iter().find_map(|(article, quantity)| {
        let found = theirs.get(&article).copied().unwrap_or_default();
        (found < quantity).then_some((article, quantity, found))
    });
    match missing {
        Some((article, quantity, found)) => {
            Some(format!("it has {found} of article {article} instead of {quantity}"))
        }
        None => total(),
    }
}

/// What a person should know of an order that the POS has: it comes to another amount, or another amount is booked.
///
/// At a table others order and pay, too: only an order that holds nothing else is compared there.
fn deviation(draft: &OrderDraft, found: &Order) -> Option<String> {
    let is_alone = || {
        let held = articles(&found.line_list);
        !held.is_empty() && held == draft.articles()
    };
    if draft.table().is_some() && !is_alone() {
        return None;
    }
    if let Some(total) = found.total_incl_amount.filter(|total| *total != draft.total) {
        return Some(format!("it comes to {total} euros there instead of {}", draft.total));
    }
    let paid = draft.paid();
    let booked = found.prepaid_amount.filter(|booked| !paid.is_zero() && *booked > paid)?;
    Some(format!("{booked} euros are booked on it there instead of {paid}"))
}
