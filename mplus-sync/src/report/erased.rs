//! Takes secrets out of what a report says.

use super::{Note, RunOutcome, RunReport};

impl RunReport {
    /// Puts what `erase` makes of it in the place of every sentence. Names and values of records stay as the store has them.
    pub(crate) fn erase(&mut self, erase: impl Fn(&str) -> String) {
        let change = |text: &mut String| *text = erase(text);
        let notes = [&mut self.skipped, &mut self.manual_actions, &mut self.failures];
        for Note { message, advice, .. } in notes.into_iter().flat_map(|notes| &mut notes.first) {
            change(message);
            change(advice);
        }
        if let RunOutcome::Failed { message, advice } | RunOutcome::Incomplete { message, advice } =
            &mut self.outcome
        {
            change(message);
            change(advice);
        }
    }
}
