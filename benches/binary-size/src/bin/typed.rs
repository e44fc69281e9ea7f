//! The same two calls, typed: the answers are read.

use mplus_qapi::{Client, Credentials, Endpoint, products::GetProductsRequest, stock::GetStockRequest};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "https://api.mpluskassa.nl:1/".to_owned());
    let client = Client::connect(Endpoint::from_url(&url)?, Credentials::new("name", "password"))?;
    let request = GetProductsRequest { sync_marker: Some(1), ..Default::default() };
    println!("{} products", client.get_products(request).await?.product_list.len());
    let request = GetStockRequest { branch_number: 1, ..Default::default() };
    println!("{} articles in stock", client.get_stock(request).await?.article_stocks.len());
    Ok(())
}
