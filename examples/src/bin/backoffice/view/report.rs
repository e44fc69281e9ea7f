//! The report of a run, as it was kept.

use chrono::{DateTime, Utc};
use maud::{Markup, html};
use rust_decimal::Decimal;
use serde_json::Value;

use super::Lang;
use super::badge::{Tone, badge};
use super::number::{count, decimal, euros, seconds, time};
use super::reason::said;
use super::table::scrolling;
use crate::text::{Text, frame, sync as t};

/// Details of each sort that are shown.
const SHOWN: usize = 20;

/// The name of a location by its identifier, where it is known.
pub(crate) type NameOf<'n> = &'n dyn Fn(&str) -> Option<String>;

/// A kept report; what another release wrote into it that this one does not know is left out.
pub(crate) fn show(lang: Lang, title: &str, report: &Value, location: NameOf<'_>) -> Markup {
    let outcome = &report["outcome"];
    let (tone, word) = match outcome["state"].as_str() {
        Some("completed") => (Tone::Good, t::COMPLETED),
        Some("incomplete") => (Tone::Waits, t::INCOMPLETE),
        Some("cancelled") => (Tone::Calm, t::CANCELLED),
        _ => (Tone::Bad, t::FAILED),
    };
    let at = |name: &str| report[name].as_str().and_then(|text| text.parse::<DateTime<Utc>>().ok());
    let took = at("started_at").zip(at("finished_at")).map(|(from, to)| (to - from).num_milliseconds());
    html! {
        article.report {
            header {
                h3 { (title) " " (badge(tone, &lang[word])) }
                p.hint {
                    @if let Some(at) = at("finished_at") { (time(lang, at)) " · " }
                    (lang.fill(t::TOOK, &[&took.map(|took| seconds(lang, took)).unwrap_or_default(), &count(lang, number(&report["requests"]))]))
                }
            }
            @if let Some(message) = outcome["message"].as_str() {
                p.notice.bad { (said(lang, message)) ". " (said(lang, text(outcome, "advice"))) }
            }
            (counts(lang, &report["counts"]))
            (conflicts(lang, &report["conflicts"], location))
            (notes(lang, t::FAILURES, &report["failures"]))
            (notes(lang, t::MANUAL, &report["manual_actions"]))
            (notes(lang, t::SKIPPED, &report["skipped"]))
            (incomplete(lang, &report["incomplete_locations"]))
        }
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

/// A kind of thing as people call it; one that is not in the table by its own name.
pub(crate) fn resource(lang: Lang, name: &str) -> String {
    let text = match name {
        "articles" => t::RESOURCE_ARTICLES,
        "categories" => t::RESOURCE_CATEGORIES,
        "branches" => t::RESOURCE_BRANCHES,
        "branch_prices" => t::RESOURCE_PRICES,
        "preparation_method_groups" | "article_alterations_groups" => t::RESOURCE_GROUPS,
        "images" => t::RESOURCE_IMAGES,
        "article_nutrition" => t::RESOURCE_NUTRITION,
        "combos" => t::RESOURCE_COMBOS,
        name if name.starts_with("stock") => t::RESOURCE_STOCK,
        other => return other.replace('_', " "),
    };
    lang[text].to_owned()
}

fn counts(lang: Lang, counts: &Value) -> Markup {
    const COLUMNS: [(&str, Text); 7] = [
        ("pulled", t::PULLED),
        ("unchanged", t::UNCHANGED),
        ("pushed", t::PUSHED),
        ("deactivated", t::DEACTIVATED),
        ("skipped", t::SKIPPED),
        ("conflicts", t::CONFLICTS),
        ("failed", t::FAILURES),
    ];
    let Some(counts) = counts.as_object().filter(|counts| !counts.is_empty()) else { return html! {} };
    let is_used = |name: &str| counts.values().any(|counts| number(&counts[name]) > 0);
    let columns: Vec<_> = COLUMNS.into_iter().filter(|(name, _)| is_used(name)).collect();
    html! {
        (scrolling(html! { table.numbers {
            thead { tr { th scope="col" { (&lang[t::WHAT]) } @for (_, text) in &columns { th scope="col" { (&lang[*text]) } } } }
            tbody { @for (name, counts) in counts {
                tr { th scope="row" { (resource(lang, name)) } @for (column, _) in &columns { td { (count(lang, number(&counts[*column]))) } } }
            } }
        } }))
    }
}

/// The first of a sort of details, and how many more there are.
fn details(lang: Lang, title: Text, details: &Value, each: impl Fn(&Value) -> Markup) -> Markup {
    let total = number(&details["total"]);
    let Some(first) = details["first"].as_array().filter(|_| total > 0) else { return html! {} };
    let shown = first.len().min(SHOWN);
    html! {
        details open[total <= 5] {
            summary { (&lang[title]) " (" (count(lang, total)) ")" }
            ul { @for detail in &first[..shown] { li { (each(detail)) } } }
            @if total > shown as u64 { p.hint { (lang.fill(t::MORE, &[&count(lang, total - shown as u64)])) } }
        }
    }
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

fn subject(detail: &Value) -> Markup {
    html! { @if let Some(name) = detail["subject"]["name"].as_str() { strong { (name) } ": " } }
}

fn notes(lang: Lang, title: Text, notes: &Value) -> Markup {
    details(lang, title, notes, |note| {
        html! { (subject(note)) (said(lang, text(note, "message"))) ". " em { (said(lang, text(note, "advice"))) } }
    })
}

fn conflicts(lang: Lang, conflicts: &Value, location: NameOf<'_>) -> Markup {
    details(lang, t::CONFLICTS, conflicts, |conflict| {
        let fields = conflict["fields"].as_array().map(Vec::as_slice).unwrap_or_default();
        let winner = if conflict["winner"] == "host" { t::WINNER_HOST } else { t::WINNER_POS };
        html! {
            (subject(conflict))
            @for field in fields {
                @let name = text(field, "field");
                (lang.field(name))
                @if let Some(id) = name.strip_prefix(LOCATION_PRICE) { " (" (location(id).unwrap_or_else(|| id.to_owned())) ")" }
                " - "
                (&lang[t::CONFLICT_TILL]) ": " (side(lang, name, &field["pos"])) ", " (&lang[t::CONFLICT_HERE]) ": " (side(lang, name, &field["host"])) ". "
            }
            (&lang[t::CONFLICT_WINNER]) " " (&lang[winner]) "."
        }
    })
}

/// What the name of the field of a location's own price begins with; the rest is the location.
const LOCATION_PRICE: &str = "location_prices/";

/// One side's value of a field, as people write it.
fn side(lang: Lang, field: &str, value: &Value) -> String {
    let Some(value) = value.as_str() else { return "-".to_owned() };
    let number = value.parse::<Decimal>();
    match (field, number) {
        ("tax_rate", Ok(rate)) => format!("{} %", decimal(lang, rate)),
        (field, Ok(price)) if field == "price" || field.starts_with(LOCATION_PRICE) => euros(lang, price),
        ("active" | "hidden", _) if value == "true" => lang[frame::YES].to_owned(),
        ("active" | "hidden", _) if value == "false" => lang[frame::NO].to_owned(),
        _ => value.to_owned(),
    }
}

fn incomplete(lang: Lang, locations: &Value) -> Markup {
    details(lang, t::INCOMPLETE_LOCATIONS, locations, |location| {
        html! { (location["name"].as_str().unwrap_or_default()) }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_conflict_is_told_as_people_write_amounts_boxes_and_locations() {
        let field =
            |name: &str, pos: &str, host: Option<&str>| json!({ "field": name, "pos": pos, "host": host });
        let report = json!({
            "outcome": { "state": "completed" },
            "conflicts": { "total": 1, "first": [{
                "subject": { "name": "Cola" }, "winner": "host",
                "fields": [
                    field("price", "3.5", Some("3.75")), field("active", "true", Some("false")), field("tax_rate", "9", Some("21")),
                    field("location_prices/city", "2.5", None), field("name", "3.5", Some("true")),
                ],
            }] },
        });
        let location = |id: &str| (id == "city").then(|| "Amsterdam".to_owned());
        let told = show(Lang::Nl, "Menu", &report, &location).0;
        for text in [
            "De kassa: € 3,50, Hier: € 3,75",
            "De kassa: ja, Hier: nee",
            "De kassa: 9 %, Hier: 21 %",
            "(Amsterdam) - De kassa: € 2,50, Hier: -",
            "De kassa: 3.5, Hier: true",
        ] {
            assert!(told.contains(text), "{text}: {told}");
        }
    }
}
