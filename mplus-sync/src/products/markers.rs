//! How far each resource is at the POS: what did not change costs no request.

use mplus_qapi::system::{GetCurrentSyncMarkers, GetCurrentSyncMarkersV2, GetCurrentSyncMarkersV2Request};

use crate::pos_call::is_refused;
use crate::run::{Run, StepError};

/// The highest sync markers at the POS; none where it does not say.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Markers {
    pub(crate) articles: Option<i64>,
    pub(crate) preparation: Option<i64>,
    pub(crate) alterations: Option<i64>,
    pub(crate) nutrition: Option<i64>,
}

/// Asks the POS for them.
pub(super) async fn read(run: &mut Run<'_>) -> Result<Markers, StepError> {
    let request = GetCurrentSyncMarkersV2Request {
        include_article_sync_marker: Some(true),
        include_preparation_method_group_sync_marker: Some(true),
        include_article_alterations_groups_sync_marker: Some(true),
        include_article_nutritional_characteristics_sync_marker: Some(true),
        ..GetCurrentSyncMarkersV2Request::default()
    };
    match run.call(GetCurrentSyncMarkersV2 { request }).await {
        Ok(markers) => Ok(Markers {
            articles: markers.article_sync_marker,
            preparation: markers.preparation_method_group_sync_marker,
            alterations: markers.article_alterations_groups_sync_marker,
            nutrition: markers.article_nutritional_characteristics_sync_marker,
        }),
        // An older POS does not know the call, and may not say it of each.
        Err(error) if is_refused(&error) => {
            match run.call(GetCurrentSyncMarkers::default()).await {
                Ok(markers) => {
                    Ok(Markers { articles: Some(markers.article_sync_marker), ..Markers::default() })
                }
                // Then every run asks for what changed.
                Err(error) if is_refused(&error) => Ok(Markers::default()),
                Err(error) => Err(error.into()),
            }
        }
        Err(error) => Err(error.into()),
    }
}
