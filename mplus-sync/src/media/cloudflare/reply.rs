//! What Cloudflare's answers mean. No I/O in here.

use std::time::Duration;

use serde::Deserialize;

use crate::media::MediaError;

/// Answers about one image are a few hundred bytes; whatever is longer than this is not one.
pub(super) const LARGEST: usize = 1 << 20;

/// Much of a message that a person reads.
const LONGEST_DETAIL: usize = 300;

const IMAGE_ALREADY_EXISTS: i64 = 5409;

/// Errors of the API's routing: it is the account that is not there, not the image.
const WRONG_PATH: std::ops::Range<i64> = 7000..8000;

/// An answer that says something of the image.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// It is there, served at these addresses.
    Image { variants: Vec<String> },
    /// An image with this id was there before.
    AlreadyExists,
    /// No image has this id.
    NotFound,
}

/// What to do with an answer.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It is the answer.
    Stands(Reply),
    /// It will be the same next time.
    Fails(MediaError),
    /// The next time it may be another, not before `after` when Cloudflare said so.
    Again { after: Option<Duration>, error: MediaError },
}

impl Verdict {
    pub(super) fn too_long() -> Self {
        Self::Fails(MediaError::Reply { detail: format!("it is longer than {LARGEST} bytes") })
    }
}

/// The envelope around every answer of Cloudflare's API.
#[derive(Deserialize, Default)]
struct Envelope {
    #[serde(default)]
    success: bool,
    #[serde(default)]
    errors: Vec<Problem>,
    result: Option<Details>,
}

#[derive(Deserialize)]
struct Problem {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct Details {
    #[serde(default)]
    variants: Vec<String>,
}

/// Reads an answer by its status, its `Retry-After` and its body.
pub(super) fn judge(status: u16, after: Option<Duration>, body: &[u8]) -> Verdict {
    let envelope = serde_json::from_slice::<Envelope>(body);
    let problems = envelope.as_ref().map_or(&[][..], |envelope| &envelope.errors);
    let has = |code| problems.iter().any(|problem| problem.code == code);
    if has(IMAGE_ALREADY_EXISTS) {
        return Verdict::Stands(Reply::AlreadyExists);
    }
    let detail = describe(status, problems);
    match status {
        200..=299 => match envelope {
            Ok(Envelope { success: true, result: Some(image), .. }) => {
                Verdict::Stands(Reply::Image { variants: image.variants })
            }
            Ok(_) => Verdict::Fails(MediaError::Reply { detail: format!("{detail}, yet no image") }),
            // A gateway's page, or cut off: the next answer may be whole.
            Err(_) => Verdict::Again {
                after,
                error: MediaError::Reply { detail: format!("{detail}, not the expected JSON") },
            },
        },
        401 | 403 => Verdict::Fails(MediaError::Unauthorized { detail }),
        404 if problems.iter().any(|problem| WRONG_PATH.contains(&problem.code)) => {
            Verdict::Fails(MediaError::Unauthorized { detail })
        }
        404 if envelope.is_ok() => Verdict::Stands(Reply::NotFound),
        429 => Verdict::Again { after, error: MediaError::RateLimited { retry_after: after, detail } },
        408 | 500..=599 => Verdict::Again { after, error: MediaError::Unavailable { detail } },
        400 | 409 | 413 | 415 | 422 => Verdict::Fails(MediaError::Refused { detail }),
        _ => Verdict::Fails(MediaError::Reply { detail }),
    }
}

/// The address in the wanted variant, the first one otherwise.
pub(super) fn choose_variant(mut variants: Vec<String>, wanted: &str) -> Option<String> {
    let is_wanted = |url: &String| url.rsplit('/').next() == Some(wanted);
    let at = variants.iter().position(is_wanted).unwrap_or(0);
    (at < variants.len()).then(|| variants.swap_remove(at))
}

fn describe(status: u16, problems: &[Problem]) -> String {
    let mut detail = format!("HTTP {status}");
    for Problem { code, message } in problems {
        detail.push_str(&format!(", error {code}: {}", message.trim()));
    }
    match detail.char_indices().nth(LONGEST_DETAIL) {
        Some((end, _)) => format!("{}…", &detail[..end]),
        None => detail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(status: u16, body: &str) -> MediaError {
        match judge(status, None, body.as_bytes()) {
            Verdict::Fails(error) => error,
            other => panic!("expected a failure, got {other:?}"),
        }
    }

    fn problem(code: i64, message: &str) -> String {
        format!(
            r#"{{"result":null,"success":false,"errors":[{{"code":{code},"message":"{message}"}}],"messages":[]}}"#
        )
    }

    #[test]
    fn an_image_that_exists_is_an_answer_whatever_the_status() {
        for status in [200, 400, 409] {
            let verdict = judge(status, None, problem(5409, "Resource already exists").as_bytes());
            assert!(matches!(verdict, Verdict::Stands(Reply::AlreadyExists)), "{status}: {verdict:?}");
        }
    }

    #[test]
    fn only_a_missing_image_is_not_found_not_a_wrong_path() {
        let missing = judge(404, None, problem(5404, "Image not found").as_bytes());
        assert!(matches!(missing, Verdict::Stands(Reply::NotFound)));
        assert!(matches!(fails(404, "<html>"), MediaError::Reply { .. }), "not Cloudflare's API at all");
        let wrong = fails(404, &problem(7003, "Could not route to /accounts/x/images"));
        assert!(
            wrong.to_string().contains("error 7003") && wrong.to_string().contains("check the account"),
            "{wrong}"
        );
    }

    #[test]
    fn what_can_pass_is_tried_again_and_what_cannot_is_not() {
        for status in [408, 429, 500, 502, 503, 520, 599] {
            assert!(matches!(judge(status, None, b"<html>"), Verdict::Again { .. }), "{status}");
        }
        for status in [301, 400, 401, 403, 404, 409, 413, 415, 418] {
            assert!(matches!(judge(status, None, b"<html>"), Verdict::Fails(_)), "{status}");
        }
    }

    #[test]
    fn a_success_without_an_image_is_not_a_success() {
        let empty = fails(200, r#"{"success":true,"errors":[],"result":null}"#);
        assert!(matches!(empty, MediaError::Reply { .. }));
        assert!(matches!(judge(200, None, br#"{"success":tr"#), Verdict::Again { .. }), "cut off");
    }

    #[test]
    fn the_message_keeps_cloudflares_codes_and_stays_short() {
        let long = "é".repeat(10_000);
        let text = fails(415, &problem(5455, &long)).to_string();
        assert!(text.contains("HTTP 415, error 5455: éé") && text.chars().count() < 400, "{text}");
    }

    #[test]
    fn the_wanted_variant_is_served_or_else_the_first() {
        let variants =
            || vec!["https://i.example/h/id/thumb".to_owned(), "https://i.example/h/id/public".to_owned()];
        assert_eq!(choose_variant(variants(), "public").as_deref(), Some("https://i.example/h/id/public"));
        assert_eq!(choose_variant(variants(), "hero").as_deref(), Some("https://i.example/h/id/thumb"));
        assert_eq!(choose_variant(Vec::new(), "public"), None);
    }
}
