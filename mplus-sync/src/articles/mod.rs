//! What hangs on articles: modifier groups, allergens and diets, combos.
//!
//! The POS's preparation method groups and article alterations groups are both modifier groups here. They are pulled
//! only: a change of one on the host never reaches the POS. Which preparation method groups an article has comes with
//! the article; which alterations groups it has is not told by the POS (there is a call to set it, none to read it), so
//! those links are the host's to make and are kept.
//!
//! Nutrients can be written to the POS and not be read from it; they stay the host's.

mod combos;
mod from_pos;
mod modifier_groups;
mod nutrition;
mod service;
mod steps;

pub use combos::{RemovedChoice, combo_to_article_menu, removed_choices};
pub use from_pos::{
    ChoiceProblem, IncomingGroup, alterations_group_to_modifier_group, preparation_group_to_modifier_group,
};
pub use service::Articles;
pub(crate) use steps::{COMBOS, MODIFIER_GROUPS, NUTRITION};
