//! How a payment really stands at the provider.

use rust_decimal::Decimal;

use crate::payment::state::ProviderStatus;

pub(super) const WHOLE: Decimal = Decimal::TEN;
pub(super) const PART: Decimal = Decimal::ONE;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Truth {
    NeverHeardOf,
    Open,
    Held,
    Captured(Decimal),
    Cancelled,
    Failed,
}

impl Truth {
    pub(super) fn status(self) -> ProviderStatus {
        match self {
            Self::NeverHeardOf => ProviderStatus::Absent,
            Self::Open => ProviderStatus::Pending,
            Self::Held => ProviderStatus::Authorised,
            Self::Captured(amount) => ProviderStatus::Captured(amount),
            Self::Cancelled => ProviderStatus::Cancelled,
            Self::Failed => ProviderStatus::Failed,
        }
    }

    pub(super) fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Held)
    }

    /// What the customer and the operator can do; of an ended payment only when the provider may contradict itself.
    pub(super) fn becomes(self, may_contradict: bool) -> &'static [Self] {
        match self {
            Self::Open => {
                &[Self::Held, Self::Captured(WHOLE), Self::Captured(PART), Self::Failed, Self::Cancelled]
            }
            Self::Held => &[Self::Captured(WHOLE), Self::Captured(PART), Self::Cancelled],
            Self::Failed | Self::Cancelled if may_contradict => &[Self::Captured(WHOLE)],
            _ => &[],
        }
    }
}
