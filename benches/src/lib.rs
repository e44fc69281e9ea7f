//! Baselines and fixtures that the benchmarks share.
//!
//! The types of the service stand here a second time, the way a user would write them by hand: quick-xml with serde
//! derives. They are made from the very lines that `mplus-qapi` is made from, read with macros that expand otherwise.

pub mod documents;
pub mod figure;
pub mod memory;
pub mod ratio;
pub mod recorded;
pub mod serde_types;
pub mod streamed;
pub mod value_space;

#[allow(missing_docs, unused_imports, unexpected_cfgs, dead_code)]
#[rustfmt::skip]
#[path = "../../mplus-qapi/src/generated/orders.rs"]
pub mod orders;
#[allow(missing_docs, unused_imports, unexpected_cfgs, dead_code)]
#[rustfmt::skip]
#[path = "../../mplus-qapi/src/generated/products.rs"]
pub mod products;
#[allow(missing_docs, unused_imports, unexpected_cfgs, dead_code)]
#[rustfmt::skip]
#[path = "../../mplus-qapi/src/generated/relations.rs"]
pub mod relations;
#[allow(missing_docs, unused_imports, unexpected_cfgs, dead_code)]
#[rustfmt::skip]
#[path = "../../mplus-qapi/src/generated/stock.rs"]
pub mod stock;
#[allow(missing_docs, unused_imports, unexpected_cfgs, dead_code)]
#[rustfmt::skip]
#[path = "../../mplus-qapi/src/generated/types.rs"]
pub mod types;

/// The path under which the generated files look for their macros.
mod soap {
    pub(crate) use crate::serde_types as prelude;
}
