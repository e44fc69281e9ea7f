//! What is told of a page once it is stored.

use crate::model::{Combo, Item, ItemId, Resource, Tracked};
use crate::products::from_pos::{ArticleProblem, IncomingItem};
use crate::products::merge::{Merged, Shared};
use crate::report::{Conflict, Note, Subject};
use crate::run::Run;

/// What is told of a page once it is stored.
#[derive(Default)]
pub(super) struct Told {
    notes: Vec<Note>,
    /// What a person has to decide.
    asked: Vec<Note>,
    conflicts: Vec<Conflict>,
    settled: Vec<String>,
    pulled: [u64; 2],
    unchanged: [u64; 2],
    deactivated: u64,
    combos: u64,
    /// Whether an article told its allergens.
    nutrition: bool,
    /// Articles of which the POS does not say whether they are for the web shop.
    pub(super) webshop_untold: u64,
    /// Articles that are sold no more, since they are not for the web shop.
    pub(super) left_webshop: u64,
}

impl Told {
    pub(super) fn merged<T: Shared>(&mut self, resource: &Resource, index: usize, merged: &Merged<T>) {
        if merged.changed {
            self.pulled[index] += 1;
        } else {
            self.unchanged[index] += 1;
        }
        self.deactivated += u64::from(merged.deactivated);
        let record = &merged.tracked.record;
        let subject = || Subject::new(record.name(), record.id().as_ref());
        self.conflicts.extend(merged.conflicts.iter().map(|settled| Conflict {
            resource: resource.clone(),
            subject: subject(),
            fields: settled.fields.clone(),
            winner: settled.winner,
            why: settled.why,
        }));
        if merged.settles_edit {
            self.settled.push(record.id().as_ref().to_owned());
        }
    }

    pub(super) fn problems(&mut self, item: &IncomingItem, stored: Option<&Tracked<Item>>) {
        let record = &item.incoming.record;
        let id = stored.map_or(&record.id, |stored| &stored.record.id);
        let notes = item.problems.iter().map(|problem| {
            let message = match problem {
                ArticleProblem::Tax(problem) => {
                    return Note::tax(Resource::ARTICLES, Subject::new(&record.name, id), problem);
                }
                other => other.to_string(),
            };
            Note::about(Resource::ARTICLES, Subject::new(&record.name, id), &message, &problem.advice())
        });
        self.notes.extend(notes);
        self.nutrition |= item.tells_nutrition;
    }

    /// So many items would lose all their choices, and kept them.
    pub(super) fn links_lost(&mut self, items: usize) {
        self.asked.push(Note::general(
            Resource::PREPARATION_METHOD_GROUPS,
            &format!("the POS lists no choices any more for {items} items that had some: they keep them"),
            "Look at the articles' preparation methods in the POS. If it is meant, run a full sync that accepts the loss",
        ));
    }

    /// What a combo's article told of it. Of what is odd about the article, only its price is the combo's.
    pub(super) fn combo(&mut self, mut item: IncomingItem, merged: &Merged<Combo>) {
        let record = &merged.tracked.record;
        item.incoming.record.id = ItemId::new(record.id.as_str());
        item.problems.retain(|problem| {
            use ArticleProblem as Odd;
            matches!(problem, Odd::Price(_) | Odd::AskedAtTill | Odd::InBarcode)
        });
        self.problems(&item, None);
        self.combos += u64::from(merged.changed);
        let subject = || Subject::new(&record.name, record.id.as_str());
        self.conflicts.extend(merged.conflicts.iter().map(|settled| Conflict {
            resource: Resource::COMBOS,
            subject: subject(),
            fields: settled.fields.clone(),
            winner: settled.winner,
            why: settled.why,
        }));
    }

    /// What single branches tell of an item.
    pub(super) fn branches(&mut self, merged: &Merged<Item>, remarks: &[(String, &'static str)]) {
        let record = &merged.tracked.record;
        self.notes.extend(remarks.iter().map(|(message, advice)| {
            Note::about(Resource::BRANCH_PRICES, Subject::new(&record.name, &record.id), message, advice)
        }));
    }

    /// Whether an article told its allergens.
    pub(super) fn tells_allergens(&self) -> bool {
        self.nutrition
    }

    /// Tells it, and gives back whose edits this settled.
    pub(super) fn report(self, run: &mut Run<'_>) -> Vec<String> {
        for (index, resource) in [Resource::CATEGORIES, Resource::ARTICLES].iter().enumerate() {
            let counts = run.report.count(resource);
            counts.pulled += self.pulled[index];
            counts.unchanged += self.unchanged[index];
        }
        run.report.count(&Resource::ARTICLES).deactivated += self.deactivated;
        if self.combos > 0 {
            run.report.count(&Resource::COMBOS).pulled += self.combos;
        }
        self.notes.into_iter().for_each(|note| run.report.skip(note));
        self.asked.into_iter().for_each(|note| run.report.ask_for(note));
        self.conflicts.into_iter().for_each(|conflict| run.report.conflict(conflict));
        self.settled
    }
}
