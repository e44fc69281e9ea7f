//! How much a run takes at once.

use std::time::Duration;

use crate::media::ImageRules;

/// How much the runs of all merchants take at once, and how long they may be silent: the host's to say, for its machines. What
/// a merchant says is in [`MerchantSettings`](crate::settings::MerchantSettings).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RunLimits {
    /// Articles that are asked for and stored at once: 500 unless set. Memory grows with it.
    pub chunk: u16,
    /// Levels of stock that are written at once: 1,000 unless set. Memory grows with it, by about 1 KiB for each.
    pub stock_chunk: usize,
    /// Pictures that are downloaded at the same time: 4 unless set.
    pub parallel_images: usize,
    /// Which pictures are taken.
    pub images: ImageRules,
    /// How long after a crash of a worker others may take over: 2 minutes unless set. A run prolongs its lease as long as it
    /// lives, whatever it waits for; a worker of the same name takes over at once.
    pub lease: Duration,
}

impl Default for RunLimits {
    fn default() -> Self {
        Self {
            chunk: 500,
            stock_chunk: 1_000,
            parallel_images: 4,
            images: ImageRules::default(),
            lease: Duration::from_secs(2 * 60),
        }
    }
}
