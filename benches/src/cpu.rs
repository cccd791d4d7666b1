//! CPU time, which other programs on the machine disturb less than the clock on the wall.

use std::fs;

/// CPU seconds, user and system, of the main thread and of child processes that have ended; `None` where the system is
/// not Linux. Those of children come in steps of 10 ms.
pub fn cpu_seconds() -> Option<f64> {
    let ours = fs::read_to_string("/proc/self/schedstat").ok()?;
    let ours: f64 = ours.split_whitespace().next()?.parse().ok()?;
    // The name of the program, in brackets, may hold spaces; cutime and cstime are the fields 16 and 17.
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let children = stat.rsplit(')').next()?.split_whitespace().skip(13).take(2);
    let ticks: f64 = children.filter_map(|field| field.parse::<f64>().ok()).sum();
    Some(ours / 1e9 + ticks / 100.0)
}

/// CPU seconds, user and system, of all threads of this process that have not ended; `None` where the system is not
/// Linux.
pub fn thread_cpu_seconds() -> Option<f64> {
    let tasks = fs::read_dir("/proc/self/task").ok()?;
    let of_task = |task: std::io::Result<fs::DirEntry>| -> Option<f64> {
        let stat = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        stat.split_whitespace().next()?.parse().ok()
    };
    Some(tasks.filter_map(of_task).sum::<f64>() / 1e9)
}

/// CPU seconds, user and system, of all threads of this process, those that have ended included, in steps of 10 ms; `None`
/// where the system is not Linux.
pub fn process_cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let own = stat.rsplit(')').next()?.split_whitespace().skip(11).take(2);
    Some(own.filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / 100.0)
}
