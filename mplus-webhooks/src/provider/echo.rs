//! Whether an answer repeats the credentials that it was asked with. Pure.
//!
//! Some services, and proxies before them, quote the request in their errors, and an error goes into logs and to the till. Escapes
//! change signs and leave letters and digits alone, so what is looked for are the secret's runs of letters and digits.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A shorter run stands in many a text by chance.
const RUN: usize = 6;

/// Whether a body has the secret part of this value of `Authorization` in it: its token, or the password of `Basic`.
pub(super) fn repeats(body: &[u8], authorization: &str) -> bool {
    let body = String::from_utf8_lossy(body).to_ascii_lowercase();
    let (scheme, token) = authorization.split_once(' ').unwrap_or(("", authorization));
    let pair = scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(token).ok()).flatten();
    let pair = pair.and_then(|pair| String::from_utf8(pair).ok());
    let password = pair.as_deref().and_then(|pair| pair.split_once(':')).map(|(_, password)| password);
    [Some(token), password].into_iter().flatten().any(|secret| has(&body, secret))
}

fn has(body: &str, secret: &str) -> bool {
    let secret = secret.to_ascii_lowercase();
    if secret.is_empty() {
        return false;
    }
    let mut runs = secret
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|run| run.len() >= RUN)
        .peekable();
    match runs.peek() {
        Some(_) => runs.all(|run| body.contains(run)),
        None => body.contains(&secret),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_however_its_signs_are_escaped() {
        let authorization = "Bearer sk_test_51Hxyz/abc+defghi";
        for body in [
            "wrong key sk_test_51Hxyz/abc+defghi",
            r#"{"message":"Bearer sk_test_51Hxyz\/abc+defghi"}"#,
            "sk%5Ftest%5F51Hxyz%2Fabc%2Bdefghi",
            "SK_TEST_51HXYZ/ABC+DEFGHI",
        ] {
            assert!(repeats(body.as_bytes(), authorization), "{body}");
        }
        for body in ["", "Invalid API Key provided: sk_test_********ghi", "no such customer"] {
            assert!(!repeats(body.as_bytes(), authorization), "{body}");
        }
    }

    #[test]
    fn of_basic_credentials_the_password_is_secret_and_the_user_is_not() {
        let authorization = format!("Basic {}", STANDARD.encode("merchant-1234:p4ssw0rd&é"));
        assert!(repeats("no p4ssw0rd&amp;é here".as_bytes(), &authorization));
        assert!(repeats(authorization.as_bytes(), &authorization));
        assert!(!repeats(b"merchant-1234 has no terminal", &authorization));
    }

    #[test]
    fn a_secret_of_short_runs_is_found_as_it_is() {
        assert!(repeats(b"token a-b-c-d", "Bearer a-b-c-d"));
        assert!(!repeats(b"a b c d", "Bearer a-b-c-d"));
        assert!(!repeats(b"anything", "Bearer "));
    }
}
