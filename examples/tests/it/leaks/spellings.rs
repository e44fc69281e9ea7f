//! The ways in which a secret may be spelled where it should not be.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Each secret with all of its spellings.
pub(super) struct Secrets(Vec<(String, Vec<String>)>);

impl Secrets {
    pub(super) fn new<T: Into<String>>(secrets: impl IntoIterator<Item = T>) -> Self {
        let spelled = |secret: String| {
            let all = spellings(&secret);
            (secret, all)
        };
        Self(secrets.into_iter().map(Into::into).map(spelled).collect())
    }

    /// # Panics
    /// When one of the texts, each with a word for where it is from, has one of the secrets in it.
    pub(super) fn are_in_none_of(&self, texts: &[(&str, String)]) {
        for (place, text) in texts {
            if let Some((secret, spelling)) = self.found_in(text) {
                let at = text.find(spelling).unwrap_or_default();
                let before: String = text[..at].chars().rev().take(300).collect();
                let before: String = before.chars().rev().collect();
                panic!("{place} has {secret} as {spelling}: {before}<HERE>{:.400}", &text[at..]);
            }
        }
    }

    fn found_in(&self, text: &str) -> Option<(&str, &str)> {
        self.0.iter().find_map(|(secret, spellings)| {
            let spelling = spellings.iter().find(|spelling| text.contains(spelling.as_str()))?;
            Some((secret.as_str(), spelling.as_str()))
        })
    }
}

fn spellings(secret: &str) -> Vec<String> {
    let escaped = |replaced: &[(&str, &str)]| {
        replaced.iter().fold(secret.to_owned(), |text, (character, escape)| text.replace(character, escape))
    };
    let json = serde_json::to_string(secret).unwrap_or_default();
    let mut all = vec![
        secret.to_owned(),
        json.trim_matches('"').to_owned(),
        format!("{secret:?}").trim_matches('"').to_owned(),
        percent(secret, |byte| format!("%{byte:02X}")),
        percent(secret, |byte| format!("%{byte:02x}")),
        percent(secret, |byte| format!("%{byte:02X}")).replace("%20", "+"),
        escaped(&[("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")]),
        escaped(&[("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&quot;"), ("'", "&apos;")]),
        secret.bytes().map(|byte| format!("{byte:02x}")).collect(),
    ];
    // In base64 a text looks otherwise after none, one or two bytes; the letters at its ends depend on its neighbours.
    for before in 0..3 {
        let bytes = [&b"::"[..before], secret.as_bytes()].concat();
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let text = engine.encode(&bytes);
            let ends_within = if bytes.len() % 3 == 0 { 0 } else { 1 };
            let begins_at = (before * 8).div_ceil(6);
            all.push(text[begins_at..text.len() - ends_within].to_owned());
        }
    }
    all.sort();
    all.dedup();
    all
}

/// Everything but letters and digits escaped.
fn percent(text: &str, escape: impl Fn(u8) -> String) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { escape(byte) })
        .collect()
}

#[test]
fn a_secret_is_found_in_every_spelling() {
    let secret = "S3cret & \"more\"/é+'<";
    let secrets = Secrets::new([secret]);
    for text in [
        format!("password={secret}"),
        "S3cret%20%26%20%22more%22%2F%C3%A9%2B%27%3C".to_owned(),
        "S3cret+%26+%22more%22%2F%C3%A9%2B%27%3C".to_owned(),
        serde_json::json!({ "password": secret }).to_string(),
        format!("{:?}", Some(secret)),
        "<password>S3cret &amp; \"more\"/é+'&lt;</password>".to_owned(),
        STANDARD_NO_PAD.encode(format!("u:{secret}")),
        STANDARD_NO_PAD.encode(format!("user:{secret}")),
        STANDARD_NO_PAD.encode(format!("us:{secret};more")),
        URL_SAFE_NO_PAD.encode(secret),
    ] {
        assert!(secrets.found_in(&text).is_some(), "{text}");
    }
    assert!(secrets.found_in("S3cret and more").is_none());
}
