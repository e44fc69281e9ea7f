//! Reads products and articles from the POS, page by page.

use std::collections::HashMap;

use mplus_qapi::Client;
use mplus_qapi::preparation::{
    GetArticlesPreparationMethodGroups, GetArticlesPreparationMethodGroupsRequest,
};
use mplus_qapi::products::GetProducts;
use mplus_qapi::soap::{Operation, Outcome};

use super::rows::Rows;
use crate::model::{ModifierSource, PosModifierGroup, Resource};
use crate::pos_call::is_unknown_operation;
use crate::products::markers::Markers;
use crate::report::Note;
use crate::run::{Changes, Run, StepError};

/// The operation that tells which article has which preparation method groups.
const LINKS: &str = GetArticlesPreparationMethodGroups::INFO.name;

/// One page of the POS.
pub(super) struct PulledPage {
    pub(super) rows: Rows,
    /// Its articles' preparation method groups, in their order.
    /// None where the POS does not tell.
    links: Option<HashMap<i64, Vec<PosModifierGroup>>>,
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
    /// Whether the POS tells which article has which.
    tells_links: bool,
    requests: u64,
}

impl<'a> Pages<'a> {
    pub(super) fn new(run: &Run<'a>, markers: &Markers, since: i64) -> Self {
        Self {
            changes: Changes::new(run, GetProducts::default(), Resource::ARTICLES, since, markers.articles),
            client: run.client(),
            has_groups: markers.preparation != Some(0),
            tells_links: !run.lacks(LINKS),
            requests: 0,
        }
    }

    /// The next page; none after the last.
    pub(super) async fn next(&mut self) -> Result<Option<PulledPage>, StepError> {
        let Some(page) = self.changes.fetch().await? else { return Ok(None) };
        let rows = Rows::of(page.items, &page.unreadable);
        let links = self.links(&rows).await?;
        Ok(Some(PulledPage { rows, links, last: page.next_marker - 1 }))
    }

    /// The preparation method groups of a page's articles, in their order.
    async fn links(&mut self, rows: &Rows) -> Result<Option<HashMap<i64, Vec<PosModifierGroup>>>, StepError> {
        if rows.article_count() == 0 || !self.has_groups {
            return Ok(Some(HashMap::new()));
        }
        if !self.tells_links {
            return Ok(None);
        }
        let article_numbers = rows.articles().map(|(number, ..)| number).collect();
        let request = GetArticlesPreparationMethodGroupsRequest { article_numbers };
        let reply = self.client.call(GetArticlesPreparationMethodGroups { request }).reply().await;
        self.requests += u64::from(match &reply {
            Ok(reply) => reply.attempts,
            Err(error) => error.attempts(),
        });
        if reply.as_ref().is_err_and(is_unknown_operation) {
            self.tells_links = false;
            return Ok(None);
        }
        let response = reply?.response.into_result().map_err(mplus_qapi::Error::from)?;
        let group = |number| PosModifierGroup { source: ModifierSource::PreparationMethod, number };
        let links = response.article_preparation_method_groups_list.into_iter().map(|links| {
            (links.article_number, links.preparation_method_group_numbers.into_iter().map(group).collect())
        });
        Ok(Some(links.collect()))
    }

    /// The operation that the POS turned out not to have.
    pub(super) fn lacking(&self) -> Option<&'static str> {
        (!self.tells_links).then_some(LINKS)
    }

    /// Whether every page could be read.
    pub(super) fn is_complete(&self) -> bool {
        self.changes.is_complete()
    }

    /// What could not be read since this was asked last.
    pub(super) fn take_notes(&mut self) -> Vec<Note> {
        self.changes.take_notes()
    }

    /// How many requests were made since this was asked last.
    pub(super) fn take_requests(&mut self) -> u64 {
        std::mem::take(&mut self.requests) + self.changes.take_requests()
    }
}
