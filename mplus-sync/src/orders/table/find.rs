//! Looks for an order that an earlier call brought to its table, maybe.

use chrono::{DateTime, TimeDelta, Utc};
use mplus_qapi::receipts::{GetReceipts, Receipt};
use mplus_qapi::soap::Operation;
use mplus_qapi::types::Order;
use rust_decimal::Decimal;

use crate::model::{BranchNumber, PosOrder, TableRef};
use crate::orders::create::{Booked, booked};
use crate::orders::find::{has_line, is_marked, is_numbered};
use crate::orders::note::{Added, TableBefore, articles};
use crate::orders::receipt::branch_of;
use crate::orders::service::Attempt;
use crate::orders::{OrderDraft, OrderService, SubmitError, SubmitErrorKind};

/// Sooner no guests order, eat, pay and leave.
const SOONEST_SETTLED: TimeDelta = TimeDelta::minutes(10);
/// By how much the POS's clock may be behind.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(5);

impl OrderService {
    /// The order as an earlier call brought it to its table, if one did.
    pub(super) async fn find_saved(
        &self,
        attempt: &mut Attempt<'_>,
        table: TableRef,
    ) -> Result<Option<PosOrder>, SubmitError> {
        if let Some(found) = self.find_same(attempt).await? {
            // Of one that was paid since, the table may have other guests.
            let is_paid = found.fully_paid == Some(true) || !found.invoice_ids.is_empty();
            let taken = attempt.taken(&found);
            return match is_paid {
                true => Ok(Some(taken)),
                false => self.alone_at_table(attempt, table, taken).await.map(Some),
            };
        }
        if let Some(found) = self.find_added(attempt).await? {
            return Ok(Some(attempt.taken(&found)));
        }
        // It may have been placed by the other call, before the settings were changed.
        let placed = self.find_placed(attempt).await?;
        if let (None, Some(opened)) = (&placed, attempt.note.opened) {
            self.check_unsettled(attempt, table, opened).await?;
        }
        Ok(placed)
    }

    /// An error when the table that the order opened, maybe, may have been settled with it since, so that no order tells of it
    /// and no receipt names it.
    async fn check_unsettled(
        &self,
        attempt: &Attempt<'_>,
        table: TableRef,
        opened: DateTime<Utc>,
    ) -> Result<(), SubmitError> {
        let draft = attempt.draft;
        let is_later = |receipt: &Receipt| {
            let entered = receipt.entry_timestamp.to_instant(self.settings.zone);
            entered.ok().flatten().is_none_or(|entered| entered >= opened - CLOCKS_DIFFER)
        };
        let holds_all = |receipt: &Receipt| {
            let held = articles(&receipt.line_list);
            draft.articles().iter().all(|(article, wanted)| held.get(article) >= Some(wanted))
        };
        let may_be_its = |receipt: &Receipt| {
            // Orders that it names by numbers of the POS's own may be anybody's.
            receipt.ext_order_ids.iter().all(String::is_empty)
                && branch_of(receipt) == draft.branch.get()
                && receipt.table_number.is_none_or(|number| number == 0 || number == table.number)
                && is_later(receipt)
                && holds_all(receipt)
        };
        let nameless = self.find_receipt_by_lines(draft.placed_at, may_be_its).await;
        let nameless = nameless.map_err(|error| attempt.read_failed(error))?;
        let is_long_ago = self.merchant.runtime().now() - opened > SOONEST_SETTLED;
        let are_told = !self.lacking.is_known_to_lack(GetReceipts::INFO.name);
        if nameless.is_none() && (are_told || !is_long_ago) {
            return Ok(());
        }
        let difference =
            "its table may have been settled with it since, and no receipt names its order".to_owned();
        Err(attempt.error(SubmitErrorKind::NumberTaken { difference }))
    }

    /// An order that opened its table, once the table is seen to have no other: somebody may have opened it after it was read
    /// as free.
    pub(super) async fn alone_at_table(
        &self,
        attempt: &mut Attempt<'_>,
        table: TableRef,
        saved: PosOrder,
    ) -> Result<PosOrder, SubmitError> {
        attempt.may_be_at_pos = true;
        let terminal = self.terminal(attempt).await?;
        let shown = self.table_order(attempt, table, &terminal).await?;
        let is_other = |shown: &Order| {
            !is_numbered(shown, &attempt.draft.number)
                && saved.order_id.as_ref().is_some_and(|saved| *saved != shown.order_id)
        };
        match shown.is_some_and(|shown| is_other(&shown)) {
            true => Err(attempt.error(SubmitErrorKind::SecondAtTable { table })),
            false => Ok(saved),
        }
    }

    /// The table order that this order was added to by an earlier call; an error when that cannot be told. When nothing was
    /// noted, it is looked for among all of the branch's.
    async fn find_added(&self, attempt: &Attempt<'_>) -> Result<Option<Order>, SubmitError> {
        let mark = self.mark(&attempt.draft.number);
        if let Some(before) = &attempt.note.table {
            let found = self.get(&before.order_id).await.map_err(|error| attempt.read_failed(error))?;
            if let Some(found) = found {
                if is_marked(&found, &mark) {
                    return Ok(Some(found));
                }
                match before.is_added(&found, attempt.turn()) {
                    Added::Yes => return Ok(Some(found)),
                    Added::No => return Ok(None),
                    Added::Unclear => {
                        let difference =
                            "its table's order holds what it may be, a part of it, or the same for others"
                                .to_owned();
                        return Err(attempt.error(SubmitErrorKind::NumberTaken { difference }));
                    }
                }
            }
            // The guests may have paid and left: what is not shown any more may have held it.
            let gone = self.find_gone(attempt, before).await;
            let gone = gone.map_err(|error| attempt.read_failed(error))?;
            let difference =
                "the table's order that it was added to, maybe, is not shown any more".to_owned();
            return gone.map(Some).ok_or_else(|| attempt.error(SubmitErrorKind::NumberTaken { difference }));
        }
        self.find_marked(attempt.draft).await.map_err(|error| attempt.read_failed(error))
    }

    /// The order that held this one after a table's order is gone: one that carries its mark, or the one of the receipt. A
    /// receipt that lacks it says nothing, as there may be others of the same table.
    async fn find_gone(
        &self,
        attempt: &Attempt<'_>,
        before: &TableBefore,
    ) -> Result<Option<Order>, mplus_qapi::Error> {
        let draft = attempt.draft;
        if let Some(marked) = self.find_marked(draft).await? {
            return Ok(Some(marked));
        }
        let of_table = |receipt: &Receipt| receipt.order_ids.contains(&before.order_id);
        let paid = self.find_receipt(draft.placed_at, of_table).await?;
        let mark = self.mark(&draft.number);
        Ok(paid.filter(|paid| is_marked(paid, &mark) || before.is_added(paid, attempt.turn()) == Added::Yes))
    }

    /// The order of this order's table when a line of it names this order: guests who stay for days have an order that no list
    /// of these days shows. Beside it the error of a table that somebody works at, which hides what it holds.
    async fn line_at_table(
        &self,
        attempt: &Attempt<'_>,
    ) -> Result<(Option<Order>, Option<SubmitError>), SubmitError> {
        let Some(table) = attempt.draft.table() else { return Ok((None, None)) };
        match self.table_order(attempt, table, &self.any_terminal(attempt)).await {
            Ok(shown) => Ok((shown.filter(|shown| has_line(&shown.line_list, &attempt.draft.number)), None)),
            Err(claimed) if matches!(claimed.kind(), SubmitErrorKind::TableClaimed { .. }) => {
                Ok((None, Some(claimed)))
            }
            // A table that the POS does not show holds nothing that it would tell.
            Err(refused) if matches!(refused.kind(), SubmitErrorKind::Declined { .. }) => Ok((None, None)),
            Err(failed) => Err(failed),
        }
    }

    /// The table order in which a line names this order; an error when its payments are not there, or not yet.
    pub(super) async fn find_placed(&self, attempt: &Attempt<'_>) -> Result<Option<PosOrder>, SubmitError> {
        let may_pay = self.may_send(attempt);
        let (at_table, is_hidden) = self.line_at_table(attempt).await?;
        let mut found = match at_table {
            None => self.find_line(attempt.draft).await.map_err(|error| attempt.read_failed(error))?,
            at_table => at_table,
        };
        if let (None, Some(branch)) =
            (&found, attempt.note.branch.filter(|branch| *branch != attempt.draft.branch.get()))
        {
            // The location was given another branch since.
            let there = OrderDraft { branch: BranchNumber::new(branch), ..attempt.draft.clone() };
            found = self.find_line(&there).await.map_err(|error| attempt.read_failed(error))?;
        }
        let Some(found) = found else { return is_hidden.map_or(Ok(None), Err) };
        attempt.check_same(&found)?;
        if attempt.note.unpaid {
            return Err(attempt.unpaid());
        }
        let paid = attempt.draft.paid();
        if paid.is_zero() {
            return Ok(Some(attempt.taken(&found)));
        }
        // What others at the table may have paid is not this order's: only more than all of theirs shows that it is paid.
        let others = found.total_incl_amount.map(|total| (total - attempt.draft.total).max(Decimal::ZERO));
        let others = others.unwrap_or_default();
        match booked(&found, paid + others) {
            Booked::All | Booked::Untold => Ok(Some(attempt.taken(&found))),
            _ if attempt.may_be_paying(&may_pay) => may_pay.map(|()| None),
            _ if !others.is_zero() => Err(attempt.unpaid_among_others()),
            Booked::Part(part) => Err(attempt.underpaid(part)),
            Booked::Nothing => Err(attempt.underpaid(Decimal::ZERO)),
        }
    }

    /// The order as the POS has it, paid; an error when it is there without its payments, or they may be on their way.
    pub(super) async fn find_paid(&self, attempt: &Attempt<'_>) -> Result<Option<PosOrder>, SubmitError> {
        let may_pay = self.may_send(attempt);
        let found = self.find_same(attempt).await?;
        found.map(|found| paid(attempt, &found, may_pay)).transpose()
    }
}

/// What the POS calls an order that it shows; an error when it is not the draft, or is not paid, or is not yet as far as it
/// `may_pay` now. The POS books such an order and its payments in one call: one that tells nothing of payments has them.
pub(super) fn paid(
    attempt: &Attempt<'_>,
    found: &Order,
    may_pay: Result<(), SubmitError>,
) -> Result<PosOrder, SubmitError> {
    attempt.check_same(found)?;
    match booked(found, attempt.draft.paid()) {
        Booked::Untold if attempt.note.unpaid => Err(attempt.unpaid()),
        Booked::All | Booked::Untold => Ok(attempt.taken(found)),
        Booked::Part(_) | Booked::Nothing if attempt.may_be_paying(&may_pay) => {
            may_pay.map(|()| attempt.taken(found))
        }
        Booked::Part(part) => Err(attempt.underpaid(part)),
        Booked::Nothing => Err(attempt.underpaid(Decimal::ZERO)),
    }
}
