//! Two calls over reqwest alone: the answers are only counted.

const PRODUCTS: &str =
    "<getProducts xmlns=\"urn:mplusqapi\"><request><syncMarker>1</syncMarker></request></getProducts>";
const STOCK: &str =
    "<getStock xmlns=\"urn:mplusqapi\"><request><branchNumber>1</branchNumber></request></getStock>";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "https://api.mpluskassa.nl:1/".to_owned());
    let client = reqwest::Client::builder().gzip(true).build()?;
    for body in [PRODUCTS, STOCK] {
        let envelope = format!(
            "<S:Envelope xmlns:S=\"http://schemas.xmlsoap.org/soap/envelope/\"><S:Body>{body}</S:Body></S:Envelope>"
        );
        let answer = client.post(format!("{url}?ident=name&secret=password")).body(envelope).send().await?;
        println!("{} bytes", answer.bytes().await?.len());
    }
    Ok(())
}
