//! Payments that another party handles.

use std::collections::BTreeMap;

use crate::value::Decimal;

#[derive(Debug, Default)]
pub(in crate::testkit) struct ExternalPayments {
    pub(in crate::testkit) payments: BTreeMap<String, Payment>,
}

#[derive(Debug)]
pub(in crate::testkit) struct Payment {
    pub(in crate::testkit) amount: Decimal,
    pub(in crate::testkit) status: ExternalPaymentStatus,
    pub(in crate::testkit) cancel_requested: bool,
}

/// How far an external payment of the test POS is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExternalPaymentStatus {
    /// Started; the customer has not paid yet.
    Pending,
    /// Paid.
    Confirmed,
    /// Cancelled or failed.
    Cancelled,
}

impl ExternalPayments {
    pub(in crate::testkit) fn status(&self, id: &str) -> Option<ExternalPaymentStatus> {
        self.payments.get(id).map(|payment| payment.status)
    }

    /// Ends a pending payment; `false` when there is none with this id.
    pub(in crate::testkit) fn end(&mut self, id: &str, status: ExternalPaymentStatus) -> bool {
        match self.payments.get_mut(id).filter(|payment| payment.status == ExternalPaymentStatus::Pending) {
            Some(payment) => {
                payment.status = status;
                true
            }
            None => false,
        }
    }
}
