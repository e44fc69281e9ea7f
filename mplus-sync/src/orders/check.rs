//! What would keep an order from the POS, before the guest pays.

use std::collections::BTreeMap;

use mplus_qapi::products::{GetProducts, GetProductsRequest};
use mplus_qapi::table_orders::{GetTableListV3, GetTableListV3Request};
use rust_decimal::Decimal;

use crate::model::{Item, ItemId, LineModifier, ModifierGroup, ModifierGroupId, Order, Sold, Tracked};
use crate::store::{Select, StoreError};

use super::{OrderDraft, OrderRefused, OrderService, Problem, SubmitError, SubmitErrorKind};

impl OrderService {
    /// Says everything that would keep an order from the POS: what [`draft`](Self::draft) finds, and what only the POS
    /// knows. Nothing is sent but questions. Call it when the guest goes to pay.
    ///
    /// Checked are: articles and combos are linked, exist at the POS and are active; modifiers fit their groups' minimum and
    /// maximum; location, workplace and relation are set up; the table exists; payment codes are in the POS's list; amounts
    /// add up. What the POS does not know a call for is not checked.
    ///
    /// # Errors
    /// [`SubmitErrorKind::Refused`] with every problem; [`SubmitErrorKind::Store`] or [`SubmitErrorKind::Pos`] when what is
    /// needed could not be read.
    pub async fn check(&self, order: &Order) -> Result<OrderDraft, SubmitError> {
        let error = |kind| SubmitError::new(&order.number, kind, false);
        let (draft, mut problems) = match self.draft(order).await {
            Ok(draft) => (Some(draft), Vec::new()),
            Err(failed) => match failed.kind() {
                SubmitErrorKind::Refused(refused) => (None, refused.problems.clone()),
                _ => return Err(failed),
            },
        };
        let known =
            self.known_of_menu(order).await.map_err(|failed| error(SubmitErrorKind::Store(failed)))?;
        problems.extend(menu_problems(order, &known));
        if let Some(draft) = &draft {
            let asked = self.ask_pos(draft).await.map_err(|failed| error(SubmitErrorKind::Pos(failed)))?;
            problems.extend(asked);
        }
        match draft {
            Some(draft) if problems.is_empty() => Ok(draft),
            _ => Err(error(SubmitErrorKind::Refused(OrderRefused { order: order.number.clone(), problems }))),
        }
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

    /// What only the POS knows of the draft's articles and table.
    async fn ask_pos(&self, draft: &OrderDraft) -> Result<Vec<Problem>, mplus_qapi::Error> {
        let mut problems = Vec::new();
        let wanted = draft.all_articles();
        let request = GetProductsRequest {
            article_numbers: wanted.iter().map(|article| article.get()).collect(),
            ..GetProductsRequest::default()
        };
        let timeout = Some(self.timeout());
        if let Some(found) = self.lacking.call(GetProducts::from(request), timeout).await? {
            let articles = found.product_list.iter().flat_map(|product| &product.article_list);
            let active: BTreeMap<i64, bool> = articles
                .filter_map(|article| Some((article.article_number?, article.active != Some(false))))
                .collect();
            problems.extend(wanted.into_iter().filter_map(|article| match active.get(&article.get()) {
                Some(true) => None,
                Some(false) => Some(Problem::ArticleInactive { article }),
                None => Some(Problem::ArticleUnknown { article }),
            }));
        }
        if let Some(table) = draft.table() {
            let request = GetTableListV3Request { branch_number: draft.branch.get() };
            let listed = self.lacking.call(GetTableListV3::from(request), timeout).await?;
            let listed = listed.map(|listed| listed.whole_table).filter(|tables| !tables.is_empty());
            if listed.is_some_and(|tables| tables.iter().all(|known| known.number != table.number)) {
                problems.push(Problem::TableUnknown { table });
            }
        }
        Ok(problems)
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
