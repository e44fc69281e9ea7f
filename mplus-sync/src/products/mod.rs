//! Products and articles, pulled as categories and items and pushed back.
//!
//! The mapping is pure and public: [`product_to_category`], [`article_to_item`], [`category_to_product`],
//! [`item_to_article`]. What becomes of a record that both sides changed is decided by [`conflict`](crate::conflict).
//!
//! What travels which way:
//!
//! | field | direction |
//! |---|---|
//! | name, description, price, tax rate, turnover group, size and colour, PLU, main barcode, age, active | both |
//! | price of a branch | both, by calls of their own |
//! | allergens and diets, course, pictures, parts, linked articles, modifier groups, further barcodes, BTW codes, whether stock is kept, where it is not sold, a category's position | pull only: an edit waits, and a person is asked |
//! | an item's position, nutrients, whether it is hidden | the host's own |
//!
//! A category is made at the POS with its first item: the POS knows no product without an article, and by the article's
//! `extArticleId` a product is found again of which the answer was lost.

mod article_branches;
mod ask;
mod branch_prices;
mod combo_article;
mod from_pos;
mod images;
mod markers;
mod merge;
mod pull;
pub(crate) mod push;
mod service;
mod steps;
mod to_pos;
mod vat;

pub(crate) use ask::Asking;
pub use from_pos::{
    ArticleProblem, Incoming, IncomingItem, article_to_item, nutrition_to_characteristics,
    product_to_category,
};
pub(crate) use images::Pictures;
pub(crate) use markers::Markers;
pub(crate) use merge::keep_edited;
pub(crate) use pull::Basis;
pub(crate) use push::ToPush;
pub use service::{Media, Products};
pub(crate) use service::{not_all_read, pull};
pub(crate) use steps::{ARTICLES, BRANCH_PRICES, IMAGES, KNOWN_ITEMS, MARKERS, PUSH};
pub(crate) use to_pos::whole_cents;
pub use to_pos::{ItemProblem, category_to_product, item_to_article, location_price_to_deviation};
pub(crate) use vat::{CheckedTax, vat_group};

#[cfg(test)]
mod tests;
