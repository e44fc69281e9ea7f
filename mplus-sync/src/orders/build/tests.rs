use chrono::{DateTime, Utc};
use mplus_qapi::types::{LineType, OrderType, VatChange, VatMethod};
use proptest::prelude::*;

use super::*;
use crate::model::{CourseNumber, Customer, Payment, PaymentMethod, PostalAddress, TableRef};
use crate::orders::{LocationSettings, ModifierLink, PreparationQuantity};

fn euros(cents: i64) -> Decimal {
    Decimal::new(cents, 2)
}

fn article(number: i64) -> ArticleNumber {
    ArticleNumber::new(number)
}

fn menu() -> MenuLinks {
    let combo = ComboArticle { article: article(300), menu: Some("menu-1".into()) };
    MenuLinks::default()
        .with_item("burger", article(101))
        .with_item("fries", article(102))
        .with_combo("deal", combo)
        .with_modifier("extras", "cheese", ModifierLink { alteration: 7, article: Some(article(201)) })
        .with_modifier("baking", "rare", ModifierLink { alteration: 8, article: None })
}

fn settings() -> OrderSettings {
    let mut settings = OrderSettings::new(7)
        .with_fallback_relation(RelationNumber::new(1))
        .with_payment_method(PaymentMethod::Ideal, "IDEAL")
        .with_location("city", LocationSettings::at_workplace(3));
    settings.articles.discount = Some(article(901));
    settings.articles.tip = Some(article(902));
    settings.articles.delivery_fee = Some(article(903));
    settings.delivery_method = Some("BEZORGEN".into());
    settings
}

fn place() -> Place {
    Place { branch: Some(BranchNumber::new(2)), workplace: Some(3), employee: 7 }
}

fn at(time: &str) -> DateTime<Utc> {
    time.parse().unwrap()
}

fn order(kind: OrderKind, lines: Vec<OrderLine>) -> Order {
    let mut order = Order::new("1001", "city", kind, at("2026-06-01T18:00:00Z"));
    order.lines = lines;
    order.total = order.sum();
    order
}

fn line(item: &str, quantity: Decimal, price: Decimal) -> OrderLine {
    OrderLine::new(Sold::Item { item: item.into() }, item, quantity, price)
}

fn modifier(group: &str, modifier: &str, quantity: i64, price: Decimal) -> LineModifier {
    LineModifier {
        group: group.into(),
        modifier: modifier.into(),
        name: modifier.into(),
        quantity: quantity.into(),
        unit_price: price,
    }
}

fn built(order: &Order) -> OrderDraft {
    build(order, &menu(), &place(), &settings()).unwrap()
}

fn problems(order: &Order) -> Vec<Problem> {
    build(order, &menu(), &place(), &settings()).unwrap_err().problems
}

#[test]
fn every_unlinked_item_combo_modifier_and_payment_is_in_one_error() {
    let mut wrong = line("soup", Decimal::ONE, euros(500));
    wrong.modifiers = vec![modifier("extras", "bacon", 1, euros(50))];
    let choice = ChosenItem {
        part: 1,
        item: "salad".into(),
        name: "Salad".into(),
        quantity: Decimal::ONE,
        surcharge: Decimal::ZERO,
        modifiers: Vec::new(),
    };
    let sold = Sold::Combo { combo: "feast".into(), choices: vec![choice] };
    let feast = OrderLine::new(sold, "Feast", Decimal::ONE, euros(2000));
    let mut order = order(OrderKind::Pickup, vec![wrong.clone(), wrong, feast]);
    order.payments = vec![Payment { method: PaymentMethod::Card, amount: order.total, reference: None }];
    let refused = build(&order, &menu(), &place(), &settings()).unwrap_err();
    assert_eq!(refused.problems.len(), 5, "{refused}");
    let text = refused.to_string();
    for name in ["\"soup\" (soup)", "\"bacon\"", "\"Feast\" (feast)", "\"Salad\" (salad)", "card"] {
        assert!(text.contains(name), "{name}: {text}");
    }
    assert!(
        text.starts_with("order 1001 was not sent to the POS: item \"soup\" (soup) has no article number")
    );
}

#[test]
fn a_total_that_the_lines_do_not_make_is_refused_with_the_difference() {
    let mut order = order(OrderKind::Pickup, vec![line("burger", Decimal::TWO, euros(995))]);
    order.total += euros(1);
    assert_eq!(problems(&order), [Problem::TotalDiffers { total: euros(1991), lines: euros(1990) }]);
    let text = problems(&order)[0].to_string();
    assert_eq!(text, "its total is 19.91 euros and its lines add up to 19.90, a difference of 0.01");
}

#[test]
fn modifiers_are_preparation_lines_for_all_pieces_together() {
    let mut burger = line("burger", Decimal::TWO, euros(995));
    burger.modifiers =
        vec![modifier("extras", "cheese", 2, euros(50)), modifier("baking", "rare", 1, euros(0))];
    burger.course = Some(CourseNumber::new(2));
    let draft = built(&order(OrderKind::Pickup, vec![burger.clone()]));
    let wire = draft.to_order(RelationNumber::new(1), &settings());
    let main = &wire.line_list[0];
    assert_eq!((main.article_number, main.course_number), (101, Some(2)));
    let cheese = &main.preparation_list[0];
    let data = cheese.data.as_ref().unwrap();
    assert_eq!((cheese.article_number, cheese.article_alteration_id), (201, Some(7)));
    assert_eq!((data.quantity, data.price), (Decimal::from(4), Some(euros(50))));
    assert_eq!(cheese.line_type, Some(LineType::Preparation));
    let rare = &main.preparation_list[1];
    assert_eq!(
        (rare.article_number, rare.text.as_deref(), rare.article_alteration_id),
        (0, Some("rare"), Some(8))
    );
    assert_eq!(draft.total, euros(1990 + 200));

    let mut per_piece = settings();
    per_piece.preparation_quantity = PreparationQuantity::PerPiece;
    let order = order(OrderKind::Pickup, vec![burger]);
    let draft = build(&order, &menu(), &place(), &per_piece).unwrap();
    assert_eq!((draft.lines[0].preparations[0].quantity, draft.total), (Decimal::TWO, euros(2190)));
}

#[test]
fn what_a_choice_without_an_article_costs_is_part_of_its_lines_price() {
    let mut burger = line("burger", Decimal::TWO, euros(995));
    burger.modifiers = vec![modifier("baking", "rare", 1, euros(25))];
    let draft = built(&order(OrderKind::Pickup, vec![burger]));
    assert_eq!(
        (draft.lines[0].unit_price, draft.lines[0].preparations[0].unit_price),
        (euros(1020), euros(0))
    );
    assert_eq!(draft.total, euros(2040));
}

#[test]
fn a_combo_is_its_article_and_its_choices_in_one_menu() {
    let choice = ChosenItem {
        part: 1,
        item: "fries".into(),
        name: "Fries".into(),
        quantity: Decimal::TWO,
        surcharge: euros(75),
        modifiers: vec![modifier("extras", "cheese", 1, euros(50))],
    };
    let sold = Sold::Combo { combo: "deal".into(), choices: vec![choice] };
    let deal = OrderLine::new(sold, "Deal", Decimal::from(3), euros(1200));
    let order = order(OrderKind::Pickup, vec![deal.clone(), deal]);
    let draft = built(&order);
    let articles: Vec<_> = draft.lines.iter().map(|line| line.article.map(ArticleNumber::get)).collect();
    assert_eq!(articles, [Some(300), Some(102), Some(300), Some(102)]);
    let place = |index: usize| draft.lines[index].menu.clone().unwrap();
    assert_eq!((place(0), place(0).menu.as_deref()), (place(1), Some("menu-1")));
    assert_ne!(place(0).lines, place(2).lines, "two of the same combo are two menus");
    assert_eq!(built(&order), draft, "every build is the same");
    assert_eq!((draft.lines[1].quantity, draft.lines[1].preparations[0].quantity), (6.into(), 6.into()));
    // 2 x 3 x (12.00 + 2 x (0.75 + 0.50))
    assert_eq!(draft.total, euros(8700));
}

#[test]
fn the_sum_of_an_order_of_weighed_goods_is_what_is_booked_for_it() {
    for preparation_quantity in [PreparationQuantity::Total, PreparationQuantity::PerPiece] {
        // 0.333 x 2.99 = 0.99567, and 3 x 0.125 x 0.20 = 0.075.
        let plain = line("fries", Decimal::new(333, 3), euros(299));
        let mut topped = line("burger", Decimal::new(125, 3), euros(1000));
        topped.modifiers = vec![modifier("extras", "cheese", 3, euros(20))];
        let mut order = order(OrderKind::Pickup, vec![plain, topped]);
        order.total = order.sum();
        assert_eq!(order.total, euros(100 + 125 + 8));
        let settings = OrderSettings { preparation_quantity, ..settings() };
        let draft = build(&order, &menu(), &place(), &settings).unwrap();
        assert_eq!(draft.total, order.total, "{preparation_quantity:?}");
    }
}

#[test]
fn discounts_tip_and_fee_are_lines_of_their_articles() {
    let mut burger = line("burger", Decimal::ONE, euros(995));
    burger.discount = Some(Discount { name: "Lunch".into(), amount: euros(100) });
    let address = PostalAddress { street: Some("Spui 1".into()), ..PostalAddress::default() };
    let mut order = order(OrderKind::Delivery { address }, vec![burger]);
    order.discounts = vec![Discount { name: "Welcome".into(), amount: euros(250) }];
    (order.tip, order.delivery_fee) = (euros(150), euros(350));
    order.total = order.sum();
    let draft = built(&order);
    let lines: Vec<_> = draft
        .lines
        .iter()
        .map(|line| (line.article.unwrap().get(), line.unit_price, line.text.as_deref()))
        .collect();
    assert_eq!(
        lines,
        [
            (101, euros(995), None),
            (901, euros(-100), Some("Lunch (burger)")),
            (901, euros(-250), Some("Welcome")),
            (902, euros(150), None),
            (903, euros(350), None),
        ]
    );
    let mut bare = settings();
    bare.articles = Default::default();
    let refused = build(&order, &menu(), &place(), &bare).unwrap_err();
    let what: Vec<_> =
        ["discounts", "tips", "delivery fees"].map(|what| Problem::NoArticle { what }).to_vec();
    assert_eq!(refused.problems, what);
}

#[test]
fn a_delivery_carries_address_time_branch_employee_and_vat_inclusive() {
    let address =
        PostalAddress { street: Some("Spui 1".into()), city: Some("Amsterdam".into()), ..Default::default() };
    let mut order = order(OrderKind::Delivery { address }, vec![line("burger", Decimal::ONE, euros(995))]);
    order.customer = Some(Customer::new("guest", "Jan"));
    order.note = Some("Ring twice".into());
    order.requested_at = Some(at("2026-06-01T22:30:00Z"));
    let draft = built(&order);
    assert_eq!(draft.relation, None, "the customer's relation is to be looked up");
    let wire = draft.to_order(RelationNumber::new(12), &settings());
    assert_eq!((wire.ext_order_id.as_deref(), wire.relation_number), (Some("1001"), Some(12)));
    assert_eq!((wire.entry_branch_number, wire.financial_branch_number), (Some(2), Some(2)));
    assert_eq!((wire.workplace_number, wire.employee_number), (Some(3), Some(7)));
    assert_eq!((wire.vat_method, wire.order_type), (Some(VatMethod::Inclusive), Some(OrderType::SalesOrder)));
    assert_eq!(
        (wire.delivery_method.as_deref(), wire.reference.as_deref()),
        (Some("BEZORGEN"), Some("Ring twice"))
    );
    let to = wire.delivery_address.unwrap();
    assert_eq!(
        (to.name.as_deref(), to.address.as_deref(), to.city.as_deref()),
        (Some("Jan"), Some("Spui 1"), Some("Amsterdam"))
    );
    // Half past midnight in Amsterdam is the next day.
    let (date, begin) = (wire.delivery_date.unwrap(), wire.delivery_period_begin.unwrap());
    assert_eq!((date.day, date.mon, begin.day, begin.hour, begin.min), (2, 6, 2, 0, 30));
}

#[test]
fn a_table_order_names_table_and_guests_in_both_forms() {
    let table = TableRef { number: 12, sub_number: 2 };
    let lines = vec![line("burger", Decimal::TWO, euros(995))];
    let mut order = order(OrderKind::DineInPayNow { table, guests: Some(4) }, lines);
    order.payments =
        vec![Payment { method: PaymentMethod::Ideal, amount: order.total, reference: Some("pi_1".into()) }];
    let draft = built(&order);
    let wire = draft.to_order(RelationNumber::new(1), &settings());
    assert_eq!(
        (wire.order_type, wire.table_number, wire.table_sub_number),
        (Some(OrderType::TableOrder), Some(12), Some(2))
    );
    let payment = &draft.to_payments()[0];
    assert_eq!((payment.method.as_str(), payment.amount), ("IDEAL", euros(1990)));
    assert_eq!(payment.external_reference.as_deref(), Some("pi_1"));
    let placed = draft.to_place_table_order(RelationNumber::new(1), "key".into(), &settings()).unwrap();
    assert_eq!((placed.table_order_identifier.table_number, placed.number_of_guests), (12, Some(4)));
    assert_eq!((placed.lines.len(), placed.lines[1].text.as_deref()), (2, Some("1001")));
    assert_eq!(
        (placed.payments[0].amount, placed.lines[0].data.as_ref().unwrap().price_incl),
        (euros(1990).into(), Some(euros(995).into()))
    );
}

#[test]
fn payments_have_to_fit_the_kind_of_order() {
    let table = TableRef::whole(4);
    let paid = |kind, cents| {
        let mut order = order(kind, vec![line("burger", Decimal::ONE, euros(995))]);
        order.payments =
            vec![Payment { method: PaymentMethod::Ideal, amount: euros(cents), reference: None }];
        order
    };
    let now = OrderKind::DineInPayNow { table, guests: None };
    let differ = |cents| Problem::PaymentsDiffer { total: euros(995), paid: euros(cents) };
    assert_eq!(problems(&paid(now.clone(), 994)), [differ(994)]);
    assert_eq!(problems(&paid(now, 996)), [differ(996)]);
    assert_eq!(problems(&paid(OrderKind::Pickup, 996)), [differ(996)]);
    let later = OrderKind::DineInPayLater { table, guests: None };
    assert_eq!(problems(&paid(later, 995)), [Problem::PaidBeforehand { paid: euros(995) }]);
    assert_eq!(built(&paid(OrderKind::Pickup, 500)).paid(), euros(500), "the rest is paid at the counter");
}

#[test]
fn numbers_that_cannot_be_right_are_refused_without_a_crash() {
    let odd = [
        (Decimal::ZERO, euros(995)),
        (Decimal::NEGATIVE_ONE, euros(995)),
        (Decimal::MAX, Decimal::MAX),
        (Decimal::new(1, 7), euros(995)),
        (Decimal::ONE, Decimal::new(9_995, 3)),
        (Decimal::ONE, Decimal::MIN),
    ];
    for (quantity, price) in odd {
        let mut order = order(OrderKind::Pickup, vec![line("burger", Decimal::ONE, Decimal::ONE)]);
        order.lines[0].quantity = quantity;
        order.lines[0].unit_price = price;
        order.lines[0].modifiers = vec![modifier("extras", "cheese", 1, price)];
        order.total = price;
        assert!(!problems(&order).is_empty(), "{quantity} x {price}");
    }
    let mut order = order(OrderKind::Pickup, Vec::new());
    order.tip = Decimal::MAX;
    order.total = Decimal::MAX;
    assert!(problems(&order).contains(&Problem::Empty));
}

#[test]
fn an_order_without_branch_workplace_or_relation_says_what_to_set_up() {
    let order = order(OrderKind::Pickup, vec![line("burger", Decimal::ONE, euros(995))]);
    let nowhere = Place { branch: None, workplace: None, employee: 7 };
    let bare = OrderSettings { fallback_relation: None, ..settings() };
    let refused = build(&order, &menu(), &nowhere, &bare).unwrap_err();
    assert_eq!(refused.problems, [Problem::NoRelation, Problem::NoBranch { location: "city".into() }]);
    let somewhere = Place { branch: Some(BranchNumber::new(1)), ..nowhere };
    let refused = build(&order, &menu(), &somewhere, &settings()).unwrap_err();
    assert_eq!(refused.problems, [Problem::NoWorkplace { location: "city".into() }]);
    assert!(refused.to_string().contains("choose one in the order settings"));
}

#[test]
fn a_remark_is_an_articles_text_or_part_of_the_lines() {
    let mut burger = line("burger", Decimal::ONE, euros(995));
    burger.note = Some(" no onions ".into());
    let order = order(OrderKind::Pickup, vec![burger]);
    assert_eq!(built(&order).lines[0].text.as_deref(), Some("burger - no onions"));
    let mut with_article = settings();
    with_article.articles.remark = Some(article(904));
    let draft = build(&order, &menu(), &place(), &with_article).unwrap();
    let remark = &draft.lines[0].preparations[0];
    assert_eq!((remark.article, remark.text.as_deref()), (Some(article(904)), Some("no onions")));
    assert_eq!((draft.lines[0].text.as_deref(), draft.total), (None, euros(995)));
}

#[test]
fn weighed_goods_are_booked_to_the_cent() {
    // 0.333 kg at 9.95 is 3.31335
    let weighed = line("burger", Decimal::new(333, 3), euros(995));
    let mut order = order(OrderKind::Pickup, vec![weighed]);
    order.total = euros(331);
    let wire = built(&order).to_order(RelationNumber::new(1), &settings());
    let quantity = wire.line_list[0].data.as_ref().unwrap().quantity;
    assert_eq!((quantity, quantity.scale()), (Decimal::new(333, 3), 3));
}

prop_compose! {
    fn any_modifier()(cheese in any::<bool>(), quantity in 1..4_i64, price in 0..500_i64) -> LineModifier {
        let (group, name) = if cheese { ("extras", "cheese") } else { ("baking", "rare") };
        modifier(group, name, quantity, euros(price))
    }
}

prop_compose! {
    fn any_line()(
        combo in any::<bool>(),
        quantity in 1..20_i64,
        price in 0..10_000_i64,
        modifiers in prop::collection::vec(any_modifier(), 0..4),
        choices in prop::collection::vec((1..3_i64, 0..300_i64, prop::collection::vec(any_modifier(), 0..2)), 0..3),
        discount in prop::option::of(1..50_i64),
    ) -> OrderLine {
        let choices = choices.into_iter().map(|(quantity, surcharge, modifiers)| ChosenItem {
            part: 1,
            item: "fries".into(),
            name: "fries".into(),
            quantity: quantity.into(),
            surcharge: euros(surcharge),
            modifiers,
        });
        let sold = match combo {
            true => Sold::Combo { combo: "deal".into(), choices: choices.collect() },
            false => Sold::Item { item: "burger".into() },
        };
        let mut line = OrderLine::new(sold, "line", quantity.into(), euros(price));
        line.modifiers = modifiers;
        line.discount = discount.map(|cents| Discount { name: "off".into(), amount: euros(cents) });
        line
    }
}

proptest! {
    #[test]
    fn what_is_sent_adds_up_to_what_the_guest_was_told(
        lines in prop::collection::vec(any_line(), 1..20),
        tip in 0..1_000_i64,
        per_piece in any::<bool>(),
    ) {
        let mut order = order(OrderKind::Pickup, lines);
        order.tip = euros(tip);
        order.total = order.sum();
        prop_assume!(order.total >= Decimal::ZERO);
        let mut settings = settings();
        if per_piece {
            settings.preparation_quantity = PreparationQuantity::PerPiece;
        }
        let draft = build(&order, &menu(), &place(), &settings).unwrap();
        prop_assert_eq!(draft.total, order.total);
        let wire = draft.to_order(RelationNumber::new(1), &settings);
        let mut sum = Decimal::ZERO;
        for line in &wire.line_list {
            let data = line.data.as_ref().unwrap();
            sum += data.quantity * data.price.unwrap();
            let pieces = if per_piece { data.quantity } else { Decimal::ONE };
            for extra in &line.preparation_list {
                let data = extra.data.as_ref().unwrap();
                sum += pieces * data.quantity * data.price.unwrap();
            }
        }
        prop_assert_eq!(sum, order.total);
        prop_assert!(wire.line_list.iter().all(|line| line.article_number > 0));
    }

    #[test]
    fn a_changed_total_is_always_noticed(lines in prop::collection::vec(any_line(), 1..5), cents in 1..1_000_i64) {
        let mut order = order(OrderKind::Pickup, lines);
        let sum = order.total;
        order.total += euros(cents);
        let wanted = Problem::TotalDiffers { total: order.total, lines: sum };
        prop_assert!(problems(&order).contains(&wanted));
    }
}

#[test]
fn discounts_carry_the_vat_of_what_they_are_taken_off_from() {
    let mut settings = settings();
    settings.discount_articles = vec![
        crate::orders::DiscountArticle { rate: 9.into(), article: article(909) },
        crate::orders::DiscountArticle { rate: 21.into(), article: article(921) },
    ];
    let menu = menu().with_rate("burger", 9.into()).with_rate("fries", 21.into());
    let mut fries = line("fries", Decimal::ONE, euros(1100));
    fries.discount = Some(Discount { name: "Lunch".into(), amount: euros(100) });
    let mut order = order(OrderKind::Pickup, vec![line("burger", Decimal::ONE, euros(3000)), fries]);
    order.discounts = vec![Discount { name: "Welcome".into(), amount: euros(401) }];
    order.total = order.sum();
    let draft = build(&order, &menu, &place(), &settings).unwrap();
    let taken: Vec<_> =
        draft.lines[2..].iter().map(|line| (line.article.unwrap().get(), line.unit_price)).collect();
    // The line's own, then 4.01 over 30.00 at 9 % and the 10.00 that are left at 21 %.
    assert_eq!(taken, [(921, euros(-100)), (909, euros(-301)), (921, euros(-100))]);
}

#[test]
fn a_discount_on_a_combo_carries_the_vat_of_the_combo() {
    let mut settings = settings();
    settings.articles.discount = None;
    settings.discount_articles = [(9, 909), (21, 921)]
        .map(|(rate, number)| crate::orders::DiscountArticle { rate: rate.into(), article: article(number) })
        .into();
    let deal = OrderLine::new(
        Sold::Combo { combo: "deal".into(), choices: Vec::new() },
        "Deal",
        Decimal::ONE,
        euros(1200),
    );
    let mut order = order(OrderKind::Pickup, vec![deal]);
    order.discounts = vec![Discount { name: "Welcome".into(), amount: euros(200) }];
    order.total = order.sum();
    let menu = menu().with_combo_rate("deal", 9.into());
    let draft = build(&order, &menu, &place(), &settings).unwrap();
    let taken = draft.lines.last().unwrap();
    assert_eq!((taken.article, taken.unit_price), (Some(article(909)), euros(-200)));
}

#[test]
fn a_discount_that_no_order_can_have_is_named_and_nothing_is_added_up() {
    let mut settings = settings();
    settings.discount_articles =
        vec![crate::orders::DiscountArticle { rate: 9.into(), article: article(909) }];
    let menu = menu().with_rate("burger", 9.into());
    for amount in [Decimal::MAX, Decimal::MIN, Decimal::MAX / Decimal::TEN] {
        let discount = || Discount { name: "Welcome".into(), amount };
        let plain = || order(OrderKind::Pickup, vec![line("burger", Decimal::ONE, euros(3000))]);
        let (mut on_line, mut on_order) = (plain(), plain());
        on_line.lines[0].discount = Some(discount());
        on_order.discounts = vec![discount()];
        for order in [on_order, on_line] {
            let refused = build(&order, &menu, &place(), &settings).unwrap_err();
            assert!(
                refused.problems.iter().any(|problem| matches!(problem, Problem::TooLarge { .. })),
                "{refused}"
            );
        }
    }
}

#[test]
fn where_an_order_is_eaten_is_told_when_the_vat_depends_on_it_or_the_settings_say_so() {
    let later = OrderKind::DineInPayLater { table: TableRef::whole(4), guests: None };
    let told = |menu: &MenuLinks, told: TellConsumption, kind: &OrderKind| {
        let mut settings = settings();
        settings.tell_consumption = told;
        let order = order(kind.clone(), vec![line("burger", Decimal::ONE, euros(3000))]);
        let draft = build(&order, menu, &place(), &settings).unwrap();
        let written = draft.to_order(RelationNumber::new(1), &settings);
        let placed = draft.to_place_table_order(RelationNumber::new(1), "key".into(), &settings);
        if let Some(placed) = placed {
            assert_eq!(placed.vat_change, written.vat_change);
            let suppressed = written.line_list[0].suppress_disposable_component;
            assert_eq!(placed.lines[0].suppress_disposable_component, suppressed);
        }
        (written.vat_change, written.line_list[0].suppress_disposable_component)
    };
    let differs = menu().with_alternative_rate("burger", Some(21.into()));
    let (out, here) = ((Some(VatChange::TakeOut), Some(true)), (Some(VatChange::EatHere), Some(true)));
    assert_eq!(told(&menu(), TellConsumption::WhereVatDiffers, &OrderKind::Pickup), (None, None));
    assert_eq!(told(&differs, TellConsumption::WhereVatDiffers, &OrderKind::Pickup), out);
    assert_eq!(told(&differs, TellConsumption::WhereVatDiffers, &later), here);
    assert_eq!(told(&menu(), TellConsumption::Always, &later), here);
    assert_eq!(told(&differs, TellConsumption::Never, &OrderKind::Pickup), (None, None));
}

#[test]
fn a_discount_carries_the_rate_that_holds_where_the_order_is_eaten() {
    let rated =
        |rate: i64, number| crate::orders::DiscountArticle { rate: rate.into(), article: article(number) };
    let later = OrderKind::DineInPayLater { table: TableRef::whole(4), guests: None };
    let menu = menu().with_rate("burger", 9.into()).with_alternative_rate("burger", Some(21.into()));
    let discount_article = |kind: &OrderKind, alternative| {
        let mut settings = settings();
        settings.discount_articles = vec![rated(9, 909), rated(21, 921)];
        settings.alternative_vat = alternative;
        let mut order = order(kind.clone(), vec![line("burger", Decimal::ONE, euros(3000))]);
        order.discounts = vec![Discount { name: "Welcome".into(), amount: euros(100) }];
        order.total = order.sum();
        build(&order, &menu, &place(), &settings).unwrap().lines[1].article.unwrap().get()
    };
    // Both readings of which guests the alternative rate is for.
    assert_eq!(discount_article(&OrderKind::Pickup, Consumption::TakeOut), 921);
    assert_eq!(discount_article(&later, Consumption::TakeOut), 909);
    assert_eq!(discount_article(&OrderKind::Pickup, Consumption::EatHere), 909);
    assert_eq!(discount_article(&later, Consumption::EatHere), 921);
}
