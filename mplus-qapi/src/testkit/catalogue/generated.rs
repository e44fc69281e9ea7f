//! A catalogue of any size that is never held: every product follows from its number and a seed.

use super::{HIGH, LOW, MADE, Run, article, characteristics};
use crate::{
    products::{Article, Product, SortOrderGroup},
    testkit::{brasserie, faults::SplitMix, images},
    value::Decimal,
};

/// `products` products with one to three articles each, two on average.
#[derive(Debug, Clone, Copy)]
pub(in crate::testkit) struct Generated {
    products: u32,
    seed: u64,
}

const FIRST_PRODUCT: i64 = 100_001;
const FIRST_ARTICLE: i64 = 1_000_001;
/// Numbers and markers that a product takes, whether it uses them or not.
const STRIDE: i64 = 3;

const KINDS: [&str; 12] = [
    "Stamppot",
    "Broodje",
    "Salade",
    "Soep",
    "Pannenkoek",
    "Saté",
    "Kroket",
    "Quiche",
    "Tosti",
    "Pasta",
    "Limonade",
    "Bier",
];
const FLAVOURS: [&str; 12] = [
    "van het seizoen",
    "met geitenkaas",
    "met zalm",
    "à la crème",
    "met spek & ui",
    "van de chef",
    "met pindasaus",
    "uit Zeeland",
    "met truffel",
    "zonder suiker",
    "façon grand-mère",
    "met jalapeño",
];
const SIZES: [&str; 3] = ["klein", "normaal", "groot"];

impl Generated {
    pub(in crate::testkit) fn new(products: u32, seed: u64) -> Self {
        Self { products, seed }
    }

    pub(in crate::testkit) fn none() -> Self {
        Self::new(0, 0)
    }

    pub(super) fn last_marker(self) -> i64 {
        i64::from(self.products) * STRIDE
    }

    /// Brasserie and generated numbers do not meet.
    pub(super) fn next_product(self) -> i64 {
        if self.products == 0 { 1 } else { FIRST_PRODUCT + i64::from(self.products) }
    }

    pub(super) fn next_article(self) -> i64 {
        if self.products == 0 { 1001 } else { FIRST_ARTICLE + i64::from(self.products) * STRIDE }
    }

    pub(super) fn numbers_since(self, marker: i64) -> impl Iterator<Item = i64> + Send {
        let mut from = (marker - 1).max(0) / STRIDE;
        if from < i64::from(self.products) && self.marker(from) < marker {
            from += 1;
        }
        (from..i64::from(self.products)).map(|index| FIRST_PRODUCT + index)
    }

    /// The markers of a product's articles.
    pub(super) fn run(self, product: i64) -> Run {
        let index = product - FIRST_PRODUCT;
        Run { product, first: index * STRIDE + 1, last: self.marker(index) }
    }

    pub(super) fn product_of(self, article: i64) -> Option<i64> {
        let index = article.checked_sub(FIRST_ARTICLE)?.div_euclid(STRIDE);
        (0..i64::from(self.products)).contains(&index).then_some(FIRST_PRODUCT + index)
    }

    pub(super) fn product(self, number: i64) -> Option<Product> {
        let index = number.checked_sub(FIRST_PRODUCT)?;
        if !(0..i64::from(self.products)).contains(&index) {
            return None;
        }
        let mut random = self.random(index);
        let kind = random.below(KINDS.len() as u64) as usize;
        let flavour = FLAVOURS[random.below(FLAVOURS.len() as u64) as usize];
        let name = format!("{} {flavour} {}", KINDS[kind], index + 1);
        let vat_code = if KINDS[kind] == "Bier" { HIGH } else { LOW };
        let cents = 250 + 5 * random.below(400) as i64;
        let allergens = [1 + random.below(14) as i32, 1 + random.below(14) as i32];
        let count = self.article_count(index);
        let articles = (0..count).map(|size| {
            let number = FIRST_ARTICLE + index * STRIDE + size;
            let price = cents + 75 * size;
            Article {
                sync_marker: Some(index * STRIDE + size + 1),
                ext_article_id: Some(format!("gen-{number}")),
                barcode: Some(format!("871{number:010}")),
                size: (count > 1).then(|| SIZES[size as usize].to_owned()),
                size_sequence_number: (count > 1).then_some(size as i32 + 1),
                change_timestamp: Some(MADE),
                create_timestamp: Some(MADE),
                stock_article: Some(self.stock_of(number).is_some()),
                content_quantity: Some(Decimal::new(250 + 125 * size, 3)),
                content_unit: Some("kg".into()),
                extra_text: Some(format!(
                    "{name}: vers bereid, met zorg voor wie het eet en voor wie het maakt."
                )),
                image_list: match index % 50 {
                    0 => vec![images::image(1 + index / 50 % images::COUNT)].into(),
                    _ => Default::default(),
                },
                nutritional_characteristics: Some(characteristics(&allergens, &[])),
                ..article(number, &name, price, vat_code)
            }
        });
        let article_list: Vec<Article> = articles.collect();
        let group = brasserie::LEAF_GROUPS[(index as usize) % brasserie::LEAF_GROUPS.len()];
        Some(Product {
            product_number: Some(number),
            sync_marker: Some(self.marker(index)),
            description: Some(name),
            extra_text: None,
            article_list: article_list.into(),
            group_numbers: vec![group],
            sort_order_group_list: vec![SortOrderGroup { group_number: group, sort_order: index as i32 }]
                .into(),
        })
    }

    /// Every fifth product keeps stock: whole pieces.
    pub(super) fn stock_of(self, article: i64) -> Option<i64> {
        let index = self.product_of(article)? - FIRST_PRODUCT;
        let size = (article - FIRST_ARTICLE) % STRIDE;
        (index % 5 == 0 && size < self.article_count(index))
            .then(|| (article * 7 + self.seed as i64 % 97) % 120)
    }

    pub(super) fn stock(self) -> impl Iterator<Item = (i64, i64)> + Send {
        (0..i64::from(self.products)).step_by(5).flat_map(move |index| {
            (0..self.article_count(index)).filter_map(move |size| {
                let number = FIRST_ARTICLE + index * STRIDE + size;
                Some((number, self.stock_of(number)?))
            })
        })
    }

    fn article_count(self, index: i64) -> i64 {
        1 + (self.random(index).0 >> 7) as i64 % STRIDE
    }

    fn marker(self, index: i64) -> i64 {
        index * STRIDE + self.article_count(index)
    }

    fn random(self, index: i64) -> SplitMix {
        let mut random = SplitMix(self.seed ^ (index as u64).wrapping_mul(0xd134_2543_de82_ef95));
        SplitMix(random.next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_follows_from_its_number_and_the_seed() {
        let catalogue = Generated::new(1000, 3);
        let numbers: Vec<i64> = catalogue.numbers_since(0).collect();
        assert_eq!(numbers.len(), 1000);
        let articles: usize = numbers
            .iter()
            .map(|number| catalogue.product(*number).expect("in range").article_list.len())
            .sum();
        assert!((1900..2100).contains(&articles), "two each on average: {articles}");
        assert_eq!(catalogue.product(numbers[7]), Generated::new(2000, 3).product(numbers[7]));
        assert_ne!(catalogue.product(numbers[7]), Generated::new(1000, 4).product(numbers[7]));
        assert_eq!(catalogue.product(FIRST_PRODUCT + 1000), None);
    }

    #[test]
    fn markers_leave_no_product_out() {
        let catalogue = Generated::new(200, 9);
        let marker_of = |number| catalogue.product(number).and_then(|product| product.sync_marker);
        let all: Vec<(i64, Option<i64>)> =
            (FIRST_PRODUCT..FIRST_PRODUCT + 200).map(|number| (number, marker_of(number))).collect();
        for marker in 0..=catalogue.last_marker() + 1 {
            let expected = all.iter().filter(|(_, own)| *own >= Some(marker)).map(|(number, _)| *number);
            let told: Vec<i64> = catalogue.numbers_since(marker).collect();
            assert_eq!(told, expected.collect::<Vec<_>>(), "marker {marker}");
        }
    }
}
