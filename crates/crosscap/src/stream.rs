//! The bytes that one end of a connection sent.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;

use crosscap_packet::{Endpoint, TcpFlags, TcpPacket};
use crosscap_parser::ReadOptions;
use crosscap_reassembly::{
    Assembly, Direction, Extent, Judgement, OnGap, OverlapPolicy, Sighting, Stream,
};
use crosscap_report::PointInfo;
use tempfile::SpooledTempFile;

use crate::files::{self, FileSet, InputFile};
use crate::read::read_point_with;
use crate::{AnalysisBuilder, Error};

/// One direction of a connection: [`AnalysisBuilder::stream`].
#[derive(Debug)]
pub struct ConnectionStream {
    /// Name of the point.
    pub point: String,
    /// What was read.
    pub info: PointInfo,
    /// Names of the files, in order of time; frames refer to them.
    pub file_names: Vec<String>,
    /// Who opened the connection.
    pub orig: Endpoint,
    /// Whom it was opened to.
    pub resp: Endpoint,
    /// Data, gaps, and what is no part of the stream. All captured payload was compared where segments overlap.
    pub stream: Stream<Extent>,
    files: Vec<InputFile>,
    payload: SpooledTempFile,
}

impl ConnectionStream {
    /// Reads the bytes from stream offset 0.
    pub fn reader(&mut self, on_gap: OnGap) -> impl Read + '_ {
        let Self { stream, payload, .. } = self;
        stream.reader_with(on_gap, |extent, _, buffer| fetch(payload, extent, buffer))
    }

    /// Whether this is one of the capture files, by whatever name: not the place to write to.
    #[must_use]
    pub fn was_read_from(&self, path: impl AsRef<Path>) -> bool {
        self.files.iter().any(|file| file.is(path.as_ref()))
    }
}

impl AnalysisBuilder {
    /// Reads the captures of the only point once and puts together what one end of a connection sent. `connection` counts
    /// from 0, in the order of [`connections`](Self::connections).
    ///
    /// The payload of this direction is copied: into memory, or into a temporary file without a name where it is more than
    /// 64 MiB. A segment with payload takes some 200 bytes of memory besides. 16 million of them are kept; the gaps that
    /// the others leave are told as [`GapKind::LeftOut`](crosscap_reassembly::GapKind::LeftOut).
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run); if there are several points, no such connection, or no room for the payload.
    pub fn stream(
        self,
        connection: usize,
        direction: Direction,
        policy: OverlapPolicy,
    ) -> Result<ConnectionStream, Error> {
        self.threads(1).in_pool(|points, options, _| {
            if points.len() > 1 {
                return Err(Error::SeveralPoints(points.len()));
            }
            let found = files::find(points)?.pop().ok_or(Error::NoPoints)?;
            read(found, options, connection, direction, policy)
        })
    }
}

fn read(
    found: FileSet,
    options: &ReadOptions,
    connection: usize,
    direction: Direction,
    policy: OverlapPolicy,
) -> Result<ConnectionStream, Error> {
    let mut wanted = Wanted::default();
    let read = read_point_with(found, options, |judgement, at, packet| {
        if judgement.connection != connection {
            return Ok(());
        }
        wanted.take(judgement, direction, at, packet).map_err(Error::Payload)
    })?;
    let point = read.point;
    let Some((orig, resp)) = point.connections.get(connection).map(|c| (c.orig, c.resp)) else {
        let count = point.connections.len();
        return Err(Error::NoConnection { point: point.name, number: connection, count });
    };
    let Wanted { assembly, mut payload, .. } = wanted;
    let mut failed = None;
    let stream = assembly.finish_with(policy, |kept, other| {
        differing(&mut payload, kept, other).unwrap_or_else(|error| {
            failed = Some(error);
            None
        })
    });
    match failed {
        Some(error) => Err(Error::Payload(error)),
        None => Ok(ConnectionStream {
            point: point.name,
            info: point.info,
            file_names: point.files,
            orig,
            resp,
            stream,
            files: read.files,
            payload,
        }),
    }
}

/// What is collected while the capture is read.
struct Wanted {
    assembly: Assembly<Extent>,
    payload: SpooledTempFile,
    written: u64,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            assembly: Assembly::with_limit(MAX_SEGMENTS),
            payload: SpooledTempFile::new(IN_MEMORY),
            written: 0,
        }
    }
}

impl Wanted {
    /// Takes a segment of the connection.
    fn take(
        &mut self,
        judgement: Judgement,
        direction: Direction,
        at: &Sighting,
        packet: &TcpPacket<'_>,
    ) -> io::Result<()> {
        if judgement.direction == direction {
            self.payload.write_all(packet.payload)?;
            let len = u32::try_from(packet.payload.len()).unwrap_or(u32::MAX);
            self.assembly.push(at, Extent { position: self.written, len });
            self.written += packet.payload.len() as u64;
        } else if at.segment.flags.contains(TcpFlags::ACK)
            && !at.segment.flags.contains(TcpFlags::RST)
        {
            self.assembly.acked(at.segment.ack);
        }
        Ok(())
    }
}

fn fetch(payload: &mut SpooledTempFile, extent: Extent, buffer: &mut [u8]) -> io::Result<()> {
    payload.seek(SeekFrom::Start(extent.position))?;
    payload.read_exact(buffer)
}

/// From the first to the last place where two parts of one length differ.
fn differing(
    payload: &mut SpooledTempFile,
    a: Extent,
    b: Extent,
) -> io::Result<Option<Range<usize>>> {
    // Each no longer than the payload of a packet.
    let (mut left, mut right) = (vec![0; a.len as usize], vec![0; b.len as usize]);
    fetch(payload, a, &mut left)?;
    fetch(payload, b, &mut right)?;
    let differs = |(a, b): (&u8, &u8)| a != b;
    let first = left.iter().zip(&right).position(differs);
    let last = left.iter().zip(&right).rposition(differs);
    Ok(first.zip(last).map(|(first, last)| first..last + 1))
}

/// Bytes of payload that are kept in memory.
const IN_MEMORY: usize = 64 << 20;

/// Segments with payload that are kept: 20 GiB and more at the size of Ethernet.
const MAX_SEGMENTS: u32 = 1 << 24;
