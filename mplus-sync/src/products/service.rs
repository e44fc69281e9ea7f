//! Products and pictures as services of an integration.

use crate::integration::Integration;
use crate::report::RunReport;
use crate::sync::{RunOptions, Step, run};

/// Products and articles of one merchant.
#[derive(Debug, Clone, Copy)]
pub struct Products<'a>(&'a Integration);

impl<'a> Products<'a> {
    pub(crate) fn new(integration: &'a Integration) -> Self {
        Self(integration)
    }

    /// Pulls products, articles and branch prices, and nothing else.
    pub async fn pull(&self, options: &RunOptions) -> RunReport {
        run(self.0, "products", &[Step::BranchPrices, Step::Articles], options).await
    }

    /// Pushes the host's edits of categories, items and branch prices. What the POS changed meanwhile is pulled first,
    /// so that a conflict is settled before anything is sent.
    pub async fn push(&self, options: &RunOptions) -> RunReport {
        run(self.0, "products", &[Step::BranchPrices, Step::Articles, Step::PushItems], options).await
    }
}

/// Pictures of one merchant's articles.
#[derive(Debug, Clone, Copy)]
pub struct Media<'a>(&'a Integration);

impl<'a> Media<'a> {
    pub(crate) fn new(integration: &'a Integration) -> Self {
        Self(integration)
    }

    /// Downloads the pictures that earlier runs left out; in a full run every picture that is not served yet.
    pub async fn download(&self, options: &RunOptions) -> RunReport {
        run(self.0, "media", &[Step::Images], options).await
    }
}
