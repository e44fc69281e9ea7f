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
    removes: bool,
    wrong: Option<Text>,
}

/// What the form shows, and of which state of the settings it is made.
struct Shown {
    lines: Vec<Line>,
    country: String,
    wrong_country: Option<Text>,
    mapping: TaxMapping,
    revision: Revision,
    /// Whether somebody else has saved them since.
    is_stale: bool,
}

pub(crate) async fn show(at: At) -> Result<Page, Trouble> {
    let saved = at.settings().await?;
    let mapping = saved.settings.tax.clone();
    let (lines, country) = (stored(at.lang, &mapping), country(&mapping));
    let (revision, wrong_country, is_stale) = (saved.revision, None, false);
    page(&at, &Shown { lines, country, wrong_country, mapping, revision, is_stale }).await
}

fn stored(lang: Lang, mapping: &TaxMapping) -> Vec<Line> {
    let line = |rule: &TaxRule| Line {
        rate: decimal(lang, rule.rate),
        name: rule.name.clone(),
        code: rule.code.map(|code| code.to_string()).unwrap_or_default(),
        ..Line::default()
    };
    mapping.rules().iter().map(line).collect()
}

/// The country whose codes count; empty for all.
fn country(mapping: &TaxMapping) -> String {
    let json = serde_json::to_value(mapping).unwrap_or_default();
    json["country"].as_str().unwrap_or_default().to_owned()
}

async fn page(at: &At, shown: &Shown) -> Result<Page, Trouble> {
    let (lang, lines, mapping) = (at.lang, &shown.lines, &shown.mapping);
    let kept = btw_codes::kept(&at.app.records, at.id()).await?;
    let groups = kept.as_ref().map(BtwCodes::groups).unwrap_or_default();
    let table = kept.as_ref().map(|_| mapping.check(&groups));
    let empty = Line::default();
    let all = lines.iter().chain(std::iter::repeat_n(&empty, FURTHER));
    let form = html! {
        (revision(shown.revision))
        (scrolling(html! { table {
            thead { tr {
                th scope="col" { (&lang[t::RATE]) } th scope="col" { (&lang[t::RATE_NAME]) }
                th scope="col" { (&lang[t::CODE]) } th scope="col" { (&lang[t::AT_POS]) } th scope="col" { (&lang[t::REMOVE_RATE]) }
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
                    td { @if at < lines.len() { input type="checkbox" name=(format!("remove-{at}")) value="on" checked[line.removes] aria-label=(lang.fill(t::REMOVE_THIS_RATE, &[&line.rate])); } }
                }
            } }
        } }))
        p.hint { (&lang[t::CODE_HINT]) "." }
        (Field::text(lang, "country", t::COUNTRY).value(&shown.country).hint(t::COUNTRY_HINT).wrong(shown.wrong_country.map(|text| &lang[text])).show())
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
    // What was entered stays in the form.
    let mut again = entered(&fields);
    if again.wrong_country.is_some() || again.lines.iter().any(|line| line.wrong.is_some()) {
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

/// The lines that were entered, and the mapping that they make.
fn entered(fields: &Fields) -> Shown {
    let country = fields.text("country").to_uppercase();
    let is_country = country.len() == 3 && country.bytes().all(|letter| letter.is_ascii_uppercase());
    let wrong_country = (!country.is_empty() && !is_country).then_some(t::NOT_A_COUNTRY);
    let mut mapping = TaxMapping::empty().in_country(fields.filled("country").map(|_| country.as_str()));
    let mut lines = Vec::new();
    for at in 0..LINES {
        let text = |name: &str| fields.text(&format!("{name}-{at}")).to_owned();
        let removes = fields.is_on(&format!("remove-{at}"));
        let mut line =
            Line { rate: text("rate"), name: text("name"), code: text("code"), removes, wrong: None };
        if [&line.rate, &line.name, &line.code].iter().all(|text| text.is_empty()) {
            continue;
        }
        if !removes {
            line.wrong = match with(&mapping, &line) {
                Ok(with_line) => {
                    mapping = with_line;
                    None
                }
                Err(wrong) => Some(wrong),
            };
        }
        lines.push(line);
    }
    Shown { lines, country, wrong_country, mapping, revision: fields.revision(), is_stale: false }
}

/// The mapping with one more line, or what is wrong with that.
fn with(mapping: &TaxMapping, line: &Line) -> Result<TaxMapping, Text> {
    let rate = read_rate(&line.rate).map_err(|_| t::NOT_A_RATE)?;
    let code = (!line.code.is_empty()).then(|| line.code.parse()).transpose().map_err(|_| t::NOT_A_CODE)?;
    // The later one would take the place of the earlier one.
    if mapping.rules().iter().any(|rule| rule.rate == rate) {
        return Err(t::RATE_TWICE);
    }
    let mapping = mapping.clone();
    Ok(match code {
        Some(code) => mapping.with_code(rate, &line.name, BtwCode::new(code)),
        None => mapping.with_rate(rate, &line.name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(form: &str) -> (Vec<(String, Option<Text>)>, Shown) {
        let shown = entered(&Fields::read(form.as_bytes()));
        (shown.lines.iter().map(|line| (line.rate.clone(), line.wrong)).collect(), shown)
    }

    #[test]
    fn what_is_no_rate_or_no_code_is_told_on_its_line_and_stays_as_it_was_entered() {
        let (told, shown) =
            told("rate-0=21&name-0=Hoog&code-0=1&rate-1=negen&name-1=Laag&rate-3=0&code-3=een");
        let expected = [("21", None), ("negen", Some(t::NOT_A_RATE)), ("0", Some(t::NOT_A_CODE))];
        assert_eq!(told, expected.map(|(rate, wrong)| (rate.to_owned(), wrong)));
        assert_eq!(shown.lines[1].name, "Laag");
        assert_eq!(shown.mapping.rules().len(), 1);
        assert_eq!(stored(Lang::Nl, &shown.mapping), shown.lines[..1]);
    }

    #[test]
    fn no_line_is_left_out_without_a_word() {
        let (told, _) =
            told("rate-0=&name-0=Laag&rate-1=&code-1=2&rate-2=&name-2=&code-2=&rate-3=9&rate-4=9,0");
        let none = (String::new(), Some(t::NOT_A_RATE));
        let twice = ("9,0".to_owned(), Some(t::RATE_TWICE));
        assert_eq!(told, [none.clone(), none, ("9".to_owned(), None), twice]);
    }

    #[test]
    fn a_line_goes_that_is_marked_whatever_it_says() {
        let (told, shown) = told("rate-0=9&remove-0=on&rate-1=x&remove-1=on&rate-2=21&rate-3=9&name-3=Laag");
        assert!(told.iter().all(|(_, wrong)| wrong.is_none()), "{told:?}");
        let rates: Vec<_> = shown.mapping.rules().iter().map(|rule| rule.rate.to_string()).collect();
        assert_eq!(rates, ["21", "9"]);
    }

    #[test]
    fn a_country_has_three_letters_or_is_none() {
        for (entered, wrong, kept) in [
            ("NLD", None, "NLD"),
            ("bel", None, "BEL"),
            ("", None, ""),
            ("NL", Some(t::NOT_A_COUNTRY), "NL"),
            ("N1D", Some(t::NOT_A_COUNTRY), "N1D"),
        ] {
            let (_, shown) = told(&format!("country={entered}"));
            assert_eq!((shown.wrong_country, shown.country.as_str()), (wrong, kept), "{entered}");
        }
        let (_, shown) = told("country=bel");
        assert_eq!(country(&shown.mapping), "BEL");
    }
}
