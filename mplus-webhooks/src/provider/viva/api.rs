//! Viva's two APIs: the newer one with tokens, the older one with a key.

use std::sync::PoisonError;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use http::{Method, StatusCode};

use super::{Viva, VivaCredentials};
use crate::event::json::RawJson;
use crate::payment::{GivenUp, ProviderError};
use crate::provider::call::{Answer, Call, detail, field, form, reason};
use crate::secret::Secret;

/// What the terminal API says when a token was withdrawn.
const BAD_TOKEN: &str = "Could not validate credentials";

/// How long the webhook key, or that there was none, is remembered.
const KEY_LASTS: TimeDelta = TimeDelta::minutes(5);
const NO_KEY_LASTS: TimeDelta = TimeDelta::seconds(10);

impl Viva {
    /// The key that proves to Viva that a webhook address is the merchant's own: a `GET` of that address is answered with it, see
    /// [`PaymentProvider::verification`](crate::payment::PaymentProvider::verification).
    ///
    /// # Errors
    /// [`ProviderError`].
    pub async fn webhook_key(&self) -> Result<String, ProviderError> {
        let answer = match self.isv {
            Some(_) => self.new_api(Method::GET, "/isv/v1/webhooks/token", None, &[]).await?,
            None => self.old_api(Method::GET, "/api/messages/config/token", &[]).await?,
        };
        let key = self.api.read(&answer.body, |mut answer| {
            let key = field(&mut answer, "Key")?;
            Ok(if key.is_some() { key } else { field(&mut answer, "key")? })
        })?;
        key.ok_or_else(|| self.api.unreachable("its answer has no `Key`".to_owned()))
    }

    /// The webhook key, for whoever calls the address: strangers can, so Viva is asked once in a while, by one at a time.
    pub(super) async fn known_webhook_key(&self) -> Result<String, ProviderError> {
        let mut known = self.webhook_key.lock().await;
        let now = self.runtime.now();
        if let Some((answered, until)) = &*known
            && now < *until
        {
            return answered.clone().map(|key| key.expose().to_owned());
        }
        let answered = self.webhook_key().await;
        let lasts = if answered.is_ok() { KEY_LASTS } else { NO_KEY_LASTS };
        *known = Some((answered.clone().map(Secret::from), now + lasts));
        answered
    }

    /// The path of the terminal API, which a platform has to itself.
    pub(super) fn terminal_api(&self, rest: &str) -> String {
        let api = if self.isv.is_some() { "/ecr/isv/v1" } else { "/ecr/v1" };
        format!("{api}{rest}")
    }

    /// The access token, renewed a minute before it runs out, or after half of its life when that is shorter.
    pub(super) async fn token(&self) -> Result<Secret, ProviderError> {
        let now = self.runtime.now();
        let cached = self.token.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((token, until)) = cached
            && now < until
        {
            return Ok(token);
        }
        let VivaCredentials { client_id, client_secret, .. } = &self.credentials;
        let call = Call {
            method: Method::POST,
            url: format!("{}/connect/token", self.endpoints.accounts),
            authorization: basic(client_id, client_secret),
            content_type: "application/x-www-form-urlencoded",
            body: form(&[("grant_type", "client_credentials")]),
            headers: Vec::new(),
        };
        let answer = self.api.send(call).await.and_then(|answer| self.api.expect(answer, &[]));
        // Without a token nothing was asked of Viva yet.
        let answer = answer.map_err(|error| match error {
            ProviderError::Unreachable { message, .. } => self.api.unavailable(message),
            other => other,
        })?;
        let (token, seconds) = self.api.read(&answer.body, |mut answer| {
            let token: Option<String> = field(&mut answer, "access_token")?;
            Ok((token, field::<i64>(&mut answer, "expires_in")?.unwrap_or(300)))
        })?;
        let token = token.ok_or_else(|| self.api.unavailable("its answer has no access token".to_owned()))?;
        let token = Secret::from(token);
        let seconds = seconds.clamp(0, 86_400);
        let until = now + TimeDelta::seconds(seconds - (seconds / 2).min(60));
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some((token.clone(), until));
        Ok(token)
    }

    /// The access token, unless the payment was given up until it was there: it may take longer than the till waits.
    async fn token_unless(&self, given_up: &GivenUp) -> Result<Secret, ProviderError> {
        let token = self.token().await?;
        match given_up.is_given_up().await {
            true => Err(self.api.unavailable("it was given up before it was shown".to_owned())),
            false => Ok(token),
        }
    }

    pub(super) async fn new_api(
        &self,
        method: Method,
        path: &str,
        body: Option<serde_json::Value>,
        expected: &[StatusCode],
    ) -> Result<Answer, ProviderError> {
        self.new_api_unless(method, path, body, expected, &GivenUp::never()).await
    }

    /// A call that is not made of a payment that was given up while a token was fetched.
    pub(super) async fn new_api_unless(
        &self,
        method: Method,
        path: &str,
        body: Option<serde_json::Value>,
        expected: &[StatusCode],
        given_up: &GivenUp,
    ) -> Result<Answer, ProviderError> {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let call = |token: &Secret| Call {
            method: method.clone(),
            url: format!("{}{path}", self.endpoints.api),
            authorization: format!("Bearer {}", token.expose()),
            content_type: "application/json",
            body: body.clone(),
            headers: Vec::new(),
        };
        let mut answer = self.api.send(call(&self.token_unless(given_up).await?)).await?;
        let withdrawn = answer.status == StatusCode::UNAUTHORIZED
            || (answer.status.is_client_error() && reason(&answer.body).as_deref() == Some(BAD_TOKEN));
        if withdrawn {
            // The token was withdrawn before its time. Nothing happened yet.
            *self.token.lock().unwrap_or_else(PoisonError::into_inner) = None;
            answer = self.api.send(call(&self.token_unless(given_up).await?)).await?;
        }
        if let Some(id) = answer.header("x-viva-correlationid") {
            tracing::debug!(correlation = id, status = answer.status.as_u16(), "Viva answered");
        }
        self.api.expect(answer, expected)
    }

    pub(super) async fn old_api(
        &self,
        method: Method,
        path: &str,
        expected: &[StatusCode],
    ) -> Result<Answer, ProviderError> {
        let call = Call {
            method,
            url: format!("{}{path}", self.endpoints.web),
            authorization: basic(&self.credentials.merchant_id, &self.credentials.api_key),
            content_type: "application/json",
            body: String::new(),
            headers: Vec::new(),
        };
        let answer = self.api.send(call).await?;
        self.api.expect(answer, expected)
    }

    /// The objects of a list, which is the whole answer or stands in it under one of these names; `null` in an answer that tells of success
    /// is a list of nothing. An answer that tells of an error, or has no list, is none: what is not told is not known to be absent.
    pub(super) fn list(&self, answer: &Answer, names: &[&str]) -> Result<Vec<RawJson>, ProviderError> {
        if let Ok(list) = serde_json::from_slice::<Vec<&serde_json::value::RawValue>>(&answer.body) {
            return Ok(list.into_iter().map(RawJson::new).collect());
        }
        let listed = self.api.read(&answer.body, |mut fields| {
            let number: Option<i64> = field(&mut fields, "ErrorCode")?;
            let success: Option<bool> = field(&mut fields, "Success")?;
            if number.is_some_and(|number| number != 0) || success == Some(false) {
                return Ok(Err(detail(&mut fields, "ErrorText")));
            }
            let succeeded = (success, number) == (Some(true), Some(0));
            for name in names {
                let is_there = fields.has(name);
                match field::<Vec<RawJson>>(&mut fields, name)? {
                    Some(list) => return Ok(Ok(list)),
                    None if is_there && succeeded => return Ok(Ok(Vec::new())),
                    None => {}
                }
            }
            Ok(Err(None))
        })?;
        listed.map_err(|text: Option<String>| {
            self.api.unreachable(text.unwrap_or_else(|| "its answer has no list".to_owned()))
        })
    }
}

fn basic(user: &str, password: &Secret) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.expose())))
}
