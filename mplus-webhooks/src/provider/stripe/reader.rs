//! Terminal readers, server-driven. A reader tells its latest action only, which may be another till's.

use super::Stripe;
use super::api::{intent_path, reason};
use crate::event::json::{DataError, Fields, Path};
use crate::payment::{GivenUp, Payment, ProviderError, Reason};
use crate::provider::call::{detail, escape, field, inside};

/// How often a reader that does not answer is told.
const TRIES: u32 = 3;

/// What a reader does.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// Whether it was seen lately, as Stripe says.
    pub(super) online: Option<bool>,
    action: Action,
}

#[derive(Debug, Default)]
enum Action {
    /// It was not told.
    #[default]
    Untold,
    /// Nothing.
    Idle,
    Of {
        intent: Option<String>,
        status: Option<String>,
        why: Option<Reason>,
    },
}

/// What a reader does about one intent.
pub(super) enum Shown {
    /// It cannot be told.
    Unknown,
    /// It waits for the customer, or takes the money.
    Waiting,
    /// It is over without money.
    Failed(Option<Reason>),
    /// It shows something else, or nothing.
    Not,
}

impl Reader {
    pub(super) fn shows(&self, intent: &str) -> Shown {
        match &self.action {
            Action::Untold => Shown::Unknown,
            Action::Of { intent: Some(shown), status, why } if shown == intent => match status.as_deref() {
                Some("failed") => Shown::Failed(why.clone()),
                Some("in_progress") => Shown::Waiting,
                // It succeeded, and the intent is about to say so.
                _ => Shown::Unknown,
            },
            Action::Idle | Action::Of { .. } => Shown::Not,
        }
    }

    /// The other intent that the reader has in hand.
    fn waits_for_another(&self, intent: &str) -> Option<&str> {
        match &self.action {
            Action::Of { intent: Some(shown), status, .. }
                if shown != intent && status.as_deref() == Some("in_progress") =>
            {
                Some(shown)
            }
            _ => None,
        }
    }
}

/// Whether nobody can pay an intent any more.
fn is_over(mut intent: Fields<'_>) -> Result<bool, DataError> {
    let status: Option<String> = field(&mut intent, "status")?;
    Ok(matches!(status.as_deref(), Some("canceled" | "succeeded" | "requires_capture")))
}

impl Stripe {
    pub(super) async fn look_at(&self, reader: &str) -> Result<Reader, ProviderError> {
        let read = self.read_call(&format!("/v1/terminal/readers/{}", escape(reader))).await?;
        self.api.read(&read, read_reader)
    }

    /// Whether the reader is taken by another payment that can still be paid: Stripe would put ours in its place, and the guest
    /// who holds a card to the reader would pay for another. Looking and presenting are two calls; nothing at Stripe makes them one.
    async fn is_taken(&self, reader: &str, intent: &str) -> bool {
        // A reader that cannot be asked is told all the same, and refuses by itself.
        let Ok(shown) = self.look_at(reader).await else { return false };
        let Some(other) = shown.waits_for_another(intent) else { return false };
        // A reader that fell out in the middle of a payment shows that one for ever.
        match self.read_call(&intent_path(other)).await {
            Ok(read) => !self.api.read(&read, is_over).unwrap_or(false),
            Err(_) => true,
        }
    }

    /// Shows the payment on the reader, unless it was given up meanwhile. An error says that the reader does not show it.
    pub(super) async fn present(
        &self,
        payment: &Payment,
        reader: &str,
        intent: &str,
        given_up: &GivenUp,
    ) -> Result<(), ProviderError> {
        let path = format!("/v1/terminal/readers/{}/process_payment_intent", escape(reader));
        if self.is_taken(reader, intent).await {
            return Err(self.api.refused("the terminal is busy with another payment".to_owned()));
        }
        let mut tries = 0;
        loop {
            // Whatever was asked until here may have taken longer than the till waits.
            if given_up.is_given_up().await {
                return Err(self.api.unavailable("it was given up before it was shown".to_owned()));
            }
            tries += 1;
            let key = Self::key(payment, "process", payment.attempt.max(1) * 100 + tries);
            let Err(error) = self.post(&path, &[("payment_intent", intent)], Some(key)).await else {
                return Ok(());
            };
            if error.is_refusal() {
                return Err(error.into());
            }
            // The reader may have got it all the same.
            match self.look_at(reader).await.map(|reader| reader.shows(intent)) {
                Ok(Shown::Waiting) => return Ok(()),
                Ok(Shown::Not | Shown::Failed(_)) if error.is("terminal_reader_timeout") && tries < TRIES => {
                }
                _ => return Err(self.api.refused(error.error.message().to_owned())),
            }
        }
    }

    /// Takes the payment off the reader, when the reader shows this one and no other.
    pub(super) async fn clear(&self, reader: &str, intent: &str) {
        let path = format!("/v1/terminal/readers/{}/cancel_action", escape(reader));
        let shown = self.look_at(reader).await.map(|reader| reader.shows(intent));
        if let Ok(Shown::Waiting) = shown
            && let Err(error) = self.post(&path, &[], None).await
        {
            // Busy taking the money, for instance; what counts is the intent.
            tracing::debug!(error = %error.error, "the reader's action was not cancelled");
        }
    }
}

fn read_reader(mut reader: Fields<'_>) -> Result<Reader, DataError> {
    let status: Option<String> = detail(&mut reader, "status");
    let online = status.map(|status| status == "online");
    let told = reader.has("action");
    let action = match reader.take("action") {
        Some(raw) => read_action(Fields::open(raw, &Path::ROOT.field("action"))?)?,
        None if told => Action::Idle,
        None => Action::Untold,
    };
    Ok(Reader { online, action })
}

fn read_action(mut action: Fields<'_>) -> Result<Action, DataError> {
    let status = field(&mut action, "status")?;
    let why = reason(detail(&mut action, "failure_code"), detail(&mut action, "failure_message"));
    Ok(Action::Of { intent: action_intent(&mut action)?, status, why })
}

/// The intent that an action is about. The object that holds it is named like the action's type.
pub(super) fn action_intent(action: &mut Fields<'_>) -> Result<Option<String>, DataError> {
    for kind in
        ["process_payment_intent", "collect_payment_method", "confirm_payment_intent", "refund_payment"]
    {
        if let Some(mut about) = inside(action, kind)?
            && let Some(intent) = named_intent(&mut about)?
        {
            return Ok(Some(intent));
        }
    }
    Ok(None)
}

/// The intent that an object names: by its id, or by the whole of it.
pub(super) fn named_intent(about: &mut Fields<'_>) -> Result<Option<String>, DataError> {
    let Some(raw) = about.take("payment_intent") else { return Ok(None) };
    match Fields::open(raw, &Path::ROOT.field("payment_intent")) {
        Ok(mut intent) => field(&mut intent, "id"),
        Err(_) => Ok(serde_json::from_str(raw.get()).ok()),
    }
}
