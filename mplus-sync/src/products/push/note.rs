//! Notes what the POS has taken, and what it has not.

use crate::model::{Fingerprint, Marker, Record, Resource, SyncState, Tracked, Version};
use crate::pos_call::pos_advice;
use crate::report::{Note, Subject};
use crate::run::{Run, StepError};
use crate::store::CatalogPushes;

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

/// Stores what the POS has taken.
pub(crate) async fn mark(run: &mut Run<'_>, pushes: CatalogPushes) -> Result<(), StepError> {
    if pushes == CatalogPushes::default() {
        return Ok(());
    }
    run.keep_lease().await?;
    run.store().mark_pushed(run.connection(), pushes).await?;
    run.report.writes += 1;
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
    if error.ends_the_run() { Err(error) } else { Ok(()) }
}

/// That an edit waits, since the POS does not show what it changes.
pub(crate) fn unshown(resource: Resource, subject: Subject) -> Note {
    let message = "the POS does not show the product whole: nothing was sent, the edit waits";
    Note::about(resource, subject, message, "Sync again; if it goes on, look whether it is still in the POS")
}

pub(super) fn failure(error: &mplus_qapi::Error) -> String {
    match error.may_have_been_processed() {
        true => format!("the POS may have it, and the next sync finds out: {error}"),
        false => error.to_string(),
    }
}
