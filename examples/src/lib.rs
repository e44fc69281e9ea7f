//! Pieces that the example binaries share.

pub mod address;
pub mod argument;
pub mod ending;
pub mod memory;
pub mod merchant;
pub mod newest;
pub mod progress;
pub mod providers;
pub mod test_pos;
