//! What a process and a directory use, by the kernel's account.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::{Error, Result};

/// The unit of times in `/proc/PID/stat` (USER_HZ): this on every architecture that Linux runs servers on.
const TICK: Duration = Duration::from_millis(10);

/// User and system time of a process so far, all its threads together, those that ended too. In steps of 10 ms.
pub fn cpu_time(process: u32) -> Result<Duration> {
    let path = format!("/proc/{process}/stat");
    let text = fs::read_to_string(&path).map_err(|error| Error::failed(&path, error))?;
    let ticks = ticks(&text).ok_or_else(|| Error::failed(&path, "not as expected"))?;
    Ok(TICK * ticks)
}

/// A process is idle that takes less of a processor than this...
const IDLE_SHARE: f64 = 0.1;
/// ...for so long.
const IDLE_TIME: Duration = Duration::from_millis(300);
/// Longer than this nobody is waited for.
const IDLE_WAIT_MAX: Duration = Duration::from_secs(30);

/// Waits until a process is idle, so that what it still does for itself (compiling, compaction, garbage collection) is
/// not measured as another one's; not for ever.
pub fn wait_until_idle(process: u32) -> Result<()> {
    let until = Instant::now() + IDLE_WAIT_MAX;
    while Instant::now() < until {
        let before = cpu_time(process)?;
        std::thread::sleep(IDLE_TIME);
        if cpu_time(process)?.saturating_sub(before) < IDLE_TIME.mul_f64(IDLE_SHARE) {
            break;
        }
    }
    Ok(())
}

/// utime + stime, fields 14 and 15. The name, field 2, is in parentheses and may hold anything.
fn ticks(stat: &str) -> Option<u32> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    user.checked_add(system)
}

/// How much memory of a process is resident, in bytes.
pub fn resident_bytes(process: u32) -> Result<u64> {
    let path = format!("/proc/{process}/status");
    let text = fs::read_to_string(&path).map_err(|error| Error::failed(&path, error))?;
    resident(&text).ok_or_else(|| Error::failed(&path, "not as expected"))
}

fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// The size of all files below a directory.
pub fn directory_bytes(directory: &Path) -> Result<u64> {
    let failed = |error| Error::failed(directory.display(), error);
    let mut bytes = 0;
    for entry in fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let metadata = entry.metadata().map_err(failed)?;
        bytes += if metadata.is_dir() { directory_bytes(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}

/// Writes what is dirty to the disk and forgets what the kernel has in its page cache. Needs to be root.
pub fn drop_page_cache() -> Result<()> {
    rustix::fs::sync();
    let path = "/proc/sys/vm/drop_caches";
    fs::write(path, "3\n").map_err(|error| Error::failed(path, error))
}

/// The machine, in a line: processor, cores, memory, kernel.
pub fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned())
    };
    let processor =
        field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown processor".to_owned());
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let memory = field(&read("/proc/meminfo"), "MemTotal")
        .and_then(|value| value.trim_end_matches("kB").trim().parse::<u64>().ok())
        .map_or(0, |kibibytes| kibibytes.div_ceil(1 << 20));
    let kernel = read("/proc/sys/kernel/osrelease");
    format!("{processor}, {cores} cores, {memory} GiB, Linux {}", kernel.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_any_name() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 100 0 0 0 250 75 0 0 20 0 30 0 100 1 2";
        assert_eq!(ticks(stat), Some(325));
        assert_eq!(ticks("7 (cut"), None);
    }

    #[test]
    fn resident_memory_is_in_bytes() {
        assert_eq!(resident("Name:\tx\nVmRSS:\t   61440 kB\n"), Some(60 << 20));
        assert_eq!(resident("Name:\tx\n"), None);
    }

    #[test]
    fn this_process_uses_something() {
        let id = std::process::id();
        assert!(cpu_time(id).is_ok() && resident_bytes(id).is_ok_and(|bytes| bytes > 100_000));
    }
}
