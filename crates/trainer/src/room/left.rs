//! What the machine has left for this process.

use std::path::Path;

use super::size;

/// What is left for this process.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Left {
    pub(super) bytes: f64,
    /// What sets the bound.
    bound: &'static str,
}

impl std::fmt::Display for Left {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", size(self.bytes), self.bound)
    }
}

impl Left {
    /// The least of the machine's memory with its swap, the control group's limit and the limit on addresses; `None` where `/proc` says
    /// nothing.
    pub(super) fn here() -> Option<Self> {
        let read = |path: &Path| std::fs::read_to_string(path).ok();
        let text = |path: &str| read(Path::new(path)).unwrap_or_default();
        let groups = [
            // As a container sees its own group, of both versions.
            "/sys/fs/cgroup/memory.max",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        ]
        .map(text);
        let own = text("/proc/self/cgroup");
        let own = own.lines().find_map(|line| line.strip_prefix("0::/"));
        let own =
            own.and_then(|group| read(&Path::new("/sys/fs/cgroup").join(group).join("memory.max")));
        let groups = groups.into_iter().chain(own);
        [
            available(&text("/proc/meminfo")),
            addresses(&text("/proc/self/limits"), &text("/proc/self/status")),
        ]
        .into_iter()
        .chain(
            groups.map(|limit| bound(limit.trim().parse().ok()?, "the limit of the control group")),
        )
        .flatten()
        .min_by(|a, b| a.bytes.total_cmp(&b.bytes))
    }
}

pub(super) fn bound(bytes: f64, bound: &'static str) -> Option<Left> {
    Some(Left { bytes, bound })
}

/// Memory and swap that are free or can be made so, of `/proc/meminfo`.
fn available(meminfo: &str) -> Option<Left> {
    let swap = kib(meminfo, "SwapFree:").unwrap_or(0.0);
    bound(
        kib(meminfo, "MemAvailable:")? + swap,
        "memory and swap left on this machine",
    )
}

/// Addresses left below the limit of `ulimit -v`, of `/proc/self/limits` and `/proc/self/status`.
fn addresses(limits: &str, status: &str) -> Option<Left> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max address space"))?;
    let limit: f64 = line.split_whitespace().next()?.parse().ok()?;
    let used = kib(status, "VmSize:").unwrap_or(0.0);
    bound(
        (limit - used).max(0.0),
        "left of the limit on addresses, `ulimit -v`",
    )
}

/// A line of KiB, in bytes.
fn kib(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(1024.0 * kib)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_is_asked_in_its_own_words() {
        let meminfo = "MemTotal:  16000 kB\nMemAvailable:    8000 kB\nSwapFree:   200 kB\n";
        assert_eq!(
            available(meminfo).map(|left| left.bytes),
            Some(8200.0 * 1024.0)
        );
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax address space         3072000      unlimited   bytes\n";
        let left = addresses(limits, "VmPeak: 9 kB\nVmSize:\t 1000 kB\n");
        assert_eq!(left.map(|left| left.bytes), Some(2000.0 * 1024.0));
        let limits = "Max address space         unlimited            unlimited            bytes\n";
        assert_eq!(addresses(limits, "VmSize: 1 kB"), None);
        assert_eq!(available(""), None);
    }
}
