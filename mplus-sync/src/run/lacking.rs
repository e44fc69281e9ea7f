//! What a POS does not know: customers run different versions.

use super::Run;
use crate::model::Connection;
use crate::store::update_connection;

impl Run<'_> {
    /// Whether the POS is known not to have an operation. A full run asks again: the POS may be a newer one now.
    pub(crate) fn lacks(&self, operation: &str) -> bool {
        !self.is_full() && self.lacking.contains(operation)
    }

    /// Remembers that the POS does not have an operation, so that later runs need not ask.
    pub(crate) async fn learn_lacking(&mut self, operation: &str) {
        if self.options.dry_run || !self.lacking.insert(operation.to_owned()) {
            return;
        }
        let change = |connection: &mut Connection| connection.lacking.insert(operation.to_owned());
        // When this is not stored the next run asks again, which is no harm.
        let _ = update_connection(self.store(), self.connection(), &change).await;
    }
}
