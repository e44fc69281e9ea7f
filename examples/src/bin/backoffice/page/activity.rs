//! The activity log, with a filter.

use maud::html;
use mplus_sync::model::{ActivityLevel, LoggedActivity};

use crate::text::{Text, connection as t, frame};
use crate::view::Lang;
use crate::view::answer::Trouble;
use crate::view::at::At;
use crate::view::badge::{Tone, badge};
use crate::view::fields::{Fields, Query};
use crate::view::form::{Field, choose};
use crate::view::layout::{Here, Page, empty};
use crate::view::number::time;
use crate::view::reason::said;
use crate::view::table::scrolling;

const PAGE: usize = 50;
/// How many lines a filter looks through for one page.
const LOOKED_THROUGH: usize = 5000;

pub(crate) async fn show(at: At, Query(query): Query) -> Result<Page, Trouble> {
    let lang = at.lang;
    let (lines, older) = find(&at, &query).await?;
    let levels: Vec<_> = std::iter::once((String::new(), lang[frame::ALL].to_owned()))
        .chain(LEVELS.iter().map(|(level, text)| (level_name(*level).to_owned(), lang[*text].to_owned())))
        .collect();
    let body = html! {
        p.lead { (&lang[t::LOG_ABOUT]) }
        form.filter method="get" role="search" {
            (choose(lang, "level", t::LEVEL, &levels, query.text("level")))
            (Field::text(lang, "text", frame::SEARCH).kind("search").value(query.text("text")).show())
            button.quiet type="submit" { (&lang[frame::FILTER]) }
        }
        @if lines.is_empty() {
            (empty(&lang[t::NO_ACTIVITY], &lang[t::NO_ACTIVITY_ABOUT], html! {}))
        } @else {
            (scrolling(html! { table {
                thead { tr {
                    th scope="col" { (&lang[frame::WHEN]) } th scope="col" { (&lang[t::LEVEL]) }
                    th scope="col" { (&lang[t::TOPIC]) } th scope="col" { (&lang[frame::WHAT]) }
                } }
                tbody { @for LoggedActivity { activity, .. } in &lines {
                    tr {
                        td.nowrap { (time(lang, activity.at)) }
                        td { (badge(tone(activity.level), &lang[level_text(activity.level)])) }
                        td { (topic(lang, &activity.topic)) @if let Some(subject) = &activity.subject { br; span.hint { (subject) } } }
                        td { (said(lang, &activity.message)) }
                    }
                } }
            } }))
        }
        @if let Some(older) = older {
            nav.pager aria-label=(&lang[frame::PAGES]) {
                a href=(at.path(&format!("/activity?before={older}&{}", kept(&query)))) { (&lang[frame::OLDER]) }
            }
        }
    };
    Ok(at.page(Here::Activity, body))
}

const LEVELS: [(ActivityLevel, Text); 3] =
    [(ActivityLevel::Info, t::INFO), (ActivityLevel::Warning, t::WARNING), (ActivityLevel::Error, t::ERROR)];

fn level_text(level: ActivityLevel) -> Text {
    match level {
        ActivityLevel::Info => t::INFO,
        ActivityLevel::Warning => t::WARNING,
        _ => t::ERROR,
    }
}

fn level_name(level: ActivityLevel) -> &'static str {
    match level {
        ActivityLevel::Info => "info",
        ActivityLevel::Warning => "warning",
        _ => "error",
    }
}

/// What a line is about as people call it; what is not in the table by its own name.
fn topic(lang: Lang, topic: &str) -> String {
    let text = match topic {
        "menu" => frame::MENU,
        "stock" => frame::STOCK,
        "orders" => frame::ORDERS,
        "connection" => frame::CONNECTION,
        "runs" => frame::SYNC,
        "branches" => frame::LOCATIONS,
        other => return other.replace('_', " "),
    };
    lang[text].to_owned()
}

fn tone(level: ActivityLevel) -> Tone {
    match level {
        ActivityLevel::Info => Tone::Calm,
        ActivityLevel::Warning => Tone::Waits,
        _ => Tone::Bad,
    }
}

/// The filter, for the address of another page.
fn kept(query: &Fields) -> String {
    let mut kept = url::form_urlencoded::Serializer::new(String::new());
    for name in ["level", "text"] {
        kept.append_pair(name, query.text(name));
    }
    kept.finish()
}

/// One page of what fits the filter, and where the next one begins.
async fn find(at: &At, query: &Fields) -> Result<(Vec<LoggedActivity>, Option<i64>), Trouble> {
    let (level, text) = (query.filled("level"), query.text("text").to_lowercase());
    let fits = |line: &LoggedActivity| {
        let activity = &line.activity;
        // As it is stored, and as it is read.
        let read = [at.lang.reason(&activity.message), topic(at.lang, &activity.topic)];
        let stored = [Some(&activity.message), Some(&activity.topic), activity.subject.as_ref()];
        let mut texts = stored.into_iter().flatten().chain(&read);
        level.is_none_or(|level| level_name(activity.level) == level)
            && (text.is_empty() || texts.any(|known| known.to_lowercase().contains(&text)))
    };
    let mut before = query.number("before");
    let (mut found, mut looked) = (Vec::new(), 0);
    loop {
        let lines = at.store().activities(at.id(), before, 500).await?;
        let is_last = lines.len() < 500;
        for line in lines {
            if found.len() == PAGE || looked == LOOKED_THROUGH {
                return Ok((found, before));
            }
            looked += 1;
            before = Some(line.sequence);
            if fits(&line) {
                found.push(line);
            }
        }
        if is_last {
            return Ok((found, None));
        }
    }
}
