//! The values of the service: exact, and nothing of the wire forgotten.

mod binary;
mod date;
mod date_time;
mod lexical;
mod list;
mod mplus_date;
mod xsd_decimal;
mod zone;

pub use rust_decimal::Decimal;

pub use self::{
    binary::Binary,
    date::Date,
    date_time::DateTime,
    list::List,
    mplus_date::{SoapMplusDate, SoapMplusDateTime},
    xsd_decimal::{ParseXsdDecimalError, XsdDecimal},
    zone::{AMSTERDAM, InstantError, ParseZoneError, Zone},
};
