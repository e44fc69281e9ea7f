//! How far a pull has come.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::BranchNumber;

/// How far the pull of one resource has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// What is pulled.
    pub resource: Resource,
    /// The highest marker whose change is stored.
    pub marker: Marker,
}

impl Checkpoint {
    /// A resource that is stored up to and with this marker.
    pub fn new(resource: Resource, marker: Marker) -> Self {
        Self { resource, marker }
    }
}

/// A sync marker of the POS: an opaque number that grows with every change of its resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Marker(i64);

impl Marker {
    /// Takes the marker as the POS wrote it.
    pub const fn new(marker: i64) -> Self {
        Self(marker)
    }

    /// The plain number, as the wire wants it.
    pub const fn get(self) -> i64 {
        self.0
    }
}

/// What is pulled with a marker of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Resource(Cow<'static, str>);

impl Resource {
    /// Products and their articles.
    pub const ARTICLES: Self = Self(Cow::Borrowed("articles"));
    /// Preparation method groups.
    pub const PREPARATION_METHOD_GROUPS: Self = Self(Cow::Borrowed("preparation_method_groups"));
    /// Article alterations groups.
    pub const ARTICLE_ALTERATIONS_GROUPS: Self = Self(Cow::Borrowed("article_alterations_groups"));
    /// Allergens and diets of articles.
    pub const ARTICLE_NUTRITION: Self = Self(Cow::Borrowed("article_nutrition"));
    /// Which articles have which choices. They come with their articles; the checkpoint is the marker of articles from which on
    /// that is still to be asked, below 0 when nothing is.
    pub const ARTICLE_LINKS: Self = Self(Cow::Borrowed("article_links"));
    /// Article groups.
    pub const ARTICLE_GROUPS: Self = Self(Cow::Borrowed("article_groups"));
    /// Products, as categories. They come with their articles and have no checkpoint.
    pub const CATEGORIES: Self = Self(Cow::Borrowed("categories"));
    /// Combos. They are pushed only and have no checkpoint.
    pub const COMBOS: Self = Self(Cow::Borrowed("combos"));
    /// Branches. They have no marker and are read by every run.
    pub const BRANCHES: Self = Self(Cow::Borrowed("branches"));
    /// Prices of single branches. The POS gives no marker; the checkpoint is a hash of what it listed.
    pub const BRANCH_PRICES: Self = Self(Cow::Borrowed("branch_prices"));
    /// Pictures. The POS gives no marker; the checkpoint says whether some are still to be downloaded.
    pub const IMAGES: Self = Self(Cow::Borrowed("images"));
    /// The whole menu. The checkpoint is the time at which all of it was read last, in seconds of the Unix epoch.
    pub const FULL_MENU: Self = Self(Cow::Borrowed("full_menu"));
    /// Tax rates. The POS gives no marker; the checkpoint is a hash of what its BTW codes mean.
    pub const TAX_RATES: Self = Self(Cow::Borrowed("tax_rates"));
    /// Whether articles were read while the POS did not tell what its BTW codes mean: 1 when so.
    pub const TAX_RATES_MISSED: Self = Self(Cow::Borrowed("tax_rates_missed"));
    /// The number of the article that was the last to change, and its marker then: it never goes back, unless the POS does.
    pub const LAST_CHANGED_ARTICLE: Self = Self(Cow::Borrowed("last_changed_article"));
    /// See [`LAST_CHANGED_ARTICLE`](Self::LAST_CHANGED_ARTICLE).
    pub const LAST_CHANGED_MARKER: Self = Self(Cow::Borrowed("last_changed_marker"));
    /// How many prices of branches were believed last.
    pub const BRANCH_PRICE_LINES: Self = Self(Cow::Borrowed("branch_price_lines"));
    /// Settings by which articles were read last: the sales channel.
    pub const SALES_CHANNEL: Self = Self(Cow::Borrowed("sales_channel"));
    /// Relations.
    pub const RELATIONS: Self = Self(Cow::Borrowed("relations"));

    /// A branch's stock, whose marker is `stockId`.
    pub fn stock(branch: BranchNumber) -> Self {
        Self(Cow::Owned(format!("stock-{branch}")))
    }

    /// A resource that this list does not name.
    pub fn named(name: impl Into<String>) -> Self {
        Self(Cow::Owned(name.into()))
    }

    /// The name under which the checkpoint is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
