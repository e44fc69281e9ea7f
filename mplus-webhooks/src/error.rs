//! What is answered with HTTP 400, and the vendor's names for it.

use std::borrow::Cow;
use std::fmt;

use serde::{Serialize, Serializer};

/// The vendor's error codes (webhook facts, section 5), and [`Other`](Self::Other) for any that is not listed there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// `X-Mplus-Signature` is missing.
    NoSignature,
    /// `X-Mplus-Signature` does not fit the body.
    InvalidSignature,
    /// The body is not JSON.
    InvalidJson,
    /// The body is JSON, but a value in it cannot be right.
    InvalidData,
    /// `X-Mplus-Subscription-Id` is missing.
    NoSubscriptionId,
    /// `X-Mplus-Subscription-Id` is unknown or switched off.
    InvalidSubscriptionId,
    /// `Content-Type` is missing.
    NoContentType,
    /// `Content-Type` is not `application/json`.
    InvalidContentType,
    /// The object that belongs to the event is missing.
    NoEventDetails,
    /// `scanCode` without a code.
    NoScannedCode,
    /// The line already has a discount.
    LineAlreadyHasDiscount,
    /// The line is not in the session.
    InvalidLineId,
    /// The id of an added line is taken.
    LineIdAlreadyExists,
    /// The relation does not exist.
    InvalidRelationNumber,
    /// The article does not exist.
    InvalidArticle,
    /// The percentage is not valid.
    InvalidDiscountPercentage,
    /// The code's characters do not fit its type.
    InvalidReceiptFooterCode,
    /// Neither `code128` nor `qrcode`.
    InvalidReceiptFooterCodeType,
    /// Lines may not be changed here.
    LineChangeNotAllowed,
    /// Lines may not be added here.
    LineAdditionNotAllowed,
    /// A code of the POS that this crate does not know, or the host's own.
    Other(Cow<'static, str>),
}

macro_rules! codes {
    ($($variant:ident $text:literal)*) => {
        impl ErrorCode {
            /// The code as it is written on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Other(code) => code,
                }
            }

            /// The code with this spelling; unlisted ones are kept as [`Other`](Self::Other).
            pub fn from_wire(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)*
                    other => Self::Other(Cow::Owned(other.to_owned())),
                }
            }
        }
    };
}

codes! {
    NoSignature "NO_SIGNATURE"
    InvalidSignature "INVALID_SIGNATURE"
    InvalidJson "INVALID_JSON"
    InvalidData "INVALID_DATA"
    NoSubscriptionId "NO_SUBSCRIPTION_ID"
    InvalidSubscriptionId "INVALID_SUBSCRIPTION_ID"
    NoContentType "NO_CONTENT_TYPE"
    InvalidContentType "INVALID_CONTENT_TYPE"
    NoEventDetails "NO_EVENT_DETAILS"
    NoScannedCode "NO_SCANNED_CODE"
    LineAlreadyHasDiscount "LINE_ALREADY_HAS_DISCOUNT"
    InvalidLineId "INVALID_LINE_ID"
    LineIdAlreadyExists "LINE_ID_ALREADY_EXISTS"
    InvalidRelationNumber "INVALID_RELATION_NUMBER"
    InvalidArticle "INVALID_ARTICLE"
    InvalidDiscountPercentage "INVALID_DISCOUNT_PERCENTAGE"
    InvalidReceiptFooterCode "INVALID_RECEIPT_FOOTER_CODE"
    InvalidReceiptFooterCodeType "INVALID_RECEIPT_FOOTER_CODE_TYPE"
    LineChangeNotAllowed "LINE_CHANGE_NOT_ALLOWED"
    LineAdditionNotAllowed "LINE_ADDITION_NOT_ALLOWED"
}

impl ErrorCode {
    /// The host's side failed. Not a code of the vendor, who names none for this.
    pub const INTERNAL: Self = Self::Other(Cow::Borrowed("INTERNAL_ERROR"));
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// An answer of HTTP 400: `{"error": {"code": ..., "message": ...}}`.
///
/// The message reaches the POS and its logs: no secrets, no internals.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// The vendor's code.
    pub code: ErrorCode,
    /// What was wrong and what to do about it.
    pub message: String,
}

impl Refusal {
    /// A refusal with this code and message.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The request is well formed, but a value in it cannot be right.
    pub fn invalid_data(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidData, message)
    }

    /// The host's side failed; the cause belongs in the host's log, not in this answer.
    pub fn internal() -> Self {
        Self::new(ErrorCode::INTERNAL, "the receiver failed; its log has the cause")
    }
}
