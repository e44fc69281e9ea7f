//! How much memory this process took.

/// The most that this process ever held, in MiB; `None` where the system does not tell it (it does on Linux).
pub fn peak_mib() -> Option<f64> {
    kibibytes("VmHWM:").map(|kibibytes| kibibytes / 1024.0)
}

/// What this process holds now, in bytes; `None` where the system does not tell it.
pub fn resident_bytes() -> Option<u64> {
    kibibytes("VmRSS:").map(|kibibytes| (kibibytes * 1024.0) as u64)
}

fn kibibytes(name: &str) -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}
