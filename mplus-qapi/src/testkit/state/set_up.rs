//! The brasserie's menu, put into a POS.

use super::State;
use crate::{
    preparation::*,
    products::*,
    testkit::{
        brasserie::{self, Choices, Dish},
        catalogue::{Generated, MADE, article, characteristics},
        images,
        state::prices::Menu,
    },
    types::Colour,
    value::Decimal,
};

impl State {
    pub(in crate::testkit) fn brasserie() -> Self {
        let mut state = Self::empty(Generated::none());
        state.set_menu();
        state
    }

    /// Sets up the brasserie's menu.
    fn set_menu(&mut self) {
        let mut picture = 0;
        for (position, dish) in brasserie::MENU.iter().enumerate() {
            picture += i64::from(dish.picture);
            self.set_dish(dish, position as i32, dish.picture.then_some(picture));
        }
        self.set_components();
        self.set_deviations();
        self.set_choices();
    }

    fn set_dish(&mut self, dish: &Dish, position: i32, picture: Option<i64>) {
        let catalogue = self.catalogue_mut();
        let number = catalogue.new_product_number();
        let mut articles = Vec::new();
        for (at, (size, cents)) in (1..).zip(dish.sizes) {
            let number = catalogue.new_article_number();
            let description =
                if size.is_empty() { dish.name.to_owned() } else { format!("{} {size}", dish.name) };
            articles.push(Article {
                sync_marker: Some(catalogue.next_marker()),
                change_timestamp: Some(MADE),
                create_timestamp: Some(MADE),
                size: (!size.is_empty()).then(|| (*size).to_owned()),
                size_sequence_number: (!size.is_empty()).then_some(at),
                extra_text: (!dish.about.is_empty()).then(|| dish.about.to_owned()),
                stock_article: Some(dish.stock.is_some()),
                image_list: picture.map(images::image).into_iter().collect(),
                nutritional_characteristics: Some(characteristics(dish.allergens, dish.diets)),
                ..article(number, &description, *cents, dish.vat)
            });
        }
        let numbers: Vec<i64> = articles.iter().filter_map(|article| article.article_number).collect();
        catalogue.put(Product {
            product_number: Some(number),
            sync_marker: articles.last().and_then(|article| article.sync_marker),
            description: Some(dish.name.to_owned()),
            extra_text: (!dish.about.is_empty()).then(|| dish.about.to_owned()),
            article_list: articles.into(),
            group_numbers: vec![dish.group],
            sort_order_group_list: vec![SortOrderGroup { group_number: dish.group, sort_order: position }]
                .into(),
        });
        for article in numbers {
            if !dish.choices.is_empty() {
                self.preparation.attach(article, dish.choices.to_vec());
            }
            if let Some((digits, scale)) = dish.stock {
                for branch in self.branches.numbers() {
                    self.stock.fill(article, branch, Decimal::new(digits, scale));
                }
            }
        }
    }

    /// The number of the first article of the brasserie's product with this name.
    fn first_article(&self, name: &str) -> Option<i64> {
        let position = brasserie::MENU.iter().position(|dish| dish.name == name)?;
        let before: usize = brasserie::MENU[..position].iter().map(|dish| dish.sizes.len()).sum();
        Some(1001 + before as i64)
    }

    fn set_components(&mut self) {
        for (whole, part) in brasserie::COMPONENTS {
            let (Some(whole), Some(part)) = (self.first_article(whole), self.first_article(part)) else {
                continue;
            };
            let component = |(sequence_number, article_number): (i32, i64)| ArticleComponent {
                sequence_number,
                parent_article_number: whole,
                article_number,
                quantity: Decimal::ONE.into(),
                price_excl: None,
                price_incl: None,
            };
            let list = [(1, whole), (2, part)].map(component).to_vec();
            self.keep_components(whole, list);
        }
    }

    /// Keeps the components and shows them in the article.
    pub(in crate::testkit) fn keep_components(&mut self, article: i64, list: Vec<ArticleComponent>) {
        let shown: Vec<ComponentArticle> = list
            .iter()
            .map(|component| ComponentArticle {
                article_number: Some(component.article_number),
                quantity: Some(component.quantity.into()),
                description: self
                    .catalogue
                    .article(component.article_number)
                    .and_then(|article| article.description),
                ..ComponentArticle::default()
            })
            .collect();
        self.catalogue_mut().change_article(article, |article| article.component_article_list = shown.into());
        self.prices.components.insert(article, list);
    }

    fn set_deviations(&mut self) {
        for (name, branch, cents) in brasserie::DEVIATIONS {
            if let Some(article) = self.first_article(name) {
                self.prices.deviate(article, branch, Some(Decimal::new(cents, 2)));
            }
        }
    }

    /// Sets up the brasserie's groups of choices and set menus.
    fn set_choices(&mut self) {
        for choices in &brasserie::PREPARATION {
            self.add_preparation(choices);
        }
        self.add_alterations(&brasserie::CROSS_SELL, ArticleAlterationsGroupType::CrossSell);
        self.add_alterations(&brasserie::REPLACEMENT, ArticleAlterationsGroupType::Replacement);
        for course in &brasserie::COURSES_OF_MENUS {
            self.add_alterations(course, ArticleAlterationsGroupType::Menu);
        }
        for (menu, groups) in brasserie::MENUS {
            if let Some(article) = self.first_article(menu) {
                self.preparation.attached_alterations.insert(article, groups.to_vec());
                self.set_combo(article, groups);
            }
        }
    }

    /// What a choice adds to the price, in euros with and without VAT.
    fn added(&self, product: Option<&str>) -> (Option<i64>, Option<Decimal>, Option<Decimal>) {
        let number = product.and_then(|name| self.first_article(name));
        let article = number.and_then(|number| self.catalogue.article(number));
        let (incl, excl) =
            article.map(|article| (article.price_incl, article.price_excl)).unwrap_or_default();
        (number, incl, excl)
    }

    fn add_preparation(&mut self, choices: &Choices) {
        let mut items = Vec::new();
        for (sequence_number, (remark, product)) in (1..).zip(choices.items) {
            let (article_number, price_incl, price_excl) = self.added(*product);
            items.push(PreparationMethodItem {
                id: self.preparation.next_id(),
                sequence_number,
                article_number,
                price_incl: price_incl.map(Into::into),
                price_excl: price_excl.map(Into::into),
                sub_line_type: SubLineType::PreparationMethod,
                remark: (*remark).to_owned(),
                surcharge: price_incl.map(Into::into),
                translation: String::new(),
                button_colour: Colour { red: 200, green: 160, blue: 40 },
            });
        }
        self.preparation.marker += 1;
        let group = PreparationMethodGroup {
            group_number: choices.number,
            description: choices.name.to_owned(),
            close_after_selection: choices.range.1 == 1,
            selection_required: choices.required,
            max_one_selection: choices.range.1 == 1,
            max_cols: 3,
            preparation_methods: items,
            sync_marker: self.preparation.marker,
            is_pos_group: true,
            is_online_group: true,
            selection_range_min: Some(choices.range.0),
            selection_range_max: Some(choices.range.1),
            ..PreparationMethodGroup::default()
        };
        self.preparation.groups.insert(choices.number, group);
    }

    fn add_alterations(&mut self, choices: &Choices, group_type: ArticleAlterationsGroupType) {
        let mut items = Vec::new();
        let included = group_type == ArticleAlterationsGroupType::Menu;
        for (sequence_number, (remark, product)) in (1..).zip(choices.items) {
            let (article_number, price_incl, price_excl) = self.added(*product);
            items.push(ArticleAlteration {
                id: self.preparation.next_id(),
                sequence_number,
                article_number,
                price_incl: if included { Some(Decimal::ZERO) } else { price_incl }.map(Into::into),
                price_excl: if included { Some(Decimal::ZERO) } else { price_excl }.map(Into::into),
                remark: (*remark).to_owned(),
                ..ArticleAlteration::default()
            });
        }
        self.preparation.alterations_marker += 1;
        let group = ArticleAlterationsGroup {
            group_number: choices.number,
            description: choices.name.to_owned(),
            close_after_selection: choices.range.1 == 1,
            selection_required: choices.required,
            max_one_selection: choices.range.1 == 1,
            max_cols: Some(3),
            article_alterations: items,
            sync_marker: self.preparation.alterations_marker,
            is_pos_group: true,
            is_online_group: true,
            group_type,
            selection_range_min: Some(choices.range.0),
            selection_range_max: Some(choices.range.1),
            ..ArticleAlterationsGroup::default()
        };
        self.preparation.alterations.insert(choices.number, group);
    }

    /// Sets up a set menu whose courses are in these alterations groups.
    fn set_combo(&mut self, article: i64, groups: &[i32]) {
        let Some(held) = self.catalogue.article(article) else { return };
        let choices = groups.iter().flat_map(|group| {
            let items = self.preparation.articles_of(*group);
            items.into_iter().map(|choice| ((*group, choice), Decimal::ZERO))
        });
        let menu = Menu {
            description: held.description.unwrap_or_default(),
            is_active: true,
            price_incl: held.price_incl.unwrap_or_default(),
            choices: choices.collect(),
        };
        self.prices.menus.insert(article, menu);
    }
}
