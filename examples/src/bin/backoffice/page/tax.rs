//! Tax mapping: the host's rates and the till's BTW codes.

use maud::{Markup, html};
use mplus_sync::model::BtwCode;
use mplus_sync::tax::{TaxMapping, TaxTable};
use rust_decimal::Decimal;

use crate::restaurant::settings;
use crate::text::{Text, frame, sync as t};
use crate::view::answer::{Go, Trouble};
use crate::view::at::At;
use crate::view::badge::{Tone, badge};
use crate::view::fields::{Fields, read_rate};
use crate::view::form::Field;
use crate::view::layout::{Here, Page, post};
use crate::view::number::decimal;

/// Empty lines for further rates.
const FURTHER: usize = 2;

pub(crate) async fn show(at: At) -> Result<Page, Trouble> {
    let saved = at.settings().await?;
    Ok(page(&at, &saved.settings.tax, None).await)
}

async fn page(at: &At, mapping: &TaxMapping, wrong: Option<Text>) -> Page {
    let lang = at.lang;
    let asked = match at.open().await {
        Ok(integration) => settings::vat_groups(&integration).await.map_err(|error| error.to_string()),
        Err(_) => Err(lang[frame::NOT_CONNECTED].to_owned()),
    };
    let table = asked.as_ref().ok().map(|groups| mapping.check(groups));
    let rules = mapping.rules().iter().map(Some).chain(std::iter::repeat_n(None, FURTHER));
    let country =
        serde_json::to_value(mapping).ok().and_then(|json| json["country"].as_str().map(str::to_owned));
    let form = html! {
        @if let Some(wrong) = wrong { p.wrong role="alert" { (&lang[wrong]) } }
        table {
            thead { tr {
                th scope="col" { (&lang[t::RATE]) } th scope="col" { (&lang[t::RATE_NAME]) }
                th scope="col" { (&lang[t::CODE]) } th scope="col" { (&lang[t::AT_POS]) }
            } }
            tbody { @for (at, rule) in rules.enumerate() {
                @let code = rule.and_then(|rule| rule.code).map(|code| code.to_string()).unwrap_or_default();
                tr {
                    td { input name=(format!("rate-{at}")) aria-label=(&lang[if rule.is_some() { t::RATE } else { t::NEW_RATE }]) inputmode="decimal" size="6" value=(rule.map(|rule| decimal(lang, rule.rate)).unwrap_or_default()); }
                    td { input name=(format!("name-{at}")) aria-label=(&lang[t::RATE_NAME]) value=(rule.map(|rule| rule.name.as_str()).unwrap_or_default()); }
                    td { input name=(format!("code-{at}")) aria-label=(&lang[t::CODE]) inputmode="numeric" size="6" value=(code); }
                    td { @if let (Some(rule), Some(table)) = (rule, &table) { (verdict(lang, table, rule.rate)) } }
                }
            } }
        }
        p.hint { (&lang[t::CODE_HINT]) ". " (&lang[t::REMOVE_RATE]) }
        (Field::text(lang, "country", t::COUNTRY).value(country.unwrap_or_default()).hint(t::COUNTRY_HINT).show())
        button type="submit" { (&lang[frame::SAVE]) }
    };
    let body = html! {
        p.lead { (&lang[t::TAX_ABOUT]) }
        @if let Err(why) = &asked { p.notice.bad { (lang.fill(t::TAX_UNREAD, &[why])) } }
        section.card { (post(&at.visit, &at.path("/tax"), form)) }
        @if let Ok(groups) = &asked {
            section.card {
                h2 { (&lang[t::AT_POS]) }
                ul { @for (group, rate) in groups.iter().zip(mplus_sync::tax::PercentageScale::Detect.read(groups)) {
                    li { (&lang[t::CODE]) " " (group.code) ": " (decimal(lang, rate)) " % " @if let Some(country) = &group.country_iso3 { (country) } }
                } }
            }
        }
    };
    at.page(Here::Tax, body)
}

/// Whether a rate fits what the till has, and what to do when not.
fn verdict(lang: crate::view::Lang, table: &TaxTable, rate: Decimal) -> Markup {
    match table.code_for("", Some(rate)) {
        Ok(code) => badge(Tone::Good, &lang.fill(t::FITS, &[&code])),
        Err(problem) => {
            html! { (badge(Tone::Bad, &problem.kind.to_string())) " " span.hint lang="en" { (problem.kind.advice()) } }
        }
    }
}

pub(crate) async fn save(at: At, fields: Fields) -> Result<Result<Go, Page>, Trouble> {
    let saved = at.settings().await?;
    let mut settings = (*saved.settings).clone();
    let mut mapping = TaxMapping::empty().in_country(fields.filled("country"));
    let mut wrong = None;
    for number in 0..100 {
        let text = |name: &str| fields.text(&format!("{name}-{number}")).to_owned();
        let rate = text("rate");
        if rate.is_empty() {
            continue;
        }
        let rate = match read_rate(&rate) {
            Ok(rate) => rate,
            Err(_) => {
                wrong = Some(t::NOT_A_RATE);
                continue;
            }
        };
        let code = text("code");
        mapping = match code.parse::<i32>() {
            Ok(code) => mapping.with_code(rate, &text("name"), BtwCode::new(code)),
            Err(_) if code.is_empty() => mapping.with_rate(rate, &text("name")),
            Err(_) => {
                wrong = Some(t::NOT_A_NUMBER);
                mapping.with_rate(rate, &text("name"))
            }
        };
    }
    if wrong.is_some() {
        // What could be read stays in the form.
        return Ok(Err(page(&at, &mapping, wrong).await));
    }
    settings.tax = mapping;
    at.save_settings(&settings, &saved).await?;
    Ok(Ok(Go::to(at.path("/tax")).saying(&at.lang[frame::SAVED])))
}
