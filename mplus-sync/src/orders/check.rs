//! What would keep an order from the POS, before the guest pays.

use std::collections::{BTreeMap, BTreeSet};

use mplus_qapi::employees::{GetEmployees, GetEmployeesRequest};
use mplus_qapi::products::{GetProducts, GetProductsRequest};
use mplus_qapi::relations::{GetRelation, GetRelationResult};
use mplus_qapi::soap::Operation;
use mplus_qapi::table_orders::{GetTableListV3, GetTableListV3Request};
use rust_decimal::Decimal;

use crate::model::{
    ArticleNumber, Item, ItemId, LineModifier, ModifierGroup, ModifierGroupId, Order, RelationNumber, Sold,
    Tracked,
};
use crate::pos_call::is_no_answer;
use crate::store::{Select, StoreError};

use super::{OrderDraft, OrderRefused, OrderService, Problem, SubmitError, SubmitErrorKind};

/// The employee whom every POS has and none lists: its super user.
const SUPER_USER: i64 = 999_999;

impl OrderService {
    /// Says everything that would keep an order from the POS: what [`draft`](Self::draft) finds, and what only the POS
    /// knows. Nothing is sent but questions. Call it when the guest goes to pay.
    ///
    /// Checked are: articles and combos are linked, exist at the POS and are active; items are sold at the location; modifiers
    /// fit their groups' minimum and maximum; location, workplace and relation are set up and exist; the employee
    /// and the table exist; payment codes are in the POS's list; amounts add up. What the POS does not know a call for, or refuses
    /// to tell, is not checked.
    ///
    /// # Errors
    /// [`SubmitErrorKind::Refused`] with every problem; [`SubmitErrorKind::Store`] or [`SubmitErrorKind::Pos`] when what is
    /// needed could not be read.
    pub async fn check(&self, order: &Order) -> Result<OrderDraft, SubmitError> {
        let error = |kind| SubmitError::new(&order.number, kind, false);
        let service = self.for_order(order).await?;
        let (draft, mut problems) = match service.draft_now(order).await {
            Ok(draft) => (Some(draft), Vec::new()),
            Err(failed) => match failed.kind() {
                SubmitErrorKind::Refused(refused) => (None, refused.problems.clone()),
                _ => return Err(failed),
            },
        };
        let known =
            service.known_of_menu(order).await.map_err(|failed| error(SubmitErrorKind::Store(failed)))?;
        problems.extend(menu_problems(order, &known));
        if let Some(draft) = &draft {
            let place = service.place_problem(order, draft).await;
            problems.extend(place.map_err(|failed| error(SubmitErrorKind::Store(failed)))?);
            let asked = service.ask_pos(draft).await.map_err(|failed| error(SubmitErrorKind::Pos(failed)))?;
            problems.extend(asked);
        }
        match draft {
            Some(draft) if problems.is_empty() => Ok(draft),
            _ => Err(error(SubmitErrorKind::Refused(OrderRefused { order: order.number.clone(), problems }))),
        }
    }

    /// What is wrong with the workplace of the draft. A branch that lists none is taken at the settings' word.
    async fn place_problem(&self, order: &Order, draft: &OrderDraft) -> Result<Option<Problem>, StoreError> {
        let wanted = Select::Ids(vec![order.location.clone()]);
        let locations = self.merchant.store().locations(self.connection(), wanted).await?;
        let workplaces =
            locations.first().map(|found| found.record.workplaces.as_slice()).unwrap_or_default();
        let is_known = workplaces.iter().any(|workplace| workplace.number == draft.workplace);
        Ok((!workplaces.is_empty() && !is_known).then(|| Problem::WorkplaceUnknown {
            location: order.location.clone(),
            workplace: draft.workplace,
        }))
    }

    async fn known_of_menu(&self, order: &Order) -> Result<Menu, StoreError> {
        let (store, id) = (self.merchant.store(), self.connection());
        let items: Vec<ItemId> = sold_items(order).map(|(item, ..)| item.clone()).collect();
        let items = match items.is_empty() {
            true => Vec::new(),
            false => store.items(id, Select::Ids(items)).await?,
        };
        let groups: Vec<ModifierGroupId> =
            items.iter().flat_map(|item| item.record.modifier_groups.clone()).collect();
        let groups = match groups.is_empty() {
            true => Vec::new(),
            false => store.modifier_groups(id, Select::Ids(groups)).await?,
        };
        Ok(Menu {
            items: items.into_iter().map(|item| (item.record.id.clone(), item)).collect(),
            groups: groups.into_iter().map(|group| (group.record.id.clone(), group)).collect(),
        })
    }

    /// What only the POS knows of the draft's articles, employee, relation and table.
    async fn ask_pos(&self, draft: &OrderDraft) -> Result<Vec<Problem>, mplus_qapi::Error> {
        let articles = self.article_problems(draft.all_articles()).await;
        let mut problems = if_told(articles)?.unwrap_or_default();
        if if_told(self.has_employee(draft.employee).await)? == Some(false) {
            problems.push(Problem::EmployeeUnknown { employee: draft.employee });
        }
        if let Some(relation) = draft.relation
            && if_told(self.has_relation(relation).await)? == Some(false)
        {
            problems.push(Problem::RelationUnknown { relation });
        }
        if let Some(table) = draft.table() {
            let request = GetTableListV3Request { branch_number: draft.branch.get() };
            let listed = if_told(self.ask(GetTableListV3::from(request)).await)?.flatten();
            let listed = listed.map(|listed| listed.whole_table).filter(|tables| !tables.is_empty());
            if listed.is_some_and(|tables| tables.iter().all(|known| known.number != table.number)) {
                problems.push(Problem::TableUnknown { table });
            }
        }
        Ok(problems)
    }

    /// The answer to a question; none where the POS does not know the call.
    async fn ask<O: Operation>(&self, question: O) -> Result<Option<O::Response>, mplus_qapi::Error> {
        self.lacking.call(question, Some(self.timeout())).await
    }

    /// Whether the POS has an employee. One that lists none is taken at the settings' word.
    pub(crate) async fn has_employee(&self, number: i64) -> Result<bool, mplus_qapi::Error> {
        if number == SUPER_USER {
            return Ok(true);
        }
        let request = GetEmployeesRequest { employee_numbers: vec![number], ..Default::default() };
        let Some(found) = self.ask(GetEmployees::from(request)).await? else { return Ok(true) };
        let found = found.employee_list.iter().find(|employee| employee.employee_number == Some(number));
        if let Some(found) = found {
            return Ok(found.active != Some(false));
        }
        // It may list nobody at all to an API user.
        let first = GetEmployeesRequest {
            sync_marker: Some(0),
            sync_marker_limit: Some(1),
            ..GetEmployeesRequest::default()
        };
        let any = self.ask(GetEmployees::from(first)).await?;
        Ok(any.is_none_or(|any| any.employee_list.is_empty()))
    }

    /// Whether the POS has a relation. One that has no call for it is taken to have it.
    pub(crate) async fn has_relation(&self, relation: RelationNumber) -> Result<bool, mplus_qapi::Error> {
        let request = GetRelation { relation_number: relation.get() };
        let answer = self.ask(request).await?;
        Ok(answer.is_none_or(|answer| answer.result != GetRelationResult::NotFound))
    }

    /// Those of some articles that the POS does not have, or has switched off.
    pub(crate) async fn not_sellable(
        &self,
        articles: BTreeSet<ArticleNumber>,
    ) -> Result<BTreeSet<ArticleNumber>, mplus_qapi::Error> {
        let problems = self.article_problems(articles).await?;
        let article = |problem: Problem| match problem {
            Problem::ArticleInactive { article } | Problem::ArticleUnknown { article } => Some(article),
            _ => None,
        };
        Ok(problems.into_iter().filter_map(article).collect())
    }

    /// Articles that the POS does not have, or has switched off.
    async fn article_problems(
        &self,
        wanted: BTreeSet<ArticleNumber>,
    ) -> Result<Vec<Problem>, mplus_qapi::Error> {
        // Without numbers all that there is would be told.
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let request = GetProductsRequest {
            article_numbers: wanted.iter().map(|article| article.get()).collect(),
            ..GetProductsRequest::default()
        };
        let found = self.ask(GetProducts::from(request)).await?;
        let Some(found) = found else { return Ok(Vec::new()) };
        let articles = found.product_list.iter().flat_map(|product| &product.article_list);
        let active: BTreeMap<i64, bool> = articles
            .filter_map(|article| Some((article.article_number?, article.active != Some(false))))
            .collect();
        let problem = |article: ArticleNumber| match active.get(&article.get()) {
            Some(true) => None,
            Some(false) => Some(Problem::ArticleInactive { article }),
            None => Some(Problem::ArticleUnknown { article }),
        };
        Ok(wanted.into_iter().filter_map(problem).collect())
    }
}

/// An answer; none where the POS refuses it to this user, or says what cannot be read: a guest is not sent away for that.
fn if_told<T>(answer: Result<T, mplus_qapi::Error>) -> Result<Option<T>, mplus_qapi::Error> {
    match answer {
        Err(error) if is_no_answer(&error) => Ok(None),
        answer => answer.map(Some),
    }
}

/// What the store knows of what an order sells.
struct Menu {
    items: BTreeMap<ItemId, Tracked<Item>>,
    groups: BTreeMap<ModifierGroupId, Tracked<ModifierGroup>>,
}

/// What is sold as an item: the item, its name, and what was chosen with it.
fn sold_items(order: &Order) -> impl Iterator<Item = (&ItemId, &str, &[LineModifier])> {
    order.lines.iter().flat_map(|line| match &line.sold {
        Sold::Item { item } => vec![(item, line.name.as_str(), line.modifiers.as_slice())],
        Sold::Combo { choices, .. } => choices
            .iter()
            .map(|choice| (&choice.item, choice.name.as_str(), choice.modifiers.as_slice()))
            .collect(),
    })
}

fn menu_problems(order: &Order, menu: &Menu) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (id, name, modifiers) in sold_items(order) {
        let Some(item) = menu.items.get(id) else { continue };
        if !item.record.active {
            problems.push(Problem::ItemInactive { name: name.to_owned(), item: id.clone() });
        } else if !item.record.is_sold_at(&order.location) {
            let location = order.location.clone();
            problems.push(Problem::NotSoldHere { name: name.to_owned(), item: id.clone(), location });
        }
        for group in item.record.modifier_groups.iter().filter_map(|group| menu.groups.get(group)) {
            problems.extend(count_problem(name, modifiers, &group.record));
        }
    }
    problems
}

/// Whether as many modifiers of a group were chosen as it wants.
fn count_problem(name: &str, modifiers: &[LineModifier], group: &ModifierGroup) -> Option<Problem> {
    let of_group = modifiers.iter().filter(|modifier| modifier.group == group.id);
    let chosen: Decimal = of_group.map(|modifier| modifier.quantity).sum();
    let too_few = chosen < group.minimum.into();
    let too_many = group.maximum.is_some_and(|maximum| chosen > maximum.into());
    (group.active && (too_few || too_many)).then(|| Problem::ModifierCount {
        name: name.to_owned(),
        group: group.name.clone(),
        chosen,
        minimum: group.minimum,
        maximum: group.maximum,
    })
}
