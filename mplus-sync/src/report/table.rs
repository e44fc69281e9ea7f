//! A report as a person reads it in a terminal.

use std::fmt;

use super::{Conflict, Counts, Details, IncompleteLocation, Note, RunOutcome, RunReport, Scope};
use crate::model::MissingField;

/// Details of one sort that are printed.
const LINES_SHOWN: usize = 20;

/// A column of the table. One that has only zeros is left out, unless it is `always` there.
struct Column {
    title: &'static str,
    always: bool,
    count: fn(&Counts) -> u64,
}

const COLUMNS: [Column; 7] = [
    Column { title: "pulled", always: true, count: |counts| counts.pulled },
    Column { title: "unchanged", always: false, count: |counts| counts.unchanged },
    Column { title: "deactivated", always: false, count: |counts| counts.deactivated },
    Column { title: "pushed", always: true, count: |counts| counts.pushed },
    Column { title: "skipped", always: false, count: |counts| counts.skipped },
    Column { title: "conflicts", always: false, count: |counts| counts.conflicts },
    Column { title: "failed", always: false, count: |counts| counts.failed },
];

impl fmt::Display for RunReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_head(f)?;
        self.write_counts(f)?;
        write_section(f, "Failures", &self.failures, write_note)?;
        write_section(f, "Skipped", &self.skipped, write_note)?;
        write_section(f, "Conflicts", &self.conflicts, write_conflict)?;
        write_section(f, "To do by hand in the POS", &self.manual_actions, write_note)?;
        write_section(f, "Locations to complete", &self.incomplete_locations, write_location)
    }
}

impl RunReport {
    fn write_head(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scope = match self.scope {
            Scope::Full => "full",
            Scope::Incremental => "incremental",
        };
        let dry = if self.dry_run { ", dry run: nothing was written" } else { "" };
        let (sync, connection) = (Plain(&self.sync), Plain(self.connection.as_str()));
        writeln!(f, "Sync of {connection}: {sync} ({}, {scope}{dry})", self.context)?;
        match &self.outcome {
            RunOutcome::Running => f.write_str("Still running")?,
            RunOutcome::Busy => f.write_str("Not begun, as another run of this connection is at it")?,
            RunOutcome::Completed => f.write_str("Completed")?,
            RunOutcome::Incomplete { message, advice } => {
                write!(f, "INCOMPLETE: {}. {}", Plain(message), Plain(advice))?
            }
            RunOutcome::Cancelled => f.write_str("Cancelled on request; the next sync goes on from here")?,
            RunOutcome::Failed { message, advice } => {
                write!(f, "FAILED: {}. {}", Plain(message), Plain(advice))?
            }
        }
        if let Some(finished_at) = self.finished_at {
            let seconds = (finished_at - self.started_at).as_seconds_f64().max(0.0);
            write!(f, "; {seconds:.1} s")?;
        }
        writeln!(f, ", {} requests, {} writes", self.requests, self.writes)
    }

    fn write_counts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.counts.is_empty() {
            return Ok(());
        }
        let has_any = |column: &Column| self.counts.values().any(|counts| (column.count)(counts) > 0);
        let columns: Vec<_> = COLUMNS.iter().filter(|column| column.always || has_any(column)).collect();
        let widest = self.counts.keys().map(|resource| resource.as_str().chars().count()).max().unwrap_or(0);
        write!(f, "\n{:widest$}", "")?;
        for Column { title, .. } in &columns {
            write!(f, "  {title:>9}")?;
        }
        writeln!(f)?;
        for (resource, counts) in &self.counts {
            write!(f, "{:widest$}", Plain(resource.as_str()))?;
            for Column { title, count, .. } in &columns {
                write!(f, "  {:>width$}", count(counts), width = title.len().max(9))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

fn write_section<T>(
    f: &mut fmt::Formatter<'_>,
    title: &str,
    details: &Details<T>,
    write_one: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    if details.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n{title} ({})", details.total)?;
    for detail in details.first.iter().take(LINES_SHOWN) {
        write_one(f, detail)?;
    }
    let shown = u64::try_from(details.first.len().min(LINES_SHOWN)).unwrap_or(u64::MAX);
    match details.total - shown {
        0 => Ok(()),
        more => writeln!(f, "  and {more} more"),
    }
}

fn write_note(f: &mut fmt::Formatter<'_>, note: &Note) -> fmt::Result {
    match &note.subject {
        Some(subject) => writeln!(f, "  {}: {}", Plain(&subject.to_string()), Plain(&note.message))?,
        None => writeln!(f, "  {}: {}", Plain(note.resource.as_str()), Plain(&note.message))?,
    }
    writeln!(f, "    {}", Plain(&note.advice))
}

fn write_conflict(f: &mut fmt::Formatter<'_>, conflict: &Conflict) -> fmt::Result {
    let subject = conflict.subject.to_string();
    writeln!(f, "  {}: the {} wins, {}", Plain(&subject), conflict.winner, conflict.why)?;
    for field in &conflict.fields {
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "(none)".to_owned());
        let (pos, host) = (value(&field.pos), value(&field.host));
        writeln!(f, "    {}: POS {}, host {}", Plain(&field.field), Plain(&pos), Plain(&host))?;
    }
    Ok(())
}

fn write_location(f: &mut fmt::Formatter<'_>, location: &IncompleteLocation) -> fmt::Result {
    let missing: Vec<_> = location.missing.iter().map(in_words).collect();
    let (name, id) = (Plain(&location.name), Plain(location.location.as_str()));
    writeln!(f, "  {name} ({id}): {}", missing.join(", "))
}

fn in_words(field: &MissingField) -> String {
    let words = match field {
        MissingField::Address => "address",
        MissingField::Coordinates => "coordinates",
        MissingField::OpeningHours => "opening hours",
        MissingField::DeliveryZones => "delivery zones",
        MissingField::Phone => "telephone number",
        MissingField::Email => "e-mail address",
        MissingField::Attribute(name) => return Plain(name).to_string(),
    };
    words.to_owned()
}

/// Text from either side without what a terminal would act upon: control characters and changes of direction.
struct Plain<'a>(&'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let acts = |c: char| c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
        f.pad(&self.0.replace(acts, " "))
    }
}
