//! Tables and courses, from the POS to the host; and what goes on at a table.

mod floor;
mod service;
mod state;

pub use service::{TableError, TableService};
pub use state::{OpenOrder, TableState};
pub(crate) use state::{TableOrder, read_table};
