//! `mplus products`: what changed on the menu of the POS.

use std::io::IsTerminal as _;

use clap::Args;
use futures_util::TryStreamExt as _;
use indicatif::{ProgressBar, ProgressDrawTarget};
use mplus_qapi::products::{Article, GetProductsRequest, Product};
use mplus_qapi::soap::Repeat;
use serde_json::json;

use crate::failure::Failure;
use crate::output;
use crate::service::{Service, address};

/// List products and articles that changed since a sync marker.
///
/// The marker to go on from is told at the end. Prices are euros with VAT. What was deleted is there as inactive.
#[derive(Args)]
#[command(after_help = "\
Examples:
  mplus products                        the whole menu
  mplus products --since 1834           what changed since the last time
  mplus products --json | jq .next_marker")]
pub(crate) struct Products {
    /// The sync marker to begin at; 0 is the whole menu.
    #[arg(long, visible_alias = "sync-marker", value_name = "MARKER", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..))]
    since: i64,
    /// How many the POS is asked for at a time.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(i32).range(1..=10_000))]
    page: i32,
    /// Leave out what is inactive.
    #[arg(long)]
    active: bool,
    /// Products as the POS tells them, with next_marker, as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    service: Service,
}

impl Products {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let client = self.service.client()?;
        let bar = progress();
        let mut pages =
            client.get_products(GetProductsRequest::default()).changes_since(self.since, self.page);
        let (mut products, mut next_marker) = (Vec::new(), self.since);
        let failed = |error| Failure::call(address(&client), Repeat::Read, &error);
        while let Some(page) = pages.try_next().await.map_err(failed)? {
            next_marker = page.next_marker;
            products.extend(page.items);
            bar.set_position(products.len() as u64);
        }
        bar.finish_and_clear();
        if self.active {
            products.retain_mut(keep_active);
        }
        if self.json {
            return output::json(&json!({ "next_marker": next_marker, "products": products }));
        }
        output::table(
            &["#product", "name", "#article", "article name", "#price", "active"],
            products.iter().flat_map(rows),
        )?;
        eprintln!("{} products; next time: --since {next_marker}", products.len());
        Ok(())
    }
}

/// A counter on standard error, where somebody watches.
fn progress() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    if let Ok(style) = indicatif::ProgressStyle::with_template("{spinner} {pos} products, {elapsed}") {
        bar.set_style(style);
    }
    bar
}

/// Leaves the inactive articles out; `false` when nothing is left.
fn keep_active(product: &mut Product) -> bool {
    let mut articles: Vec<Article> = product.article_list.iter().cloned().collect();
    articles.retain(|article| article.active != Some(false));
    product.article_list = articles.into();
    !product.article_list.is_empty()
}

/// A row for each article; one for a product without.
fn rows(product: &Product) -> Vec<Vec<String>> {
    let number = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
    let head = || vec![number(product.product_number), product.description.clone().unwrap_or_default()];
    let row = |article: &Article| {
        let active = match article.active {
            Some(true) => "yes",
            Some(false) => "no",
            None => "",
        };
        let price = article.price_incl.map(output::euros).unwrap_or_default();
        let name = article.description.clone().unwrap_or_default();
        [head(), vec![number(article.article_number), name, price, active.to_owned()]].concat()
    };
    match product.article_list.is_empty() {
        true => vec![[head(), vec![String::new(); 4]].concat()],
        false => product.article_list.iter().map(row).collect(),
    }
}
