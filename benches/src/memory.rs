//! How much memory a piece of work takes.

use std::fs;

/// What a piece of work returned, and by how many MiB the process grew at most meanwhile; `None` where the system does
/// not tell (Linux does).
pub fn growth<T>(work: impl FnOnce() -> T) -> (T, Option<f64>) {
    // From now on the system counts the peak anew.
    let reset = fs::write("/proc/self/clear_refs", "5").is_ok();
    let before = mebibytes("VmRSS:");
    let done = work();
    let grown = mebibytes("VmHWM:").zip(before).map(|(peak, before)| peak - before);
    (done, grown.filter(|_| reset))
}

fn mebibytes(field: &str) -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kibibytes: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes / 1024.0)
}
