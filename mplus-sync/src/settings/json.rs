//! Settings as JSON that somebody wrote: what in it is no setting is named.

use super::MerchantSettings;

/// Reads settings, and every name in them that is none of theirs, by its path.
pub(super) fn read(json: &str) -> Result<(MerchantSettings, Vec<String>), serde_json::Error> {
    let mut unknown = Vec::new();
    let mut text = serde_json::Deserializer::from_str(json);
    let settings = serde_ignored::deserialize(&mut text, |path| unknown.push(named(&path)))?;
    text.end()?;
    Ok((settings, unknown))
}

/// The path as problems have it: what may be left out has no step of its own.
fn named(path: &serde_ignored::Path<'_>) -> String {
    path.to_string().replace(".?", "").trim_start_matches("?.").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown(json: &str) -> Vec<String> {
        read(json).unwrap().1
    }

    #[test]
    fn a_name_that_is_no_setting_is_named_by_its_path_at_every_depth() {
        assert_eq!(
            unknown(r#"{"glow":1,"stock":{"enable":false},"daily":{"time":"23:30"}}"#),
            ["glow", "stock.enable", "daily.time"]
        );
        let whole = MerchantSettings {
            orders: Some(crate::settings::OrderSettings::new(1)),
            ..MerchantSettings::default()
        };
        let json = serde_json::to_string(&whole).unwrap();
        let (read, none) = read(&json).unwrap();
        assert_eq!((read, none), (whole, Vec::new()), "what is written is read whole");
        let odd = json.replacen("\"orders\":{", "\"orders\":{\"fallback_relatoin\":7,", 1);
        assert_eq!(unknown(&odd), ["orders.fallback_relatoin"]);
    }

    #[test]
    fn what_stands_behind_settings_is_no_part_of_them() {
        assert!(read("{} {}").is_err());
    }
}
