//! Pieces that the example binaries share.

pub mod ending;
pub mod memory;
pub mod merchant;
pub mod progress;
pub mod reach;
