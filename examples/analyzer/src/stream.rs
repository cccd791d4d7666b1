//! `crosscap stream`.

use std::error::Error;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use crosscap::ConnectionStream;
use crosscap::packet::FrameRef;
use crosscap::reassembly::{Chunk, GapError};

use crate::args::{Gaps, Stream};
use crate::output;

/// Writes what one end of a connection sent.
pub(crate) fn run(args: &Stream) -> Result<ExitCode, Box<dyn Error>> {
    if args.output.is_none() && io::stdout().is_terminal() {
        return Err("what a stream holds may change the terminal; write it to a file with -o FILE, or pipe it".into());
    }
    let mut found =
        args.analysis().stream(args.connection, args.direction.into(), args.overlap.into())?;
    if let Some(path) = args.output.as_deref().filter(|path| found.was_read_from(path)) {
        return Err(format!("{}: a capture is not overwritten", path.display()).into());
    }
    let whole = tell(&found);
    let is_gapless = !found.stream.chunks().any(|chunk| chunk.is_gap());
    if is_gapless || args.gaps != Gaps::Error {
        write(&mut found, args)?;
    }
    Ok(if whole { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn write(found: &mut ConnectionStream, args: &Stream) -> Result<(), Box<dyn Error>> {
    let mut bytes = found.reader(args.gaps.into());
    let Some(path) = &args.output else {
        output::write(|_, out| io::copy(&mut bytes, out).map(|_| ()))?;
        return Ok(());
    };
    let mut to_file = || {
        let mut out = io::BufWriter::new(File::create(path)?);
        io::copy(&mut bytes, &mut out)?;
        out.flush()
    };
    to_file().map_err(|error| format!("{}: {error}", path.display()).into())
}

/// Says on the standard error what is missing and what contradicts itself; whether there is nothing of it.
fn tell(found: &ConnectionStream) -> bool {
    output::warn(&found.point, &found.info.quality);
    let stream = &found.stream;
    if !stream.from_start() {
        output::warning("the SYN was not captured: bytes may be missing before stream offset 0");
    }
    let gaps: Vec<GapError> = stream
        .chunks()
        .filter_map(|chunk| match chunk {
            Chunk::Gap { offset, len, kind } => Some(GapError { offset, len, kind }),
            Chunk::Data { .. } => None,
        })
        .collect();
    for gap in gaps.iter().take(MAX_LINES) {
        output::warning(&gap.to_string());
    }
    if let Some(more) = gaps.get(MAX_LINES..).filter(|more| !more.is_empty()) {
        let bytes: u64 = more.iter().map(|gap| gap.len).sum();
        output::warning(&format!("{} more gaps, {bytes} bytes", more.len()));
    }
    let frame = |frame: FrameRef| {
        let number = frame.number();
        match found.file_names.get(usize::from(frame.file())) {
            Some(file) if found.file_names.len() > 1 => format!("frame {number} of {file}"),
            _ => format!("frame {number}"),
        }
    };
    for conflict in stream.conflicts().iter().take(MAX_LINES) {
        let (kept, other) = (frame(conflict.kept), frame(conflict.other));
        output::warning(&format!(
            "{other} contradicts {kept} in {} bytes at stream offset {}: those of {kept} are taken",
            conflict.len, conflict.offset
        ));
    }
    let conflicts = stream.conflict_count();
    if conflicts > MAX_LINES as u64 {
        output::warning(&format!("{} more contradictions", conflicts - MAX_LINES as u64));
    }
    let asides = stream.asides();
    if !asides.is_empty() {
        let bytes: u64 = asides.iter().map(|aside| u64::from(aside.payload.len)).sum();
        output::warning(&format!(
            "{bytes} bytes in {} segments are no part of the stream: before its start, behind the FIN, outside of \
             the window or in a RST",
            asides.len()
        ));
    }
    gaps.is_empty() && conflicts == 0
}

/// Gaps that are told one by one, and contradictions.
const MAX_LINES: usize = 10;
