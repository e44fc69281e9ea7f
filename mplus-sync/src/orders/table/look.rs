//! What goes on at the table of an order.

use mplus_qapi::types::{Order, Terminal};

use crate::model::TableRef;
use crate::orders::note::AttemptNote;
use crate::orders::service::Attempt;
use crate::orders::terminal::unlisted;
use crate::orders::{OrderService, SubmitError, SubmitErrorKind};
use crate::tables::{TableOrder, read_table};

impl OrderService {
    /// Keeps a note together with the branch at whose table the order is about to be entered.
    pub(super) async fn note_table(
        &self,
        attempt: &mut Attempt<'_>,
        note: AttemptNote,
    ) -> Result<(), SubmitError> {
        let branch = Some(attempt.draft.branch.get());
        self.note(attempt, AttemptNote { branch, ..note }).await
    }

    /// The table's order as it is now; none for a free table.
    pub(super) async fn table_order(
        &self,
        attempt: &Attempt<'_>,
        table: TableRef,
        terminal: &Terminal,
    ) -> Result<Option<Order>, SubmitError> {
        match read_table(&self.lacking, terminal, table, Some(self.timeout())).await {
            Ok(Ok(TableOrder::Open(order))) => Ok(Some(*order)),
            Ok(Ok(TableOrder::Free)) => Ok(None),
            Ok(Ok(TableOrder::Claimed(workplace))) => {
                Err(attempt.error(SubmitErrorKind::TableClaimed { table, workplace }))
            }
            Ok(Err(answer)) => Err(attempt.declined("getTableOrder", &answer, None)),
            Err(error) => Err(attempt.read_failed(error)),
        }
    }

    /// The order's workplace as it may look at a table without being registered.
    pub(super) fn any_terminal(&self, attempt: &Attempt<'_>) -> Terminal {
        Terminal {
            branch_number: attempt.draft.branch.get(),
            terminal_number: attempt.draft.workplace,
            ..unlisted()
        }
    }

    /// What a refusal at a table means: while somebody works at the table the order waits for it, whatever the POS said.
    pub(super) async fn refused_at_table(
        &self,
        attempt: &Attempt<'_>,
        operation: &'static str,
        result: &str,
        message: Option<&str>,
    ) -> SubmitError {
        match self.table_claimed(attempt).await {
            Some(claimed) => claimed,
            None => attempt.declined(operation, result, message),
        }
    }

    /// The error of a table that somebody works at; none of one that is free, or that the POS does not show.
    pub(super) async fn table_claimed(&self, attempt: &Attempt<'_>) -> Option<SubmitError> {
        let table = attempt.draft.table()?;
        match read_table(&self.lacking, &self.any_terminal(attempt), table, Some(self.timeout())).await {
            Ok(Ok(TableOrder::Claimed(workplace))) => {
                Some(attempt.error(SubmitErrorKind::TableClaimed { table, workplace }))
            }
            _ => None,
        }
    }
}
