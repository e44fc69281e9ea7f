//! Payments that the host carries out.

use rust_decimal::Decimal;
use serde::Serialize;

use super::from_json::DataError;
use super::object::Object;
use super::oddity::Reading;
use super::path::Path;
use super::payload::ReadPayload;
use super::raw::Extra;
use super::scalar::UniqueId;
use super::session::Session;

/// The four events of an external payment.
macro_rules! external_payment_events {
    ($($(#[$doc:meta])* $name:ident $decides:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(rename_all = "camelCase")]
        #[non_exhaustive]
        pub struct $name {
            /// The sale; not filled in by the online handheld.
            pub session: Option<Session>,
            /// The payment.
            pub external_payment: ExternalPayment,
        }

        impl ReadPayload for $name {
            fn read(body: &mut Object<'_>, reading: &mut Reading) -> Result<Self, DataError> {
                Ok(Self {
                    external_payment: ExternalPayment::read(body, reading, Decides::$decides)?,
                    session: Session::beside(body, reading),
                })
            }

            fn subject(&self) -> Option<&str> {
                Some(&self.external_payment.external_payment_id)
            }
        }
    )*};
}

external_payment_events! {
    /// A payment method was chosen that the host handles.
    StartExternalPayment Everything
    /// Is it paid yet?
    PollExternalPayment Id
    /// The cashier wants to cancel; the payment may still turn out to be paid.
    RequestCancelExternalPayment Id
    /// The POS has given the payment up.
    CancelExternalPayment Id
}

/// A payment that the host carries out.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ExternalPayment {
    /// A UUID, new for every payment.
    pub external_payment_id: String,
    /// What is to be paid, euros; negative when money is to be given back. Needed to start a payment.
    pub amount: Option<Decimal>,
    /// The name of the payment method as configured in the POS.
    pub method: Option<String>,
    /// Object that this crate does not know.
    pub extra: Extra,
}

/// What of a payment must be readable. The id always must; nothing about money is guessed.
enum Decides {
    /// The amount and the method as well: the payment is about to be carried out.
    Everything,
    /// The payment is known already.
    Id,
}

impl ExternalPayment {
    fn read(body: &mut Object<'_>, reading: &mut Reading, decides: Decides) -> Result<Self, DataError> {
        let path = Path::ROOT.field("externalPayment");
        let mut fields = body.open_details(&path, "externalPayment", reading)?;
        let UniqueId(external_payment_id) = fields.required(&path, "externalPaymentId", reading)?;
        let (amount, method) = match decides {
            Decides::Everything => {
                (fields.decisive(&path, "amount", reading)?, fields.decisive(&path, "method", reading)?)
            }
            Decides::Id => (fields.side(&path, "amount", reading), fields.side(&path, "method", reading)),
        };
        Ok(Self { external_payment_id, amount, method, extra: fields.rest(&path, reading) })
    }
}
