//! Combos, pushed as article menus.
//!
//! The POS merges what it is sent: choices can be added and changed, and removing one has to be done by hand in its back
//! office. A choice that the host removed is therefore a manual action in the report.

use std::collections::{BTreeSet, HashMap};

use mplus_qapi::ErrorKind;
use mplus_qapi::products::{
    Article, GetProducts, GetProductsRequest, SaveArticleMenuArticleSettings, UpdateArticleMenu,
    UpdateArticleMenuRequest,
};
use mplus_qapi::soap::{Operation, Outcome};

use crate::model::{
    ArticleNumber, BtwCode, Combo, Field, Fingerprint, Item, ItemId, Resource, SyncState, Tracked, Version,
};
use crate::products::push::known::KnownArticles;
use crate::products::push::making::tell_waiting;
use crate::products::push::note::{anothers, mark, refused, unshown};
use crate::products::push::prepare;
use crate::products::push::send::{self, Answer};
use crate::products::push::sent::ToMake;
use crate::products::{Asking, CheckedTax, ItemProblem, item_to_article, whole_cents};
use crate::progress::Phase;
use crate::report::{Note, Subject};
use crate::run::{Run, StepError};
use crate::store::{CatalogPushes, Page, Pushed, Select};
use crate::text::plain;

/// Edited combos that are read at once.
const PAGE: usize = 50;
/// What the name of a choice that was pushed begins with, among the parts of a combo's sync state.
const CHOICE: &str = "choice ";

/// A choice that the POS has and the host has not any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct RemovedChoice {
    /// The group of choices (`groupNumber`).
    pub group: i32,
    /// The article that can still be chosen at the POS.
    pub article: ArticleNumber,
}

/// The combo as an article menu: every part is a group, every choice an article with its fee.
///
/// A turnover group that the combo does not have is 0 in it.
///
/// # Errors
/// When the combo has no price, an amount is no whole number of cents, or the turnover group is out of range.
pub fn combo_to_article_menu(
    combo: &Combo,
    number: ArticleNumber,
    code: BtwCode,
    articles: &HashMap<ItemId, ArticleNumber>,
) -> Result<UpdateArticleMenuRequest, ItemProblem> {
    let mut settings = Vec::new();
    for part in &combo.parts {
        for choice in &part.choices {
            let Some(article) = articles.get(&choice.item) else { continue };
            settings.push(SaveArticleMenuArticleSettings {
                group_number: part.number,
                article_number: article.get(),
                added_fee: whole_cents(choice.surcharge)?.into(),
            });
        }
    }
    let group = combo.turnover_group.unwrap_or_default();
    let turnover_group = i16::try_from(group).ok().filter(|group| (0..=999).contains(group));
    Ok(UpdateArticleMenuRequest {
        article_number: number.get(),
        description: plain(&combo.name).into_owned(),
        is_active: combo.active,
        is_required: true,
        use_main_article: false,
        price_incl: whole_cents(combo.price.ok_or(ItemProblem::NoPrice)?)?.into(),
        vat_code: code.get(),
        turnover_group: turnover_group.ok_or(ItemProblem::TurnoverGroup(group))?,
        articles_settings: settings.into(),
    })
}

/// The choices that were pushed before and are no longer in the menu.
pub fn removed_choices(sync: &SyncState, menu: &UpdateArticleMenuRequest) -> Vec<RemovedChoice> {
    let now: BTreeSet<(i32, i64)> =
        menu.articles_settings.iter().map(|choice| (choice.group_number, choice.article_number)).collect();
    let before = sync.parts.keys().filter_map(|name| {
        let (group, article) = name.strip_prefix(CHOICE)?.split_once(' ')?;
        Some((group.parse().ok()?, article.parse().ok()?))
    });
    let removed = before.filter(|choice| !now.contains(choice));
    removed.map(|(group, article)| RemovedChoice { group, article: ArticleNumber::new(article) }).collect()
}

/// Pushes edited combos.
pub(super) async fn push(run: &mut Run<'_>, mut tax: CheckedTax) -> Result<(), StepError> {
    run.expect(&Resource::COMBOS, Phase::Push, None);
    let mut known = KnownArticles::default();
    let mut page = Page::first(PAGE);
    loop {
        let combos = run.store().combos(run.connection(), Select::Edited(page)).await?;
        let last =
            (combos.len() == PAGE).then(|| combos.last().map(|combo| combo.record.id.clone())).flatten();
        for combo in combos {
            run.options.cancel.check()?;
            push_one(run, &mut known, combo, &mut tax).await?;
            run.advance(&Resource::COMBOS, 1);
        }
        match last {
            Some(last) => page = Page::after(last, PAGE),
            None => return Ok(()),
        }
    }
}

async fn push_one(
    run: &mut Run<'_>,
    known: &mut KnownArticles,
    mut combo: Tracked<Combo>,
    tax: &mut CheckedTax,
) -> Result<(), StepError> {
    let subject = Subject::new(&combo.record.name, &combo.record.id);
    let Some((code, articles)) = ready(run, &combo, &subject, tax).await? else { return Ok(()) };
    // Looked at before anything is sent.
    let number = combo.external_ids.mpluskassa;
    let mut untold = prepare::removed(&combo, combo.record.price, combo.record.turnover_group);
    let carried_by_none = prepare::carried_by_none(&combo, carried_by_none(&combo));
    untold.extend(
        carried_by_none.filter(|one| !prepare::goes_with_rate(one, combo.record.btw_code, Some(code))),
    );
    untold.iter().for_each(|one| run.report.ask_for(one.note(Resource::COMBOS, subject.clone())));
    if prepare::are_all_untold(&combo, &untold) {
        return Ok(());
    }
    let told = prepare::as_told(&combo, &untold);
    let mut menu =
        match combo_to_article_menu(&told, number.unwrap_or(ArticleNumber::new(0)), code, &articles) {
            Ok(menu) => menu,
            Err(found) => {
                run.skip(&Resource::COMBOS, subject, &found.to_string(), found.advice());
                return Ok(());
            }
        };
    if run.options.dry_run {
        run.report.count(&Resource::COMBOS).pushed += 1;
        return Ok(());
    }
    let number = match number {
        Some(number) => number,
        None => match create(run, known, &mut combo, code, &subject).await? {
            Some(number) => number,
            None => return Ok(()),
        },
    };
    menu.article_number = number.get();
    if told.turnover_group.is_none() {
        match group_at_pos(run, number).await {
            Ok(group) => menu.turnover_group = group.unwrap_or(menu.turnover_group),
            // Other combos may be written.
            Err(error) => return refused(run, &Resource::COMBOS, subject, error),
        }
    }
    let removed = removed_choices(&combo.sync, &menu);
    let sync = menu_sync(&combo, &menu)?;
    let reply = match run.call(UpdateArticleMenu { request: menu }).await {
        Ok(reply) => reply.into_result().map_err(mplus_qapi::Error::from),
        Err(error) => Err(error),
    };
    if let Err(error) = reply {
        return refused(run, &Resource::COMBOS, subject, error);
    }
    run.report.count(&Resource::COMBOS).pushed += 1;
    for choice in removed {
        run.report.ask_for(Note::about(
            Resource::COMBOS,
            subject.clone(),
            &format!(
                "the choice of article {} was removed from group {}; the POS merges menus and still offers it",
                choice.article, choice.group
            ),
            "Remove the choice by hand in the MplusKASSA back office",
        ));
    }
    let pushed = Pushed { id: combo.record.id.clone(), sent: Some(told), number, sync };
    mark(run, CatalogPushes { combos: vec![pushed], ..CatalogPushes::default() }).await
}

/// Fields of a combo that no call carries. The call that makes it names its category, of which nothing was agreed on before.
fn carried_by_none(combo: &Tracked<Combo>) -> &'static [&'static str] {
    let category = combo.edits.get(&Field::named("category"));
    match category.is_some_and(|edit| edit.agreed.is_some()) {
        true => &["category", "btw_code"],
        false => &["btw_code"],
    }
}

/// The turnover group that the POS has an article in: a menu is written with one, whether the host knows it or not.
async fn group_at_pos(run: &mut Run<'_>, number: ArticleNumber) -> Result<Option<i16>, mplus_qapi::Error> {
    let request = GetProductsRequest { article_numbers: vec![number.get()], ..GetProductsRequest::default() };
    let mut products = Asking::of(run, request);
    while let Some(asked) = products.next().await? {
        let (product, unread) = asked.apart();
        let is_it = |article: &Article| article.article_number == Some(number.get());
        if let Some((_, value)) = unread.into_iter().find(|(article, _)| is_it(article)) {
            let kind = ErrorKind::Response(value.error().clone());
            return Err(mplus_qapi::Error::new(GetProducts::INFO.name, kind));
        }
        if let Some(article) = product.article_list.into_iter().find(is_it) {
            return Ok(article.turnover_group.and_then(|group| i16::try_from(group).ok()));
        }
    }
    Ok(None)
}

/// The combo's BTW code and its choices' articles; none when something is missing, which is in the report then.
async fn ready(
    run: &mut Run<'_>,
    combo: &Tracked<Combo>,
    subject: &Subject,
    tax: &mut CheckedTax,
) -> Result<Option<(BtwCode, HashMap<ItemId, ArticleNumber>)>, StepError> {
    let code = match tax.of(run).await?.code_for(&combo.record.name, combo.record.tax_rate) {
        Ok(code) => code,
        Err(problem) => {
            run.report.skip(Note::tax(Resource::COMBOS, subject.clone(), &problem));
            return Ok(None);
        }
    };
    let chosen: BTreeSet<ItemId> = combo
        .record
        .parts
        .iter()
        .flat_map(|part| part.choices.iter().map(|choice| choice.item.clone()))
        .collect();
    let items = run.store().items(run.connection(), Select::Ids(chosen.iter().cloned().collect())).await?;
    let articles: HashMap<_, _> =
        items.into_iter().filter_map(|item| Some((item.record.id, item.external_ids.mpluskassa?))).collect();
    let unknown: Vec<_> =
        chosen.iter().filter(|item| !articles.contains_key(*item)).map(ItemId::as_str).collect();
    if !unknown.is_empty() {
        let message = format!("these choices are not known to the POS: {}", unknown.join(", "));
        run.skip(
            &Resource::COMBOS,
            subject.clone(),
            &message,
            "Push the items first, or take them out of the combo",
        );
        return Ok(None);
    }
    Ok(Some((code, articles)))
}

/// Makes the article that the menu belongs to, and stores its number at once.
async fn create(
    run: &mut Run<'_>,
    known: &mut KnownArticles,
    combo: &mut Tracked<Combo>,
    code: BtwCode,
    subject: &Subject,
) -> Result<Option<ArticleNumber>, StepError> {
    let ids = combo.record.category.iter().cloned().collect();
    let Some(mut category) = run.store().categories(run.connection(), Select::Ids(ids)).await?.pop() else {
        run.skip(
            &Resource::COMBOS,
            subject.clone(),
            "the combo is in no category",
            "Put the combo into a category",
        );
        return Ok(None);
    };
    // The article carries the combo's identifier, by which it is found should the answer be lost.
    let mut item = Item::new(ItemId::new(combo.record.id.as_str()), combo.record.name.clone());
    item.price = combo.record.price;
    item.turnover_group = combo.record.turnover_group;
    item.active = combo.record.active;
    let article = match item_to_article(&item, None, Some(code), false) {
        Ok(article) => article,
        Err(problem) => {
            run.skip(&Resource::COMBOS, subject.clone(), &problem.to_string(), problem.advice());
            return Ok(None);
        }
    };
    let sent = match send::product(run, known, &mut category, vec![article], &ToMake::combo(combo)).await {
        Ok(Answer::Taken(sent)) => sent,
        Ok(Answer::NotWhole) => {
            run.report.ask_for(unshown(Resource::COMBOS, subject.clone()));
            return Ok(None);
        }
        Ok(Answer::Anothers) => {
            run.report.ask_for(anothers(Resource::COMBOS, subject.clone()));
            return Ok(None);
        }
        Ok(Answer::MayBeThere) => {
            tell_waiting(run, Resource::COMBOS, subject.clone());
            return Ok(None);
        }
        Err(StepError::Pos(error)) => {
            refused(run, &Resource::COMBOS, subject.clone(), error)?;
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let Some(number) = sent.numbers.first().copied().flatten() else { return Ok(None) };
    // The edit stays pending until the menu is there.
    let pushed = Pushed { id: combo.record.id.clone(), sent: None, number, sync: combo.sync.clone() };
    mark(run, CatalogPushes { combos: vec![pushed], ..CatalogPushes::default() }).await?;
    // What was just stored counts as a revision. An edit that the host made meanwhile waits for the next run.
    let ids = vec![combo.record.id.clone()];
    let stored = run.store().combos(run.connection(), Select::Ids(ids)).await?.pop();
    let Some(stored) = stored.filter(|stored| stored.record == combo.record) else { return Ok(None) };
    *combo = stored;
    Ok(Some(number))
}

/// What the POS has of the combo now, choice by choice.
fn menu_sync(combo: &Tracked<Combo>, menu: &UpdateArticleMenuRequest) -> Result<SyncState, StepError> {
    let mut sync = combo.sync.clone();
    let fingerprint = Fingerprint::of(&combo.record)?;
    sync.pushed = Some(Version { fingerprint, changed_at: combo.edited_at(), marker: None });
    sync.parts.retain(|name, _| !name.starts_with(CHOICE));
    for choice in &menu.articles_settings {
        let name = format!("{CHOICE}{} {}", choice.group_number, choice.article_number);
        sync.parts.insert(name, Fingerprint::of(&choice.added_fee.normalize())?);
    }
    Ok(sync)
}
