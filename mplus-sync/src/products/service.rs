//! Products and pictures as services of a merchant.

use std::sync::Arc;

use super::{ARTICLES, BRANCH_PRICES, Basis, IMAGES, KNOWN_ITEMS, MARKERS, PUSH, Pictures, ToPush};
use crate::merchant::Merchant;
use crate::model::Resource;
use crate::report::{Note, RunReport};
use crate::run::{Run, RunOptions, StepError, carry_out};

/// Products and articles of one merchant.
#[derive(Debug, Clone)]
pub struct Products(Merchant);

impl Products {
    /// The service of this merchant.
    pub fn new(merchant: &Merchant) -> Self {
        Self(merchant.clone())
    }

    /// Pulls products, articles and branch prices, and nothing else.
    pub async fn pull(&self, options: &RunOptions) -> RunReport {
        carry_out(&self.0, "products", options, |run| Box::pin(async move { pull(run).await.map(drop) }))
            .await
    }

    /// Pushes the host's edits of categories, items and branch prices. What the POS changed meanwhile is pulled first,
    /// so that a conflict is settled before anything is sent.
    pub async fn push(&self, options: &RunOptions) -> RunReport {
        carry_out(&self.0, "products", options, |run| Box::pin(push(run))).await
    }
}

/// What is said of a run that did not read all articles.
pub(crate) fn not_all_read() -> Note {
    let message = "not all articles were read: what comes after them was left out";
    Note::general(Resource::ARTICLES, message, "Nothing to do: the next sync goes on from here")
}

/// Pulls, and says what a push needs to know; nothing when that is not known.
pub(crate) async fn pull(run: &mut Run<'_>) -> Result<Option<ToPush>, StepError> {
    let markers = run.require(MARKERS, ()).await?;
    let branch_prices = run.step(BRANCH_PRICES, ()).await?;
    let mut settled = false;
    if let Some(prices) = &branch_prices {
        settled = run.step(KNOWN_ITEMS, Arc::clone(prices)).await?.is_some();
    }
    let pulled = run.step(ARTICLES, Basis { markers, branch_prices: branch_prices.clone() }).await?;
    if pulled.is_none() {
        run.break_off(not_all_read());
    }
    let known = branch_prices.filter(|_| settled).zip(pulled);
    Ok(known.map(|(branch_prices, pulled)| ToPush {
        branch_prices,
        tax: pulled.tax,
        settled: pulled.settled,
    }))
}

async fn push(run: &mut Run<'_>) -> Result<(), StepError> {
    // What the host edited is only pushed once it is known what the POS changed.
    if let Some(given) = pull(run).await? {
        run.step(PUSH, given).await?;
    }
    Ok(())
}

/// Pictures of one merchant's articles.
#[derive(Debug, Clone)]
pub struct Media(Merchant);

impl Media {
    /// The service of this merchant.
    pub fn new(merchant: &Merchant) -> Self {
        Self(merchant.clone())
    }

    /// Downloads the pictures that earlier runs left out; in a full run every picture that is not served yet.
    pub async fn download(&self, options: &RunOptions) -> RunReport {
        carry_out(&self.0, "media", options, |run| {
            Box::pin(async move { run.step(IMAGES, Pictures::default()).await.map(drop) })
        })
        .await
    }
}
