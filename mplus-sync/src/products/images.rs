//! Downloads the pictures of items: new ones and changed ones, each once.
//!
//! A picture is told by the POS's hash. What could not be downloaded keeps its place in the item without an address,
//! and the images' checkpoint says that there is something to make good: a later run finds it again. A picture that
//! will not do is marked as refused instead, so that it is not downloaded over and over.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use mplus_qapi::media::{GetImages, GetImagesRequest};
use mplus_qapi::products::GetProductsRequest;
use mplus_qapi::soap::{DecodeProblem, Operation};
use mplus_qapi::{Client, ErrorKind};

use super::ask::Asking;
use crate::media::{Image, ImageError, MediaError, MediaStore};
use crate::model::{Checkpoint, Item, ItemId, ItemImage, Marker, Resource, Tracked};
use crate::pos_call::is_unknown_operation;
use crate::report::{Note, Subject};
use crate::run::{DECISIONS, Run, StepError};
use crate::runtime::Runtime;
use crate::store::{CatalogChunk, Page, Select};

/// How often a media store that is busy is asked again.
const REPEATS: u32 = 3;
/// Addresses that a run remembers, so that a picture of many items is downloaded once.
const REMEMBERED: usize = 10_000;

/// A picture that is to be downloaded.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    item: ItemId,
    name: String,
    hash: String,
    image_id: i64,
}

impl Wanted {
    pub(crate) fn new(item: &Item, image: &ItemImage, image_id: i64) -> Self {
        Self { item: item.id.clone(), name: item.name.clone(), hash: image.hash.clone(), image_id }
    }
}

/// Where pictures of this run are served, by the POS's hash: one of many items is downloaded once.
#[derive(Debug, Default)]
pub(crate) struct Pictures(HashMap<String, String>);

/// What became of a picture.
enum Fate {
    /// It is served at this address.
    Served(String),
    /// It will not do, for this reason.
    Refused(String),
}

/// That pictures are still to be downloaded.
pub(super) fn pending() -> Checkpoint {
    Checkpoint::new(Resource::IMAGES, Marker::new(1))
}

/// Makes good what this run or an earlier one left open.
pub(super) async fn pull(run: &mut Run<'_>, mut pictures: Pictures) -> Result<(), StepError> {
    let open = run.checkpoint(&Resource::IMAGES) == Some(1);
    if run.lacks(GetImages::INFO.name)
        || run.merchant().media().is_none()
        || !(open || run.is_full())
        || run.options.dry_run
    {
        return Ok(());
    }
    let limit = usize::from(run.limits().chunk.max(1));
    // A full run tries the refused ones again: the rules may be others now.
    let lacks = |item: &Tracked<Item>, full: bool| {
        item.record.images.iter().any(|image| image.is_wanted() || (full && image.media.is_none()))
    };
    let mut page = Page::first(limit);
    let mut left = false;
    loop {
        let items = run.store().items(run.connection(), Select::Page(page)).await?;
        let last = (items.len() == limit).then(|| items.last().map(|item| item.record.id.clone())).flatten();
        let lacking: BTreeMap<i64, Tracked<Item>> = items
            .into_iter()
            .filter(|item| lacks(item, run.is_full()))
            .filter_map(|item| Some((item.external_ids.mpluskassa?.get(), item)))
            .collect();
        if !lacking.is_empty() {
            let wanted = find(run, &lacking).await?;
            download(run, wanted, &mut pictures).await?;
            let ids = lacking.values().map(|item| item.record.id.clone()).collect();
            let items = run.store().items(run.connection(), Select::Ids(ids)).await?;
            left |= items.iter().any(|item| lacks(item, false));
        }
        match last {
            Some(last) => page = Page::after(last, limit),
            None => break,
        }
    }
    if open && !left {
        run.keep_checkpoint(Resource::IMAGES, 0).await?;
    }
    Ok(())
}

/// Asks the POS under which numbers it keeps the pictures of these articles.
async fn find(run: &mut Run<'_>, items: &BTreeMap<i64, Tracked<Item>>) -> Result<Vec<Wanted>, StepError> {
    let request =
        GetProductsRequest { article_numbers: items.keys().copied().collect(), ..Default::default() };
    let mut asking = Asking::of(run, request);
    let mut articles = Vec::new();
    while let Some(asked) = asking.next().await? {
        articles.extend(asked.apart().0.article_list);
    }
    let wanted = articles.iter().flat_map(|article| {
        let item = article.article_number.and_then(|number| items.get(&number));
        let lacking = item.into_iter().flat_map(|item| {
            let images = item.record.images.iter().filter(|image| image.media.is_none());
            images.map(move |image| (&item.record, image))
        });
        lacking.filter_map(|(item, image)| {
            let told = article.image_list.iter().find(|told| told.image_hash == image.hash)?;
            Some(Wanted::new(item, image, told.image_id))
        })
    });
    Ok(wanted.collect())
}

/// A picture that was not taken over.
struct Failure {
    message: String,
    advice: &'static str,
    /// Whether it stays so until the picture is another one.
    lasting: bool,
    /// Why nothing may be asked of the POS any more, for this picture or another one.
    held: Option<mplus_qapi::Error>,
    /// Whether the POS tells no pictures at all.
    lacking: bool,
}

impl Failure {
    fn new(message: String, advice: &'static str, lasting: bool) -> Self {
        Self { message, advice, lasting, held: None, lacking: false }
    }
}

impl From<mplus_qapi::Error> for Failure {
    fn from(error: mplus_qapi::Error) -> Self {
        match error.kind() {
            ErrorKind::Response(answer) if matches!(answer.problem(), DecodeProblem::TooLarge { .. }) => {
                Self::new("it is too large".to_owned(), REPLACE, true)
            }
            _ => {
                let held = error.is_held();
                let failure = Self::new(error.to_string(), AGAIN, false);
                let lacking = is_unknown_operation(&error);
                Self { held: held.then_some(error), lacking, ..failure }
            }
        }
    }
}

impl From<ImageError> for Failure {
    fn from(error: ImageError) -> Self {
        Self::new(error.to_string(), REPLACE, true)
    }
}

impl From<MediaError> for Failure {
    fn from(error: MediaError) -> Self {
        let lasting = matches!(error, MediaError::Refused { .. });
        let advice = if lasting { REPLACE } else { AGAIN };
        Self::new(error.to_string(), advice, lasting)
    }
}

const REPLACE: &str = "Replace the picture in the POS; the next sync takes the new one";
const AGAIN: &str = "The next sync tries again";

/// Downloads pictures and keeps where they are served. One that fails is named and never stops the others.
pub(super) async fn download(
    run: &mut Run<'_>,
    wanted: Vec<Wanted>,
    pictures: &mut Pictures,
) -> Result<(), StepError> {
    let Some(media) = run.merchant().media() else { return Ok(()) };
    if wanted.is_empty() || run.options.dry_run || run.lacks(GetImages::INFO.name) {
        return Ok(());
    }
    let mut known: HashMap<String, Fate> = HashMap::new();
    let mut missing: BTreeMap<&str, &Wanted> = BTreeMap::new();
    for image in &wanted {
        match pictures.0.get(&image.hash) {
            Some(url) => drop(known.insert(image.hash.clone(), Fate::Served(url.clone()))),
            None => drop(missing.insert(&image.hash, image)),
        }
    }
    let (client, runtime, rules) = (run.client(), run.runtime(), &run.limits().images);
    // Collected: a closure that is still to be called with a borrowed picture makes a future that is not `Send`.
    let downloads: Vec<_> = missing
        .into_values()
        .map(|image| async move {
            let mut requests = 0;
            let url = async {
                let bytes = fetch(client, image.image_id, &mut requests).await?;
                put(media, runtime, &Image::check(bytes, rules)?).await
            };
            let url = url.await;
            (image, requests, url)
        })
        .collect();
    let mut downloads = stream::iter(downloads).buffer_unordered(run.limits().parallel_images.max(1));
    let mut failed = Vec::new();
    let (mut requests, mut fetched, mut over, mut lacks) = (0, 0, None, false);
    while let Some((image, sent, url)) = downloads.next().await {
        requests += u64::from(sent);
        match url {
            Ok(url) => {
                fetched += 1;
                known.insert(image.hash.clone(), Fate::Served(url));
            }
            Err(Failure { held: Some(error), .. }) => over = Some(error),
            Err(Failure { lacking: true, .. }) => lacks = true,
            Err(Failure { message, advice, lasting, .. }) => {
                let subject = Subject::new(&image.name, &image.item);
                let told = format!("picture not taken over: {message}");
                failed.push(Note::about(Resource::IMAGES, subject, &told, advice));
                if lasting {
                    known.insert(image.hash.clone(), Fate::Refused(message));
                }
            }
        }
    }
    drop(downloads);
    if lacks {
        run.learn_lacking(GetImages::INFO.name).await;
    }
    run.report.requests += requests;
    run.report.count(&Resource::IMAGES).pulled += fetched;
    failed.into_iter().for_each(|note| run.report.skip(note));
    if pictures.0.len() + known.len() <= REMEMBERED {
        pictures.0.extend(known.iter().filter_map(|(hash, fate)| match fate {
            Fate::Served(url) => Some((hash.clone(), url.clone())),
            Fate::Refused(_) => None,
        }));
    }
    if let Some(error) = over {
        return Err(error.into());
    }
    link(run, &wanted, &known).await
}

/// A picture's bytes. Counts the requests that it took.
async fn fetch(client: &Client, image_id: i64, requests: &mut u32) -> Result<Bytes, Failure> {
    let request =
        GetImagesRequest { image_ids: vec![image_id], include_image_data: true, include_thumb_data: false };
    let reply = client.call(GetImages { request: Some(request) }).reply().await;
    *requests += match &reply {
        Ok(reply) => reply.attempts,
        Err(error) => error.attempts(),
    };
    let told = reply?.response.image_list.into_iter().find(|told| told.image_id == image_id);
    let bytes = told.map(|told| told.image_data.0).filter(|bytes| !bytes.is_empty());
    bytes.map(Bytes::from).ok_or_else(|| {
        let advice = "Add the picture again in the POS; a full sync takes it along";
        Failure::new("the POS does not have the picture any more".to_owned(), advice, true)
    })
}

/// Writes down where the pictures are served, or why they are not.
async fn link(run: &mut Run<'_>, wanted: &[Wanted], known: &HashMap<String, Fate>) -> Result<(), StepError> {
    for _ in 0..DECISIONS {
        let mut ids: Vec<_> = wanted
            .iter()
            .filter(|image| known.contains_key(&image.hash))
            .map(|image| image.item.clone())
            .collect();
        ids.sort();
        ids.dedup();
        if ids.is_empty() {
            return Ok(());
        }
        let mut items = run.store().items(run.connection(), Select::Ids(ids)).await?;
        items.retain_mut(|item| {
            let before = item.record.images.clone();
            for image in item.record.images.iter_mut().filter(|image| image.media.is_none()) {
                match known.get(&image.hash) {
                    Some(Fate::Served(url)) => (image.media, image.refused) = (Some(url.clone()), None),
                    Some(Fate::Refused(why)) => image.refused = Some(why.clone()),
                    None => {}
                }
            }
            item.record.images != before
        });
        if run.apply(CatalogChunk { items, ..CatalogChunk::default() }).await? {
            return Ok(());
        }
    }
    Ok(())
}

/// Stores a picture, and waits where the store asks for it.
async fn put(media: &dyn MediaStore, runtime: &dyn Runtime, image: &Image) -> Result<String, Failure> {
    let mut attempt = 0;
    loop {
        match media.put(image).await {
            Ok(stored) => return Ok(stored.url),
            Err(error) if error.is_transient() && attempt < REPEATS => {
                attempt += 1;
                runtime.sleep(Duration::from_millis(250 << attempt)).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}
