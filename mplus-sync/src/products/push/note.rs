//! Notes what the POS has taken, and what it has not.

use std::fmt;

use crate::model::{Fingerprint, Marker, Record, Resource, SyncState, Tracked, Version};
use crate::pos_call::pos_advice;
use crate::report::{Note, Subject};
use crate::run::{Run, StepError};
use crate::store::{CatalogPushes, StoreErrorKind};

/// What both sides agree on after the POS took this content.
pub(crate) fn agreed<T: Record>(
    tracked: &Tracked<T>,
    fingerprint: Fingerprint,
    marker: Option<Marker>,
) -> SyncState {
    let version = Version { fingerprint, changed_at: tracked.edited_at(), marker };
    let mut sync = tracked.sync.clone();
    // Without a marker it cannot be told which of the two is later: then both are this one.
    if marker.is_none() {
        sync.pulled = Some(version.clone());
    }
    sync.pushed = Some(version);
    sync
}

/// Stores what the POS has taken. A record whose number another one has is left out and named; the others are stored.
pub(crate) async fn mark(run: &mut Run<'_>, pushes: CatalogPushes) -> Result<(), StepError> {
    if pushes == CatalogPushes::default() || mark_all(run, pushes.clone()).await? {
        return Ok(());
    }
    let CatalogPushes { categories, items, combos } = pushes;
    for pushed in categories {
        let (subject, number) = (pushed.id.to_string(), pushed.number);
        let alone = CatalogPushes { categories: vec![pushed], ..CatalogPushes::default() };
        mark_one(run, Resource::CATEGORIES, subject, number, alone).await?;
    }
    for pushed in items {
        let (subject, number) = (pushed.id.to_string(), pushed.number);
        let alone = CatalogPushes { items: vec![pushed], ..CatalogPushes::default() };
        mark_one(run, Resource::ARTICLES, subject, number, alone).await?;
    }
    for pushed in combos {
        let (subject, number) = (pushed.id.to_string(), pushed.number);
        let alone = CatalogPushes { combos: vec![pushed], ..CatalogPushes::default() };
        mark_one(run, Resource::COMBOS, subject, number, alone).await?;
    }
    Ok(())
}

/// False when the store has one of the numbers under another record.
async fn mark_all(run: &mut Run<'_>, pushes: CatalogPushes) -> Result<bool, StepError> {
    run.keep_lease().await?;
    match run.store().mark_pushed(run.connection(), pushes).await {
        Ok(()) => {
            run.report.writes += 1;
            Ok(true)
        }
        Err(error) if error.kind() == StoreErrorKind::Conflict => Ok(false),
        Err(error) => Err(error.into()),
    }
}

async fn mark_one(
    run: &mut Run<'_>,
    resource: Resource,
    id: String,
    number: impl fmt::Display,
    pushes: CatalogPushes,
) -> Result<(), StepError> {
    if !mark_all(run, pushes).await? {
        let subject = Subject::new(&id, format_args!("number {number}"));
        let message =
            "the POS has taken it under a number that another record of the host has: it is not linked";
        let advice =
            "Look which of the two the POS's record is, and link that one alone (external_ids.mpluskassa)";
        run.report.fail(Note::about(resource, subject, message, advice));
    }
    Ok(())
}

/// Notes that the POS did not take a record.
///
/// # Errors
/// When nothing else would work either.
pub(crate) fn refused(
    run: &mut Run<'_>,
    resource: &Resource,
    subject: Subject,
    error: mplus_qapi::Error,
) -> Result<(), StepError> {
    run.report.fail(Note::about(resource.clone(), subject, &failure(&error), pos_advice(&error)));
    let error = StepError::from(error);
    run.report.worth_repeating |= error.may_pass();
    run.report.timed_out |= error.timed_out();
    if error.ends_the_run() { Err(error) } else { Ok(()) }
}

/// That an edit waits, since the POS does not show what it changes.
pub(crate) fn unshown(resource: Resource, subject: Subject) -> Note {
    let message = "the POS does not show the product whole: nothing was sent, the edit waits";
    let advice = "Sync everything; if it goes on, look at the product and its articles in the POS";
    Note::about(resource, subject, message, advice)
}

/// That something new waits, since the POS has another article under its identifier.
pub(crate) fn anothers(resource: Resource, subject: Subject) -> Note {
    let message = "the POS has an article under its identifier that was not made for it: it was not sent";
    let advice = "If it is the same, use the item that the article came as and hide this one; if not, take the identifier off the \
        article (extArticleId)";
    Note::about(resource, subject, message, advice)
}

pub(super) fn failure(error: &mplus_qapi::Error) -> String {
    match error.may_have_been_processed() {
        true => format!("the POS may have it, and the next sync finds out: {error}"),
        false => error.to_string(),
    }
}
