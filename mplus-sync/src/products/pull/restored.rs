//! Whether the POS was put back to an earlier state.
//!
//! After a backup was restored, markers count up again and soon pass what the host knows: changes in between would never be
//! read, and what was undone would stay. So the article that was the last to change is looked at before a run goes on from it:
//! its own marker never goes back.

use mplus_qapi::products::GetProductsRequest;

use super::rows::Rows;
use crate::model::{Checkpoint, Marker, Resource};
use crate::products::ask::{Asked, Asking};
use crate::run::{Run, StepError};
use crate::store::CatalogChunk;

/// The article that was the last to change, as far as it was read.
#[derive(Clone, Copy, Default)]
pub(super) struct LastChanged(Option<(i64, i64)>);

impl LastChanged {
    /// Writes down which of a page's articles changed last.
    pub(super) fn note(&mut self, rows: &Rows) {
        let told = rows.articles().filter_map(|(number, article, _)| Some((article.sync_marker?, number)));
        self.0 = self.0.max(told.max());
    }

    /// Keeps it for the next run. One that read nothing new keeps what is known.
    pub(super) async fn keep(self, run: &mut Run<'_>) -> Result<(), StepError> {
        let Some((marker, number)) = self.0 else { return Ok(()) };
        let kept = [(Resource::LAST_CHANGED_ARTICLE, number), (Resource::LAST_CHANGED_MARKER, marker)];
        if kept.iter().all(|(resource, value)| run.checkpoint(resource) == Some(*value)) {
            return Ok(());
        }
        let checkpoints = kept.map(|(resource, value)| Checkpoint::new(resource, Marker::new(value))).into();
        run.apply(CatalogChunk { checkpoints, ..CatalogChunk::default() }).await.map(drop)
    }
}

/// Whether the article that changed last has an earlier marker by now, or is gone. Of a POS that cannot be asked nothing is
/// known.
pub(super) async fn is_restored(run: &mut Run<'_>) -> Result<bool, StepError> {
    let known =
        run.checkpoint(&Resource::LAST_CHANGED_ARTICLE).zip(run.checkpoint(&Resource::LAST_CHANGED_MARKER));
    let Some((number, marker)) = known else { return Ok(false) };
    let request = GetProductsRequest { article_numbers: vec![number], ..GetProductsRequest::default() };
    let mut products = Asking::of(run, request);
    loop {
        let Asked { product, .. } = match products.next().await {
            Ok(Some(asked)) => asked,
            Ok(None) => return Ok(true),
            Err(error) if error.is_authentication() || error.is_connect() || error.is_held() => {
                return Err(error.into());
            }
            Err(_) => return Ok(false),
        };
        if let Some(article) =
            product.article_list.iter().find(|article| article.article_number == Some(number))
        {
            return Ok(article.sync_marker.is_some_and(|now| now < marker));
        }
    }
}
