//! Responses and requests to measure with: every field filled, as large as in the table of figures.

use mplus_qapi::{
    orders::{CreateOrderV3, GetOrdersResponse},
    products::{GetProductsResponse, Product},
    relations::GetRelationsResponse,
    soap::{Record, Sampler, write_document},
    stock::GetStockResponse,
};

/// A response document and what it is called.
#[derive(Debug)]
pub struct Document {
    /// Operation and number of items.
    pub name: &'static str,
    /// The envelope.
    pub text: String,
}

fn sample<T: Record + Default + Clone>(seed: u64) -> T {
    let mut record = T::default();
    Sampler::full(seed).fill(&mut record);
    record
}

fn items<T: Record + Default + Clone, C: FromIterator<T>>(count: u64) -> C {
    (0..count).map(sample).collect()
}

fn document(name: &'static str, root: &'static str, response: &dyn Record) -> Document {
    Document { name, text: write_document(root, response).unwrap_or_default() }
}

/// `getProducts`, about 7 KB a product.
pub fn products(count: u64) -> Document {
    let response = GetProductsResponse { product_list: items::<Product, _>(count) };
    document("getProducts", "GetProductsResponse", &response)
}

/// `getOrders`, about 6 KB an order.
pub fn orders(count: u64) -> Document {
    let response = GetOrdersResponse { order_list: items(count) };
    document("getOrders", "GetOrdersResponse", &response)
}

/// `getRelations`, about 5 KB a relation.
pub fn relations(count: u64) -> Document {
    let response = GetRelationsResponse { relation_list: items(count) };
    document("getRelations", "GetRelationsResponse", &response)
}

/// `getStock`, about 1 KB an article.
pub fn stock(count: u64) -> Document {
    let response = GetStockResponse { article_stocks: items(count) };
    document("getStock", "GetStockResponse", &response)
}

/// An order of 8 lines with every field.
pub fn order() -> CreateOrderV3 {
    let mut call: CreateOrderV3 = sample(1);
    let lines = &mut call.request.order.line_list;
    let line = lines.first().cloned().unwrap_or_default();
    *lines = std::iter::repeat_n(line, 8).collect();
    call
}
