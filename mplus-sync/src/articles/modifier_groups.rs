//! Pulls modifier groups, deleted ones included.

use std::collections::{BTreeSet, HashMap};

use mplus_qapi::Page as PosPage;
use mplus_qapi::preparation::{GetArticleAlterationsGroups, GetPreparationMethodGroups};
use mplus_qapi::soap::{ListResponse, Paged};

use super::{IncomingGroup, alterations_group_to_modifier_group, preparation_group_to_modifier_group};
use crate::model::free_id::{candidates, free};
use crate::model::{
    Checkpoint, Fingerprint, Marker, ModifierGroup, ModifierGroupId, ModifierSource, PosModifierGroup,
    Resource, Tracked, Version,
};
use crate::pos_call::{is_refused, is_unknown_operation, pos_advice};
use crate::products::{Incoming, Markers};
use crate::progress::Phase;
use crate::report::{Note, Subject};
use crate::run::{Changes, DECISIONS, Run, StepError};
use crate::store::{CatalogChunk, Page, Select};

/// Edits of groups that a run tells of.
const EDITS_TOLD: usize = 100;

/// Pulls what changed of both sorts of groups.
pub(super) async fn pull(run: &mut Run<'_>, markers: Markers) -> Result<(), StepError> {
    let again = tell_of_edits(run).await?;
    let current = markers.preparation;
    let resource = Resource::PREPARATION_METHOD_GROUPS;
    let operation = GetPreparationMethodGroups::default();
    pull_one_sort(run, resource, current, again, operation, preparation_group_to_modifier_group).await?;
    let current = markers.alterations;
    let resource = Resource::ARTICLE_ALTERATIONS_GROUPS;
    let operation = GetArticleAlterationsGroups::default();
    pull_one_sort(run, resource, current, again, operation, alterations_group_to_modifier_group).await
}

/// Says that the host's edits of groups do not reach the POS. True when groups have to be read again to undo them.
async fn tell_of_edits(run: &mut Run<'_>) -> Result<bool, StepError> {
    let page = Page::first(EDITS_TOLD);
    let edited = run.store().modifier_groups(run.connection(), Select::Edited(page)).await?;
    for group in &edited {
        let subject = Subject::new(&group.record.name, &group.record.id);
        let resource = match group.external_ids.mpluskassa.map(|group| group.source) {
            Some(ModifierSource::ArticleAlteration) => Resource::ARTICLE_ALTERATIONS_GROUPS,
            _ => Resource::PREPARATION_METHOD_GROUPS,
        };
        let message = match group.external_ids.mpluskassa {
            Some(_) => {
                "modifier groups are pull only: the change on the host does not reach the POS and is undone"
            }
            None => {
                "modifier groups are pull only: the group that was made on the host does not reach the POS"
            }
        };
        let advice = "Make the change in the MplusKASSA back office, then sync";
        run.report.ask_for(Note::about(resource, subject, message, advice));
    }
    Ok(edited.iter().any(|group| group.external_ids.mpluskassa.is_some()))
}

/// Pulls the groups of one sort that changed; all of them when they have to be read again.
async fn pull_one_sort<O: Paged>(
    run: &mut Run<'_>,
    resource: Resource,
    current: Option<i64>,
    again: bool,
    operation: O,
    map: fn(&<O::Response as ListResponse>::Item) -> IncomingGroup,
) -> Result<(), StepError> {
    let name = O::INFO.name;
    if run.lacks(name) {
        return Ok(());
    }
    let due = if again { Some(0) } else { run.due(&resource, current) };
    let Some(since) = due else { return Ok(()) };
    run.expect(&resource, Phase::Pull, None);
    let mut changes = Changes::new(run, operation, resource.clone(), since, current);
    let mut last = since - 1;
    loop {
        let page = match changes.next(run).await {
            Err(StepError::Pos(error)) if is_unknown_operation(&error) => {
                run.learn_lacking(name).await;
                return Ok(());
            }
            // The other sort may be told.
            Err(StepError::Pos(error)) if is_refused(&error) => {
                run.report.fail(Note::general(resource, &error.to_string(), pos_advice(&error)));
                return Ok(());
            }
            page => page?,
        };
        let Some(page) = page else { break };
        last = page.next_marker - 1;
        let groups = readable(run, &resource, &page, map);
        for group in &groups {
            let subject = Subject::new(&group.incoming.record.name, &group.incoming.record.id);
            for problem in &group.problems {
                let advice = problem.problem.advice();
                run.skip(&resource, subject.clone(), &problem.to_string(), advice);
            }
        }
        let groups = groups.into_iter().map(|group| group.incoming).collect();
        if !store(run, &resource, groups, last).await? {
            // The next run begins at this page.
            return Ok(());
        }
    }
    // Everything up to the current marker was read.
    let last = current.unwrap_or(last);
    if last >= 0 {
        run.keep_checkpoint(resource, last).await?;
    }
    Ok(())
}

/// The groups of a page, without those of which a value cannot be read: these stay as they are, and are named.
fn readable<T>(
    run: &mut Run<'_>,
    resource: &Resource,
    page: &PosPage<T>,
    map: fn(&T) -> IncomingGroup,
) -> Vec<IncomingGroup> {
    let mut groups = Vec::with_capacity(page.items.len());
    for (at, group) in page.items.iter().enumerate() {
        let group = map(group);
        match page.unreadable.iter().find(|unreadable| unreadable.item() == Some(at)) {
            None => groups.push(group),
            Some(unreadable) => {
                let subject = Subject::new(&group.incoming.record.name, &group.incoming.record.id);
                let message = format!("the group was left as it is: {unreadable}");
                run.skip(resource, subject, &message, "Correct the group in the POS, or report this");
            }
        }
    }
    groups
}

/// Stores a page of groups. Whatever the host made of them is replaced: they are pulled only. False when they moved on each time.
async fn store(
    run: &mut Run<'_>,
    resource: &Resource,
    groups: Vec<Incoming<ModifierGroup, PosModifierGroup>>,
    last: i64,
) -> Result<bool, StepError> {
    let count = groups.len();
    // Of a group that comes twice the last one counts.
    let groups: HashMap<PosModifierGroup, _> =
        groups.into_iter().map(|group| (group.number, group)).collect();
    for attempt in 0..DECISIONS {
        let numbers = groups.keys().copied().collect();
        let stored = run.store().modifier_groups(run.connection(), Select::PosIds(numbers)).await?;
        let mut stored: HashMap<_, _> =
            stored.into_iter().filter_map(|group| Some((group.external_ids.mpluskassa?, group))).collect();
        // It may be no edit that is in the way, but a group of the host's that has the identifier of a new one.
        let new: Vec<_> = groups.keys().filter(|number| !stored.contains_key(*number)).copied().collect();
        let mut taken = if attempt == 0 { BTreeSet::new() } else { taken(run, &new).await? };
        let mut modifier_groups = Vec::new();
        let (mut unchanged, mut deactivated) = (0, 0);
        for (number, group) in &groups {
            let known = stored.remove(number);
            if known.is_none() && !group.record.active {
                // Deleted before it was ever seen.
                continue;
            }
            let was_active = known.as_ref().is_some_and(|known| known.record.active);
            let is_new = known.is_none();
            let tracked = replaced(known, group)?;
            match tracked {
                Some(mut tracked) => {
                    if is_new {
                        tracked.record.id = free(tracked.record.id, &mut taken);
                    }
                    deactivated += u64::from(was_active && !tracked.record.active);
                    modifier_groups.push(tracked);
                }
                None => unchanged += 1,
            }
        }
        let pulled = modifier_groups.len() as u64;
        let checkpoints = vec![Checkpoint::new(resource.clone(), Marker::new(last))];
        if run.apply(CatalogChunk { modifier_groups, checkpoints, ..CatalogChunk::default() }).await? {
            let counts = run.report.count(resource);
            counts.pulled += pulled;
            counts.unchanged += unchanged;
            counts.deactivated += deactivated;
            run.advance(resource, count);
            return Ok(true);
        }
    }
    run.report.fail(Note::general(
        resource.clone(),
        "modifier groups are edited on the host faster than they can be pulled",
        "The next sync takes them along; edit modifier groups in the POS",
    ));
    Ok(false)
}

/// Identifiers of groups that others than these have, of those that these would get.
async fn taken(run: &Run<'_>, new: &[PosModifierGroup]) -> Result<BTreeSet<ModifierGroupId>, StepError> {
    let ids = new.iter().flat_map(|number| candidates(number.host_id())).collect();
    let found = run.store().modifier_groups(run.connection(), Select::Ids(ids)).await?;
    Ok(found.into_iter().map(|group| group.record.id).collect())
}

/// The group as it should be stored; none when it is.
fn replaced(
    known: Option<Tracked<ModifierGroup>>,
    group: &Incoming<ModifierGroup, PosModifierGroup>,
) -> Result<Option<Tracked<ModifierGroup>>, StepError> {
    let mut record = group.record.clone();
    let mut tracked = match known {
        Some(known) => {
            record.id = known.record.id.clone();
            if known.record == record && known.edits.is_empty() {
                return Ok(None);
            }
            known
        }
        None => Tracked::new(record.clone()).linked(group.number),
    };
    tracked.sync.pulled =
        Some(Version { fingerprint: Fingerprint::of(&record)?, changed_at: None, marker: group.marker });
    tracked.record = record;
    tracked.edits.clear();
    Ok(Some(tracked))
}
