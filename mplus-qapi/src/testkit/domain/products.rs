//! Products with their articles.

use std::sync::Arc;

use crate::{
    products::*,
    testkit::{
        catalogue::{vat_percentage, without_vat},
        dialect::{DeletedArticle, MovedArticle, NewNumbers, ProductUpdate, SideElements},
        domain::{
            operations::{Answer, Operations},
            product_list,
        },
        state::State,
    },
    value::Decimal,
};

pub(super) fn register(operations: &mut Operations) {
    operations.list(product_list::get_products);
    operations.on(create_product);
    operations.on(update_product);
}

fn create_product(
    state: &mut State,
    CreateProduct { mut product }: CreateProduct,
) -> Answer<CreateProductResponse> {
    let failed = |result, message: String| {
        Ok(CreateProductResponse { result, error_message: message, ..CreateProductResponse::default() })
    };
    let taken = product.product_number.filter(|number| state.catalogue.product(*number).is_some());
    if let Some(number) = taken {
        return failed(
            CreateProductResult::FailedProductNumberAlreadyTaken,
            format!("Product number {number} is taken."),
        );
    }
    let numbers = product.article_list.iter().filter_map(|article| article.article_number);
    let taken =
        numbers.filter(|number| *number != 0).find(|number| state.catalogue.article(*number).is_some());
    if let Some(number) = taken {
        return failed(
            CreateProductResult::FailedArticleNumberAlreadyTaken,
            format!("Article number {number} is taken."),
        );
    }
    if product.article_list.is_empty() {
        return failed(CreateProductResult::Failed, "A product needs an article.".to_owned());
    }
    if let Err(message) = check_articles(&product) {
        return failed(CreateProductResult::Failed, message);
    }
    let stamp = state.clock.stamp();
    let catalogue = state.catalogue_mut();
    let number = product.product_number.unwrap_or_else(|| catalogue.new_product_number());
    product.product_number = Some(number);
    let mut article_numbers = Vec::new();
    for article in &mut *product.article_list {
        let number = article.article_number.filter(|number| *number != 0);
        let number = number.unwrap_or_else(|| catalogue.new_article_number());
        article.article_number = Some(number);
        article_numbers.push(number);
        let marker = catalogue.next_marker();
        article.sync_marker = Some(marker);
        product.sync_marker = Some(marker);
        (article.create_timestamp, article.change_timestamp) = (Some(stamp), Some(stamp));
        article.active = article.active.or(Some(true));
        article.stock_article = article.stock_article.or(Some(false));
        fill_prices(article);
    }
    let sync_marker = product.sync_marker;
    catalogue.put(product);
    if state.dialect.new_numbers == NewNumbers::Late {
        article_numbers.clear();
    }
    Ok(CreateProductResponse {
        result: CreateProductResult::Ok,
        product_number: number,
        article_numbers,
        change_timestamp: Some(stamp),
        sync_marker,
        error_message: String::new(),
    })
}

/// What an article's elements do not name stays as it is, or goes: the dialect says.
fn update_product(
    state: &mut State,
    UpdateProduct { product: update }: UpdateProduct,
) -> Answer<UpdateProductResponse> {
    let failed = |result, message: String| {
        Ok(UpdateProductResponse { result, error_message: message, ..UpdateProductResponse::default() })
    };
    let held = update.product_number.and_then(|number| state.catalogue.product(number));
    let Some(held) = held else {
        return failed(UpdateProductResult::NotFound, "There is no such product.".to_owned());
    };
    let mut moving = Vec::new();
    for article in &update.article_list {
        let number = article.article_number.filter(|number| *number != 0);
        let owner = number.and_then(|number| state.catalogue.product_of(number));
        if owner.is_some_and(|owner| owner.product_number != held.product_number) {
            if state.dialect.moved_article == MovedArticle::Refused {
                return failed(
                    UpdateProductResult::FailedArticleNumberAlreadyTaken,
                    format!("Article {} belongs to another product.", number.unwrap_or_default()),
                );
            }
            moving.extend(number);
        }
    }
    if let Err(message) = check_articles(&update) {
        return failed(UpdateProductResult::Failed, message);
    }
    let stamp = state.clock.stamp();
    let kept = state.dialect.product_update;
    let tells_all = state.dialect.side_elements == SideElements::Told;
    let held = held.product_number.unwrap_or_default();
    for number in moving {
        state.move_article(number, held);
    }
    let catalogue = state.catalogue_mut();
    let mut product = catalogue.product(held).map(Arc::unwrap_or_clone).unwrap_or_default();
    let whole = update.description.is_some() || !update.group_numbers.is_empty();
    product.description = update.description.or(product.description);
    product.extra_text = match kept {
        ProductUpdate::Merges => update.extra_text.or(product.extra_text),
        ProductUpdate::ReplacesArticles | ProductUpdate::ReplacesProducts => update.extra_text,
    };
    if !update.group_numbers.is_empty() {
        product.group_numbers = update.group_numbers;
    }
    if update.sort_order_group_list.is_present() {
        product.sort_order_group_list = update.sort_order_group_list;
    }
    let (mut existing, mut new, mut touched) = (Vec::new(), Vec::new(), Vec::new());
    for change in update.article_list {
        let number = change.article_number.filter(|number| *number != 0);
        let position =
            product.article_list.iter().position(|held| number.is_some() && held.article_number == number);
        match (position, number) {
            (Some(at), Some(number)) => {
                let article = &mut product.article_list[at];
                if kept != ProductUpdate::Merges {
                    let before = article.clone();
                    clear(article);
                    if !tells_all {
                        keep_untold(article, &before);
                    }
                }
                merge(article, &change);
                existing.push(number);
                touched.push(number);
            }
            _ => {
                let number = number.unwrap_or_else(|| catalogue.new_article_number());
                let active = change.active.or(Some(true));
                let stock_article = change.stock_article.or(Some(false));
                let mut article = Article { article_number: Some(number), active, stock_article, ..change };
                article.create_timestamp = Some(stamp);
                fill_prices(&mut article);
                product.article_list.push(article);
                new.push(number);
                touched.push(number);
            }
        }
    }
    if kept == ProductUpdate::ReplacesProducts {
        let named =
            |article: &Article| article.article_number.is_some_and(|number| touched.contains(&number));
        let articles = std::mem::take(&mut product.article_list);
        product.article_list = articles.into_iter().filter(named).collect();
    }
    for article in &mut *product.article_list {
        if whole || article.article_number.is_some_and(|number| touched.contains(&number)) {
            let marker = catalogue.next_marker();
            article.sync_marker = Some(marker);
            article.change_timestamp = Some(stamp);
            product.sync_marker = Some(marker);
        }
    }
    let sync_marker = product.sync_marker;
    catalogue.put(product);
    if state.dialect.new_numbers == NewNumbers::Late {
        new.clear();
    }
    Ok(UpdateProductResponse {
        result: UpdateProductResult::Ok,
        existing_article_numbers: existing,
        new_article_numbers: new,
        change_timestamp: Some(stamp),
        sync_marker,
        error_message: String::new(),
    })
}

fn check_articles(product: &Product) -> Result<(), String> {
    for article in &product.article_list {
        let unknown = article.vat_code.filter(|code| vat_percentage(*code).is_none());
        if let Some(code) = unknown {
            return Err(format!("The rate for VAT-code {code} is not properly configured."));
        }
        if article.turnover_group.is_some_and(|group| !(0..=999).contains(&group)) {
            return Err("The turnover group has to be between 0 and 999.".to_owned());
        }
    }
    Ok(())
}

/// The price with or without VAT follows from the other one.
fn fill_prices(article: &mut Article) {
    let code = article.vat_code.unwrap_or_default();
    article.vat_percentage = vat_percentage(code).and_then(|percentage| i32::try_from(percentage).ok());
    match (article.price_incl, article.price_excl) {
        (Some(incl), None) => article.price_excl = Some(without_vat(incl, code)),
        (None, Some(excl)) => {
            let hundredths = Decimal::from(vat_percentage(code).unwrap_or_default());
            let incl = excl * (Decimal::from(10_000) + hundredths) / Decimal::from(10_000);
            article.price_incl = Some(incl.round_dp(2));
        }
        _ => {}
    }
}

macro_rules! take_over {
    ($held:ident, $change:ident: $($field:ident)*) => {
        $(if $change.$field.is_some() { $held.$field = $change.$field.clone(); })*
    };
}

/// Takes away what a request may name.
fn clear(held: &mut Article) {
    *held = Article {
        article_number: held.article_number,
        sync_marker: held.sync_marker,
        change_timestamp: held.change_timestamp,
        create_timestamp: held.create_timestamp,
        active: held.active,
        vat_code: held.vat_code,
        vat_percentage: held.vat_percentage,
        price_incl: held.price_incl,
        price_excl: held.price_excl,
        image_list: std::mem::take(&mut held.image_list),
        custom_field_list: std::mem::take(&mut held.custom_field_list),
        component_article_list: std::mem::take(&mut held.component_article_list),
        ..Article::default()
    };
}

/// Gives back what this service does not tell: one that does not have an element cannot take it away either.
fn keep_untold(held: &mut Article, before: &Article) {
    take_over!(held, before:
        invoice_text receipt_text display_text brand_name purchase_price content_unit si_unit unit webshop ask_for course
        turnover_group discontinued show_preparation_methods_directly);
}

fn merge(held: &mut Article, change: &Article) {
    take_over!(held, change:
        ext_article_id plu_number active description colour size invoice_text receipt_text display_text barcode
        content_unit content_quantity brand_name extra_text turnover_group vat_code purchase_price si_unit unit
        webshop category_id stock_article special_price ask_for nutritional_characteristics discontinued course
        supplier_relation_number supplier_article_number age_check_minimum_age colour_sequence_number
        size_sequence_number vat_code_alternative barcode_date order_quantity_value article_discount_group_number
        show_preparation_methods_directly show_preparation_methods_per_group exchange_rate_buy_price
        exchange_rate_sell_price exchange_rate_multiplier stock_si_unit special_behaviour oldest_best_before_date
        shelf_life_in_days shelf_life_in_hours price_deviation_min price_deviation_max
        available_for_interbranch_ordering);
    if change.price_incl.is_some() || change.price_excl.is_some() || change.vat_code.is_some() {
        let incl = change.price_incl.or(if change.price_excl.is_some() { None } else { held.price_incl });
        (held.price_incl, held.price_excl) = (incl, change.price_excl);
        fill_prices(held);
    }
    if change.image_list.is_present() {
        held.image_list = change.image_list.clone();
    }
    if change.custom_field_list.is_present() {
        held.custom_field_list = change.custom_field_list.clone();
    }
}

impl State {
    /// Deletes an article. `false` when it is not there.
    pub(in crate::testkit) fn delete_article(&mut self, number: i64) -> bool {
        let stamp = self.clock.stamp();
        let told = self.dialect.deleted_article;
        if told == DeletedArticle::Gone {
            return self.catalogue_mut().remove_article(number).is_some();
        }
        self.catalogue_mut().change_article(number, |article| {
            article.change_timestamp = Some(stamp);
            match told {
                DeletedArticle::Discontinued => article.discontinued = Some(true),
                _ => article.active = Some(false),
            }
        })
    }

    /// Puts an article into another product. `false` when one of them is not there.
    pub(in crate::testkit) fn move_article(&mut self, number: i64, product: i64) -> bool {
        let stamp = self.clock.stamp();
        if self.catalogue.product(product).is_none() {
            return false;
        }
        let catalogue = self.catalogue_mut();
        let Some(article) = catalogue.remove_article(number) else { return false };
        let Some(target) = catalogue.product(product) else { return false };
        let mut target = Arc::unwrap_or_clone(target);
        let marker = Some(catalogue.next_marker());
        target.article_list.push(Article { sync_marker: marker, change_timestamp: Some(stamp), ..article });
        target.sync_marker = marker;
        catalogue.put(target);
        true
    }
}
