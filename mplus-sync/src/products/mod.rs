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
//! | allergens and diets, course, pictures, modifier groups, further barcodes, whether stock is kept | pull only |
//! | position, nutrients | the host's own |
//!
//! A category is made at the POS with its first item: the POS knows no product without an article, and by the article's
//! `extArticleId` a product is found again of which the answer was lost.

mod branch_prices;
mod from_pos;
mod gone;
mod images;
mod known;
mod merge;
mod page;
mod pull;
mod push;
mod rows;
pub(crate) mod send;
mod service;
mod to_pos;

pub(crate) use branch_prices::{BranchPrices, pull as pull_branch_prices};
pub use from_pos::{
    ArticleProblem, Incoming, IncomingItem, article_to_item, nutrition_to_characteristics,
    product_to_category,
};
pub(crate) use images::pull as pull_images;
pub(crate) use pull::pull;
pub(crate) use push::{push, refused};
pub use service::{Media, Products};
pub(crate) use to_pos::whole_cents;
pub use to_pos::{ItemProblem, category_to_product, item_to_article, location_price_to_deviation};

#[cfg(test)]
mod tests;
