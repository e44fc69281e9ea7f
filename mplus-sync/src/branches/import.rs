//! Imports branches: new ones, changed ones, and those that are gone.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use mplus_qapi::branches::{
    Branch, BranchInformation, GetBranchInformation, GetBranchInformationRequest, GetBranches,
};
use mplus_qapi::soap::{Operation, Outcome, Unreadable};
use serde::Serialize;

use super::from_pos::{branch_information_to_location, branch_to_location, settle_missing, take_branch};
use crate::model::free_id::free;
use crate::model::{
    BranchNumber, Fingerprint, FingerprintError, Location, LocationId, MissingField, Resource, Tracked,
    Version,
};
use crate::pos_call::is_unknown_operation;
use crate::report::{IncompleteLocation, Note, Subject};
use crate::run::{DECISIONS, List, Run, StepError};
use crate::store::{Page, Select, StoreErrorKind};

/// Reads the POS's branches and stores what changed.
pub(super) async fn pull(run: &mut Run<'_>) -> Result<(), StepError> {
    let List { items: mut branches, unreadable } =
        run.list(GetBranches::default(), |response| response.branches).await?;
    let unread = Unread::of(run, unreadable);
    let known = stored(run).await?.0;
    let is_listed = |number: &BranchNumber| {
        unread.may_be(*number) || branches.iter().any(|branch| branch.branch_number == number.get())
    };
    let lacks_some = known.iter().any(|(number, location)| !location.record.vanished && !is_listed(number));
    if !branches.is_empty() && lacks_some {
        // The answer may have been cut: what two answers lack is gone.
        branches.extend(run.list(GetBranches::default(), |response| response.branches).await?.items);
    }
    branches.sort_by_key(|branch| branch.branch_number);
    branches.dedup_by_key(|branch| branch.branch_number);
    if branches.is_empty() && unread.0.is_empty() {
        run.report.fail(Note::general(
            Resource::BRANCHES,
            "the POS lists no branches, so no locations were imported",
            "Check that the MplusKASSA account has active branches configured",
        ));
        return Ok(());
    }
    for _ in 0..DECISIONS {
        let (mut stored, mut taken) = stored(run).await?;
        stored.retain(|number, _| {
            !unread.may_be(*number) || branches.iter().any(|one| one.branch_number == number.get())
        });
        let mut changes = Changes::default();
        decide(run, &branches, stored, &mut taken, &mut changes).await?;
        if store(run, changes).await? {
            return Ok(());
        }
    }
    run.report.fail(Note::general(
        Resource::BRANCHES,
        "locations are edited on the host faster than they can be imported",
        "The next sync takes them along",
    ));
    Ok(())
}

/// Branches of which a value cannot be read: their locations stay as they are.
struct Unread(BTreeSet<i32>);

impl Unread {
    /// Names them.
    fn of(run: &mut Run<'_>, unreadable: Vec<(Branch, Unreadable)>) -> Self {
        for (branch, value) in &unreadable {
            let subject = Subject::new(&branch.branch_name, format_args!("branch {}", branch.branch_number));
            let message = format!("the branch was left as it is: {value}");
            let advice = "Correct the value in the POS; the next sync takes the branch over then";
            run.report.fail(Note::about(Resource::BRANCHES, subject, &message, advice));
        }
        Self(unreadable.iter().map(|(branch, _)| branch.branch_number).collect())
    }

    /// Whether a branch is one of them, as far as their numbers are known.
    fn may_be(&self, number: BranchNumber) -> bool {
        self.0.contains(&0) || self.0.contains(&number.get())
    }
}

/// So few branches may always go: of a few, one is a large share.
const FEW: usize = 2;

/// What the import writes and tells.
#[derive(Default)]
struct Changes {
    locations: Vec<Tracked<Location>>,
    unchanged: u64,
    notes: Vec<Note>,
    /// What a person has to decide.
    asked: Option<Note>,
    incomplete: Vec<IncompleteLocation>,
}

/// The locations by their branches, and all identifiers that locations have.
async fn stored(
    run: &Run<'_>,
) -> Result<(HashMap<BranchNumber, Tracked<Location>>, BTreeSet<LocationId>), StepError> {
    let (mut all, mut ids) = (HashMap::new(), BTreeSet::new());
    let mut page: Page<LocationId> = Page::first(500);
    loop {
        let limit = page.limit;
        let read = run.store().locations(run.connection(), Select::Page(page)).await?;
        let last = (read.len() == limit).then(|| read.last().map(|one| one.record.id.clone())).flatten();
        ids.extend(read.iter().map(|location| location.record.id.clone()));
        all.extend(
            read.into_iter().filter_map(|location| Some((location.external_ids.mpluskassa?, location))),
        );
        match last {
            Some(last) => page = Page::after(last, limit),
            None => return Ok((all, ids)),
        }
    }
}

async fn decide(
    run: &mut Run<'_>,
    branches: &[Branch],
    mut stored: HashMap<BranchNumber, Tracked<Location>>,
    taken: &mut BTreeSet<LocationId>,
    changes: &mut Changes,
) -> Result<(), StepError> {
    for branch in branches {
        let number = BranchNumber::new(branch.branch_number);
        let before = stored.remove(&number);
        let mut location = match before.clone() {
            Some(before) => before,
            None => {
                let mut new = branch_to_location(branch);
                new.id = free(new.id, taken);
                Tracked::new(new).linked(number)
            }
        };
        let print = branch_print(branch)?;
        let known = location.sync.pulled.as_ref().is_some_and(|pulled| pulled.fingerprint == print);
        location.record.vanished = false;
        if !known || run.is_full() {
            // What the host changed is only written over by what the POS changed since, part by part.
            if !known {
                let news = branch_news(&mut location.sync.parts, branch)?;
                take_branch(&mut location.record, &news);
            }
            match information(run, number).await {
                Ok(told) => {
                    if let Some(told) = told {
                        let news = information_news(&mut location.sync.parts, told)?;
                        branch_information_to_location(&mut location.record, &news);
                    }
                    location.sync.pulled =
                        Some(Version { fingerprint: print, changed_at: None, marker: None });
                }
                // The location is stored without; it counts as unread and the next sync asks again.
                Err(error) if !(error.is_authentication() || error.is_connect()) => {
                    changes.notes.push(Note::about(
                        Resource::BRANCHES,
                        Subject::new(&location.record.name, &location.record.id),
                        &format!("the branch's address could not be read: {error}"),
                        "The next sync tries again",
                    ));
                }
                Err(error) => return Err(error.into()),
            }
        }
        provision(run, &mut location, changes).await?;
        settle_missing(&mut location.record);
        changes.incomplete.push(IncompleteLocation {
            location: location.record.id.clone(),
            name: location.record.name.clone(),
            missing: location.record.missing.clone(),
        });
        if before.as_ref() == Some(&location) {
            changes.unchanged += 1;
        } else {
            changes.locations.push(location);
        }
    }
    let known = branches.len() + stored.len();
    let gone = stored.values().filter(|location| !location.record.vanished).count();
    if gone > FEW && gone * 100 > known * usize::from(run.settings().most_gone) && !run.options.accepts_loss {
        changes.asked = Some(Note::general(
            Resource::BRANCHES,
            &format!("the POS lists {gone} of {known} branches no more: none was taken out of use"),
            "Look at the branches in the POS. If they are gone indeed, run a full sync that accepts the loss",
        ));
        return Ok(());
    }
    for (number, mut gone) in stored {
        changes.notes.push(Note::about(
            Resource::BRANCHES,
            Subject::new(&gone.record.name, &gone.record.id),
            &format!("branch {number} is no longer listed by the POS; the location is kept"),
            "Close the location, or restore the branch in the POS",
        ));
        if !gone.record.vanished {
            gone.record.vanished = true;
            changes.locations.push(gone);
        }
    }
    Ok(())
}

/// A branch's address; none where the POS does not know the call for it.
async fn information(
    run: &mut Run<'_>,
    number: BranchNumber,
) -> Result<Option<BranchInformation>, mplus_qapi::Error> {
    let name = GetBranchInformation::INFO.name;
    if run.lacks(name) {
        return Ok(None);
    }
    let request =
        GetBranchInformationRequest { branch_number: number.get(), ..GetBranchInformationRequest::default() };
    match run.call(GetBranchInformation { request }).await {
        Ok(response) => Ok(response.into_result()?.branch_information),
        Err(error) if is_unknown_operation(&error) => {
            run.learn_lacking(name).await;
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Has the host give what it wants each location to have.
async fn provision(
    run: &Run<'_>,
    location: &mut Tracked<Location>,
    changes: &mut Changes,
) -> Result<(), StepError> {
    let provisioner = run.merchant().provisioner();
    let has = |record: &Location, name: &String| record.attributes.contains_key(name);
    let lacking: Vec<String> =
        provisioner.attributes().into_iter().filter(|name| !has(&location.record, name)).collect();
    if lacking.is_empty() || run.options.dry_run {
        return Ok(());
    }
    let record = &mut location.record;
    match provisioner.provision(run.connection(), record).await {
        Ok(given) => {
            for (name, value) in given.attributes {
                record.attributes.entry(name).or_insert(value);
            }
        }
        Err(error) => changes.notes.push(Note::about(
            Resource::BRANCHES,
            Subject::new(&record.name, &record.id),
            &format!("{} could not be assigned: {error}", lacking.join(" and ")),
            "Check what the host gives its locations; the next sync tries again",
        )),
    }
    for name in lacking {
        // Listed once: what a person strikes from the list stays struck.
        if !has(&location.record, &name)
            && is_news(&mut location.sync.parts, &format!("wants {name}"), &true)?
        {
            location.record.missing.push(MissingField::Attribute(name));
        }
    }
    Ok(())
}

/// Writes the locations. False when the host edited one meanwhile.
async fn store(run: &mut Run<'_>, changes: Changes) -> Result<bool, StepError> {
    let pulled = changes.locations.len() as u64;
    if !run.options.dry_run && pulled > 0 {
        run.keep_lease().await?;
        match run.store().apply_locations(run.connection(), changes.locations).await {
            Ok(applied) => {
                run.report.writes += 1;
                applied.parked.iter().for_each(|row| run.report.fail(Note::parked(row)));
            }
            Err(error) if error.kind() == StoreErrorKind::Conflict => return Ok(false),
            Err(error) => return Err(error.into()),
        }
    }
    let counts = run.report.count(&Resource::BRANCHES);
    counts.pulled += pulled;
    counts.unchanged += changes.unchanged;
    changes.notes.into_iter().for_each(|note| run.report.skip(note));
    changes.asked.into_iter().for_each(|note| run.report.ask_for(note));
    changes.incomplete.into_iter().for_each(|location| run.report.incomplete(location));
    Ok(true)
}

/// Stands for what the list tells of a branch.
fn branch_print(branch: &Branch) -> Result<Fingerprint, StepError> {
    let workplaces: Vec<_> = branch
        .workplaces
        .iter()
        .map(|workplace| (workplace.workplace_number, &workplace.workplace_name))
        .collect();
    Ok(Fingerprint::of(&(&branch.branch_name, &branch.country_iso3, &branch.country_name, workplaces))?)
}

/// What the POS last told, by part.
type Parts = BTreeMap<String, Fingerprint>;

/// Whether the POS tells something else of a part than last time. It is noted.
fn is_news(parts: &mut Parts, part: &str, told: &impl Serialize) -> Result<bool, FingerprintError> {
    let print = Fingerprint::of(told)?;
    Ok(parts.insert(part.to_owned(), print.clone()) != Some(print))
}

/// The branch without what it told before: that may be the host's by now. Workplaces are the POS's alone.
fn branch_news(parts: &mut Parts, branch: &Branch) -> Result<Branch, FingerprintError> {
    let mut news = branch.clone();
    if !is_news(parts, "name", &branch.branch_name)? {
        news.branch_name.clear();
    }
    if !is_news(parts, "country", &(&branch.country_iso3, &branch.country_name))? {
        news.country_iso3.clear();
        news.country_name.clear();
    }
    Ok(news)
}

/// The same of a branch's address.
fn information_news(
    parts: &mut Parts,
    told: BranchInformation,
) -> Result<BranchInformation, FingerprintError> {
    let mut news = told;
    if !is_news(parts, "phone", &(&news.telephone, &news.mobile))? {
        news.telephone.clear();
        news.mobile.clear();
    }
    let others = [
        ("street", &mut news.address),
        ("postcode", &mut news.zipcode),
        ("city", &mut news.city),
        ("email", &mut news.email),
        ("vat_number", &mut news.vat_number),
    ];
    for (part, told) in others {
        if !is_news(parts, part, told)? {
            told.clear();
        }
    }
    Ok(news)
}
