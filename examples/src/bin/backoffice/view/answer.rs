//! How a request ends that is no page: somewhere else, or in trouble.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::records::RecordsError;
use crate::safe::guard::{NOTICE, set_cookie};

/// What the next page says at its top.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Notice {
    /// Whether it is good news.
    pub(crate) good: bool,
    pub(crate) text: String,
}

impl Notice {
    pub(crate) fn from_cookie(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// On to another page.
pub(crate) struct Go {
    to: String,
    notice: Option<Notice>,
}

impl Go {
    /// To a page of ours.
    pub(crate) fn to(path: impl Into<String>) -> Self {
        Self { to: path.into(), notice: None }
    }

    /// Says something good there.
    pub(crate) fn saying(self, text: impl Into<String>) -> Self {
        Self { notice: Some(Notice { good: true, text: text.into() }), ..self }
    }

    /// Says there what did not work.
    pub(crate) fn warning(self, text: impl Into<String>) -> Self {
        Self { notice: Some(Notice { good: false, text: text.into() }), ..self }
    }
}

impl IntoResponse for Go {
    fn into_response(self) -> Response {
        let mut response = StatusCode::SEE_OTHER.into_response();
        match HeaderValue::from_str(&self.to) {
            Ok(to) => drop(response.headers_mut().insert(header::LOCATION, to)),
            Err(_) => return Trouble::NotFound.into_response(),
        }
        if let Some(mut notice) = self.notice {
            // A cookie holds some 4,000 characters, of which encoding takes up to three for one.
            notice.text = notice.text.chars().take(600).collect();
            let text = serde_json::to_string(&notice).unwrap_or_default();
            // It says nothing that a wire may not have.
            set_cookie(response.headers_mut(), NOTICE, &text, false);
        }
        response
    }
}

/// A path of ours that somebody wants to go back to; the start for any other.
pub(crate) fn own_path(path: &str) -> &str {
    // Browsers leave tabs and line breaks out of addresses, and take `\` for `/`.
    let is_ours = path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains(|character: char| character == '\\' || character.is_control());
    if is_ours { path } else { "/" }
}

/// Why there is no page.
#[derive(Debug, Clone)]
pub(crate) enum Trouble {
    NotFound,
    /// A form that is not ours, or out of date.
    Forgery,
    TooLarge,
    /// The merchant is disconnected.
    NotConnected(String),
    /// The merchant rests until somebody resumes it.
    Paused(String),
    /// What was asked for cannot be done; why, for the person who asked.
    Refused(String),
    /// Something does not work; why, for the log.
    Failed(String),
}

impl Trouble {
    pub(crate) fn failed(error: impl ToString) -> Self {
        Self::Failed(error.to_string())
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Forgery => StatusCode::FORBIDDEN,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotConnected(_) | Self::Paused(_) | Self::Refused(_) => StatusCode::CONFLICT,
            Self::Failed(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// Bare; the guard shows a page in its place.
impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<RecordsError> for Trouble {
    fn from(error: RecordsError) -> Self {
        Self::failed(error)
    }
}

impl From<mplus_sync::store::StoreError> for Trouble {
    fn from(error: mplus_sync::store::StoreError) -> Self {
        use mplus_sync::store::StoreErrorKind as Kind;
        match error.kind() {
            Kind::Conflict | Kind::Invalid => Self::Refused(error.to_string()),
            Kind::NotFound => Self::NotFound,
            _ => Self::failed(error),
        }
    }
}

impl From<mplus_webhooks::StoreError> for Trouble {
    fn from(error: mplus_webhooks::StoreError) -> Self {
        Self::failed(error)
    }
}

impl From<mplus_webhooks::InboxError> for Trouble {
    fn from(error: mplus_webhooks::InboxError) -> Self {
        use mplus_webhooks::InboxError as Error;
        match error {
            Error::Unknown(_) => Self::NotFound,
            Error::Store(error) => Self::failed(error),
            refused => Self::Refused(refused.to_string()),
        }
    }
}

impl From<mplus_sync::connection::OpenError> for Trouble {
    fn from(error: mplus_sync::connection::OpenError) -> Self {
        use mplus_sync::connection::OpenError as Error;
        match error {
            Error::NotConnected(id) => Self::NotConnected(id.to_string()),
            Error::Store(error) => error.into(),
            other => Self::Refused(other.to_string()),
        }
    }
}

impl From<mplus_sync::orders::CancelError> for Trouble {
    fn from(error: mplus_sync::orders::CancelError) -> Self {
        use mplus_sync::orders::CancelError as Error;
        match error {
            Error::Unknown(_) => Self::NotFound,
            Error::Store(error) => error.into(),
            other => Self::Refused(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_ours_are_gone_back_to() {
        assert_eq!(own_path("/restaurants/demo?page=2"), "/restaurants/demo?page=2");
        for foreign in [
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "",
            "/a\r\nSet-Cookie: x",
            "/\t/evil.example",
            "/\u{b}/evil.example",
        ] {
            assert_eq!(own_path(foreign), "/", "{foreign}");
        }
    }
}
