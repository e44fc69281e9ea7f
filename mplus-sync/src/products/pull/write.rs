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
    run.apply(chunk).await
}
