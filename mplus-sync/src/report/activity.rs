//! A report as lines of the activity log.

use chrono::{DateTime, Utc};

use super::{Note, RunOutcome, RunReport};
use crate::model::{Activity, ActivityLevel};

/// Notes of one sort that get a line each; the summary counts the rest.
const LINES_EACH: usize = 20;

impl RunReport {
    /// The lines for the activity log: a summary first, then the failures, the records left out and what is to be
    /// done by hand, up to 20 of each.
    pub fn activities(&self) -> Vec<Activity> {
        let at = self.finished_at.unwrap_or(self.started_at);
        let sorts = [
            (ActivityLevel::Error, &self.failures),
            (ActivityLevel::Warning, &self.skipped),
            (ActivityLevel::Warning, &self.manual_actions),
        ];
        let notes = sorts.into_iter().flat_map(|(level, notes)| {
            notes.first.iter().take(LINES_EACH).map(move |note| self.line(at, level, note))
        });
        std::iter::once(self.summary(at)).chain(notes).collect()
    }

    fn summary(&self, at: DateTime<Utc>) -> Activity {
        let (level, outcome) = match &self.outcome {
            RunOutcome::Failed { message, advice } => {
                (ActivityLevel::Error, format!("failed: {message}. {advice}"))
            }
            RunOutcome::Incomplete { message, advice } => {
                (ActivityLevel::Warning, format!("incomplete: {message}. {advice}"))
            }
            RunOutcome::Cancelled => {
                (ActivityLevel::Warning, "cancelled; the next sync goes on from here".to_owned())
            }
            RunOutcome::Busy => {
                (ActivityLevel::Info, "not begun, as another run of this connection is at it".to_owned())
            }
            RunOutcome::Running => (ActivityLevel::Info, "running".to_owned()),
            RunOutcome::Completed if self.is_clean() => (ActivityLevel::Info, "completed".to_owned()),
            RunOutcome::Completed => {
                (ActivityLevel::Warning, "completed, with something to look at".to_owned())
            }
        };
        let sum = |count: fn(&super::Counts) -> u64| self.counts.values().map(count).sum::<u64>();
        let counts = [
            ("pulled", sum(|counts| counts.pulled)),
            ("pushed", sum(|counts| counts.pushed)),
            ("skipped", self.skipped.total),
            ("in conflict", self.conflicts.total),
            ("to do by hand", self.manual_actions.total),
            ("to complete", self.incomplete_locations.total),
            ("failed", self.failures.total),
        ];
        let counted: Vec<_> = counts
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(what, count)| format!("{count} {what}"))
            .collect();
        let dry_run = if self.dry_run { "dry run " } else { "" };
        let counted = if counted.is_empty() { "nothing changed".to_owned() } else { counted.join(", ") };
        let message = format!("{} {dry_run}sync {outcome} ({counted})", self.context);
        Activity { at, level, topic: self.sync.clone(), message, subject: None }
    }

    fn line(&self, at: DateTime<Utc>, level: ActivityLevel, note: &Note) -> Activity {
        Activity {
            at,
            level,
            topic: self.sync.clone(),
            message: format!("{}. {}", note.message, note.advice),
            subject: note.subject.as_ref().map(ToString::to_string),
        }
    }
}
