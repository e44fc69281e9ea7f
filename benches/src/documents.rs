//! Responses and requests to measure with: fields filled from a seed, as large as in the table of figures.

use mplus_qapi::{
    orders::{CreateOrderV3, GetOrdersResponse},
    products::GetProductsResponse,
    relations::GetRelationsResponse,
    soap::{EncodeError, Record, write_document},
    stock::{ArticleStock, GetStockResponse},
    testkit::Sampler,
};

/// A response document and what it is called.
#[derive(Debug)]
pub struct Document {
    /// Operation and number of items.
    pub name: String,
    /// The envelope.
    pub text: String,
}

/// One item. `share` of its optional fields (of 256) are there: so many that the documents have the size of the table.
fn item<T: Record + Default>(seed: u64, share: u64) -> T {
    let mut record = T::default();
    Sampler::full(seed).with_optional(share).fill(&mut record);
    record
}

fn items<T: Record + Default, C: FromIterator<T>>(count: u64, share: u64) -> C {
    (0..count).map(|seed| item(seed, share)).collect()
}

fn document(operation: &str, count: u64, response: &dyn Record) -> Result<Document, EncodeError> {
    let text = write_document(response.schema().name, response)?;
    Ok(Document { name: format!("{operation}, {count}"), text })
}

/// `getProducts`, about 7 KB a product.
pub fn products(count: u64) -> Result<Document, EncodeError> {
    let response = GetProductsResponse { product_list: items(count, 121) };
    document("getProducts", count, &response)
}

/// `getOrders`, about 6 KB an order.
pub fn orders(count: u64) -> Result<Document, EncodeError> {
    let response = GetOrdersResponse { order_list: items(count, 87) };
    document("getOrders", count, &response)
}

/// `getRelations`, about 5 KB a relation.
pub fn relations(count: u64) -> Result<Document, EncodeError> {
    let response = GetRelationsResponse { relation_list: items(count, 81) };
    document("getRelations", count, &response)
}

/// `getStock`, about 1 KB an article.
pub fn stock(count: u64) -> Result<Document, EncodeError> {
    let mut article_stocks: Vec<ArticleStock> = items(count, 256);
    for (number, article) in article_stocks.iter_mut().enumerate() {
        // Articles of one article: of every fifth, and not further down.
        article.sub_article.truncate(usize::from(number % 5 == 0));
        article.sub_article.iter_mut().for_each(|inner| inner.sub_article.clear());
    }
    let response = GetStockResponse { article_stocks };
    document("getStock", count, &response)
}

/// An order of 8 lines, about 15 KB.
pub fn order() -> CreateOrderV3 {
    let mut call: CreateOrderV3 = item(1, 60);
    call.request.order.line_list = (0..8).map(|seed| item(seed, 60)).collect();
    call
}
