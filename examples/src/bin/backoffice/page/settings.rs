//! The daily time, stock, conflicts, and how orders are entered.

use std::str::FromStr;

use axum::http::StatusCode;
use chrono::NaiveTime;
use maud::html;
use mplus_sync::conflict::Unit;
use mplus_sync::model::{ArticleNumber, LocationId, PaymentMethod, RelationNumber, Revision};
use mplus_sync::orders::{DiscountArticle, OrderSettings, PaymentCode, SpecialArticles};
use mplus_sync::settings::MerchantSettings;

use super::locations;
use crate::restaurant::settings;
use crate::text::{Text, frame, sync as t};
use crate::view::Lang;
use crate::view::answer::{Go, Trouble};
use crate::view::at::At;
use crate::view::fields::Fields;
use crate::view::form::{Field, meanwhile, revision, tick};
use crate::view::layout::{Here, Page, post};
use crate::view::number::{decimal, moment};

/// The methods that guests pay by, each with the name of its field.
const METHODS: [(PaymentMethod, &str, Text); 7] = [
    (PaymentMethod::Ideal, "ideal", t::METHOD_IDEAL),
    (PaymentMethod::Card, "card", t::METHOD_CARD),
    (PaymentMethod::Bancontact, "bancontact", t::METHOD_BANCONTACT),
    (PaymentMethod::Stripe, "stripe", t::METHOD_STRIPE),
    (PaymentMethod::VivaWallet, "viva_wallet", t::METHOD_VIVA_WALLET),
    (PaymentMethod::Cash, "cash", t::METHOD_CASH),
    (PaymentMethod::GiftCard, "gift_card", t::METHOD_GIFT_CARD),
];
/// Empty lines for what comes on top of what there is.
const FURTHER: usize = 2;
/// So many lines of one sort are read at most.
const LINES: usize = 100;

/// A payment method as people call it.
pub(crate) fn method(lang: Lang, method: &PaymentMethod) -> String {
    let known = METHODS.iter().find(|(known, _, _)| known == method);
    match (known, method) {
        (Some((_, _, name)), _) => lang[*name].to_owned(),
        (None, PaymentMethod::Other(name)) => name.clone(),
        // A later release's, by the name that it is stored with.
        (None, other) => serde_json::to_value(other)
            .ok()
            .and_then(|name| Some(name.as_str()?.to_owned()))
            .unwrap_or_default(),
    }
}

/// What is wrong with what was entered, by field.
type Wrong = Vec<(String, Text)>;

/// What the form shows: settings as they are or as they were entered.
struct Shown<'s> {
    settings: &'s MerchantSettings,
    /// Of which state of them it is made.
    revision: Revision,
    wrong: Wrong,
    /// Whether somebody else has saved them since.
    is_stale: bool,
}

pub(crate) async fn show(at: At) -> Result<Page, Trouble> {
    let saved = at.settings().await?;
    let (settings, revision) = (&*saved.settings, saved.revision);
    page(&at, &Shown { settings, revision, wrong: Wrong::new(), is_stale: false }).await
}

async fn page(at: &At, shown: &Shown<'_>) -> Result<Page, Trouble> {
    let (lang, settings) = (at.lang, shown.settings);
    let wrong = |name: &str| {
        shown.wrong.iter().find(|(field, _)| *field == name).map(|(_, text)| lang[*text].to_owned())
    };
    let daily = settings.daily.map(|daily| daily.at.format("%H:%M").to_string()).unwrap_or_default();
    let schedule = settings.daily.and_then(|daily| daily.schedule(at.id()).ok());
    let next = schedule.map(|schedule| schedule.next_after(at.now()));
    let (orders, locations) = (settings::orders(settings), locations::all(at).await?);
    let workplaces = locations.iter().map(|location| {
        let place = orders.locations.get(&location.record.id).and_then(|place| place.workplace);
        (workplace(&location.record.id), &location.record.name, place)
    });
    let others = orders.payment_methods.iter().filter_map(|known| match &known.method {
        PaymentMethod::Other(name) => Some((name.as_str(), known.code.as_str())),
        _ => None,
    });
    let others = others.chain(std::iter::repeat_n(("", ""), FURTHER));
    let discounts =
        orders.discount_articles.iter().map(|known| (decimal(lang, known.rate), known.article.to_string()));
    let discounts = discounts.chain(std::iter::repeat_n(Default::default(), FURTHER));
    let form = html! {
        (revision(shown.revision))
        fieldset {
            legend { (&lang[t::DAILY]) }
            p.hint { (&lang[t::DAILY_ABOUT]) @if let Some(next) = next { " " (lang.fill(t::NEXT_RUN, &[&moment(lang, next)])) } }
            (Field::text(lang, "daily", t::DAILY).kind("time").value(daily).wrong(wrong("daily")).show())
        }
        fieldset {
            legend { (&lang[frame::STOCK]) }
            (tick(lang, "stock", t::STOCK_ON, Some(t::STOCK_HINT), settings.stock.enabled))
            (Field::text(lang, "stock_minutes", t::STOCK_EVERY).mode("numeric").hint(t::STOCK_EVERY_HINT)
                .value(settings.stock.every_minutes.map(|minutes| minutes.to_string()).unwrap_or_default()).wrong(wrong("stock_minutes")).show())
        }
        fieldset {
            legend { (&lang[frame::MENU]) }
            (tick(lang, "whole_items", t::WHOLE_ITEMS, Some(t::WHOLE_ITEMS_HINT), settings.conflicts == Unit::Record))
            (tick(lang, "webshop_only", t::WEBSHOP_ONLY, None, settings.webshop_only))
        }
        fieldset {
            legend { (&lang[t::ORDERS]) }
            div.row {
                (Field::text(lang, "employee", t::EMPLOYEE).mode("numeric").value(orders.employee).wrong(wrong("employee")).show())
                (Field::text(lang, "relation", t::RELATION).mode("numeric").hint(t::RELATION_HINT)
                    .value(orders.fallback_relation.map(|relation| relation.to_string()).unwrap_or_default()).wrong(wrong("relation")).show())
            }
            div.row { @for (name, location, place) in workplaces {
                (Field::called(lang, &name, lang.fill(t::WORKPLACE, &[location])).mode("numeric").value(place.map(|place| place.to_string()).unwrap_or_default()).wrong(wrong(&name)).show())
            } }
            div.row {
                (Field::text(lang, "pickup_method", t::PICKUP_METHOD).hint(t::DELIVERY_METHODS_HINT).value(orders.pickup_method.as_deref().unwrap_or_default()).show())
                (Field::text(lang, "delivery_method", t::DELIVERY_METHOD).value(orders.delivery_method.as_deref().unwrap_or_default()).show())
            }
        }
        fieldset {
            legend { (&lang[t::ARTICLES]) }
            p.hint { (&lang[t::ARTICLES_HINT]) }
            div.row { @for (name, label, article) in articles(orders.articles) {
                (Field::text(lang, name, label).mode("numeric").value(article.map(|article| article.to_string()).unwrap_or_default()).wrong(wrong(name)).show())
            } }
            @for (at, (rate, article)) in discounts.enumerate() {
                @let names = [format!("discount-rate-{at}"), format!("discount-article-{at}")];
                div.row {
                    (Field::text(lang, &names[0], t::DISCOUNT_RATE).mode("decimal").value(rate).wrong(wrong(&names[0])).show())
                    (Field::text(lang, &names[1], t::DISCOUNT_ARTICLE).mode("numeric").value(article).wrong(wrong(&names[1])).show())
                }
            }
        }
        fieldset {
            legend { (&lang[t::PAYMENT_CODES]) }
            p.hint { (&lang[t::PAYMENT_CODES_HINT]) }
            div.row { @for (method, name, label) in &METHODS {
                (Field::text(lang, name, *label).value(orders.payment_code(method).unwrap_or_default()).show())
            } }
            @for (at, (method, code)) in others.enumerate() {
                @let names = [format!("other-{at}"), format!("other-code-{at}")];
                div.row {
                    (Field::text(lang, &names[0], t::OTHER_METHOD).value(method).wrong(wrong(&names[0])).show())
                    (Field::text(lang, &names[1], t::OTHER_CODE).value(code).wrong(wrong(&names[1])).show())
                }
            }
        }
        button type="submit" { (&lang[frame::SAVE]) }
    };
    let body = html! {
        @if shown.is_stale { (meanwhile(lang, &at.path("/settings"))) }
        section.card { (post(&at.visit, &at.path("/settings"), form)) }
        (post(&at.visit, &at.path("/settings/suggest"), html! { button.quiet type="submit" { (&lang[t::SUGGEST]) } }))
    };
    Ok(at.page(Here::Settings, body))
}

/// The special articles, each with its field.
fn articles(articles: SpecialArticles) -> [(&'static str, Text, Option<ArticleNumber>); 4] {
    [
        ("article_tip", t::ARTICLE_TIP, articles.tip),
        ("article_delivery_fee", t::ARTICLE_DELIVERY_FEE, articles.delivery_fee),
        ("article_discount", t::ARTICLE_DISCOUNT, articles.discount),
        ("article_remark", t::ARTICLE_REMARK, articles.remark),
    ]
}

fn workplace(location: &LocationId) -> String {
    format!("workplace_{location}")
}

pub(crate) async fn save(at: At, fields: Fields) -> Result<Result<Go, Page>, Trouble> {
    let saved = at.settings().await?;
    let ids: Vec<_> = locations::all(&at).await?.into_iter().map(|location| location.record.id).collect();
    let (settings, wrong) = entered((*saved.settings).clone(), &ids, &fields);
    let mut again = Shown { settings: &settings, revision: fields.revision(), wrong, is_stale: false };
    if !again.wrong.is_empty() {
        return Ok(Err(page(&at, &again).await?.status(StatusCode::UNPROCESSABLE_ENTITY)));
    }
    if at.save_settings(&settings, again.revision).await? {
        return Ok(Ok(Go::to(at.path("/settings")).saying(&at.lang[frame::SAVED])));
    }
    // Whoever is told and saves again means it.
    (again.revision, again.is_stale) = (at.settings().await?.revision, true);
    Ok(Err(page(&at, &again).await?.status(StatusCode::CONFLICT)))
}

/// The settings as they were entered, and what is wrong with that.
fn entered(
    mut settings: MerchantSettings,
    locations: &[LocationId],
    fields: &Fields,
) -> (MerchantSettings, Wrong) {
    let (mut wrong, mut orders) = (Wrong::new(), settings::orders(&settings));
    match fields.filled("daily").map(|text| NaiveTime::parse_from_str(text, "%H:%M")) {
        None => settings.daily = None,
        Some(Ok(time)) => {
            let mut daily = settings.daily.unwrap_or_default();
            daily.at = time;
            settings.daily = Some(daily);
        }
        Some(Err(_)) => wrong.push(("daily".to_owned(), t::NOT_A_TIME)),
    }
    let minutes = fields.number::<u32>("stock_minutes").filter(|minutes| (1..=1440).contains(minutes));
    match (fields.filled("stock_minutes"), minutes) {
        (Some(_), None) => wrong.push(("stock_minutes".to_owned(), t::NOT_MINUTES)),
        (_, minutes) => settings.stock.every_minutes = minutes,
    }
    settings.stock.enabled = fields.is_on("stock");
    settings.conflicts = if fields.is_on("whole_items") { Unit::Record } else { Unit::Field };
    settings.webshop_only = fields.is_on("webshop_only");
    match fields.number("employee") {
        Some(employee) => orders.employee = employee,
        None => wrong.push(("employee".to_owned(), t::NOT_A_NUMBER)),
    }
    match (fields.filled("relation"), fields.number("relation")) {
        (Some(_), None) => wrong.push(("relation".to_owned(), t::NOT_A_NUMBER)),
        (_, relation) => orders.fallback_relation = relation.map(RelationNumber::new),
    }
    for (field, method) in
        [("pickup_method", &mut orders.pickup_method), ("delivery_method", &mut orders.delivery_method)]
    {
        if fields.raw(field).is_some() {
            *method = fields.filled(field).map(str::to_owned);
        }
    }
    for id in locations {
        let known = orders.locations.get(id).and_then(|own| own.workplace);
        let entered = whole(fields, &workplace(id), known, &mut wrong);
        if entered != known {
            orders.locations.entry(id.clone()).or_default().workplace = entered;
        }
    }
    let mut article = |field: &str, known: Option<ArticleNumber>| {
        whole(fields, field, known.map(|article| article.get()), &mut wrong).map(ArticleNumber::new)
    };
    let known = orders.articles;
    orders.articles.tip = article("article_tip", known.tip);
    orders.articles.delivery_fee = article("article_delivery_fee", known.delivery_fee);
    orders.articles.discount = article("article_discount", known.discount);
    orders.articles.remark = article("article_remark", known.remark);
    discounts(&mut orders, fields, &mut wrong);
    methods(&mut orders, fields, &mut wrong);
    settings.orders = Some(orders);
    (settings, wrong)
}

/// A whole number of a field; what a form does not have it does not change.
fn whole<N: FromStr>(fields: &Fields, field: &str, known: Option<N>, wrong: &mut Wrong) -> Option<N> {
    match (fields.raw(field), fields.filled(field)) {
        (None, _) => known,
        (Some(_), None) => None,
        (Some(_), Some(text)) => match text.parse() {
            Ok(number) => Some(number),
            Err(_) => {
                wrong.push((field.to_owned(), t::NOT_A_NUMBER));
                known
            }
        },
    }
}

fn discounts(orders: &mut OrderSettings, fields: &Fields, wrong: &mut Wrong) {
    if fields.raw("discount-rate-0").is_none() {
        return;
    }
    let known = std::mem::take(&mut orders.discount_articles);
    for at in 0..LINES {
        let (rate_field, article_field) = (format!("discount-rate-{at}"), format!("discount-article-{at}"));
        let (rate, article) = (fields.rate(&rate_field), fields.number::<i64>(&article_field));
        match (rate, article) {
            (Ok(None), None) if fields.filled(&article_field).is_none() => {}
            (Ok(Some(rate)), Some(article)) => {
                orders.discount_articles.push(DiscountArticle { rate, article: ArticleNumber::new(article) });
            }
            (Ok(Some(_)), None) => wrong.push((article_field, t::NOT_A_NUMBER)),
            _ => wrong.push((rate_field, t::NOT_A_RATE)),
        }
    }
    if !wrong.is_empty() {
        orders.discount_articles = known;
    }
}

/// The codes of payment methods. A method that the form does not have keeps its code.
fn methods(orders: &mut OrderSettings, fields: &Fields, wrong: &mut Wrong) {
    for (method, name, _) in METHODS {
        if fields.raw(name).is_some() {
            orders.payment_methods.retain(|known| known.method != method);
            if let Some(code) = fields.filled(name) {
                orders.payment_methods.push(PaymentCode { method, code: code.to_owned() });
            }
        }
    }
    if fields.raw("other-0").is_none() {
        return;
    }
    orders.payment_methods.retain(|known| !matches!(known.method, PaymentMethod::Other(_)));
    for at in 0..LINES {
        let (name_field, code_field) = (format!("other-{at}"), format!("other-code-{at}"));
        match (fields.filled(&name_field), fields.filled(&code_field)) {
            (None, None) => {}
            (Some(name), Some(code)) => {
                let (method, code) = (PaymentMethod::Other(name.to_owned()), code.to_owned());
                orders.payment_methods.push(PaymentCode { method, code });
            }
            (Some(_), None) => wrong.push((code_field, t::NEEDS_CODE)),
            (None, Some(_)) => wrong.push((name_field, t::NEEDS_METHOD)),
        }
    }
}

pub(crate) async fn suggest(at: At) -> Result<Go, Trouble> {
    let found = settings::suggest(&at.open_to_work().await?).await;
    let found = found.map_err(|error| Trouble::Refused(error.to_string()))?;
    Ok(Go::to(at.path("/settings")).saying(at.lang.fill(t::SUGGESTED, &[&found])))
}

#[cfg(test)]
mod tests {
    use mplus_sync::orders::LocationSettings;
    use rust_decimal::Decimal;

    use super::*;

    #[test]
    fn nonsense_is_told_field_by_field() {
        let form = Fields::read(b"daily=noon&stock_minutes=0&employee=chef&relation=guest");
        let (_, wrong) = entered(MerchantSettings::default(), &[], &form);
        let fields: Vec<_> = wrong.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(fields, ["daily", "stock_minutes", "employee", "relation"]);
    }

    /// Settings with everything that an order may need.
    fn whole_settings() -> MerchantSettings {
        let mut orders = OrderSettings::new(7)
            .with_payment_method(PaymentMethod::Card, "PIN2")
            .with_payment_method(PaymentMethod::Stripe, "STRIPE")
            .with_payment_method(PaymentMethod::Other("tikkie".to_owned()), "TIKKIE");
        orders.articles.tip = Some(ArticleNumber::new(9001));
        orders.discount_articles =
            vec![DiscountArticle { rate: Decimal::from(9), article: ArticleNumber::new(9009) }];
        orders.delivery_method = Some("BEZORGEN".to_owned());
        orders.locations.insert("city".into(), LocationSettings::at_workplace(3));
        let mut settings = MerchantSettings::default();
        settings.orders = Some(orders);
        settings
    }

    #[test]
    fn what_a_form_does_not_have_it_does_not_change() {
        let form = Fields::read(b"daily=05:00&employee=7&card=PIN2");
        let (saved, wrong) = entered(whole_settings(), &["city".into()], &form);
        assert!(wrong.is_empty(), "{wrong:?}");
        let (saved, known) = (saved.orders.unwrap(), whole_settings().orders.unwrap());
        let codes = |orders: &OrderSettings| {
            let code = |method| orders.payment_code(&method).map(str::to_owned);
            let other = PaymentMethod::Other("tikkie".to_owned());
            [code(PaymentMethod::Card), code(PaymentMethod::Stripe), code(other)]
        };
        assert_eq!(codes(&saved), codes(&known));
        assert_eq!((saved.articles, &saved.discount_articles), (known.articles, &known.discount_articles));
        assert_eq!((saved.delivery_method, saved.locations), (known.delivery_method, known.locations));
    }

    #[test]
    fn everything_that_an_order_may_need_can_be_entered() {
        let form = "employee=7&stripe=STRIPE&other-0=tikkie&other-code-0=TIKKIE&article_tip=9001&article_delivery_fee=9002&\
                    article_discount=&discount-rate-0=9&discount-article-0=9009&pickup_method=AFHALEN&workplace_city=4";
        let (saved, wrong) = entered(whole_settings(), &["city".into()], &Fields::read(form.as_bytes()));
        assert!(wrong.is_empty(), "{wrong:?}");
        let saved = saved.orders.unwrap();
        assert_eq!(saved.payment_code(&PaymentMethod::Other("tikkie".to_owned())), Some("TIKKIE"));
        assert_eq!(saved.articles.delivery_fee, Some(ArticleNumber::new(9002)));
        assert_eq!(saved.articles.discount, None);
        assert_eq!((saved.discount_articles.len(), saved.pickup_method.as_deref()), (1, Some("AFHALEN")));
        assert_eq!(saved.locations[&LocationId::from("city")].workplace, Some(4));
    }

    #[test]
    fn a_line_that_is_half_filled_in_or_no_number_is_told() {
        let form = "employee=7&other-0=tikkie&other-code-0=&discount-rate-0=9&discount-article-0=&workplace_city=1a&article_tip=x";
        let (_, wrong) = entered(whole_settings(), &["city".into()], &Fields::read(form.as_bytes()));
        let fields: Vec<_> = wrong.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(fields, ["workplace_city", "article_tip", "discount-article-0", "other-code-0"]);
    }
}
