//! Payment providers: the restaurant's own accounts at Stripe and Viva Wallet.

use axum::http::StatusCode;
use maud::{Markup, html};
use mplus_sync::model::{Location, Revision, Tracked};
use mplus_webhooks::adapter::PROVIDER_PATH;
use mplus_webhooks::payment::ProviderAccount;
use mplus_webhooks::provider::{Stripe, Viva};

use super::connect::{is_id, new_id};
use super::locations;
use super::payments::payments;
use crate::restaurant::payment_profile::{Company, Profile, ProfileError, Sealed, VivaAccount};
use crate::text::{Text, connection, frame, providers as t};
use crate::view::Lang;
use crate::view::answer::{Go, Trouble};
use crate::view::at::At;
use crate::view::badge::{Tone, badge};
use crate::view::fields::Fields;
use crate::view::form::{Field, meanwhile, revision, tick};
use crate::view::layout::{Here, Page, post};

/// What is wrong with what was entered, by field.
type Wrong = Vec<(&'static str, Text)>;

pub(crate) async fn show(at: At) -> Result<Page, Trouble> {
    page(&at, &Fields::default(), &Wrong::new(), false).await
}

/// The page with what is known or was entered, and whether somebody else has saved it since.
async fn page(at: &At, entered: &Fields, wrong: &Wrong, is_stale: bool) -> Result<Page, Trouble> {
    let lang = at.lang;
    let known = at.app.payment_accounts.in_use(at.id().as_str()).await?;
    let places = places(lang, &locations::all(at).await?);
    let places = if places.len() > 2 { places.as_slice() } else { &[] };
    let of = |company: &str| known.iter().find(|profile| profile.at.name() == company);
    let body = html! {
        p.lead { (&lang[t::ABOUT]) }
        @if is_stale { (meanwhile(lang, &at.path("/providers"))) }
        @if known.is_empty() && at.app.takes_payments { p.notice role="note" { (&lang[t::INSTALLATION]) } }
        @for (company, title, about) in [(Stripe::NAME, t::STRIPE, t::STRIPE_ABOUT), (Viva::NAME, t::VIVA, t::VIVA_ABOUT)] {
            @let entered = (entered.text("company") == company).then_some(entered);
            @let form = Form { at, company, known: of(company), entered, wrong, is_stale, places };
            section.card {
                h2 { (&lang[title]) " " @if form.known.is_some() { (badge(Tone::Good, &lang[t::IN_USE])) } }
                p { (&lang[about]) }
                (account(&form)?)
            }
        }
    };
    Ok(at.page(Here::Providers, body))
}

/// Where a terminal may be of its own: branches and their workplaces, as fields and people call them.
fn places(lang: Lang, locations: &[Tracked<Location>]) -> Vec<(String, String)> {
    let mut places = Vec::new();
    for location in locations {
        let Some(branch) = location.external_ids.mpluskassa else { continue };
        let name = &location.record.name;
        places.push((branch.to_string(), lang.fill(t::TERMINAL_AT, &[name])));
        for workplace in &location.record.workplaces {
            let label = lang.fill(t::TERMINAL_AT_WORKPLACE, &[name, &workplace.number, &workplace.name]);
            places.push((format!("{branch}_{}", workplace.number), label));
        }
    }
    places
}

/// An account: its address for the provider, its form, and what can be done with it.
fn account(form: &Form<'_>) -> Result<Markup, Trouble> {
    let (at, lang) = (form.at, form.at.lang);
    let account = match (form.known, form.entered) {
        (Some(known), _) => known.account.clone(),
        // The provider wants to know the address before it tells the secret: the form keeps its name.
        (None, Some(entered)) if is_id(entered.text("account")) && !form.is_stale => {
            entered.text("account").to_owned()
        }
        _ => new_id(at.id().as_str()).map_err(Trouble::failed)?,
    };
    let hidden = html! {
        input type="hidden" name="company" value=(form.company);
        input type="hidden" name="account" value=(account);
    };
    Ok(html! {
        dl.facts { dt { (&lang[t::WEBHOOK_URL]) } dd { code { (at.app.public_url) (PROVIDER_PATH) "/" (form.company) "/" (account) } } }
        (post(&at.visit, &at.path("/providers"), html! {
            (hidden)
            (revision(form.revision()))
            (form.show())
            button type="submit" { (&lang[frame::SAVE]) }
        }))
        @if form.known.is_some() {
            (post(&at.visit, &at.path("/providers/check"), html! { (hidden) button.quiet type="submit" { (&lang[t::CHECK]) } }))
            (post(&at.visit, &at.path("/providers/retire"), html! {
                (hidden)
                button.quiet type="submit" { (&lang[t::RETIRE]) } " " span.hint { (&lang[t::RETIRE_ABOUT]) }
            }))
        }
    })
}

/// The fields of an account: as they were entered, or as they are known.
struct Form<'f> {
    at: &'f At,
    known: Option<&'f Profile>,
    entered: Option<&'f Fields>,
    wrong: &'f Wrong,
    is_stale: bool,
    company: &'static str,
    places: &'f [(String, String)],
}

impl Form<'_> {
    /// Of which state of the account it is made. Whoever was told that there is a newer one and saves again means it.
    fn revision(&self) -> Revision {
        let known = self.known.map_or(Revision::NEW, |known| Revision::new(known.revision));
        self.entered.filter(|_| !self.is_stale).map_or(known, Fields::revision)
    }

    fn show(&self) -> Markup {
        let stripe = match self.known.map(|known| &known.at) {
            Some(Company::Stripe { ideal, .. }) => Some(*ideal),
            _ => None,
        };
        let viva = match self.known.map(|known| &known.at) {
            Some(Company::Viva(viva)) => Some(viva),
            _ => None,
        };
        let is_on = |name: &str, known: bool| self.entered.map_or(known, |entered| entered.is_on(name));
        let lang = self.at.lang;
        html! {
            @if self.company == Stripe::NAME {
                div.row { (self.secret("key", t::STRIPE_KEY)) (self.secret("webhook_secret", t::STRIPE_WEBHOOK_SECRET)) }
                (self.text("stripe_terminal", t::STRIPE_READER, Some(t::STRIPE_READER_HINT), self.terminal()))
                (self.terminals("stripe_terminal_"))
                (tick(lang, "ideal", t::STRIPE_IDEAL, Some(t::STRIPE_IDEAL_HINT), is_on("ideal", stripe.unwrap_or(false))))
                (self.text("stripe_method", t::METHOD, Some(t::METHOD_HINT), self.method()))
            } @else {
                div.row {
                    (self.text("client_id", t::VIVA_CLIENT_ID, None, viva.map(|viva| viva.client_id.as_str())))
                    (self.secret("client_secret", t::VIVA_CLIENT_SECRET))
                    (self.text("merchant_id", t::VIVA_MERCHANT_ID, None, viva.map(|viva| viva.merchant_id.as_str())))
                    (self.secret("api_key", t::VIVA_API_KEY))
                }
                div.row {
                    (self.text("viva_terminal", t::VIVA_TERMINAL, Some(t::VIVA_TERMINAL_HINT), self.terminal()))
                    (self.text("source", t::VIVA_SOURCE, Some(t::VIVA_SOURCE_HINT), viva.map(|viva| viva.source.as_str())))
                }
                (self.terminals("viva_terminal_"))
                (tick(lang, "demo", t::VIVA_DEMO, None, is_on("demo", viva.is_some_and(|viva| viva.demo))))
                (self.text("viva_method", t::METHOD, Some(t::METHOD_HINT), self.method()))
            }
        }
    }

    /// Terminals of single branches and workplaces.
    fn terminals(&self, start: &str) -> Markup {
        let lang = self.at.lang;
        let known = |place: &str| {
            let known = self.known.and_then(|known| known.terminals.get(place));
            known.map_or("", String::as_str)
        };
        html! {
            @if !self.places.is_empty() { details open[self.known.is_some_and(|known| !known.terminals.is_empty())] {
                summary { (&lang[t::TERMINALS]) }
                p.hint { (&lang[t::TERMINALS_HINT]) }
                div.row { @for (place, label) in self.places {
                    @let name = format!("{start}{place}");
                    @let value = self.entered.map_or_else(|| known(place), |entered| entered.text(&name));
                    (Field::called(lang, &name, label.clone()).value(value).show())
                } }
            } }
        }
    }

    fn terminal(&self) -> Option<&str> {
        self.known.and_then(|known| known.terminal.as_deref())
    }

    fn method(&self) -> Option<&str> {
        self.known.and_then(|known| known.method.as_deref())
    }

    fn field<'n>(&self, name: &'n str, label: Text) -> Field<'n> {
        let wrong = self.wrong.iter().find(|(field, _)| *field == name && self.entered.is_some());
        Field::text(self.at.lang, name, label).wrong(wrong.map(|(_, text)| self.at.lang[*text].to_owned()))
    }

    fn text(&self, name: &str, label: Text, hint: Option<Text>, known: Option<&str>) -> Markup {
        let value = self.entered.map_or(known.unwrap_or_default(), |entered| entered.text(name));
        let field = self.field(name, label).value(value);
        match hint {
            Some(hint) => field.hint(hint).show(),
            None => field.show(),
        }
    }

    /// A secret is never shown again, so that an empty field keeps it.
    fn secret(&self, name: &str, label: Text) -> Markup {
        let hint = if self.known.is_some() { t::SECRET_KEEPS } else { connection::PASSWORD_HINT };
        self.field(name, label).kind("password").complete("new-password").hint(hint).show()
    }
}

pub(crate) async fn save(at: At, fields: Fields) -> Result<Result<Go, Page>, Trouble> {
    let account = fields.text("account").to_owned();
    if !is_id(&account) {
        return Err(Trouble::NotFound);
    }
    let known = at.app.payment_accounts.find(&account).await?;
    // An account stays with its provider: payments were started on it.
    if known.as_ref().is_some_and(|known| known.at.name() != fields.text("company")) {
        return Err(Trouble::NotFound);
    }
    let mut wrong = Wrong::new();
    let profile = entered(&at, &account, known.as_ref(), &fields, &mut wrong)?;
    if !wrong.is_empty() {
        let page = page(&at, &fields, &wrong, false).await?;
        return Ok(Err(page.status(StatusCode::UNPROCESSABLE_ENTITY)));
    }
    match at.app.payment_accounts.save(at.id(), &profile).await {
        Ok(()) => {}
        Err(ProfileError::Meanwhile) => {
            let page = page(&at, &fields, &wrong, true).await?;
            return Ok(Err(page.status(StatusCode::CONFLICT)));
        }
        Err(error) => return Err(trouble(error)),
    }
    check_now(&at, profile.at.name(), &account).await.map(Ok)
}

/// The account as it was entered; a secret that was left out stays as it is.
fn entered(
    at: &At,
    account: &str,
    known: Option<&Profile>,
    fields: &Fields,
    wrong: &mut Wrong,
) -> Result<Profile, Trouble> {
    let text = |name: &str| fields.filled(name).map(str::to_owned);
    let mut needed = |name: &'static str| {
        text(name).unwrap_or_else(|| {
            wrong.push((name, connection::NEEDED));
            String::new()
        })
    };
    let stripe = fields.text("company") == Stripe::NAME;
    let (known_stripe, known_viva) = match known.map(|known| &known.at) {
        Some(Company::Stripe { key, webhook_secret, .. }) => (Some((key, webhook_secret)), None),
        Some(Company::Viva(viva)) => (None, Some(viva)),
        None => (None, None),
    };
    let mut secret = |name: &'static str, known: Option<&Sealed>| match (known, fields.filled(name)) {
        (Some(known), None) => Ok(known.clone()),
        _ => at.app.payment_accounts.seal(account, &needed(name)).map_err(Trouble::failed),
    };
    let (method, terminal, company) = if stripe {
        let key = secret("key", known_stripe.map(|(key, _)| key))?;
        let webhook_secret = secret("webhook_secret", known_stripe.map(|(_, secret)| secret))?;
        let ideal = fields.is_on("ideal");
        (text("stripe_method"), text("stripe_terminal"), Company::Stripe { key, webhook_secret, ideal })
    } else {
        let client_secret = secret("client_secret", known_viva.map(|viva| &viva.client_secret))?;
        let api_key = secret("api_key", known_viva.map(|viva| &viva.api_key))?;
        let viva = VivaAccount {
            client_id: needed("client_id"),
            client_secret,
            merchant_id: needed("merchant_id"),
            api_key,
            source: text("source").unwrap_or_else(|| "Default".to_owned()),
            demo: fields.is_on("demo"),
        };
        (text("viva_method"), text("viva_terminal"), Company::Viva(viva))
    };
    let start = if stripe { "stripe_terminal_" } else { "viva_terminal_" };
    let terminals = fields.starting_with(start).map(|(place, terminal)| (place, terminal.trim()));
    let terminals = terminals.filter(|(_, terminal)| !terminal.is_empty());
    let terminals = terminals.map(|(place, terminal)| (place.to_owned(), terminal.to_owned())).collect();
    Ok(Profile {
        account: account.to_owned(),
        revision: fields.revision().get(),
        method,
        terminal,
        terminals,
        at: company,
    })
}

fn trouble(error: ProfileError) -> Trouble {
    match error {
        ProfileError::Taken => Trouble::NotFound,
        error => Trouble::failed(error),
    }
}

pub(crate) async fn check(at: At, fields: Fields) -> Result<Go, Trouble> {
    let known = at.app.payment_accounts.in_use(at.id().as_str()).await?;
    let known = known.iter().find(|profile| profile.account == fields.text("account"));
    let known = known.ok_or(Trouble::NotFound)?;
    check_now(&at, known.at.name(), &known.account).await
}

/// Asks the provider whether it accepts an account's keys, and says what it answered.
async fn check_now(at: &At, company: &str, account: &str) -> Result<Go, Trouble> {
    let (lang, back) = (at.lang, Go::to(at.path("/providers")));
    Ok(match payments(at)?.check(&ProviderAccount::new(company, account)).await {
        Ok(check) => {
            let remarks = check.remarks.join(" ");
            match (check.accepted, check.terminal_ready) {
                (Some(false), _) => back.warning(format!("{} {remarks}", &lang[t::KEYS_REFUSED])),
                (_, Some(false)) => back.warning(format!("{} {remarks}", &lang[t::TERMINAL_AWAY])),
                (Some(true), _) => back.saying(&lang[t::KEYS_ACCEPTED]),
                (None, _) => back.saying(&lang[frame::SAVED]),
            }
        }
        Err(error) => back.warning(lang.fill(t::NOT_CHECKED, &[&lang.reason(&error.to_string())])),
    })
}

pub(crate) async fn retire(at: At, fields: Fields) -> Result<Go, Trouble> {
    at.app.payment_accounts.retire(at.id(), fields.text("account")).await.map_err(trouble)?;
    Ok(Go::to(at.path("/providers")).saying(&at.lang[t::RETIRED]))
}
