//! Whether an order at the POS is the one that was to be sent.

use mplus_qapi::types::{Order, OrderCancelState};

use super::OrderDraft;
use super::note::articles;

/// What tells an order at the POS from a draft; none when it is the same one.
///
/// It is the same when it was entered for the same branch and holds everything that the draft does. It may hold more:
/// components and disposables are added by the POS, and staff may have added lines since. One that was `just_sent` has its
/// total still, which another system's order of the same number seldom has.
pub(super) fn difference(draft: &OrderDraft, found: &Order, just_sent: bool) -> Option<String> {
    if found.cancel_state == Some(OrderCancelState::Complete) {
        return Some("it was cancelled".to_owned());
    }
    if let Some(branch) = found.entry_branch_number.filter(|branch| *branch != draft.branch.get()) {
        return Some(format!("it is of branch {branch} instead of {}", draft.branch));
    }
    if found.line_list.is_empty() || just_sent {
        let other = found.total_incl_amount.filter(|total| *total != draft.total);
        if let Some(total) = other {
            return Some(format!("its total is {total} euros instead of {}", draft.total));
        }
    }
    if found.line_list.is_empty() {
        return None;
    }
    let theirs = articles(&found.line_list);
    let missing = draft.articles().into_iter().find_map(|(article, quantity)| {
        let found = theirs.get(&article).copied().unwrap_or_default();
        (found < quantity).then_some((article, quantity, found))
    });
    missing.map(|(article, quantity, found)| {
        format!("it has {found} of article {article} instead of {quantity}")
    })
}
