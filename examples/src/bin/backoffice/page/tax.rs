//! Tax mapping: the host's rates and the till's BTW codes.

use axum::http::StatusCode;
use maud::{Markup, html};
use mplus_sync::model::{BtwCode, Revision};
use mplus_sync::tax::{PercentageScale, TaxMapping, TaxRule, TaxTable};
use rust_decimal::Decimal;

use crate::restaurant::btw_codes::{self, BtwCodes};
use crate::text::{Text, frame, sync as t};
use crate::view::Lang;
use crate::view::answer::{Go, Trouble};
use crate::view::at::At;
use crate::view::badge::{Tone, badge};
use crate::view::fields::{Fields, read_rate};
use crate::view::form::{Field, meanwhile, revision};
use crate::view::layout::{Here, Page, post};
use crate::view::number::{decimal, moment};
use crate::view::reason::said;
use crate::view::table::scrolling;

/// Empty lines for further rates.
const FURTHER: usize = 2;

/// The most lines that are looked for in a form.
const LINES: usize = 100;

/// One line of the form, as it is stored or as it was entered.
#[derive(Debug, Default, PartialEq, Eq)]
struct Line {
    rate: String,
    name: String,
    code: String,
    wrong: Option<Text>,
}

/// What the form shows, and of which state of the settings it is made.
struct Shown {
    lines: Vec<Line>,
    mapping: TaxMapping,
    revision: Revision,
    /// Whether somebody else has saved them since.
    is_stale: bool,
}

pub(crate) async fn show(at: At) -> Result<Page, Trouble> {
    let saved = at.settings().await?;
    let mapping = saved.settings.tax.clone();
    let lines = stored(at.lang, &mapping);
    page(&at, &Shown { lines, mapping, revision: saved.revision, is_stale: false }).await
}

fn stored(lang: Lang, mapping: &TaxMapping) -> Vec<Line> {
    let line = |rule: &TaxRule| Line {
        rate: decimal(lang, rule.rate),
        name: rule.name.clone(),
        code: rule.code.map(|code| code.to_string()).unwrap_or_default(),
        wrong: None,
    };
    mapping.rules().iter().map(line).collect()
}

async fn page(at: &At, shown: &Shown) -> Result<Page, Trouble> {
    let (lang, lines, mapping) = (at.lang, &shown.lines, &shown.mapping);
    let kept = btw_codes::kept(&at.app.records, at.id()).await?;
    let groups = kept.as_ref().map(BtwCodes::groups).unwrap_or_default();
    let table = kept.as_ref().map(|_| mapping.check(&groups));
    let country =
        serde_json::to_value(mapping).ok().and_then(|json| json["country"].as_str().map(str::to_owned));
    let empty = Line::default();
    let all = lines.iter().chain(std::iter::repeat_n(&empty, FURTHER));
    let form = html! {
        (revision(shown.revision))
        (scrolling(html! { table {
            thead { tr {
                th scope="col" { (&lang[t::RATE]) } th scope="col" { (&lang[t::RATE_NAME]) }
                th scope="col" { (&lang[t::CODE]) } th scope="col" { (&lang[t::AT_POS]) }
            } }
            tbody { @for (at, line) in all.enumerate() {
                @let (wrong_id, wrong) = (format!("wrong-{at}"), line.wrong);
                @let (invalid, described) = (wrong.map(|_| "true"), wrong.map(|_| &wrong_id));
                tr {
                    td { input name=(format!("rate-{at}")) aria-label=(&lang[if at < lines.len() { t::RATE } else { t::NEW_RATE }]) inputmode="decimal" size="6" value=(line.rate) aria-invalid=[invalid] aria-describedby=[described]; }
                    td { input name=(format!("name-{at}")) aria-label=(&lang[t::RATE_NAME]) value=(line.name); }
                    td { input name=(format!("code-{at}")) aria-label=(&lang[t::CODE]) inputmode="numeric" size="6" value=(line.code) aria-invalid=[invalid] aria-describedby=[described]; }
                    td {
                        @if let Some(wrong) = wrong { p.wrong id=(wrong_id) { (&lang[wrong]) } }
                        @else if let (Ok(rate), Some(table)) = (read_rate(&line.rate), &table) { (verdict(lang, table, rate)) }
                    }
                }
            } }
        } }))
        p.hint { (&lang[t::CODE_HINT]) ". " (&lang[t::REMOVE_RATE]) }
        (Field::text(lang, "country", t::COUNTRY).value(country.unwrap_or_default()).hint(t::COUNTRY_HINT).show())
        button type="submit" { (&lang[frame::SAVE]) }
    };
    let body = html! {
        p.lead { (&lang[t::TAX_ABOUT]) }
        @if shown.is_stale { (meanwhile(lang, &at.path("/tax"))) }
        section.card { (post(&at.visit, &at.path("/tax"), form)) }
        section.card {
            h2 { (&lang[t::AT_POS]) }
            @match &kept {
                Some(kept) => {
                    ul { @for (group, rate) in groups.iter().zip(PercentageScale::Detect.read(&groups)) {
                        li { (&lang[t::CODE]) " " (group.code) ": " (decimal(lang, rate)) " % " @if let Some(country) = &group.country_iso3 { (country) } }
                    } }
                    p.hint { (lang.fill(t::TAX_READ_AT, &[&moment(lang, kept.read_at)])) }
                }
                None => p.hint { (&lang[t::TAX_UNREAD]) },
            }
            (post(&at.visit, &at.path("/tax/read"), html! { button.quiet type="submit" { (&lang[t::TAX_READ]) } }))
        }
    };
    Ok(at.page(Here::Tax, body))
}

/// Whether a rate fits what the till has, and what to do when not.
fn verdict(lang: Lang, table: &TaxTable, rate: Decimal) -> Markup {
    match table.code_for("", Some(rate)) {
        Ok(code) => badge(Tone::Good, &lang.fill(t::FITS, &[&code])),
        Err(problem) => {
            html! { (badge(Tone::Bad, &lang.reason(&problem.kind.to_string()))) " " span.hint { (said(lang, &problem.kind.advice())) } }
        }
    }
}

/// Asks MplusKASSA for its codes.
pub(crate) async fn read(at: At) -> Result<Go, Trouble> {
    let (back, integration) = (Go::to(at.path("/tax")), at.open_to_work().await?);
    Ok(match btw_codes::read(&at.app.records, &integration, at.now()).await {
        Ok(()) => back.saying(&at.lang[t::TAX_READ_NOW]),
        Err(error) => back.warning(at.lang.fill(t::TAX_NOT_READ, &[&at.lang.reason(&error.to_string())])),
    })
}

pub(crate) async fn save(at: At, fields: Fields) -> Result<Result<Go, Page>, Trouble> {
    let saved = at.settings().await?;
    let (lines, mapping) = entered(&fields);
    // What was entered stays in the form.
    let mut again = Shown { lines, mapping, revision: fields.revision(), is_stale: false };
    if again.lines.iter().any(|line| line.wrong.is_some()) {
        return Ok(Err(page(&at, &again).await?.status(StatusCode::UNPROCESSABLE_ENTITY)));
    }
    let mut settings = (*saved.settings).clone();
    settings.tax = again.mapping.clone();
    if at.save_settings(&settings, again.revision).await? {
        return Ok(Ok(Go::to(at.path("/tax")).saying(&at.lang[frame::SAVED])));
    }
    // Whoever is told and saves again means it.
    (again.revision, again.is_stale) = (at.settings().await?.revision, true);
    Ok(Err(page(&at, &again).await?.status(StatusCode::CONFLICT)))
}

/// The lines that have a rate, and the mapping that they make.
fn entered(fields: &Fields) -> (Vec<Line>, TaxMapping) {
    let mut mapping = TaxMapping::empty().in_country(fields.filled("country"));
    let mut lines = Vec::new();
    for at in 0..LINES {
        let text = |name: &str| fields.text(&format!("{name}-{at}")).to_owned();
        let mut line = Line { rate: text("rate"), name: text("name"), code: text("code"), wrong: None };
        if line.rate.is_empty() {
            continue;
        }
        let code = (!line.code.is_empty()).then(|| line.code.parse::<i32>()).transpose();
        match (read_rate(&line.rate), code) {
            (Ok(rate), Ok(Some(code))) => {
                mapping = mapping.with_code(rate, &line.name, BtwCode::new(code));
            }
            (Ok(rate), Ok(None)) => mapping = mapping.with_rate(rate, &line.name),
            (Err(_), _) => line.wrong = Some(t::NOT_A_RATE),
            (_, Err(_)) => line.wrong = Some(t::NOT_A_CODE),
        }
        lines.push(line);
    }
    (lines, mapping)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_rate_or_no_code_is_told_on_its_line_and_stays_as_it_was_entered() {
        let form =
            "rate-0=21&name-0=Hoog&code-0=1&rate-1=negen&name-1=Laag&rate-2=&name-2=x&rate-3=0&code-3=een";
        let (lines, mapping) = entered(&Fields::read(form.as_bytes()));
        let told: Vec<_> =
            lines.iter().map(|line| (line.rate.as_str(), line.name.as_str(), line.wrong)).collect();
        let expected =
            [("21", "Hoog", None), ("negen", "Laag", Some(t::NOT_A_RATE)), ("0", "", Some(t::NOT_A_CODE))];
        assert_eq!(told, expected);
        assert_eq!(mapping.rules().len(), 1);
        assert_eq!(stored(Lang::Nl, &mapping), lines[..1]);
    }
}
