//! What a process costs.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crosscap_benches::cpu_seconds;

/// What a process cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// User and system, of all its threads.
    pub(crate) cpu_seconds: f64,
    pub(crate) wall_seconds: f64,
    /// The most memory that was resident; 0 where the system is not Linux.
    pub(crate) peak_bytes: u64,
}

/// Runs it to its end; what it wrote to both outputs.
pub(crate) fn run(command: &mut Command) -> io::Result<(Usage, String)> {
    // Into a file: nobody has to read it meanwhile.
    let mut output = tempfile::tempfile()?;
    let stdio = |file: &File| file.try_clone().map(Stdio::from);
    let (begin, cpu) = (Instant::now(), cpu_seconds());
    let mut child =
        command.stdin(Stdio::null()).stdout(stdio(&output)?).stderr(stdio(&output)?).spawn()?;
    let mut peak = 0;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        peak = resident(child.id()).unwrap_or_default().max(peak);
        thread::sleep(INTERVAL);
    };
    let (wall, cpu_after) = (begin.elapsed(), cpu_seconds());
    let mut text = Vec::new();
    output.rewind()?;
    output.read_to_end(&mut text)?;
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(status.success(), "{command:?}: {status}\n{text}");
    let usage = Usage {
        cpu_seconds: cpu_after.unwrap_or_default() - cpu.unwrap_or_default(),
        wall_seconds: wall.as_secs_f64(),
        peak_bytes: peak,
    };
    Ok((usage, text))
}

/// The most that was resident so far: it never falls, so that only the growth since the last look is missed.
fn resident(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}

const INTERVAL: Duration = Duration::from_millis(5);
