//! A reply as the POS takes it: only with the right signature, and with nothing in it that the event does not allow.

use bytes::Bytes;
use http::{Response, StatusCode};
use rust_decimal::Decimal;

use crate::event::EventName;
use crate::event::json::{Fields, Path};
use crate::http_client::HttpError;
use crate::{ErrorCode, SIGNATURE_HEADER, SubscriptionSecret};

/// A reply that the POS would not accept, or none at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TillError {
    /// There was no answer.
    #[error("the webhook URL cannot be reached: {0}")]
    NoReply(#[source] HttpError),
    /// Neither HTTP 200 nor 400.
    #[error("HTTP {status} is no reply to a webhook; the body begins with {start:?}")]
    Status {
        /// The HTTP status.
        status: u16,
        /// The beginning of the body.
        start: String,
    },
    /// An error of the receiver, possibly about this request.
    #[error("the receiver refused: {code}: {message}")]
    Refused {
        /// Its code.
        code: ErrorCode,
        /// Its explanation.
        message: String,
    },
    /// The reply's signature is missing or wrong.
    #[error("the reply's X-Mplus-Signature is missing or does not fit its body")]
    Signature,
    /// The reply is not the JSON that the POS expects.
    #[error("the reply is not proper JSON: {0}; the body begins with {1:?}")]
    Json(String, String),
    /// The reply holds an object that has no place there.
    #[error("a reply to {event} must not hold `{object}`")]
    NotAllowed {
        /// The event.
        event: String,
        /// The object's name.
        object: String,
    },
    /// The payment was still open after so many polls.
    #[error("the payment was not finished after {polls} polls")]
    NeverFinished {
        /// How many.
        polls: usize,
    },
}

/// A reply that passed the POS's checks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TillReply {
    /// The body as it arrived.
    pub body: Bytes,
    /// `externalPayment.started`.
    pub started: Option<bool>,
    /// `externalPayment.confirmed`.
    pub confirmed: Option<bool>,
    /// `externalPayment.cancelled`.
    pub cancelled: Option<bool>,
    /// `externalPayment.finalAmount`, euros.
    pub final_amount: Option<Decimal>,
    /// `externalPayment.status`.
    pub status: Option<String>,
    /// `polling.finished`.
    pub polling_finished: Option<bool>,
}

impl TillReply {
    /// Whether the POS stops asking.
    pub fn finished(&self) -> bool {
        self.polling_finished == Some(true)
    }

    /// Checks a reply as the POS would.
    ///
    /// # Errors
    /// [`TillError`].
    pub fn check(
        event: &EventName,
        response: Response<Bytes>,
        secret: &SubscriptionSecret,
    ) -> Result<Self, TillError> {
        let (parts, body) = response.into_parts();
        if parts.status == StatusCode::BAD_REQUEST {
            return Err(refused(&body));
        }
        if parts.status != StatusCode::OK {
            return Err(TillError::Status { status: parts.status.as_u16(), start: start(&body) });
        }
        let signature = parts.headers.get(SIGNATURE_HEADER).and_then(|value| value.to_str().ok());
        if !signature.is_some_and(|signature| secret.verify(&body, signature)) {
            return Err(TillError::Signature);
        }
        let mut reply = Self { body: body.clone(), ..Self::default() };
        if body.is_empty() {
            return Ok(reply);
        }
        reply.read(event)?;
        Ok(reply)
    }

    fn read(&mut self, event: &EventName) -> Result<(), TillError> {
        let body = self.body.clone();
        let improper = |message: String| TillError::Json(message, start(&body));
        let mut fields = Fields::open_body(&body)
            .map_err(|error| improper(error.to_string()))?
            .map_err(|error| improper(error.to_string()))?;
        for name in fields.names() {
            if !event.reply_objects().any(|allowed| allowed == name) {
                return Err(TillError::NotAllowed {
                    event: event.as_str().to_owned(),
                    object: name.to_owned(),
                });
            }
        }
        let mut read = || {
            if let Some(raw) = fields.take("externalPayment") {
                let path = Path::ROOT.field("externalPayment");
                let mut payment = Fields::open(raw, &path)?;
                self.started = payment.optional(&path, "started")?;
                self.confirmed = payment.optional(&path, "confirmed")?;
                self.cancelled = payment.optional(&path, "cancelled")?;
                self.final_amount = payment.optional(&path, "finalAmount")?;
                self.status = payment.optional(&path, "status")?;
            }
            if let Some(raw) = fields.take("polling") {
                let path = Path::ROOT.field("polling");
                self.polling_finished = Fields::open(raw, &path)?.optional(&path, "finished")?;
            }
            Ok(())
        };
        read().map_err(|error: crate::event::json::DataError| improper(error.to_string()))
    }
}

fn refused(body: &Bytes) -> TillError {
    let read = || -> Option<TillError> {
        let path = Path::ROOT.field("error");
        let mut error = Fields::open(Fields::open_body(body).ok()?.ok()?.take("error")?, &path).ok()?;
        Some(TillError::Refused {
            code: ErrorCode::from_wire(&error.required::<String>(&path, "code").ok()?),
            message: error.required(&path, "message").ok()?,
        })
    };
    read().unwrap_or_else(|| TillError::Status { status: 400, start: start(body) })
}

fn start(body: &Bytes) -> String {
    String::from_utf8_lossy(body).chars().take(80).collect()
}
