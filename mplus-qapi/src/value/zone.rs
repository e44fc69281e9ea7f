//! The time zone of the tills.

/// The zone that wall clock times of Dutch tills are in, for conversions that ask for one.
///
/// The service does not say in which zone its wall clock times are; this is what its users observe (api-facts.md,
/// section 3.4).
pub const AMSTERDAM: chrono_tz::Tz = chrono_tz::Europe::Amsterdam;
