//! Settings as JSON that somebody wrote: what in it is no setting is named.

use serde_json::{Map, Value};

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

/// Every setting that cannot be read, by its path, and why. Nothing where it is not one setting that is wrong.
pub(super) fn wrong(json: &str) -> Vec<(String, String)> {
    let Ok(Value::Object(all)) = serde_json::from_str(json) else { return Vec::new() };
    let wrong = |(name, value): (&String, &Value)| {
        let alone = |value| Value::Object(Map::from_iter([(name.clone(), value)]));
        let error = serde_json::from_value::<MerchantSettings>(alone(value.clone())).err()?;
        Some((place(name.clone(), value, &alone), error.to_string()))
    };
    all.iter().filter_map(wrong).collect()
}

/// The path of what is wrong in a value: that without which the rest of it can be read.
fn place(path: String, value: &Value, whole: &dyn Fn(Value) -> Value) -> String {
    let Value::Object(fields) = value else { return path };
    let is_read = |value| serde_json::from_value::<MerchantSettings>(whole(value)).is_ok();
    let with = |name: &String, field: Option<Value>| {
        let mut fields = fields.clone();
        fields.remove(name);
        fields.extend(field.map(|field| (name.clone(), field)));
        Value::Object(fields)
    };
    match fields.iter().find(|(name, _)| is_read(with(name, None))) {
        Some((name, field)) => {
            place(format!("{path}.{name}"), field, &|field| whole(with(name, Some(field))))
        }
        None => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_named_by_its_path_and_all_of_it() {
        let json = r#"{"stock":{"every_minutes":"often"},"daily":{"at":"noon"},"zone":"Europe/Amsterdam",
            "orders":{"employee":1,"locations":{"beach":{"workplace":"bar"},"city":{"workplace":1}}}}"#;
        let places: Vec<String> = wrong(json).into_iter().map(|(place, _)| place).collect();
        assert_eq!(places, ["daily.at", "orders.locations.beach.workplace", "stock.every_minutes"]);
        assert!(wrong("{").is_empty() && wrong("[]").is_empty() && wrong("{}").is_empty());
    }

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
