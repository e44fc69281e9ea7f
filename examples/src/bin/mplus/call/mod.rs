//! `mplus call`: any operation by its name, JSON in and JSON out.

pub(crate) mod describe;
mod fill;
pub(crate) mod list;

use std::io::Read as _;

use clap::Args;
use mplus_qapi::soap::Repeat;
use mplus_qapi::testkit::{Direction, Message, MessageError, operations};
use serde_json::Value;

use crate::failure::Failure;
use crate::output;
use crate::service::{Service, address};

/// Call an operation of the POS by its name.
///
/// The response is printed as JSON.
///
/// Elements are named as in the service's description; `mplus describe OPERATION` shows them. Amounts are euros, as text ("9.95")
/// or as a number. A request's only element may be left out: '{"syncMarker": 1}' is as good as '{"request": {"syncMarker": 1}}'.
#[derive(Args)]
#[command(after_help = "\
Examples:
  mplus call getApiVersion
  mplus call getProducts --json '{\"syncMarker\": 1, \"syncMarkerLimit\": 10}'
  mplus call findOrder --json '{\"extOrderId\": \"1001\"}' | jq .result
  mplus call createOrderV3 --json - < order.json
  mplus call payOrderV3 --describe")]
pub(crate) struct Call {
    /// The operation, as `mplus operations` lists it.
    operation: String,
    /// The request as a JSON object; - reads it from standard input. Empty unless given.
    #[arg(long, value_name = "REQUEST")]
    json: Option<String>,
    /// The key of an operation that carries one: the same key asks for the same response. Made anew unless given.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Print the envelope that would be sent, and send nothing.
    #[arg(long)]
    dry_run: bool,
    /// Show what the operation takes, and send nothing.
    #[arg(long)]
    describe: bool,
    #[command(flatten)]
    service: Service,
}

impl Call {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let mut request = message(&self.operation, Direction::Request)?;
        if self.describe {
            return describe::show(&mut request);
        }
        let mut json = self.request()?;
        fill::wrap(describe::only_holder(&self.operation), &mut json);
        if request.operation().repeat == Repeat::Idempotent {
            self.set_key(&mut json);
        } else if self.idempotency_key.is_some() {
            return Err(Failure::usage(format!("{} carries no idempotency key", self.operation)));
        }
        fill::fill(&mut request, &json).map_err(Failure::usage)?;
        if self.dry_run {
            let envelope = request.write().map_err(|error| Failure::usage(error.to_string()))?;
            return output::text(&envelope);
        }
        let client = self.service.client()?;
        let repeat = request.operation().repeat;
        let reply = request.send(&client).await;
        let reply = reply.map_err(|error| Failure::call(address(&client), repeat, &error))?;
        for path in &reply.missing {
            eprintln!("note: the POS did not send {path}, which this version of the service has");
        }
        output::json(&reply.response)?;
        let response = serde_json::to_value(&reply.response).unwrap_or_default();
        match response.get("result").and_then(Value::as_str) {
            Some(result) if !is_success(result) => {
                Err(Failure::refused(format!("{}: {} says {result}", address(&client), self.operation)))
            }
            _ => Ok(()),
        }
    }

    fn request(&self) -> Result<Value, Failure> {
        let text = match self.json.as_deref() {
            None => return Ok(Value::Object(serde_json::Map::new())),
            Some("-") => {
                let mut text = String::new();
                let read = std::io::stdin().read_to_string(&mut text);
                read.map_err(|error| Failure::usage(format!("standard input cannot be read: {error}")))?;
                text
            }
            Some(text) => text.to_owned(),
        };
        serde_json::from_str(&text)
            .map_err(|error| Failure::usage(format!("the request is no JSON: {error}")))
    }

    /// The key is in the request's only element; one that stands there already stays.
    fn set_key(&self, json: &mut Value) {
        let Some(request) = json.get_mut("request").and_then(Value::as_object_mut) else { return };
        if let Some(key) = &self.idempotency_key {
            request.insert("idempotencyKey".to_owned(), Value::String(key.clone()));
        } else {
            let key = request.entry("idempotencyKey").or_insert_with(|| Value::String(random_key()));
            eprintln!(
                "note: idempotency key {}; repeat with it to get the same response",
                key.as_str().unwrap_or_default()
            );
        }
    }
}

/// A key that nobody else has.
fn random_key() -> String {
    format!("mplus-{:032x}", mplus_qapi::Runtime::random(&mplus_qapi::TokioRuntime))
}

/// What responses say that did what was asked.
const SUCCESSES: [&str; 6] =
    ["OK", "SUCCESS", "-NO-CHANGES", "-PENDING", "-AUTHENTICATED", "-PRESENCE-FOUND"];

fn is_success(result: &str) -> bool {
    SUCCESSES.iter().any(|success| result.ends_with(success)) || result.ends_with("-RECALLED")
}

/// An empty message of an operation; for an unknown one the names that are like it.
fn message(operation: &str, direction: Direction) -> Result<Message, Failure> {
    Message::new(operation, direction).map_err(|error| match error {
        MessageError::UnknownOperation(_) => {
            let wanted = operation.to_lowercase();
            let is_like = |name: &&str| {
                let name = name.to_lowercase();
                !wanted.is_empty() && (name.contains(&wanted) || wanted.contains(&name))
            };
            let like: Vec<&str> = operations().map(|info| info.name).filter(is_like).take(8).collect();
            let like =
                if like.is_empty() { String::new() } else { format!("; is it one of {}?", like.join(", ")) };
            Failure::usage(format!("there is no operation {operation}{like} `mplus operations` lists all"))
        }
        error => Failure::usage(error.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::is_success;

    #[test]
    fn what_a_response_says_is_success_or_not() {
        for success in [
            "CREATE-PRODUCT-RESULT-OK",
            "SAVE-ORDER-RESULT-NO-CHANGES",
            "SET-ARTICLE-RECALLED-OK-IS-NOW-RECALLED",
        ] {
            assert!(is_success(success), "{success}");
        }
        for failure in ["CREATE-PRODUCT-RESULT-FAILED", "FIND-ORDER-RESULT-NOT-FOUND", ""] {
            assert!(!is_success(failure), "{failure}");
        }
    }
}
