//! One call of a provider's API, and what its status means.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

use super::echo::repeats;
use crate::event::json::{DataError, Fields, FromJson, Path};
use crate::http_client::HttpClient;
use crate::payment::ProviderError;
use crate::secret::Secret;

/// In the place of an error that has the credentials in it, in the shape that both providers use.
const REPEATED: &[u8] = br#"{"error":{"message":"an error that repeats the credentials, and is not shown"}}"#;

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
    /// More headers, by their lower-case names.
    pub(super) headers: Vec<(&'static str, String)>,
}

/// An answer, whatever its status.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    /// The value of a header, when it is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl Api {
    /// Sends a call; an answer of any status is an answer. An error that repeats the credentials loses its text: nobody may see it.
    pub(super) async fn send(&self, call: Call) -> Result<Answer, ProviderError> {
        let authorization = Secret::from(call.authorization.as_str());
        let request = self.request(call)?;
        let response = self.client.send(request).await.map_err(|error| {
            let message = error.to_string();
            if error.may_have_been_sent { self.unreachable(message) } else { self.unavailable(message) }
        })?;
        let (parts, mut body) = response.into_parts();
        if !parts.status.is_success() && repeats(&body, authorization.expose()) {
            body = Bytes::from_static(REPEATED);
        }
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }

    /// The answer when its status is a success or one of `expected`; else the error that it stands for.
    #[cfg(feature = "viva")]
    pub(super) fn expect(&self, answer: Answer, expected: &[StatusCode]) -> Result<Answer, ProviderError> {
        if answer.status.is_success() || expected.contains(&answer.status) {
            return Ok(answer);
        }
        Err(self.failed(answer.status, reason(&answer.body)))
    }

    /// The error that a status stands for.
    pub(super) fn failed(&self, status: StatusCode, reason: Option<String>) -> ProviderError {
        let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        let message = format!("HTTP {}{reason}", status.as_u16());
        match status {
            // Turned away at the door.
            StatusCode::TOO_MANY_REQUESTS => self.unavailable(message),
            StatusCode::REQUEST_TIMEOUT | StatusCode::CONFLICT | StatusCode::FAILED_DEPENDENCY => {
                self.unreachable(message)
            }
            status if status.is_server_error() || status.is_redirection() => self.unreachable(message),
            _ => self.refused(message),
        }
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
            for (name, value) in call.headers {
                request = request.header(name, value);
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

    /// A question about money that may be on its way: that it was refused says nothing about what was done before.
    pub(super) fn of_question(&self, error: ProviderError) -> ProviderError {
        match error {
            ProviderError::Refused { message, .. } => {
                self.unreachable(format!("it does not tell what was done before: {message}"))
            }
            other => other,
        }
    }

    pub(super) fn refused(&self, message: String) -> ProviderError {
        ProviderError::Refused { provider: self.provider.to_owned(), message }
    }

    pub(super) fn unavailable(&self, message: String) -> ProviderError {
        ProviderError::Unavailable { provider: self.provider.to_owned(), message }
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

/// Opens an object inside an object; what is no object counts as absent.
pub(super) fn inside<'a>(fields: &mut Fields<'a>, name: &str) -> Result<Option<Fields<'a>>, DataError> {
    let object = fields.take(name).filter(|raw| raw.get().starts_with('{'));
    object.map(|raw| Fields::open(raw, &Path::ROOT.field(name))).transpose()
}

/// Reads a field of an answer that something depends on.
pub(super) fn field<T: FromJson>(fields: &mut Fields<'_>, name: &str) -> Result<Option<T>, DataError> {
    fields.optional(&Path::ROOT, name)
}

/// Reads a field that only embellishes an answer: what cannot be read is none.
pub(super) fn detail<T: FromJson>(fields: &mut Fields<'_>, name: &str) -> Option<T> {
    field(fields, name).ok().flatten()
}

/// The message of an error in the shapes that Viva uses, cut to a line.
#[cfg(feature = "viva")]
pub(super) fn reason(body: &Bytes) -> Option<String> {
    let mut fields = Fields::open_body(body).ok()?.ok()?;
    let nested = inside(&mut fields, "error").ok().flatten();
    let message: Option<String> = match nested {
        Some(mut error) => detail(&mut error, "message"),
        None => {
            let names = ["message", "Message", "detail", "ErrorText", "error_description", "error"];
            names.into_iter().find_map(|name| detail(&mut fields, name))
        }
    };
    Some(message?.chars().filter(|letter| !letter.is_control()).take(200).collect())
}
