//! Why a customer has no relation.

use crate::model::CustomerId;
use crate::pos_call::{is_refused, unreadable_at};
use crate::store::StoreError;

/// A customer's relation could not be found or created.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RelationError {
    /// A call to the POS failed.
    #[error("the relation of customer {customer} could not be looked up or created: {source}")]
    Pos {
        /// Whose.
        customer: CustomerId,
        /// The call's error.
        #[source]
        source: mplus_qapi::Error,
    },
    /// The POS does not want to create the relation.
    #[error("MplusKASSA did not create a relation for customer {customer}: {reason}")]
    Refused {
        /// Whose.
        customer: CustomerId,
        /// What the POS said.
        reason: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another worker looks for the same customer's relation and did not get done in time.
    #[error("another worker is looking for the relation of customer {customer}; try again in a moment")]
    Busy {
        /// Whose.
        customer: CustomerId,
    },
}

impl RelationError {
    /// Whether the POS answers this customer so each time that it is asked.
    pub(crate) fn stays(&self) -> bool {
        match self {
            Self::Refused { .. } => true,
            Self::Pos { source, .. } => is_refused(source) || unreadable_at(source).is_some(),
            Self::Store(_) | Self::Busy { .. } => false,
        }
    }
}
