//! The first look at a point: every packet once.

use crosscap_correlation::Point;
use crosscap_packet::{Decoded, LinkType, NotTcp, Timestamp, decode};
use crosscap_parser::CaptureFile;
use crosscap_reassembly::Tracker;
use crosscap_report::{PointInfo, Quality};

use crate::Error;
use crate::files::{FileSet, InputFile};

/// A point read to its end.
pub(crate) struct PointRead {
    pub(crate) point: Point,
    pub(crate) info: PointInfo,
    pub(crate) files: Vec<InputFile>,
}

/// Reads all files of a point as one capture.
pub(crate) fn read_point(found: FileSet) -> Result<PointRead, Error> {
    let set = found.in_order_of_time()?;
    let names = set.display_names();
    let mut tracker = Tracker::new();
    let mut seen = Seen { quality: set.notes, ..Seen::default() };
    for (index, file) in set.files.iter().enumerate() {
        let index = u16::try_from(index).map_err(|_| Error::TooManyFiles(set.name.clone()))?;
        let mut file = file.open(index)?;
        while let Some(record) = file.next_record()? {
            seen.packet(record.timestamp);
            match decode(record.link_type, record.data, record.original_len) {
                Decoded::Tcp(packet) => {
                    tracker.push(record.frame, record.timestamp, &packet);
                }
                Decoded::NotTcp(why) => seen.not_tcp(why),
                _ => {}
            }
        }
        seen.file_ended(&names[usize::from(index)], &file);
    }
    let mut point = Point::new(set.name, tracker.finish());
    point.files = names;
    (point.first, point.last) = (seen.first, seen.last);
    let info = seen.into_info(&point);
    Ok(PointRead { point, info, files: set.files })
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
    fragments: u64,
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
            NotTcp::Fragment => self.fragments += 1,
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
            (self.fragments, "fragments", "IP fragments were not put together"),
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
