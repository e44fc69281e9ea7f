//! Customers and their relations: found or created when an order needs one.

mod compare;
mod error;
mod service;

pub use error::RelationError;
pub use service::RelationService;
