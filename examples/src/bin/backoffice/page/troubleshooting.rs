//! The guide's troubles, each with what it tells to look at, looked at now.

use maud::{Markup, html};
use mplus_sync::model::OutboxStateKind;
use mplus_webhooks::MerchantId;
use mplus_webhooks::inbox::EntryFilter;

use super::{locations, menu, payments};
use crate::restaurant::index::{Only, Wanted};
use crate::restaurant::{newest, own_data, settings};
use crate::text::{Text, frame, payments as t};
use crate::view::answer::Trouble;
use crate::view::at::At;
use crate::view::badge;
use crate::view::fields::Fields;
use crate::view::layout::{Here, Page};
use crate::view::number::{count, moment};
use crate::view::reason::said;

pub(crate) async fn show(at: At) -> Result<Page, Trouble> {
    let lang = at.lang;
    let settings = at.settings().await?.settings;
    let methods = settings::orders(&settings).payment_methods.len();
    let counts = at.store().counts(at.id()).await?;
    let of = |wanted: fn(&OutboxStateKind) -> bool| -> u64 {
        counts.iter().filter(|(kind, _)| wanted(kind)).map(|(_, count)| count).sum()
    };
    let Some(index) = at.app.restaurants.index.of(at.id()).await? else {
        return Ok(menu::being_read(&at, Here::Troubleshooting));
    };
    let unlinked = index.find(&Wanted { only: Only::Unlinked, ..Wanted::default() }).count();
    let locations = locations::all(&at).await?;
    let own = own_data::all_filled_in(&at.app.records, at.id()).await?;
    let incomplete =
        locations.iter().filter(|location| !own.of(&location.record.id).missing(&location.record).is_empty());
    let (all, incomplete) = (locations.len(), incomplete.count());
    let filter = EntryFilter::default().of(MerchantId::new(at.id().as_str()));
    let before = payments::before(&at, &Fields::default());
    let (last, _) = newest::entries(&at.app.webhooks, &filter, before, 1).await?;
    let has_none = at.app.subscriptions.of(at.id()).await?.is_none();
    let waiting = lang.fill(
        t::TROUBLE_ORDERS_WAIT,
        &[&count(lang, of(|kind| kind.waits_for_person())), &count(lang, of(|kind| kind.is_open()))],
    );
    let takes_payments = at.takes_payments().await?;
    let unlinked = lang.fill(t::TROUBLE_UNLINKED, &[&unlinked]);
    let body = html! {
        p.lead { (&lang[t::TROUBLE_ABOUT]) }
        (trouble(&at, t::TROUBLE_ORDERS, &[(frame::CONNECTION, "/connection"), (frame::ORDERS, "/orders?state=attention"), (frame::ACTIVITY, "/activity?level=error")], html! {
            (badge::connection(lang, &at.connection))
            @if let mplus_sync::model::ConnectionStatus::Failing { last_error, .. } = &at.connection.status { p { (said(lang, last_error)) } }
            p { (waiting) } p { (unlinked) }
        }))
        (trouble(&at, t::TROUBLE_PAYMENT, &[(frame::PROVIDERS, "/providers"), (frame::PAYMENTS, "/payments"), (frame::SETTINGS, "/settings"), (frame::WEBHOOKS, "/webhooks")], html! {
            p { (lang.fill(t::TROUBLE_PAYMENT_CODES, &[&methods])) }
            @if !takes_payments { p { (&lang[t::NO_PROVIDER]) "." } }
        }))
        (trouble(&at, t::TROUBLE_STOCK, &[(frame::SETTINGS, "/settings"), (frame::SYNC, "/sync"), (frame::STOCK, "/stock")], html! {
            p { (&lang[if settings.stock.enabled { t::TROUBLE_STOCK_ON } else { t::TROUBLE_STOCK_OFF }]) " " (unlinked) }
        }))
        (trouble(&at, t::TROUBLE_TAX, &[(frame::TAX, "/tax")], html! { p { (&lang[t::TROUBLE_TAX_ABOUT]) } }))
        (trouble(&at, t::TROUBLE_LOCATIONS, &[(frame::LOCATIONS, "/locations"), (frame::SYNC, "/sync")], html! {
            p { (lang.fill(t::TROUBLE_LOCATIONS_ARE, &[&all, &incomplete])) }
        }))
        (trouble(&at, t::TROUBLE_GROUPS, &[(frame::SYNC, "/sync")], html! { p { (&lang[t::TROUBLE_GROUPS_ABOUT]) } }))
        (trouble(&at, t::TROUBLE_HOOKS, &[(frame::WEBHOOKS, "/webhooks")], html! {
            @match last.first() {
                Some(last) => p { (lang.fill(t::TROUBLE_HOOKS_LAST, &[&moment(lang, last.received_at)])) },
                None => p { (&lang[t::NO_EVENTS]) ". " (&lang[t::NO_EVENTS_ABOUT]) }
            }
            @if has_none { p { (&lang[t::NO_SUBSCRIPTION]) } }
        }))
        (trouble(&at, t::TROUBLE_COMBOS, &[(frame::SYNC, "/sync"), (frame::MENU, "/menu")], html! { p { (&lang[t::TROUBLE_COMBOS_ABOUT]) } }))
    };
    Ok(at.page(Here::Troubleshooting, body))
}

fn trouble(at: &At, title: Text, pages: &[(Text, &str)], body: Markup) -> Markup {
    let lang = at.lang;
    html! {
        section.card {
            h2 { (&lang[title]) }
            (body)
            p { (&lang[t::LOOK]) ": " @for (number, (text, path)) in pages.iter().enumerate() {
                @if number > 0 { ", " } a href=(at.path(path)) { (&lang[*text]) }
            } }
        }
    }
}
