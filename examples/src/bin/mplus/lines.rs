//! Lines of a sale as a flag gives them.

use std::str::FromStr;

use mplus_webhooks::testkit::TillLine;
use rust_decimal::Decimal;

/// `ARTICLE,TEXT,PRICE` or `ARTICLE,TEXT,PRICE,QUANTITY`. The text may hold commas.
#[derive(Debug, Clone)]
pub(crate) struct SoldLine(pub(crate) TillLine);

impl FromStr for SoldLine {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || {
            "it has to be ARTICLE,TEXT,PRICE or ARTICLE,TEXT,PRICE,QUANTITY, such as 1003,Cappuccino,3.50,2"
                .to_owned()
        };
        let (article, rest) = text.split_once(',').ok_or_else(wanted)?;
        let article = article.trim().parse().map_err(|_| wanted())?;
        let (words, last) = rest.rsplit_once(',').ok_or_else(wanted)?;
        let last: Decimal = last.trim().parse().map_err(|_| wanted())?;
        let with_quantity = words.rsplit_once(',').and_then(|(words, price)| {
            let price: Decimal = price.trim().parse().ok()?;
            Some((words, price))
        });
        let (words, price, quantity) = match with_quantity {
            Some((words, price)) => (words, price, last),
            None => (words, last, Decimal::ONE),
        };
        let most = Decimal::from(1_000_000);
        if price.abs() > most || quantity.abs() > most {
            return Err(format!("no till rings up more than {most} of anything"));
        }
        let mut line = TillLine::new(article, words.trim(), price);
        line.quantity = quantity;
        Ok(Self(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_an_article_a_text_a_price_and_maybe_a_quantity() {
        let line = |text: &str| text.parse::<SoldLine>().expect(text).0;
        let two = line("1003,Cappuccino,3.50,2");
        assert_eq!((two.article_number, two.text.as_str()), (1003, "Cappuccino"));
        assert_eq!((two.price_incl, two.quantity), (Decimal::new(350, 2), Decimal::TWO));
        let one = line("7,Coffee, tea or me,1.25");
        assert_eq!((one.text.as_str(), one.quantity), ("Coffee, tea or me", Decimal::ONE));
        for wrong in [
            "",
            "1003",
            "1003,Cappuccino",
            "x,Cappuccino,3.50",
            "1003,Cappuccino,cheap",
            "1,Gold,3,1e9",
            "1,Gold,99999999,1",
        ] {
            assert!(wrong.parse::<SoldLine>().is_err(), "{wrong}");
        }
    }
}
