//! Pictures.

use std::collections::BTreeMap;

use crate::{
    media::*,
    testkit::{
        domain::operations::{Answer, Items, Operations},
        images,
        state::State,
    },
    types::{CardType, Image, LoadFileResult},
    value::Binary,
};

pub(super) fn register(operations: &mut Operations) {
    operations.list(get_images);
    operations.on(create_image);
}

/// The asked for pictures, or all.
fn get_images(state: &mut State, GetImages { request }: GetImages) -> Answer<Items<GetImages>> {
    let request = request.unwrap_or_default();
    let mut ids = request.image_ids;
    if ids.is_empty() {
        ids = (1..=images::COUNT).chain(state.media.uploads.keys().copied()).collect();
    }
    let (data, thumb) = (request.include_image_data, request.include_thumb_data);
    let uploads: BTreeMap<i64, Image> =
        ids.iter().filter_map(|id| Some((*id, state.media.uploads.get(id)?.clone()))).collect();
    Ok(Box::new(ids.into_iter().filter_map(move |id| match uploads.get(&id) {
        Some(upload) => {
            let mut image = upload.clone();
            for (wanted, bytes, result) in [
                (data, &mut image.image_data, &mut image.image_data_result),
                (thumb, &mut image.thumb_data, &mut image.thumb_data_result),
            ] {
                if !wanted {
                    (*bytes, *result) = (Binary::default(), LoadFileResult::NotRequested);
                }
            }
            Some(image)
        }
        None => (1..=images::COUNT).contains(&id).then(|| images::image_with_data(id, data, thumb)),
    })))
}

/// PNG and JPEG up to 5 MiB.
fn create_image(state: &mut State, CreateImage { request }: CreateImage) -> Answer<CreateImageResponse> {
    let bytes = request.image_data.as_ref().to_vec();
    let kind = match &bytes[..] {
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        _ => None,
    };
    let refusal = match kind {
        None => Some((CreateImageResult::NotSupported, "Only PNG and JPEG are kept.")),
        Some(kind) if kind != request.mime_type => {
            Some((CreateImageResult::NotSupported, "The file is not of this type."))
        }
        Some(_) if bytes.len() > 5 << 20 => Some((CreateImageResult::TooLarge, "5 MiB is the most.")),
        Some(_) => None,
    };
    if let Some((result, message)) = refusal {
        let error_msg = Some(message.to_owned());
        return Ok(CreateImageResponse { result, error_msg, ..CreateImageResponse::default() });
    }
    let image_id = 1001 + state.media.uploads.len() as i64;
    let image = Image {
        image_id,
        image_name: request.image_name,
        image_hash: images::hash(&bytes),
        image_url: format!("https://pos.invalid/images/{image_id}"),
        thumb_hash: images::hash(&bytes),
        thumb_data: bytes.clone().into(),
        thumb_data_result: LoadFileResult::Ok,
        image_data: bytes.into(),
        image_data_result: LoadFileResult::Ok,
        created_timestamp: state.clock.stamp(),
        changed_timestamp: state.clock.stamp(),
        ..Image::default()
    };
    let link = request.card_link.filter(|link| link.card_type == CardType::Product);
    for product in link.into_iter().flat_map(|link| link.card_numbers) {
        let articles = state.catalogue.product(product).map(|product| product.article_list.clone());
        for article in articles.into_iter().flatten().filter_map(|article| article.article_number) {
            let shown = Image {
                image_data: Binary::default(),
                thumb_data: Binary::default(),
                image_data_result: LoadFileResult::NotRequested,
                thumb_data_result: LoadFileResult::NotRequested,
                ..image.clone()
            };
            state.catalogue_mut().change_article(article, |article| article.image_list.push(shown));
        }
    }
    let (image_hash, image_url) = (image.image_hash.clone(), image.image_url.clone());
    state.media.uploads.insert(image_id, image);
    Ok(CreateImageResponse {
        result: CreateImageResult::Ok,
        image_id,
        image_hash,
        image_url,
        error_msg: None,
    })
}
