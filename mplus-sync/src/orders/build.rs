//! From a host's order to the POS's terms: pure, and all problems at once.

use rust_decimal::Decimal;

use crate::model::{
    ArticleNumber, BranchNumber, ChosenItem, Discount, ItemId, LineModifier, Location, Order, OrderKind,
    OrderLine, RelationNumber, Sold, Tracked,
};
use crate::text::plain;

use super::discount::spread;
use super::identity::stable_uuid;
use super::{
    ComboArticle, Consumption, DraftLine, DraftPayment, MenuLinks, MenuPlace, OrderDraft, OrderRefused,
    OrderSettings, Problem, TellConsumption,
};

/// The most decimals that the POS keeps of a quantity.
const QUANTITY_SCALE: u32 = 6;

/// Beyond these a number is a mistake; below them no product of a quantity with a price loses a digit.
const LARGEST_QUANTITY: Decimal = Decimal::from_parts(100_000, 0, 0, false, 0);
const LARGEST_AMOUNT: Decimal = Decimal::from_parts(100_000_000, 0, 0, false, 0);

/// Where an order is entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The branch; none for a location that is none.
    pub branch: Option<BranchNumber>,
    /// The workplace, when it is known.
    pub workplace: Option<i32>,
    /// The employee.
    pub employee: i64,
}

impl Place {
    /// The place of a location's orders by the settings and, where they leave it open, the branch's only workplace.
    pub fn of(location: Option<&Tracked<Location>>, order: &Order, settings: &OrderSettings) -> Self {
        let own = settings.locations.get(&order.location);
        let only = location.and_then(|location| match location.record.workplaces.as_slice() {
            [workplace] => Some(workplace.number),
            _ => None,
        });
        Self {
            branch: location.and_then(|location| location.external_ids.mpluskassa),
            workplace: own.and_then(|own| own.workplace).or(only),
            employee: own.and_then(|own| own.employee).unwrap_or(settings.employee),
        }
    }
}

/// Writes an order in the POS's terms.
///
/// Modifiers become preparation lines of their line; the choices of a combo become lines of the same menu; discounts,
/// tips and delivery fees become lines with the configured articles. Prices are the order's own, VAT included: the guest
/// was told them. The draft has a relation when there is no customer to look up: the fallback.
///
/// # Errors
/// [`OrderRefused`] with every problem of the order: all unlinked items, unmapped payments, amounts that do not add up.
pub fn build(
    order: &Order,
    menu: &MenuLinks,
    place: &Place,
    settings: &OrderSettings,
) -> Result<OrderDraft, OrderRefused> {
    let consumption = consumption(order, menu, settings);
    let mut builder = Builder { menu, settings, consumption, problems: Vec::new(), in_range: true };
    let lines = builder.lines(order);
    let payments = builder.payments(order);
    builder.check_number("the total", order.total);
    // Sums of numbers that are out of range mean nothing and may overflow.
    let mut total = Decimal::ZERO;
    if builder.in_range {
        total = lines.iter().map(|line| line.total(settings.preparation_quantity)).sum();
        builder.check_sums(order, total);
    }
    let relation = builder.relation(order);
    let (branch, workplace) = builder.place(order, place);
    if builder.problems.is_empty()
        && let (Some(branch), Some(workplace)) = (branch, workplace)
    {
        return Ok(OrderDraft {
            number: order.number.clone(),
            kind: order.kind.clone(),
            branch,
            workplace,
            employee: place.employee,
            relation,
            contact: order.customer.as_ref().map(|customer| plain(&customer.name).into_owned()),
            consumption,
            lines,
            payments,
            total,
            requested_at: order.requested_at,
            placed_at: order.placed_at,
            note: order
                .note
                .as_deref()
                .map(|note| plain(note).into_owned())
                .filter(|note| !note.trim().is_empty()),
        });
    }
    Err(OrderRefused { order: order.number.clone(), problems: builder.problems })
}

struct Builder<'a> {
    menu: &'a MenuLinks,
    settings: &'a OrderSettings,
    /// Where it is eaten, when the POS is to be told.
    consumption: Option<Consumption>,
    problems: Vec<Problem>,
    /// Whether all numbers so far can be multiplied and added.
    in_range: bool,
}

impl Builder<'_> {
    /// Notes a problem, once.
    fn problem(&mut self, problem: Problem) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    fn lines(&mut self, order: &Order) -> Vec<DraftLine> {
        let number = order.number.as_str();
        if number.trim().is_empty() || plain(number) != number {
            self.problem(Problem::Number);
        }
        if order.lines.is_empty() {
            self.problem(Problem::Empty);
        }
        // Before anything is added up.
        for discount in order.lines.iter().filter_map(|line| line.discount.as_ref()).chain(&order.discounts) {
            self.check_number("discounts", discount.amount);
        }
        let mut lines = Vec::with_capacity(order.lines.len() + 3);
        let mut discounts = Vec::new();
        for (index, line) in order.lines.iter().enumerate() {
            self.line(order, index, line, &mut lines);
            if let Some(discount) = &line.discount {
                discounts.extend(self.discount(discount, Some(&line.name), &self.shares(line)));
            }
        }
        let shares: Vec<_> = order.lines.iter().flat_map(|line| self.shares(line)).collect();
        for discount in &order.discounts {
            discounts.extend(self.discount(discount, None, &shares));
        }
        lines.append(&mut discounts);
        let articles = self.settings.articles;
        lines.extend(self.extra("tips", order.tip, articles.tip));
        lines.extend(self.extra("delivery fees", order.delivery_fee, articles.delivery_fee));
        lines
    }

    /// Adds an order line: one line, or for a combo one and one for each choice.
    fn line(&mut self, order: &Order, index: usize, line: &OrderLine, lines: &mut Vec<DraftLine>) {
        self.check_price(&line.name, line.unit_price);
        self.check_quantity(&line.name, line.quantity);
        let (article, menu) = match &line.sold {
            Sold::Item { item } => {
                let article = self.menu.item(item);
                if article.is_none() {
                    self.problem(Problem::ItemUnlinked { name: line.name.clone(), item: item.clone() });
                }
                (article, None)
            }
            Sold::Combo { combo, .. } => match self.menu.combo(combo) {
                Some(ComboArticle { article, menu }) => {
                    let place = MenuPlace { menu: menu.clone(), lines: menu_lines_id(order, index) };
                    (Some(*article), Some(place))
                }
                None => {
                    self.problem(Problem::ComboUnlinked { name: line.name.clone(), combo: combo.clone() });
                    (None, None)
                }
            },
        };
        let mut main = DraftLine::new(article, line.quantity, line.unit_price);
        main.course = line.course;
        main.menu = menu.clone();
        let (preparations, extra) = self.preparations(line.quantity, &line.modifiers);
        main.preparations = preparations;
        main.unit_price += extra;
        self.remark(line, &mut main);
        lines.push(main);
        if let Sold::Combo { choices, .. } = &line.sold {
            for choice in choices {
                let mut part = self.choice(line, choice);
                part.menu = menu.clone();
                lines.push(part);
            }
        }
    }

    fn choice(&mut self, line: &OrderLine, choice: &ChosenItem) -> DraftLine {
        self.check_price(&choice.name, choice.surcharge);
        self.check_quantity(&choice.name, choice.quantity);
        let article = self.menu.item(&choice.item);
        if article.is_none() {
            self.problem(Problem::ItemUnlinked { name: choice.name.clone(), item: choice.item.clone() });
        }
        let quantity = self.product(&choice.name, line.quantity, choice.quantity);
        let mut part = DraftLine::new(article, quantity, choice.surcharge);
        part.course = line.course;
        let (preparations, extra) = self.preparations(quantity, &choice.modifiers);
        part.preparations = preparations;
        part.unit_price += extra;
        part
    }

    /// The preparation lines of `pieces` pieces, and what those that are no article add to the price of a piece.
    fn preparations(&mut self, pieces: Decimal, modifiers: &[LineModifier]) -> (Vec<DraftLine>, Decimal) {
        let mut extra = Decimal::ZERO;
        let per_piece = self.settings.preparation_quantity == super::PreparationQuantity::PerPiece;
        let mut lines = Vec::with_capacity(modifiers.len());
        for modifier in modifiers {
            self.check_price(&modifier.name, modifier.unit_price);
            self.check_quantity(&modifier.name, modifier.quantity);
            let link = self.menu.modifier(&modifier.group, &modifier.modifier);
            if link.is_none() {
                self.problem(Problem::ModifierUnlinked {
                    name: modifier.name.clone(),
                    group: modifier.group.clone(),
                    modifier: modifier.modifier.clone(),
                });
            }
            let article = link.and_then(|link| link.article);
            let quantity = match per_piece {
                true => modifier.quantity,
                false => self.product(&modifier.name, pieces, modifier.quantity),
            };
            let mut line = DraftLine::new(article, quantity, modifier.unit_price);
            line.alteration = link.map(|link| link.alteration);
            if article.is_none() {
                // It has no description of its own at the POS, which books prices of articles only: what it costs
                // becomes part of the price of the piece.
                line.text = Some(plain(&modifier.name).into_owned());
                line.unit_price = Decimal::ZERO;
                extra += self.amount(&modifier.name, modifier.quantity, modifier.unit_price);
            }
            lines.push(line);
        }
        (lines, extra)
    }

    /// What a quantity costs; nothing when the numbers are out of range.
    fn amount(&mut self, what: &str, quantity: Decimal, price: Decimal) -> Decimal {
        if !self.in_range {
            return Decimal::ZERO;
        }
        let amount = quantity * price;
        self.check_price(what, amount);
        amount
    }

    /// Puts the guest's remark on a line.
    fn remark(&self, line: &OrderLine, main: &mut DraftLine) {
        let Some(note) = line.note.as_deref().map(str::trim).filter(|note| !note.is_empty()) else {
            return;
        };
        match self.settings.articles.remark {
            Some(article) => {
                let mut remark = DraftLine::new(Some(article), Decimal::ONE, Decimal::ZERO);
                remark.text = Some(plain(note).into_owned());
                main.preparations.push(remark);
            }
            None => main.text = Some(plain(&format!("{} - {note}", line.name)).into_owned()),
        }
    }

    /// How much of a line has which VAT rate: what a discount on it is spread over.
    fn shares(&self, line: &OrderLine) -> Vec<(Option<Decimal>, Decimal)> {
        // Sums of numbers that are out of range may overflow; without rates nothing is spread.
        if !self.in_range || self.settings.discount_articles.is_empty() {
            return vec![(None, Decimal::ZERO)];
        }
        let rate = match &line.sold {
            Sold::Item { item } => self.rate(item),
            Sold::Combo { combo, .. } => self.menu.combo_rate(combo),
        };
        vec![(rate, line.sum())]
    }

    /// The VAT rate of an item as the POS will have it: the main one unless it is told otherwise.
    fn rate(&self, item: &ItemId) -> Option<Decimal> {
        match self.menu.alternative_rate(item) {
            Some(rate) if self.consumption == Some(self.settings.alternative_vat) => rate,
            _ => self.menu.rate(item),
        }
    }

    /// A line for each VAT rate that the discount is taken off from.
    fn discount(
        &mut self,
        discount: &Discount,
        line: Option<&str>,
        shares: &[(Option<Decimal>, Decimal)],
    ) -> Vec<DraftLine> {
        let parts = match self.in_range {
            true => spread(discount.amount, shares),
            false => vec![(None, discount.amount)],
        };
        let parts =
            parts.into_iter().filter_map(|(rate, part)| self.discount_line(discount, line, rate, part));
        parts.collect()
    }

    fn discount_line(
        &mut self,
        discount: &Discount,
        line: Option<&str>,
        rate: Option<Decimal>,
        amount: Decimal,
    ) -> Option<DraftLine> {
        let mut taken_off = self.extra("discounts", amount, self.settings.discount_article(rate))?;
        taken_off.unit_price = -taken_off.unit_price;
        let text = match line {
            Some(line) => format!("{} ({line})", discount.name),
            None => discount.name.clone(),
        };
        taken_off.text = Some(plain(&text).into_owned());
        Some(taken_off)
    }

    /// A line for an amount that is no item; none for nothing.
    fn extra(
        &mut self,
        what: &'static str,
        amount: Decimal,
        article: Option<ArticleNumber>,
    ) -> Option<DraftLine> {
        if amount.is_zero() {
            return None;
        }
        self.check_price(what, amount);
        if amount < Decimal::ZERO {
            self.problem(Problem::Negative { what: what.to_owned(), amount });
        }
        if article.is_none() {
            self.problem(Problem::NoArticle { what });
        }
        Some(DraftLine::new(article, Decimal::ONE, amount))
    }

    fn check_price(&mut self, what: &str, amount: Decimal) {
        self.check_number(what, amount);
        if amount.normalize().scale() > 2 {
            self.problem(Problem::FractionOfCent { what: what.to_owned(), amount });
        }
    }

    fn check_number(&mut self, what: &str, amount: Decimal) {
        if amount.abs() > LARGEST_AMOUNT {
            self.in_range = false;
            self.problem(Problem::TooLarge { what: what.to_owned(), amount });
        }
    }

    fn check_quantity(&mut self, what: &str, quantity: Decimal) {
        let fits = quantity > Decimal::ZERO
            && quantity <= LARGEST_QUANTITY
            && quantity.normalize().scale() <= QUANTITY_SCALE;
        if !fits {
            self.in_range = false;
            self.problem(Problem::Quantity { what: what.to_owned(), quantity });
        }
    }

    /// A product of quantities, with no more decimals than it needs.
    fn product(&mut self, what: &str, left: Decimal, right: Decimal) -> Decimal {
        if right == Decimal::ONE || !self.in_range {
            return left;
        }
        let product = (left * right).normalize();
        self.check_quantity(what, product);
        product
    }

    /// Compares what the lines add up to with what the order says and with what was paid.
    fn check_sums(&mut self, order: &Order, lines: Decimal) {
        if order.total != lines {
            self.problem(Problem::TotalDiffers { total: order.total, lines });
        } else if lines < Decimal::ZERO {
            self.problem(Problem::Negative { what: "the total".to_owned(), amount: lines });
        }
        let paid: Decimal = order.payments.iter().map(|payment| payment.amount).sum();
        match order.kind {
            OrderKind::DineInPayNow { .. } if paid != order.total => {
                self.problem(Problem::PaymentsDiffer { total: order.total, paid });
            }
            OrderKind::DineInPayLater { .. } if !paid.is_zero() => {
                self.problem(Problem::PaidBeforehand { paid });
            }
            // What is missing is paid when the guest gets it.
            OrderKind::Pickup | OrderKind::Delivery { .. } if paid > order.total => {
                self.problem(Problem::PaymentsDiffer { total: order.total, paid });
            }
            _ => {}
        }
    }

    fn payments(&mut self, order: &Order) -> Vec<DraftPayment> {
        let mut payments = Vec::with_capacity(order.payments.len());
        // The POS takes no payment of nothing.
        for payment in order.payments.iter().filter(|payment| !payment.amount.is_zero()) {
            self.check_price("a payment", payment.amount);
            if payment.amount < Decimal::ZERO {
                self.problem(Problem::Negative { what: "a payment".to_owned(), amount: payment.amount });
            }
            match self.settings.payment_code(&payment.method) {
                Some(code) => payments.push(DraftPayment {
                    method: code.to_owned(),
                    amount: payment.amount,
                    reference: payment.reference.as_deref().map(|text| plain(text).into_owned()),
                }),
                None => self.problem(Problem::PaymentUnmapped { method: payment.method.clone() }),
            }
        }
        payments
    }

    fn relation(&mut self, order: &Order) -> Option<RelationNumber> {
        let fallback = self.settings.fallback_relation;
        match &order.customer {
            Some(_) => None,
            None => {
                if fallback.is_none() {
                    self.problem(Problem::NoRelation);
                }
                fallback
            }
        }
    }

    fn place(&mut self, order: &Order, place: &Place) -> (Option<BranchNumber>, Option<i32>) {
        match (place.branch, place.workplace) {
            (None, _) => self.problem(Problem::NoBranch { location: order.location.clone() }),
            (Some(_), None) => self.problem(Problem::NoWorkplace { location: order.location.clone() }),
            _ => {}
        }
        (place.branch, place.workplace)
    }
}

/// Where an order is eaten, when the POS is to be told.
fn consumption(order: &Order, menu: &MenuLinks, settings: &OrderSettings) -> Option<Consumption> {
    let differs = |item: &ItemId| menu.alternative_rate(item).is_some();
    let told = match settings.tell_consumption {
        TellConsumption::Always => true,
        TellConsumption::Never => false,
        TellConsumption::WhereVatDiffers => order.lines.iter().any(|line| match &line.sold {
            Sold::Item { item } => differs(item),
            Sold::Combo { choices, .. } => choices.iter().any(|choice| differs(&choice.item)),
        }),
    };
    told.then(|| Consumption::of(&order.kind))
}

/// The same identifier for every build of the same order, in the form of a UUID.
fn menu_lines_id(order: &Order, line: usize) -> String {
    stable_uuid(&["menu", order.number.as_str(), &line.to_string()])
}

#[cfg(test)]
mod tests;
