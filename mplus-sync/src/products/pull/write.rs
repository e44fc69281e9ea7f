//! Stores what was decided of a page, with how far it came.

use crate::model::{Checkpoint, Marker, Resource};
use crate::products::images;
use crate::run::{Run, StepError};
use crate::store::CatalogChunk;

/// What is known once a page is stored, besides that it was read.
pub(super) struct Settles {
    /// Pictures are to be downloaded.
    pub(super) pictures: bool,
    /// Allergens are known as of this marker.
    pub(super) nutrition: Option<i64>,
    /// From which marker on it is still to be asked which choices articles have.
    pub(super) links_from: Option<i64>,
}

/// Stores a page. False when one of its records has moved on since it was decided.
pub(super) async fn write(
    run: &mut Run<'_>,
    mut chunk: CatalogChunk,
    settles: &Settles,
) -> Result<bool, StepError> {
    if settles.pictures && run.merchant().media().is_some() {
        chunk.checkpoints.push(images::pending());
    }
    let known = run.checkpoint(&Resource::ARTICLE_NUTRITION);
    if let Some(marker) = settles.nutrition.filter(|marker| known != Some(*marker)) {
        chunk.checkpoints.push(Checkpoint::new(Resource::ARTICLE_NUTRITION, Marker::new(marker)));
    }
    // An earlier page, or run, may lack them from further back.
    let known = run.checkpoint(&Resource::ARTICLE_LINKS).filter(|known| *known >= 0);
    if let Some(from) = settles.links_from.filter(|from| known.is_none_or(|known| *from < known)) {
        chunk.checkpoints.push(Checkpoint::new(Resource::ARTICLE_LINKS, Marker::new(from)));
    }
    run.apply(chunk).await
}
