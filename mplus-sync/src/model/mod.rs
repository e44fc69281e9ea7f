//! The host's side of the sync, in the host's words: what is kept, independent of how.
//!
//! Everything here is plain data. Amounts are euros with VAT included as exact decimals, times are UTC. Types that may
//! grow are `#[non_exhaustive]`: make one with `new` and set its fields. All of them have a JSON form, which is what
//! the stores in the box keep; a field that is added later reads from older JSON as empty.

mod activity;
mod category;
mod checkpoint;
mod combo;
mod connection;
mod customer;
mod editable;
mod field;
mod floor;
pub(crate) mod free_id;
mod id;
mod item;
mod lease;
mod location;
mod modifier;
pub(crate) mod order;
mod outbox;
mod patch;
mod run;
mod settings;
mod stock;
mod tracked;
mod unreadable;
pub(crate) mod zone_name;

pub use activity::{Activity, ActivityLevel, LoggedActivity};
pub use category::Category;
pub use checkpoint::{Checkpoint, Marker, Resource};
pub use combo::{Combo, ComboChoice, ComboPart};
pub use connection::{Connection, ConnectionStatus, Environment, FormerPos, PosIdentity};
pub use customer::{Customer, CustomerLink, RelationMatch};
pub use editable::{Editable, NoSuchValue};
pub use field::{Edits, Field, FieldValue, PendingEdit};
pub use floor::{Area, Course, FloorPlan, SubTable, Table};
pub use id::{
    ArticleNumber, BranchNumber, BtwCode, CategoryId, ComboId, ConnectionId, CourseNumber, CustomerId,
    ItemId, LocationId, ModifierGroupId, ModifierId, OrderNumber, ProductNumber, RelationNumber, WorkerId,
};
pub use item::{
    Characteristic, Component, Item, ItemImage, LinkedArticle, LocationPrice, Nutrient, Presence, Variant,
};
pub use lease::{HeldLease, Holder, Lease, LeaseName};
pub use location::{Location, MissingField, PostalAddress, Workplace};
pub use modifier::{Modifier, ModifierGroup, ModifierSource, PosModifierGroup};
pub use order::{
    ChosenItem, Discount, LineModifier, Order, OrderKind, OrderLine, Payment, PaymentMethod, Sold, TableRef,
};
pub use outbox::{
    Claim, ClaimedNotice, OrderNotice, OrderStep, OutboxEntry, OutboxState, OutboxStateKind, Outcome,
    PosOrder, StepRefused, Waiting,
};
pub use patch::{CategoryEdit, ComboEdit, EditRefused, ItemEdit, Patch, StaleField};
pub use run::{
    ClaimedRun, DueRun, RunEnd, RunKind, RunLost, RunReason, RunRequest, RunStatus, RunStep, StoredReport,
};
pub use settings::StoredSettings;
pub use stock::InventoryLevel;
pub(crate) use tracked::Newer;
pub use tracked::{
    ExternalIds, Fingerprint, FingerprintError, Record, Revision, SyncState, Tracked, Version,
};
pub use unreadable::Unreadable;
