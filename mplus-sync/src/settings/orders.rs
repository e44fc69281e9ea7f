//! What a merchant sets up for orders.

use std::collections::BTreeMap;

use mplus_qapi::value::Zone;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::model::{ArticleNumber, LocationId, OrderKind, PaymentMethod, RelationNumber};

/// How a merchant's orders are written and sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OrderSettings {
    /// The employee in whose name orders are entered (`employeeNumber`), unless the location names another.
    pub employee: i64,
    /// The relation of orders without a customer, and of customers who cannot be found or created. Without it such
    /// orders are refused: the POS wants a relation on every order.
    #[serde(default)]
    pub fallback_relation: Option<RelationNumber>,
    /// The POS's codes of the host's payment methods.
    #[serde(default)]
    pub payment_methods: Vec<PaymentCode>,
    /// Articles that stand for what is no item.
    #[serde(default)]
    pub articles: SpecialArticles,
    /// Articles that are sold at a negative price for discounts, one for each VAT rate, so that what is taken off carries the
    /// VAT of what it is taken off from: an order's discount is spread over the rates of its lines. Without any,
    /// [`SpecialArticles::discount`] stands for all, and for lines whose rate is not known.
    #[serde(default)]
    pub discount_articles: Vec<DiscountArticle>,
    /// What differs from location to location.
    #[serde(default)]
    pub locations: BTreeMap<LocationId, LocationSettings>,
    /// The POS's code of the delivery method for orders that are collected (`getDeliveryMethodsV2`).
    #[serde(default)]
    pub pickup_method: Option<String>,
    /// The POS's code of the delivery method for orders that are delivered.
    #[serde(default)]
    pub delivery_method: Option<String>,
    /// How pick-up and delivery orders are created.
    #[serde(default)]
    pub create_call: CreateCall,
    /// How table orders are placed.
    #[serde(default)]
    pub table_call: TableCall,
    /// What the quantity of a preparation line counts.
    #[serde(default)]
    pub preparation_quantity: PreparationQuantity,
    /// Which orders tell the POS whether they are eaten there or taken away (`vatChange`).
    #[serde(default)]
    pub tell_consumption: TellConsumption,
    /// For which guests an article's alternative VAT rate holds. It decides on nothing but the discount articles: the VAT itself
    /// is the POS's to compute.
    #[serde(default)]
    pub alternative_vat: Consumption,
    /// How long each call may take, in seconds: 60 unless set. An order matters within minutes; after a longer call it is
    /// looked for at the POS.
    #[serde(default = "a_minute")]
    pub timeout_seconds: u32,
    /// What names the host's installation to the POS: its terminals belong to it. All that share it use the same terminals;
    /// set another name where two hosts serve one merchant. `mplus-sync` unless set.
    #[serde(default = "installation")]
    pub installation: String,
    /// The zone of the POS's clock.
    #[serde(default = "amsterdam", with = "crate::model::zone_name")]
    pub zone: Zone,
}

fn amsterdam() -> Zone {
    mplus_qapi::value::AMSTERDAM
}

fn installation() -> String {
    "mplus-sync".to_owned()
}

fn a_minute() -> u32 {
    60
}

impl OrderSettings {
    /// Settings of a live merchant in the Netherlands; orders are entered in this employee's name.
    pub fn new(employee: i64) -> Self {
        Self {
            employee,
            fallback_relation: None,
            payment_methods: Vec::new(),
            articles: SpecialArticles::default(),
            discount_articles: Vec::new(),
            locations: BTreeMap::new(),
            pickup_method: None,
            delivery_method: None,
            create_call: CreateCall::default(),
            table_call: TableCall::default(),
            preparation_quantity: PreparationQuantity::default(),
            tell_consumption: TellConsumption::default(),
            alternative_vat: Consumption::default(),
            timeout_seconds: a_minute(),
            installation: installation(),
            zone: amsterdam(),
        }
    }

    /// The same with a code of the POS for a payment method; one that was there is replaced.
    #[must_use]
    pub fn with_payment_method(mut self, method: PaymentMethod, code: impl Into<String>) -> Self {
        self.payment_methods.retain(|known| known.method != method);
        self.payment_methods.push(PaymentCode { method, code: code.into() });
        self
    }

    /// The employees that are named, and where.
    pub(crate) fn employees(&self) -> impl Iterator<Item = (String, i64)> {
        let own = self
            .locations
            .iter()
            .filter_map(|(location, own)| Some((format!("orders.locations.{location}"), own.employee?)));
        [("orders.employee".to_owned(), self.employee)].into_iter().chain(own)
    }

    /// The articles that are named, and where.
    pub(crate) fn named_articles(&self) -> impl Iterator<Item = (&'static str, ArticleNumber)> {
        let SpecialArticles { discount, tip, delivery_fee, remark } = self.articles;
        let special = [
            ("orders.articles.discount", discount),
            ("orders.articles.tip", tip),
            ("orders.articles.delivery_fee", delivery_fee),
            ("orders.articles.remark", remark),
        ];
        let by_rate = self.discount_articles.iter().map(|known| ("orders.discount_articles", known.article));
        special.into_iter().filter_map(|(field, article)| Some((field, article?))).chain(by_rate)
    }

    /// The article of discounts on what has this VAT rate.
    pub(crate) fn discount_article(&self, rate: Option<Decimal>) -> Option<ArticleNumber> {
        let of_rate = self.discount_articles.iter().find(|known| Some(known.rate) == rate);
        of_rate.map(|known| known.article).or(self.articles.discount)
    }

    /// The POS's code of a payment method.
    pub fn payment_code(&self, method: &PaymentMethod) -> Option<&str> {
        self.payment_methods.iter().find(|known| known.method == *method).map(|known| known.code.as_str())
    }

    /// The same with a fallback relation.
    #[must_use]
    pub fn with_fallback_relation(mut self, relation: RelationNumber) -> Self {
        self.fallback_relation = Some(relation);
        self
    }

    /// The same with settings for a location.
    #[must_use]
    pub fn with_location(mut self, location: impl Into<LocationId>, settings: LocationSettings) -> Self {
        self.locations.insert(location.into(), settings);
        self
    }
}

/// What the POS calls a payment method of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentCode {
    /// The host's payment method.
    pub method: PaymentMethod,
    /// The POS's code (`method` of `getPaymentMethodsV2`).
    pub code: String,
}

/// The article of discounts on what has one VAT rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscountArticle {
    /// The rate in per cent (`21` for 21 %).
    #[serde(with = "rust_decimal::serde::str")]
    pub rate: Decimal,
    /// The article, of that rate.
    pub article: ArticleNumber,
}

/// Articles of the POS for amounts that are no item. An order with an amount whose article is not set is refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SpecialArticles {
    /// Sold at a negative price for a discount.
    #[serde(default)]
    pub discount: Option<ArticleNumber>,
    /// The tip.
    #[serde(default)]
    pub tip: Option<ArticleNumber>,
    /// The delivery fee.
    #[serde(default)]
    pub delivery_fee: Option<ArticleNumber>,
    /// A free article that carries the guest's remarks as its text. Without it a remark on a line becomes part of the
    /// line's text.
    #[serde(default)]
    pub remark: Option<ArticleNumber>,
}

/// What orders of one location need.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LocationSettings {
    /// The workplace at which orders are entered (`workplaceNumber`); for table orders by the calls of
    /// [`TableCall::SaveTableOrder`] a terminal that no handheld uses. The branch's only workplace when not set.
    #[serde(default)]
    pub workplace: Option<i32>,
    /// The employee, when it is not the merchant's.
    #[serde(default)]
    pub employee: Option<i64>,
}

impl LocationSettings {
    /// Orders are entered at this workplace.
    pub fn at_workplace(workplace: i32) -> Self {
        Self { workplace: Some(workplace), employee: None }
    }
}

/// Which operation creates an order for pick-up or delivery.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CreateCall {
    /// `createOrderV3`, `createOrderV2` or `createOrder`: the newest that the POS knows.
    #[default]
    Detect,
    /// `createOrderV3`: carries an idempotency key and the payments.
    CreateOrderV3,
    /// `createOrder`, with `payOrder` for what was paid.
    CreateOrder,
}

/// Which operations place a table order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TableCall {
    /// `saveTableOrder` at a registered terminal, and `createAndPayTableOrder` for what is paid already.
    #[default]
    SaveTableOrder,
    /// `placeTableOrder` for both: carries an idempotency key and needs no terminal. The POS does not keep the host's
    /// order number with it; the order number is sent as a line of text.
    PlaceTableOrder,
}

/// What the quantity of a preparation line counts; the service's description leaves it open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PreparationQuantity {
    /// All pieces of the line together: two burgers with cheese have a preparation line of 2.
    #[default]
    Total,
    /// One piece of the line: two burgers with cheese have a preparation line of 1.
    PerPiece,
}

/// Where an order is eaten.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consumption {
    /// Collected or delivered.
    #[default]
    TakeOut,
    /// At a table.
    EatHere,
}

impl Consumption {
    /// Where an order of this kind is eaten.
    pub fn of(kind: &OrderKind) -> Self {
        match kind {
            OrderKind::Pickup | OrderKind::Delivery { .. } => Self::TakeOut,
            OrderKind::DineInPayLater { .. } | OrderKind::DineInPayNow { .. } => Self::EatHere,
        }
    }
}

/// Which orders tell the POS where they are eaten. Those that do also ask it to add no disposables, which the guest has not paid.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TellConsumption {
    /// Those that sell something of which the POS has an alternative VAT rate.
    #[default]
    WhereVatDiffers,
    /// All.
    Always,
    /// None: every article has its main rate.
    Never,
}
