//! Calls of Stripe's API: version, account, idempotency, and what its errors mean.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Method, StatusCode};
use sha2::{Digest as _, Sha256};

use super::{Stripe, VERSION};
use crate::event::json::Fields;
use crate::payment::{Payment, ProviderError, Reason};
use crate::provider::call::{Answer, Call, detail, escape, form, inside};

/// An error of Stripe's, and its code.
pub(super) struct StripeError {
    pub(super) code: Option<String>,
    pub(super) error: ProviderError,
    /// Whether it is a failure of Stripe's own, which it gives again under the same idempotency key.
    pub(super) is_kept: bool,
}

impl From<StripeError> for ProviderError {
    fn from(error: StripeError) -> Self {
        error.error
    }
}

impl From<ProviderError> for StripeError {
    fn from(error: ProviderError) -> Self {
        Self { code: None, error, is_kept: false }
    }
}

impl StripeError {
    pub(super) fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    pub(super) fn is_refusal(&self) -> bool {
        matches!(self.error, ProviderError::Refused { .. })
    }
}

/// Where an intent is asked about and told.
pub(super) fn intent_path(intent: &str) -> String {
    format!("/v1/payment_intents/{}", escape(intent))
}

impl Stripe {
    pub(super) async fn post(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        key: Option<String>,
    ) -> Result<Bytes, StripeError> {
        self.call(Method::POST, path, form(fields), key).await
    }

    pub(super) async fn read_call(&self, path: &str) -> Result<Bytes, StripeError> {
        self.call(Method::GET, path, String::new(), None).await
    }

    /// Reads an object with more detail than it has by itself; when that is not allowed, without.
    pub(super) async fn read_expanded(&self, path: &str, expand: &str) -> Result<Bytes, StripeError> {
        match self.read_call(&format!("{path}?expand[]={expand}")).await {
            Err(error) if error.is_refusal() => self.read_call(path).await,
            answered => answered,
        }
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: String,
        key: Option<String>,
    ) -> Result<Bytes, StripeError> {
        let mut headers = vec![("stripe-version", VERSION.to_owned())];
        headers.extend(self.connected_account.clone().map(|account| ("stripe-account", account)));
        headers.extend(key.map(|key| ("idempotency-key", key)));
        let call = Call {
            method,
            url: format!("{}{path}", self.base_url),
            authorization: format!("Bearer {}", self.secret_key.expose()),
            content_type: "application/x-www-form-urlencoded",
            body,
            headers,
        };
        let answer = self.api.send(call).await?;
        if answer.status.is_success() { Ok(answer.body) } else { Err(self.error(&answer)) }
    }

    fn error(&self, answer: &Answer) -> StripeError {
        let body = Fields::open_body(&answer.body).ok().and_then(Result::ok);
        let error = body.and_then(|mut body| inside(&mut body, "error").ok().flatten());
        let (mut code, mut message) = (None, None);
        if let Some(mut error) = error {
            code = detail::<String>(&mut error, "code");
            message = detail::<String>(&mut error, "message");
        }
        let message = message.map(|message| message.chars().take(200).collect::<String>());
        let text = match (&message, &code) {
            (None, code) => code.clone(),
            (message, _) => message.clone(),
        };
        let mut failed = self.api.failed(answer.status, text);
        if let ProviderError::Refused { message, .. } = &failed
            && answer.header("stripe-should-retry") == Some("true")
        {
            failed = self.api.unavailable(message.clone());
        }
        if code.as_deref() == Some("terminal_reader_timeout")
            && answer.status != StatusCode::TOO_MANY_REQUESTS
        {
            // The reader may have got it all the same.
            failed = self.api.unreachable(failed.message().to_owned());
        }
        StripeError { code, error: failed, is_kept: answer.status == StatusCode::INTERNAL_SERVER_ERROR }
    }

    /// A key for one attempt at one thing. Stripe keeps the first answer to a key, failures included, so a deliberate new attempt
    /// has a new key.
    pub(super) fn key(payment: &Payment, what: &str, number: u32) -> String {
        let mut hash = Sha256::new();
        for part in [payment.key.merchant.as_str(), &payment.key.id, what] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.update(number.to_be_bytes());
        format!("mplus-{}", URL_SAFE_NO_PAD.encode(hash.finalize()))
    }
}

/// A reason from a code and a message of Stripe's, as far as there are any.
pub(super) fn reason(code: Option<String>, text: Option<String>) -> Option<Reason> {
    match (code, text) {
        (Some(code), Some(text)) => Some(Reason::with_code(code, text)),
        (Some(code), None) => Some(Reason::with_code(code.clone(), code.replace('_', " "))),
        (None, Some(text)) => Some(Reason::new(text)),
        (None, None) => None,
    }
}
