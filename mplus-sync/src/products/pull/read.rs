//! Reads products and articles from the POS, page by page.

use std::collections::HashMap;

use mplus_qapi::Client;
use mplus_qapi::preparation::{
    GetArticlesPreparationMethodGroups, GetArticlesPreparationMethodGroupsRequest,
};
use mplus_qapi::products::GetProducts;
use mplus_qapi::soap::{Operation, Outcome};

use super::know::{KnownGroups, offered_with_groups};
use super::rows::Rows;
use crate::model::{ConnectionId, ModifierSource, PosModifierGroup, Resource};
use crate::pos_call::{is_refused, is_unknown_operation, pos_advice};
use crate::products::markers::Markers;
use crate::report::Note;
use crate::run::{Changes, Run, StepError};
use crate::store::Store;

/// The operation that tells which article has which preparation method groups.
const LINKS: &str = GetArticlesPreparationMethodGroups::INFO.name;

/// One page of the POS.
pub(super) struct PulledPage {
    pub(super) rows: Rows,
    /// Its articles' preparation method groups, in their order.
    /// None where the POS does not tell.
    links: Option<HashMap<i64, Vec<PosModifierGroup>>>,
    /// Whether it is doubtful that they have none: the POS lists none of other articles, either, that had some.
    pub(super) doubts_links: bool,
    /// The highest marker in it.
    pub(super) last: i64,
}

impl PulledPage {
    /// An article's preparation method groups, in their order; none where the POS does not tell.
    pub(super) fn links_of(&self, article: i64) -> Option<&[PosModifierGroup]> {
        let links = self.links.as_ref()?;
        Some(links.get(&article).map(Vec::as_slice).unwrap_or_default())
    }
}

/// Reads pages. It holds nothing of the run, so that a page can be read while another one is stored.
pub(super) struct Pages<'a> {
    changes: Changes<'a, GetProducts>,
    client: &'a Client,
    /// Without groups there are no links.
    has_groups: bool,
    /// Whether the POS tells which article has which; whether it does not know the call for it, or refuses it.
    tells_links: bool,
    lacks_links: bool,
    refuses_links: bool,
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
            tells_links: !run.lacks(LINKS),
            lacks_links: false,
            refuses_links: false,
            doubtful: None,
            notes: Vec::new(),
            requests: 0,
        }
    }

    /// The next page; none after the last.
    pub(super) async fn next(&mut self) -> Result<Option<PulledPage>, StepError> {
        let Some(page) = self.changes.fetch().await? else { return Ok(None) };
        let rows = Rows::of(page.items, &page.unreadable);
        let links = self.links(&rows).await?;
        Ok(Some(PulledPage { rows, links, doubts_links: false, last: page.next_marker - 1 }))
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
        let lists_none = page.links.as_ref().is_some_and(|links| links.values().all(Vec::is_empty));
        if !lists_none || !self.has_groups || page.rows.article_count() == 0 {
            return Ok(());
        }
        let doubtful = match self.doubtful {
            Some(doubtful) => doubtful,
            None => {
                let others = offered_with_groups(store, connection, groups, &page.rows).await?;
                let is_any = !others.is_empty();
                let told = if is_any { self.links_of(others).await? } else { None };
                told.is_some_and(|told| told.values().all(Vec::is_empty))
            }
        };
        (self.doubtful, page.doubts_links) = (Some(doubtful), doubtful);
        self.refuses_links |= doubtful;
        Ok(())
    }

    /// The preparation method groups of a page's articles, in their order.
    async fn links(&mut self, rows: &Rows) -> Result<Option<HashMap<i64, Vec<PosModifierGroup>>>, StepError> {
        if rows.article_count() == 0 || !self.has_groups {
            return Ok(Some(HashMap::new()));
        }
        self.links_of(rows.articles().map(|(number, ..)| number).collect()).await
    }

    /// Those of some articles; none where the POS does not tell.
    async fn links_of(
        &mut self,
        article_numbers: Vec<i64>,
    ) -> Result<Option<HashMap<i64, Vec<PosModifierGroup>>>, StepError> {
        if !self.tells_links {
            return Ok(None);
        }
        let request = GetArticlesPreparationMethodGroupsRequest { article_numbers };
        let reply = self.client.call(GetArticlesPreparationMethodGroups { request }).reply().await;
        self.requests += u64::from(match &reply {
            Ok(reply) => reply.attempts,
            Err(error) => error.attempts(),
        });
        match &reply {
            Err(error) if is_unknown_operation(error) => {
                (self.tells_links, self.lacks_links) = (false, true);
                return Ok(None);
            }
            // Dishes come with the choices that they had.
            Err(error) if is_refused(error) => {
                (self.tells_links, self.refuses_links) = (false, true);
                let (resource, message) = (Resource::PREPARATION_METHOD_GROUPS, error.to_string());
                self.notes.push(Note::general(resource, &message, pos_advice(error)));
                return Ok(None);
            }
            _ => {}
        }
        let response = reply?.response.into_result().map_err(mplus_qapi::Error::from)?;
        let group = |number| PosModifierGroup { source: ModifierSource::PreparationMethod, number };
        let links = response.article_preparation_method_groups_list.into_iter().map(|links| {
            (links.article_number, links.preparation_method_group_numbers.into_iter().map(group).collect())
        });
        Ok(Some(links.collect()))
    }

    /// Whether the POS did not tell which article has which groups, or not so that it is believed.
    pub(super) fn links_refused(&self) -> bool {
        self.refuses_links
    }

    /// The operation that the POS turned out not to have.
    pub(super) fn lacking(&self) -> Option<&'static str> {
        self.lacks_links.then_some(LINKS)
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

    /// How many requests were made since this was asked last.
    pub(super) fn take_requests(&mut self) -> u64 {
        std::mem::take(&mut self.requests) + self.changes.take_requests()
    }
}
