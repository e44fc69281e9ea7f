//! Pulls modifier groups, deleted ones included.

use std::collections::HashMap;

use mplus_qapi::preparation::{GetArticleAlterationsGroups, GetPreparationMethodGroups};

use super::{alterations_group_to_modifier_group, preparation_group_to_modifier_group};
use crate::error::StepError;
use crate::model::{
    Checkpoint, Fingerprint, Marker, ModifierGroup, PosModifierGroup, Resource, Tracked, Version,
};
use crate::products::Incoming;
use crate::progress::Phase;
use crate::report::Note;
use crate::store::{CatalogChunk, Select};
use crate::sync::{Changes, DECISIONS, Run};

/// Pulls what changed of both sorts of groups.
pub(crate) async fn pull(run: &mut Run<'_>) -> Result<(), StepError> {
    let resource = Resource::PREPARATION_METHOD_GROUPS;
    if let Some(since) = run.due(&resource, run.current.preparation) {
        run.expect(&resource, Phase::Pull, None);
        let current = run.current.preparation;
        let mut changes = Changes::new(run, GetPreparationMethodGroups::default(), since, current);
        let mut last = since - 1;
        while let Some(page) = changes.next(run).await? {
            last = page.next_marker - 1;
            let groups = page.items.iter().map(preparation_group_to_modifier_group).collect();
            store(run, &resource, groups, last).await?;
        }
        finish(run, resource, last, current).await?;
    }
    let resource = Resource::ARTICLE_ALTERATIONS_GROUPS;
    if let Some(since) = run.due(&resource, run.current.alterations) {
        run.expect(&resource, Phase::Pull, None);
        let current = run.current.alterations;
        let mut changes = Changes::new(run, GetArticleAlterationsGroups::default(), since, current);
        let mut last = since - 1;
        while let Some(page) = changes.next(run).await? {
            last = page.next_marker - 1;
            let groups = page.items.iter().map(alterations_group_to_modifier_group).collect();
            store(run, &resource, groups, last).await?;
        }
        finish(run, resource, last, current).await?;
    }
    Ok(())
}

/// Stores a page of groups. Whatever the host made of them is replaced: they are pulled only.
async fn store(
    run: &mut Run<'_>,
    resource: &Resource,
    groups: Vec<Incoming<ModifierGroup, PosModifierGroup>>,
    last: i64,
) -> Result<(), StepError> {
    let count = groups.len();
    // Of a group that comes twice the last one counts.
    let groups: HashMap<PosModifierGroup, _> =
        groups.into_iter().map(|group| (group.number, group)).collect();
    for _ in 0..DECISIONS {
        let numbers = groups.keys().copied().collect();
        let stored = run.store().modifier_groups(run.connection(), Select::PosIds(numbers)).await?;
        let mut stored: HashMap<_, _> =
            stored.into_iter().filter_map(|group| Some((group.external_ids.mpluskassa?, group))).collect();
        let mut modifier_groups = Vec::new();
        let (mut unchanged, mut deactivated) = (0, 0);
        for (number, group) in &groups {
            let known = stored.remove(number);
            if known.is_none() && !group.record.active {
                // Deleted before it was ever seen.
                continue;
            }
            let was_active = known.as_ref().is_some_and(|known| known.record.active);
            let tracked = replaced(known, group)?;
            match tracked {
                Some(tracked) => {
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
            return Ok(());
        }
    }
    run.report.fail(Note::general(
        resource.clone(),
        "modifier groups are edited on the host faster than they can be pulled",
        "The next sync takes them along; edit modifier groups in the POS",
    ));
    Ok(())
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
            if known.record == record && known.edited_at.is_none() {
                return Ok(None);
            }
            known
        }
        None => Tracked::new(record.clone()).linked(group.number),
    };
    tracked.sync.pulled =
        Some(Version { fingerprint: Fingerprint::of(&record)?, changed_at: None, marker: group.marker });
    tracked.record = record;
    tracked.edited_at = None;
    Ok(Some(tracked))
}

/// Keeps that everything up to the current marker was read.
async fn finish(
    run: &mut Run<'_>,
    resource: Resource,
    last: i64,
    current: Option<i64>,
) -> Result<(), StepError> {
    let last = last.max(current.unwrap_or(last));
    if last >= 0 && run.checkpoint(&resource) != Some(last) {
        let checkpoints = vec![Checkpoint::new(resource, Marker::new(last))];
        run.apply(CatalogChunk { checkpoints, ..CatalogChunk::default() }).await?;
    }
    Ok(())
}
