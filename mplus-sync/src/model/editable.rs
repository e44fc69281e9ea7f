//! Records that the host edits field by field.

use rust_decimal::Decimal;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Category, Combo, Field, FieldValue, Item, LocationPrice, Record};

/// A record whose fields can be read, compared and set one by one.
///
/// Implemented by [`Category`], [`Item`] and [`Combo`]; hosts use it, they do not implement it.
pub trait Editable: Record {
    /// The fields that this record has, the identifier aside; an item's location prices one by one.
    fn fields(&self) -> Vec<Field>;

    /// The value of a field; none for a name that such a record does not have.
    fn value(&self, field: &Field) -> Option<FieldValue>;

    /// Sets a field.
    ///
    /// # Errors
    /// [`NoSuchValue`] when the record has no such field, or the field takes no such value. Nothing is changed.
    fn set(&mut self, field: &Field, value: &FieldValue) -> Result<(), NoSuchValue>;

    /// A record of which nothing but the identifier is known.
    fn empty(id: Self::Id) -> Self;

    /// Takes the value of a field from another record, such as the POS's.
    ///
    /// # Errors
    /// [`NoSuchValue`] when the record has no such field.
    fn take(&mut self, field: &Field, from: &Self) -> Result<(), NoSuchValue> {
        let value = from.value(field).ok_or_else(|| NoSuchValue::field(field))?;
        self.set(field, &value)
    }
}

/// A field that a record does not have, or a value that its field does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("field {field:?}: {why}")]
pub struct NoSuchValue {
    field: String,
    why: String,
}

impl NoSuchValue {
    fn field(field: &Field) -> Self {
        Self { field: field.to_string(), why: "there is none of this name".to_owned() }
    }
}

/// A type that fields have, and its JSON.
trait Plain: Sized {
    fn write(&self) -> Option<FieldValue>;
    fn read(value: &FieldValue) -> Result<Self, serde_json::Error>;
}

impl<T: Serialize + DeserializeOwned> Plain for T {
    fn write(&self) -> Option<FieldValue> {
        FieldValue::of(self).ok()
    }

    fn read(value: &FieldValue) -> Result<Self, serde_json::Error> {
        value.read()
    }
}

/// Amounts as texts of one form, whatever forms of decimals others ask of their serializer.
mod amount {
    use super::{Decimal, FieldValue};

    pub(super) fn write(amount: &Option<Decimal>) -> Option<FieldValue> {
        FieldValue::of(&amount.map(text)).ok()
    }

    fn text(amount: Decimal) -> String {
        let mut amount = amount.normalize();
        if amount.scale() < 2 {
            amount.rescale(2);
        }
        amount.to_string()
    }

    pub(super) fn read(value: &FieldValue) -> Result<Option<Decimal>, serde_json::Error> {
        let text: Option<String> = value.read()?;
        let amount = |text: String| text.parse().map_err(<serde_json::Error as serde::de::Error>::custom);
        text.map(amount).transpose()
    }
}

/// Names the fields of a record once, for reading and setting them.
macro_rules! fields {
    ($record:ident { plain: $($plain:ident),*; amounts: $($amount:ident),*; }) => {
        const NAMES: &[&str] = &[$(stringify!($plain),)* $(stringify!($amount),)*];

        fn plain_value(record: &$record, name: &str) -> Option<FieldValue> {
            match name {
                $(stringify!($plain) => Plain::write(&record.$plain),)*
                $(stringify!($amount) => amount::write(&record.$amount),)*
                _ => None,
            }
        }

        fn set_plain(record: &mut $record, field: &Field, value: &FieldValue) -> Result<(), NoSuchValue> {
            let refused = |error: serde_json::Error| {
                NoSuchValue { field: field.to_string(), why: error.to_string() }
            };
            match field.as_str() {
                $(stringify!($plain) => record.$plain = Plain::read(value).map_err(refused)?,)*
                $(stringify!($amount) => record.$amount = amount::read(value).map_err(refused)?,)*
                _ => return Err(NoSuchValue::field(field)),
            }
            Ok(())
        }
    };
}

/// A record that has these fields and no others.
macro_rules! editable {
    ($room:ident, $record:ident { $($fields:tt)* }) => {
        mod $room {
            use super::*;

            fields! { $record { $($fields)* } }

            impl Editable for $record {
                fn fields(&self) -> Vec<Field> {
                    NAMES.iter().copied().map(Field::named).collect()
                }

                fn value(&self, field: &Field) -> Option<FieldValue> {
                    plain_value(self, field.as_str())
                }

                fn set(&mut self, field: &Field, value: &FieldValue) -> Result<(), NoSuchValue> {
                    set_plain(self, field, value)
                }

                fn empty(id: Self::Id) -> Self {
                    Self::new(id, "")
                }
            }
        }
    };
}

editable! { category, Category { plain: name, description, position, group_numbers, active, hidden; amounts: ; } }

editable! { combo, Combo {
    plain: category, name, btw_code, turnover_group, parts, active, hidden;
    amounts: price, tax_rate;
} }

mod item {
    use super::*;

    fields! { Item {
        plain: category, name, description, btw_code, alternative_btw_code, turnover_group, variant, plu, barcodes, position,
            active, hidden, not_sold_at, stock_tracked, course, minimum_age, allergens, diets, nutrients, images, modifier_groups,
            components, linked;
        amounts: price, tax_rate, alternative_tax_rate;
    } }

    impl Editable for Item {
        fn fields(&self) -> Vec<Field> {
            let own = self.location_prices.iter().map(|own| Field::price_at(&own.location));
            NAMES.iter().copied().map(Field::named).chain(own).collect()
        }

        fn value(&self, field: &Field) -> Option<FieldValue> {
            match field.location() {
                Some(location) => {
                    let own = self.location_prices.iter().find(|own| own.location == location);
                    amount::write(&own.map(|own| own.price))
                }
                None => plain_value(self, field.as_str()),
            }
        }

        fn set(&mut self, field: &Field, value: &FieldValue) -> Result<(), NoSuchValue> {
            let Some(location) = field.location() else { return set_plain(self, field, value) };
            let price = amount::read(value)
                .map_err(|error| NoSuchValue { field: field.to_string(), why: error.to_string() })?;
            let place = self.location_prices.iter().position(|own| own.location == location);
            match (place, price) {
                (Some(place), Some(price)) => self.location_prices[place].price = price,
                (Some(place), None) => drop(self.location_prices.remove(place)),
                (None, Some(price)) => self.location_prices.push(LocationPrice { location, price }),
                (None, None) => {}
            }
            Ok(())
        }

        fn empty(id: Self::Id) -> Self {
            Self::new(id, "")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::LocationId;

    #[test]
    fn every_field_of_a_records_json_can_be_read_and_set_by_its_name() {
        let mut item = Item::new("cola", "Cola");
        item.price = Some(Decimal::new(25, 1));
        item.location_prices = vec![LocationPrice { location: "beach".into(), price: Decimal::new(3, 0) }];
        item.description = Some("Cold".into());
        let mut copy = Item::empty("cola".into());
        for field in item.fields() {
            copy.take(&field, &item).unwrap();
        }
        assert_eq!(copy, item);
        let json = serde_json::to_value(&item).unwrap();
        let names: Vec<String> = json.as_object().unwrap().keys().cloned().collect();
        for name in names.into_iter().filter(|name| name != "id" && name != "location_prices") {
            assert!(item.value(&Field::from(name.clone())).is_some(), "{name} is no field");
        }
    }

    #[test]
    fn equal_amounts_are_equal_values_however_many_zeros_they_have() {
        let mut item = Item::new("cola", "Cola");
        let price = Field::named("price");
        item.price = Some(Decimal::new(2500, 3));
        let long = item.value(&price);
        item.price = Some(Decimal::new(25, 1));
        assert_eq!(item.value(&price), long);
        assert_eq!(long.unwrap().as_json(), "\"2.50\"");
    }

    #[test]
    fn a_location_price_is_a_field_of_its_own() {
        let mut item = Item::new("cola", "Cola");
        let beach = Field::price_at(&LocationId::from("beach"));
        item.set(&beach, &FieldValue::of("3.10").unwrap()).unwrap();
        assert_eq!(item.price_at(&"beach".into()), Some(Decimal::new(310, 2)));
        item.set(&beach, &FieldValue::null()).unwrap();
        assert!(item.location_prices.is_empty());
    }

    #[test]
    fn a_value_that_a_field_does_not_take_changes_nothing() {
        let mut category = Category::new("drinks", "Drinks");
        let before = category.clone();
        assert!(category.set(&Field::named("name"), &FieldValue::null()).is_err());
        assert!(category.set(&Field::named("colour"), &FieldValue::null()).is_err());
        assert_eq!(category, before);
    }
}
