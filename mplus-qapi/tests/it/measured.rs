//! Work that is measured in a process of its own: its time on the processor, which a busy machine does not change, and its memory.

use std::{fs, process::Command};

/// What one process saw of its work.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) seconds: f64,
    /// Beyond what the process held before.
    pub(crate) mebibytes: f64,
}

impl Seen {
    /// The less of each of two measurements of the same work.
    pub(crate) fn least(self, other: Self) -> Self {
        Self { seconds: self.seconds.min(other.seconds), mebibytes: self.mebibytes.min(other.mebibytes) }
    }
}

const TOLD: &str = "MPLUS_MEASURED";

/// Runs this test of this binary in a process of its own, where [`told`] is what it is told here: how it ended, and what it took.
pub(crate) fn in_own_process(test: &str, told: &str) -> (String, Seen) {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(TOLD, told)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    let line = said.lines().find_map(|line| line.split_once("seen|").map(|(_, seen)| seen));
    let parts: Vec<&str> = line
        .unwrap_or_else(|| panic!("{told}: {said} {}", String::from_utf8_lossy(&child.stderr)))
        .splitn(3, '|')
        .collect();
    let number = |at: usize| parts[at].parse().unwrap();
    (parts[2].to_owned(), Seen { seconds: number(0), mebibytes: number(1) })
}

/// What the process was told that [`in_own_process`] started; `None` in any other.
pub(crate) fn told() -> Option<String> {
    std::env::var(TOLD).ok()
}

/// Does the work, which says in one line how it ended, and tells what it took.
pub(crate) fn measure(work: impl FnOnce() -> String) {
    // Starts to count the peak anew.
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let (before, started) = (memory("VmRSS"), on_processor());
    let end = work();
    println!("seen|{}|{}|{end}", on_processor() - started, memory("VmHWM") - before);
}

/// MiB of this process, as the kernel counts them.
fn memory(what: &str) -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(what)).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

/// Seconds that this thread was on a processor.
fn on_processor() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
