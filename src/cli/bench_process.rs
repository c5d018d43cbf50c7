//! What a process costs, as the kernel counts it.

use std::time::Duration;

/// Processor time of this process with all its threads, user and system (getrusage(2)). Children do not count.
pub(crate) fn cpu_time() -> Duration {
    // SAFETY: a zeroed rusage is a valid one, and the call only writes into it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        usage
    };
    let of = |t: libc::timeval| {
        let micros = u64::try_from(t.tv_sec).unwrap_or(0) * 1_000_000 + u64::try_from(t.tv_usec).unwrap_or(0);
        Duration::from_micros(micros)
    };
    of(usage.ru_utime) + of(usage.ru_stime)
}

/// Bytes of memory that this process alone has written (`Private_Dirty` and `Swap` of smaps_rollup); 0 where the kernel does not
/// tell. Clean pages are left out: they are the program's own file, which the kernel drops and maps again as it likes (36 MB in one
/// run of half an hour).
pub(crate) fn private_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap_or_default();
    let kilobytes = |name: &str| -> u64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.trim_start_matches(':').split_whitespace().next()?.parse().ok()).unwrap_or(0)
    };
    (kilobytes("Private_Dirty") + kilobytes("Swap")) * 1_024
}

/// Open file descriptors of this process, without those of the database: a bounded pool opens and closes its connections
/// as it likes.
pub(crate) fn descriptors() -> usize {
    let ours = |link: std::path::PathBuf| !link.to_string_lossy().contains(".sqlite");
    let links = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten().filter_map(|fd| fd.path().read_link().ok());
    // One of them is this very look.
    links.filter(|link| ours(link.clone())).count().saturating_sub(1)
}

/// How busy the machine was in the last minute.
pub(crate) fn load_average() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(f64::NAN)
}

/// Lets this process open as many files as the system allows it: each leg has two sockets, each TCP caller one.
pub(crate) fn raise_descriptor_limit() {
    // SAFETY: both calls only read or write the struct on our stack.
    unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        if libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) == 0 && limit.rlim_cur < limit.rlim_max {
            limit.rlim_cur = limit.rlim_max;
            // Refused: then the limit stays what it was, and the ports run out with a message of their own.
            let _ = libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_and_memory_are_seen() {
        let (cpu, memory) = (cpu_time(), private_bytes());
        let block: Vec<u64> = (0..4_000_000).map(std::hint::black_box).collect();
        assert!(private_bytes() >= memory + 16_000_000, "32 MB were filled");
        assert!(cpu_time() > cpu && !block.is_empty());
        assert!(descriptors() >= 3 && load_average() >= 0.0);
    }
}
