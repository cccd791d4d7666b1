//! The first look at a point: every packet once.

use std::collections::HashMap;
use std::path::PathBuf;

use crosscap_correlation::Point;
use crosscap_packet::{Decoded, Decoder, LinkType, NotTcp, Timestamp};
use crosscap_parser::CaptureFile;
use crosscap_reassembly::Tracker;
use crosscap_report::{PointInfo, Quality};

use crate::Error;

/// A point as the user names it.
#[derive(Clone, Debug)]
pub(crate) struct PointFiles {
    pub(crate) name: String,
    /// In order of their first packets, once read.
    pub(crate) files: Vec<PathBuf>,
}

/// A point read to its end.
pub(crate) struct PointRead {
    pub(crate) point: Point,
    pub(crate) info: PointInfo,
    pub(crate) files: Vec<PathBuf>,
}

/// Reads all files of a point as one capture.
pub(crate) fn read_point(given: &PointFiles) -> Result<PointRead, Error> {
    // Pipes give their bytes once, and suspicious packets are looked at twice.
    if let Some(pipe) = given.files.iter().find(|f| f.exists() && !f.is_file() && !f.is_dir()) {
        return Err(Error::NotAFile(pipe.display().to_string()));
    }
    let files = in_order_of_time(&given.files)?;
    let names = display_names(&files);
    let mut tracker = Tracker::new();
    let mut seen = Seen::default();
    let mut decoder = Decoder::new();
    for (index, path) in files.iter().enumerate() {
        let index = u16::try_from(index).map_err(|_| Error::TooManyFiles(given.name.clone()))?;
        let mut file = CaptureFile::open(path, index)?;
        while let Some(record) = file.next_record()? {
            seen.packet(record.timestamp);
            match decoder.decode(
                record.link_type,
                record.data,
                record.original_len,
                record.timestamp,
            ) {
                Decoded::Tcp(packet) => {
                    tracker.push(record.frame, record.timestamp, &packet);
                }
                Decoded::NotTcp(why) => seen.not_tcp(why),
                _ => {}
            }
        }
        seen.file_ended(&names[usize::from(index)], &file);
    }
    let defragmented = decoder.defragmenter().stats();
    seen.fragmented = defragmented.incomplete + defragmented.evicted;
    let mut point = Point::new(given.name.clone(), tracker.finish());
    point.files = names;
    (point.first, point.last) = (seen.first, seen.last);
    let info = seen.into_info(&point);
    Ok(PointRead { point, info, files })
}

/// Sorts the files of a rotated set by their first packets; files without packets go last, in the order given.
fn in_order_of_time(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    if let [only] = paths {
        return Ok(vec![only.clone()]);
    }
    let mut dated = Vec::with_capacity(paths.len());
    for path in paths {
        let first =
            CaptureFile::open(path, 0)?.next_record()?.map_or(Timestamp::MAX, |r| r.timestamp);
        dated.push((first, path.clone()));
    }
    dated.sort_by_key(|(first, _)| *first);
    Ok(dated.into_iter().map(|(_, path)| path).collect())
}

/// The name of each file, or its whole path where another file of the point has the same name.
fn display_names(paths: &[PathBuf]) -> Vec<String> {
    let mut uses: HashMap<_, u32> = HashMap::new();
    for path in paths {
        *uses.entry(path.file_name()).or_default() += 1;
    }
    let name = |path: &PathBuf| match path.file_name() {
        Some(name) if uses[&Some(name)] == 1 => name.to_string_lossy().into_owned(),
        _ => path.display().to_string(),
    };
    paths.iter().map(name).collect()
}

/// What reading notes besides connections.
#[derive(Default)]
struct Seen {
    packets: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    link_types: Vec<LinkType>,
    snap_len: u32,
    cut: u64,
    malformed: u64,
    fragmented: u64,
    unknown_link: u64,
    quality: Vec<Quality>,
}

impl Seen {
    fn packet(&mut self, time: Timestamp) {
        self.packets += 1;
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.last = Some(self.last.map_or(time, |last| last.max(time)));
    }

    fn not_tcp(&mut self, why: NotTcp) {
        match why {
            NotTcp::Cut => self.cut += 1,
            NotTcp::Malformed => self.malformed += 1,
            NotTcp::UnknownLinkType => self.unknown_link += 1,
            _ => {}
        }
    }

    fn file_ended(&mut self, name: &str, file: &CaptureFile) {
        for &link_type in file.link_types() {
            if !self.link_types.contains(&link_type) {
                self.link_types.push(link_type);
            }
        }
        self.snap_len = self.snap_len.max(file.snap_len());
        self.quality.extend(file.warnings().iter().map(|w| {
            let times = if w.count > 1 { format!(", {} times", w.count) } else { String::new() };
            let detail =
                format!("{name}: {} (byte {}, after frame {}{times})", w.detail, w.offset, w.frame);
            Quality::new(w.kind.id(), detail)
        }));
        let left_out = file.warnings_left_out();
        if left_out > 0 {
            self.quality
                .push(Quality::new("more-warnings", format!("{name}: {left_out} more warnings")));
        }
    }

    fn into_info(mut self, point: &Point) -> PointInfo {
        let copies: u64 = point
            .connections
            .iter()
            .flat_map(|c| crosscap_reassembly::Direction::BOTH.map(|d| u64::from(c.flow(d).copies)))
            .sum();
        let counted = [
            (
                self.cut,
                "cut-headers",
                "packets were cut by the snap length before the end of their headers",
            ),
            (self.malformed, "malformed", "packets have headers that contradict themselves"),
            (
                self.fragmented,
                "fragments",
                "IP datagrams were not put together, as fragments are missing",
            ),
            (
                self.unknown_link,
                "unknown-link-type",
                "packets have a link type that is not decoded",
            ),
            (copies, "capture-duplicates", "packets were recorded twice"),
        ];
        for (count, id, what) in counted {
            if count > 0 {
                self.quality.push(Quality::new(id, format!("{count} {what}")));
            }
        }
        PointInfo {
            packets: self.packets,
            link_types: self.link_types,
            snap_len: self.snap_len,
            quality: self.quality,
        }
    }
}
