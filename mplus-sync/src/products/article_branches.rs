//! What single branches tell of one article, as a value between reading it and merging it.

use crate::model::{LocationId, LocationPrice};

/// What a person should know of an article: what it is, and what to do.
pub(crate) type Remark = (String, &'static str);

/// What single branches tell of one article.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct ArticleBranches {
    /// Own prices, by location.
    pub(crate) prices: Vec<LocationPrice>,
    /// Locations where it cannot be ordered.
    pub(crate) not_sold_at: Vec<LocationId>,
    /// What a person should know.
    pub(crate) remarks: Vec<Remark>,
}
