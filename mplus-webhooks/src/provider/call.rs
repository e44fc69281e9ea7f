//! One call of a provider's API, and what its status means.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

use crate::event::json::{DataError, Fields, FromJson, Path};
use crate::http_client::HttpClient;
use crate::payment::ProviderError;

/// A provider's API: its name for errors, and the client.
#[derive(Debug, Clone)]
pub(super) struct Api {
    pub(super) provider: &'static str,
    pub(super) client: Arc<dyn HttpClient>,
}

/// A call to be sent.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) url: String,
    /// The value of `Authorization`.
    pub(super) authorization: String,
    pub(super) content_type: &'static str,
    pub(super) body: String,
    /// The value of `Idempotency-Key`.
    pub(super) idempotency_key: Option<String>,
}

impl Api {
    /// Sends a call; the answer's status is a success, or one of `expected`.
    pub(super) async fn send(
        &self,
        call: Call,
        expected: &[StatusCode],
    ) -> Result<(StatusCode, Bytes), ProviderError> {
        let request = self.request(call)?;
        let response =
            self.client.send(request).await.map_err(|error| self.unreachable(error.to_string()))?;
        let status = response.status();
        if status.is_success() || expected.contains(&status) {
            return Ok((status, response.into_body()));
        }
        let message = format!("HTTP {}{}", status.as_u16(), reason(response.body()));
        let may_have_happened = status.is_server_error()
            || status.is_redirection()
            || matches!(
                status,
                StatusCode::REQUEST_TIMEOUT | StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS
            );
        Err(if may_have_happened { self.unreachable(message) } else { self.refused(message) })
    }

    fn request(&self, call: Call) -> Result<Request<Bytes>, ProviderError> {
        let build = || -> Result<Request<Bytes>, http::Error> {
            let mut authorization = HeaderValue::try_from(call.authorization)?;
            authorization.set_sensitive(true);
            let mut request = Request::builder()
                .method(call.method)
                .uri(call.url)
                .header(header::AUTHORIZATION, authorization)
                .header(header::ACCEPT, "application/json");
            if !call.body.is_empty() {
                request = request.header(header::CONTENT_TYPE, call.content_type);
            }
            if let Some(key) = call.idempotency_key {
                request = request.header("idempotency-key", key);
            }
            request.body(call.body.into())
        };
        build().map_err(|_| self.refused("its configuration does not make a valid HTTP request".to_owned()))
    }

    /// Reads an answer's object.
    pub(super) fn read<T>(
        &self,
        body: &Bytes,
        read: impl FnOnce(Fields<'_>) -> Result<T, DataError>,
    ) -> Result<T, ProviderError> {
        let unreadable = |error: String| self.unreachable(format!("its answer cannot be read: {error}"));
        let fields = Fields::open_body(body).map_err(|_| unreadable("not JSON".to_owned()))?;
        fields.and_then(read).map_err(|error| unreadable(error.to_string()))
    }

    pub(super) fn refused(&self, message: String) -> ProviderError {
        ProviderError::Refused { provider: self.provider.to_owned(), message }
    }

    pub(super) fn unreachable(&self, message: String) -> ProviderError {
        ProviderError::Unreachable { provider: self.provider.to_owned(), message }
    }

    /// Euros as the cents that the provider counts in.
    pub(super) fn cents(&self, euros: Decimal) -> Result<i64, ProviderError> {
        let cents = euros.checked_mul(Decimal::ONE_HUNDRED).filter(|cents| cents.fract().is_zero());
        cents
            .and_then(|cents| cents.to_i64())
            .ok_or_else(|| self.refused("the amount is no whole number of cents".to_owned()))
    }
}

/// Cents as euros.
pub(super) fn euros(cents: i64) -> Decimal {
    Decimal::new(cents, 2)
}

/// `a=1&b=2`, escaped.
pub(super) fn form(fields: &[(&str, &str)]) -> String {
    let pairs: Vec<_> =
        fields.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
    pairs.join("&")
}

/// Percent-encodes everything but the unreserved characters.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                escaped.push(char::from(byte))
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

/// Opens an object inside an object.
pub(super) fn inside<'a>(fields: &mut Fields<'a>, name: &str) -> Result<Option<Fields<'a>>, DataError> {
    fields.take(name).map(|raw| Fields::open(raw, &Path::ROOT.field(name))).transpose()
}

/// Reads an optional field of an answer.
pub(super) fn field<T: FromJson>(fields: &mut Fields<'_>, name: &str) -> Result<Option<T>, DataError> {
    fields.optional(&Path::ROOT, name)
}

/// The message of an error in the shapes that the providers use, cut to a line.
fn reason(body: &Bytes) -> String {
    let read = || -> Option<String> {
        let mut fields = Fields::open_body(body).ok()?.ok()?;
        let nested = inside(&mut fields, "error").ok().flatten();
        let message: Option<String> = match nested {
            Some(mut error) => field(&mut error, "message").ok()?,
            None => ["message", "detail", "ErrorText", "error"]
                .into_iter()
                .find_map(|name| field(&mut fields, name).ok().flatten()),
        };
        Some(message?.chars().take(200).collect())
    };
    read().map(|message| format!(": {message}")).unwrap_or_default()
}
