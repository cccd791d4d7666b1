//! A place in a file to come back to.

use crate::pcapng::Section;
use crate::salvage::Salvage;

/// A place between two records of a plain file: see [`CaptureFile::position`](crate::CaptureFile::position).
///
/// It holds all that reading on needs, so it also serves another [`CaptureFile`](crate::CaptureFile) on the same file,
/// in another thread for instance. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    pub(crate) offset: u64,
    // Frames before.
    pub(crate) frames: u64,
    pub(crate) state: State,
    // Where the first gap before it ended.
    pub(crate) first_gap: u64,
    pub(crate) salvage: Option<Salvage>,
}

#[derive(Clone, Debug)]
pub(crate) enum State {
    Pcap,
    PcapNg(Section),
    Snoop,
}

impl Checkpoint {
    /// Byte offset in the file of the record that comes next.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Frames before, so that the next has this number plus one (pcapng's custom blocks aside).
    #[must_use]
    pub const fn frames(&self) -> u64 {
        self.frames
    }

    /// The place of a record behind `self`, of which only [`PacketRecord::offset`](crate::PacketRecord::offset) and the
    /// frame number were kept. In pcapng, no section and no interface may have begun between the two, and
    /// no gap may lie there that this [`CaptureFile`](crate::CaptureFile) did not go over.
    ///
    /// With [`ReadOptions::salvage`](crate::ReadOptions::salvage), that record is read without suspicion. Damage behind it
    /// is judged by what `self` and it tell, not by the packets between: to go on exactly as before, keep
    /// [`CaptureFile::position`](crate::CaptureFile::position).
    #[must_use]
    pub fn at_record(&self, offset: u64, frame_number: u64) -> Self {
        let salvage = self.salvage.unwrap_or_else(|| Salvage::new(0)).at_record(offset);
        let frames = frame_number.saturating_sub(1);
        Self { offset, frames, salvage: Some(salvage), ..self.clone() }
    }
}
