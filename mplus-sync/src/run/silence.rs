//! A POS that takes calls and does not answer them.

use super::StepError;

/// How many calls in a row may end without an answer before a run ends.
const ENOUGH: u32 = 2;

/// How often in a row the POS kept silent in a run. One call may have met a hiccup; of a POS that answers two in a row with
/// nothing, a run would wait out every further call.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Silence(u32);

impl Silence {
    /// The POS has answered.
    pub(crate) fn broken(&mut self) {
        self.0 = 0;
    }

    /// Takes in a failure. True when it is a silence that has lasted long enough.
    pub(crate) fn lasts(&mut self, failure: &StepError) -> bool {
        self.0 = if failure.is_silence() { self.0 + 1 } else { 0 };
        self.0 >= ENOUGH
    }
}
