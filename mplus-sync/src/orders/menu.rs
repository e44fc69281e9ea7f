//! What an order's items, combos and modifiers are at the POS.

use std::collections::{BTreeSet, HashMap};

use rust_decimal::Decimal;

use crate::model::{
    ArticleNumber, Combo, ComboId, ConnectionId, Item, ItemId, LineModifier, Location, ModifierGroup,
    ModifierGroupId, ModifierId, Order, Record, Sold, Tracked, Unreadable,
};
use crate::store::{CatalogStore, Select, Store, StoreError};

/// The POS's numbers of what orders sell. Plain data: what is not in it is unknown to the POS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MenuLinks {
    items: HashMap<ItemId, ArticleNumber>,
    rates: HashMap<ItemId, Decimal>,
    /// Rates of items that have another one for guests who take it away, or for those who stay; none where it is not known.
    alternative_rates: HashMap<ItemId, Option<Decimal>>,
    combos: HashMap<ComboId, ComboArticle>,
    combo_rates: HashMap<ComboId, Decimal>,
    groups: HashMap<ModifierGroupId, HashMap<ModifierId, ModifierLink>>,
}

/// What a combo is at the POS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComboArticle {
    /// The article that is sold.
    pub article: ArticleNumber,
    /// The menu's own identifier (`menuId`), for a POS that has it.
    pub menu: Option<String>,
}

/// What a modifier is at the POS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModifierLink {
    /// The number of the preparation method or article alteration (`articleAlterationId`).
    pub alteration: i32,
    /// The article that is booked for it.
    pub article: Option<ArticleNumber>,
}

impl MenuLinks {
    /// Links an item with its article.
    #[must_use]
    pub fn with_item(mut self, item: impl Into<ItemId>, article: ArticleNumber) -> Self {
        self.items.insert(item.into(), article);
        self
    }

    /// Says which VAT rate an item has, in per cent.
    #[must_use]
    pub fn with_rate(mut self, item: impl Into<ItemId>, rate: Decimal) -> Self {
        self.rates.insert(item.into(), rate);
        self
    }

    /// Says that an item has an alternative VAT rate, and which in per cent when it is known.
    #[must_use]
    pub fn with_alternative_rate(mut self, item: impl Into<ItemId>, rate: Option<Decimal>) -> Self {
        self.alternative_rates.insert(item.into(), rate);
        self
    }

    /// Links a combo with its article.
    #[must_use]
    pub fn with_combo(mut self, combo: impl Into<ComboId>, article: ComboArticle) -> Self {
        self.combos.insert(combo.into(), article);
        self
    }

    /// Says what VAT rate a combo has, in per cent.
    #[must_use]
    pub fn with_combo_rate(mut self, combo: impl Into<ComboId>, rate: Decimal) -> Self {
        self.combo_rates.insert(combo.into(), rate);
        self
    }

    /// Links a modifier of a group.
    #[must_use]
    pub fn with_modifier(
        mut self,
        group: impl Into<ModifierGroupId>,
        modifier: impl Into<ModifierId>,
        link: ModifierLink,
    ) -> Self {
        self.groups.entry(group.into()).or_default().insert(modifier.into(), link);
        self
    }

    /// The article of an item.
    pub fn item(&self, item: &ItemId) -> Option<ArticleNumber> {
        self.items.get(item).copied()
    }

    /// The VAT rate of an item in per cent, when it is known.
    pub fn rate(&self, item: &ItemId) -> Option<Decimal> {
        self.rates.get(item).copied()
    }

    /// The VAT rate of a combo, in per cent, when it is known.
    pub fn combo_rate(&self, combo: &ComboId) -> Option<Decimal> {
        self.combo_rates.get(combo).copied()
    }

    /// The alternative VAT rate of an item that has one, in per cent when it is known.
    pub fn alternative_rate(&self, item: &ItemId) -> Option<Option<Decimal>> {
        self.alternative_rates.get(item).copied()
    }

    /// The article of a combo.
    pub fn combo(&self, combo: &ComboId) -> Option<&ComboArticle> {
        self.combos.get(combo)
    }

    /// What a modifier is.
    pub fn modifier(&self, group: &ModifierGroupId, modifier: &ModifierId) -> Option<ModifierLink> {
        self.groups.get(group)?.get(modifier).copied()
    }

    /// Reads what one order needs.
    pub async fn load(
        store: &dyn CatalogStore,
        connection: &ConnectionId,
        order: &Order,
    ) -> Result<Self, StoreError> {
        let wanted = Wanted::by(order);
        let mut links = Self::default();
        if !wanted.items.is_empty() {
            let items = store.items(connection, Select::Ids(wanted.items.into_iter().collect())).await?;
            links.add_items(items);
        }
        if !wanted.combos.is_empty() {
            let combos = store.combos(connection, Select::Ids(wanted.combos.into_iter().collect())).await?;
            links.add_combos(combos);
        }
        if !wanted.groups.is_empty() {
            let groups = Select::Ids(wanted.groups.into_iter().collect());
            links.add_groups(store.modifier_groups(connection, groups).await?);
        }
        Ok(links)
    }

    /// The first record of an order that the store has and this release cannot read.
    pub(super) async fn unreadable(
        store: &dyn Store,
        connection: &ConnectionId,
        order: &Order,
    ) -> Result<Option<Unreadable>, StoreError> {
        let mut wanted = Wanted::by(order);
        let items = store.items(connection, Select::Ids(wanted.items.iter().cloned().collect())).await?;
        for item in &items {
            wanted.items.remove(&item.record.id);
        }
        let combos = store.combos(connection, Select::Ids(wanted.combos.iter().cloned().collect())).await?;
        for combo in &combos {
            wanted.combos.remove(&combo.record.id);
        }
        let groups = Select::Ids(wanted.groups.iter().cloned().collect());
        let groups = store.modifier_groups(connection, groups).await?;
        for group in &groups {
            wanted.groups.remove(&group.record.id);
        }
        let location = store.locations(connection, Select::Ids(vec![order.location.clone()])).await?;
        let has_all = wanted.items.is_empty() && wanted.combos.is_empty() && wanted.groups.is_empty();
        if has_all && !location.is_empty() {
            return Ok(None);
        }
        let is_wanted = |row: &Unreadable| match row.kind.as_str() {
            Item::NAME => wanted.items.iter().any(|id| id.as_str() == row.id),
            Combo::NAME => wanted.combos.iter().any(|id| id.as_str() == row.id),
            ModifierGroup::NAME => wanted.groups.iter().any(|id| id.as_str() == row.id),
            Location::NAME => order.location.as_str() == row.id,
            _ => false,
        };
        Ok(store.unreadable(connection).await?.into_iter().find(is_wanted))
    }

    fn add_items(&mut self, items: Vec<Tracked<Item>>) {
        let rates = items.iter().filter_map(|item| Some((item.record.id.clone(), item.record.tax_rate?)));
        self.rates.extend(rates);
        let alternative = items.iter().filter(|item| item.record.alternative_btw_code.is_some());
        self.alternative_rates
            .extend(alternative.map(|item| (item.record.id.clone(), item.record.alternative_tax_rate)));
        let linked =
            items.into_iter().filter_map(|item| Some((item.record.id, item.external_ids.mpluskassa?)));
        self.items.extend(linked);
    }

    fn add_combos(&mut self, combos: Vec<Tracked<Combo>>) {
        let rates = combos.iter().filter_map(|combo| Some((combo.record.id.clone(), combo.record.tax_rate?)));
        self.combo_rates.extend(rates);
        let linked = combos.into_iter().filter_map(|combo| {
            let article = combo.external_ids.mpluskassa?;
            Some((combo.record.id, ComboArticle { article, menu: None }))
        });
        self.combos.extend(linked);
    }

    fn add_groups(&mut self, groups: Vec<Tracked<ModifierGroup>>) {
        for group in groups.into_iter().filter(|group| group.external_ids.mpluskassa.is_some()) {
            let modifiers = group.record.modifiers.into_iter().map(|modifier| {
                (modifier.id, ModifierLink { alteration: modifier.number, article: modifier.article })
            });
            self.groups.insert(group.record.id, modifiers.collect());
        }
    }
}

/// What has to be looked up for an order.
#[derive(Default)]
struct Wanted {
    items: BTreeSet<ItemId>,
    combos: BTreeSet<ComboId>,
    groups: BTreeSet<ModifierGroupId>,
}

impl Wanted {
    fn by(order: &Order) -> Self {
        let mut wanted = Self::default();
        for line in &order.lines {
            wanted.modifiers(&line.modifiers);
            match &line.sold {
                Sold::Item { item } => {
                    wanted.items.insert(item.clone());
                }
                Sold::Combo { combo, choices } => {
                    wanted.combos.insert(combo.clone());
                    for choice in choices {
                        wanted.items.insert(choice.item.clone());
                        wanted.modifiers(&choice.modifiers);
                    }
                }
            }
        }
        wanted
    }

    fn modifiers(&mut self, modifiers: &[LineModifier]) {
        self.groups.extend(modifiers.iter().map(|modifier| modifier.group.clone()));
    }
}
