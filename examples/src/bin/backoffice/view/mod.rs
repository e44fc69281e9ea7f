//! What pages are made of.

pub(crate) mod answer;
pub(crate) mod at;
pub(crate) mod badge;
pub(crate) mod fields;
pub(crate) mod form;
pub(crate) mod layout;
pub(crate) mod number;
pub(crate) mod reason;
pub(crate) mod report;
pub(crate) mod table;

pub(crate) use crate::text::Lang;
