//! The report of a run, as it was kept.

use chrono::{DateTime, Utc};
use maud::{Markup, html};
use serde_json::Value;

use super::Lang;
use super::badge::{Tone, badge};
use super::number::{count, seconds, time};
use super::reason::said;
use super::table::scrolling;
use crate::text::{Text, sync as t};

/// Details of each sort that are shown.
const SHOWN: usize = 20;

/// A kept report; what another release wrote into it that this one does not know is left out.
pub(crate) fn show(lang: Lang, title: &str, report: &Value) -> Markup {
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
            (conflicts(lang, &report["conflicts"]))
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

fn conflicts(lang: Lang, conflicts: &Value) -> Markup {
    details(lang, t::CONFLICTS, conflicts, |conflict| {
        let fields = conflict["fields"].as_array().map(Vec::as_slice).unwrap_or_default();
        let side = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let winner = if conflict["winner"] == "host" { t::WINNER_HOST } else { t::WINNER_POS };
        html! {
            (subject(conflict))
            @for field in fields {
                (lang.field(text(field, "field"))) " - "
                (&lang[t::CONFLICT_TILL]) ": " (side(&field["pos"])) ", " (&lang[t::CONFLICT_HERE]) ": " (side(&field["host"])) ". "
            }
            (&lang[t::CONFLICT_WINNER]) " " (&lang[winner]) "."
        }
    })
}

fn incomplete(lang: Lang, locations: &Value) -> Markup {
    details(lang, t::INCOMPLETE_LOCATIONS, locations, |location| {
        html! { (location["name"].as_str().unwrap_or_default()) }
    })
}
