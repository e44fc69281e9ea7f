//! Reads products and articles from the POS, page by page.

use std::collections::HashMap;

use mplus_qapi::preparation::{
    GetArticlesPreparationMethodGroups, GetArticlesPreparationMethodGroupsRequest,
};
use mplus_qapi::products::GetProducts;
use mplus_qapi::soap::{Operation, Outcome};
use mplus_qapi::{Client, ErrorKind};

use super::know::{KnownGroups, offered_with_groups};
use super::rows::Rows;
use crate::model::{ConnectionId, ModifierSource, PosModifierGroup, Resource};
use crate::pos_call::{is_no_answer, is_unknown_operation, pos_advice};
use crate::products::markers::Markers;
use crate::report::Note;
use crate::run::{Changes, Run, StepError};
use crate::store::Store;

/// The operation that tells which article has which preparation method groups.
const LINKS: &str = GetArticlesPreparationMethodGroups::INFO.name;

/// Which preparation method groups articles have.
enum Links {
    /// Those of each article that has any, in their order.
    Told(HashMap<i64, Vec<PosModifierGroup>>),
    /// The POS has no call that tells.
    NoCall,
    /// The POS refused to tell, or not so that it can be understood: it has to be asked again.
    Untold,
}

/// One page of the POS.
pub(super) struct PulledPage {
    pub(super) rows: Rows,
    /// Its articles' preparation method groups.
    links: Links,
    /// Whether it is doubtful that they have none: the POS lists none of other articles, either, that had some.
    pub(super) doubts_links: bool,
    /// From which marker on it was asked for, and the highest one in it.
    pub(super) first: i64,
    pub(super) last: i64,
}

impl PulledPage {
    /// An article's preparation method groups, in their order; none where the POS does not tell.
    pub(super) fn links_of(&self, article: i64) -> Option<&[PosModifierGroup]> {
        let Links::Told(links) = &self.links else { return None };
        Some(links.get(&article).map(Vec::as_slice).unwrap_or_default())
    }

    /// Whether which groups its articles have is still to be asked, as nothing is known of it but what was known before.
    pub(super) fn lacks_links(&self) -> bool {
        self.rows.article_count() > 0 && (self.doubts_links || matches!(self.links, Links::Untold))
    }
}

/// Reads pages. It holds nothing of the run, so that a page can be read while another one is stored.
pub(super) struct Pages<'a> {
    changes: Changes<'a, GetProducts>,
    client: &'a Client,
    /// Without groups there are no links.
    has_groups: bool,
    /// Whether the POS has a call that tells which article has which, and whether it turned out to have none.
    has_call: bool,
    lacks_call: bool,
    /// Whether it refuses that call: it is not asked again in this run. Whether that it told nothing was said.
    refuses_links: bool,
    is_said: bool,
    /// Whether a call failed that may work soon.
    may_pass: bool,
    /// Whether no other article has groups any more that had some; none before that was asked.
    doubtful: Option<bool>,
    notes: Vec<Note>,
    requests: u64,
}

impl<'a> Pages<'a> {
    pub(super) fn new(run: &Run<'a>, markers: &Markers, since: i64) -> Self {
        Self {
            changes: Changes::new(run, GetProducts::default(), Resource::ARTICLES, since, markers.articles),
            client: run.client(),
            has_groups: markers.preparation != Some(0),
            has_call: !run.lacks(LINKS),
            lacks_call: false,
            refuses_links: false,
            is_said: false,
            may_pass: false,
            doubtful: None,
            notes: Vec::new(),
            requests: 0,
        }
    }

    /// The next page; none after the last.
    pub(super) async fn next(&mut self) -> Result<Option<PulledPage>, StepError> {
        let first = self.changes.since();
        let Some(page) = self.changes.fetch().await? else { return Ok(None) };
        let rows = Rows::of(page.items, &page.unreadable);
        let links = self.links(&rows).await?;
        Ok(Some(PulledPage { rows, links, doubts_links: false, first, last: page.next_marker - 1 }))
    }

    /// Looks whether it is to be believed that no article of a page has groups: an empty answer would take the choices off dishes
    /// that need them. Others that had some are asked for, once for all pages.
    pub(super) async fn look_at_links(
        &mut self,
        page: &mut PulledPage,
        store: &dyn Store,
        connection: &ConnectionId,
        groups: &KnownGroups,
    ) -> Result<(), StepError> {
        let lists_none = matches!(&page.links, Links::Told(links) if lists_none(links));
        if !lists_none || !self.has_groups || page.rows.article_count() == 0 {
            return Ok(());
        }
        let doubtful = match self.doubtful {
            Some(doubtful) => doubtful,
            None => {
                let others = offered_with_groups(store, connection, groups, &page.rows).await?;
                match others.is_empty() {
                    true => false,
                    false => match self.links_of(others).await? {
                        Links::Told(links) => self::lists_none(&links),
                        Links::NoCall => false,
                        Links::Untold => true,
                    },
                }
            }
        };
        (self.doubtful, page.doubts_links) = (Some(doubtful), doubtful);
        Ok(())
    }

    /// The preparation method groups of a page's articles.
    async fn links(&mut self, rows: &Rows) -> Result<Links, StepError> {
        if rows.article_count() == 0 || !self.has_groups {
            return Ok(Links::Told(HashMap::new()));
        }
        self.links_of(rows.articles().map(|(number, ..)| number).collect()).await
    }

    /// Those of some articles.
    async fn links_of(&mut self, article_numbers: Vec<i64>) -> Result<Links, StepError> {
        if !self.has_call {
            return Ok(Links::NoCall);
        }
        if self.refuses_links {
            return Ok(Links::Untold);
        }
        let request = GetArticlesPreparationMethodGroupsRequest { article_numbers };
        let reply = self.client.call(GetArticlesPreparationMethodGroups { request }).reply().await;
        self.requests += u64::from(match &reply {
            Ok(reply) => reply.attempts,
            Err(error) => error.attempts(),
        });
        let answer = reply.and_then(|reply| reply.response.into_result().map_err(mplus_qapi::Error::from));
        let response = match answer {
            Ok(response) => response,
            Err(error) if is_unknown_operation(&error) => {
                (self.has_call, self.lacks_call) = (false, true);
                return Ok(Links::NoCall);
            }
            // Dishes come with the choices that they had.
            Err(error) if is_no_answer(&error) || matches!(error.kind(), ErrorKind::Outcome(_)) => {
                self.refuses_links = error.fault().is_some();
                self.may_pass |= error.is_transient();
                if !std::mem::replace(&mut self.is_said, true) {
                    let (resource, message) = (Resource::PREPARATION_METHOD_GROUPS, error.to_string());
                    self.notes.push(Note::general(resource, &message, pos_advice(&error)));
                }
                return Ok(Links::Untold);
            }
            Err(error) => return Err(error.into()),
        };
        let group = |number| PosModifierGroup { source: ModifierSource::PreparationMethod, number };
        let links = response.article_preparation_method_groups_list.into_iter().map(|links| {
            (links.article_number, links.preparation_method_group_numbers.into_iter().map(group).collect())
        });
        Ok(Links::Told(links.collect()))
    }

    /// The operation that the POS turned out not to have.
    pub(super) fn lacking(&self) -> Option<&'static str> {
        self.lacks_call.then_some(LINKS)
    }

    /// Whether every page could be read.
    pub(super) fn is_complete(&self) -> bool {
        self.changes.is_complete()
    }

    /// What could not be read since this was asked last.
    pub(super) fn take_notes(&mut self) -> Vec<Note> {
        let mut notes = std::mem::take(&mut self.notes);
        notes.append(&mut self.changes.take_notes());
        notes
    }

    /// Whether a call failed that may work soon.
    pub(super) fn may_pass(&self) -> bool {
        self.may_pass
    }

    /// How many requests were made since this was asked last.
    pub(super) fn take_requests(&mut self) -> u64 {
        std::mem::take(&mut self.requests) + self.changes.take_requests()
    }
}

fn lists_none(links: &HashMap<i64, Vec<PosModifierGroup>>) -> bool {
    links.values().all(Vec::is_empty)
}
