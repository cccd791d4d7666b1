//! What a capture file is, apart from any diagnosis.

mod tally;

use std::io::{self, Read};

use crosscap_parser::{CHUNK, CaptureFile, Interface, SectionInfo, Warning, WarningKind};
use crosscap_report::{FileInfo, InterfaceInfo, NamedAddress, ProtocolCount, Section, WarningInfo};

use sha2::{Digest, Sha256};

use crate::Error;
use tally::Tally;

/// Reads a capture to its end, on all threads of the current rayon pool, and says what it is.
///
/// ```no_run
/// use crosscap::parser::CaptureFile;
///
/// let info = crosscap::file_info(CaptureFile::open("client.pcap.gz", 0)?)?;
/// println!("{} packets, {} of them cut", info.packets, info.cut);
/// # Ok::<(), crosscap::Error>(())
/// ```
///
/// # Errors
///
/// Where reading fails half-way. Damage is no error: [`FileInfo::damaged`].
pub fn file_info(file: CaptureFile) -> Result<FileInfo, Error> {
    let mut parts = file.into_parts(CHUNK, |part| {
        let mut tally = Tally::default();
        while let Some(record) = part.next_record()? {
            tally.packet(&record);
        }
        Ok(tally)
    });
    let mut tally = Tally::default();
    loop {
        let several = parts.next_parts()?;
        if several.is_empty() {
            break;
        }
        for part in several {
            tally.add(part.value, part.frames_before);
        }
    }
    Ok(describe(parts.file(), tally))
}

/// The SHA-256 of a file as it is stored, in hexadecimal: which file it was that a report is about.
///
/// # Errors
///
/// What the operating system says.
pub fn sha256(mut file: impl Read) -> io::Result<String> {
    let (mut hasher, mut block) = (Sha256::new(), vec![0; 256 << 10]);
    loop {
        match file.read(&mut block) {
            Ok(0) => return Ok(hasher.finalize().iter().map(|b| format!("{b:02x}")).collect()),
            Ok(n) => hasher.update(&block[..n]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// A warning, for the report.
pub(crate) fn warning(w: &Warning) -> WarningInfo {
    WarningInfo {
        id: w.kind.id().into(),
        detail: w.detail.clone(),
        offset: w.offset,
        frame: w.frame,
        count: w.count,
        interface: w.interface,
    }
}

fn describe(file: &CaptureFile, mut tally: Tally) -> FileInfo {
    let interfaces = (0..).zip(file.interfaces()).map(|(id, interface)| {
        let mut info = self::interface(file, id, interface);
        tally.interface(id, &mut info);
        info
    });
    let interfaces = interfaces.collect();
    let warnings = file.warnings().iter().map(warning);
    let protocols = (0..=u8::MAX).zip(&tally.other_protocols).filter(|(_, packets)| **packets > 0);
    FileInfo {
        file: file.name().into(),
        format: file.format().to_string(),
        compression: file.compression().to_string(),
        size: file.stored_size(),
        sha256: None,
        unpacked_size: file.offset(),
        packets: tally.packets,
        frames: file.frames(),
        captured_bytes: tally.captured,
        original_bytes: tally.original,
        smallest: tally.smallest,
        largest: tally.largest,
        first_ns: tally.time.first,
        last_ns: tally.time.last,
        time_digits: tally.time_digits,
        out_of_order: tally.steps.back,
        largest_step_back: tally.steps.largest_back,
        longest_pauses: std::mem::take(&mut tally.steps.pauses),
        duplicates: tally.duplicates,
        cut: tally.cut,
        tcp: tally.tcp,
        other_protocols: protocols
            .map(|(protocol, &packets)| ProtocolCount { protocol, packets })
            .collect(),
        not_ip: tally.not_ip,
        fragments: tally.fragments,
        cut_headers: tally.cut_headers,
        malformed: tally.malformed,
        unknown_link_type: tally.unknown_link_type,
        link_types: file.link_types().iter().map(ToString::to_string).collect(),
        snap_len: file.snap_len(),
        after_gap: tally.after_gap,
        sections: file.sections().iter().map(section).collect(),
        packet_comments: tally.comment_count,
        comments: tally.comments,
        names: file
            .names()
            .map(|(address, name)| NamedAddress { address: address.to_string(), name: name.into() })
            .collect(),
        secrets: file.secrets().len() as u64,
        passed_over: file.passed_over().map_or(0, |blocks| {
            let counts = blocks.custom().chain(blocks.unknown()).map(|(_, count)| count);
            blocks.journal() + counts.sum::<u64>()
        }),
        interfaces,
        warnings: warnings.collect(),
        damaged: file
            .warnings()
            .iter()
            .any(|w| w.kind.ends_the_file() || w.kind == WarningKind::SalvagedGap),
    }
}

fn interface(file: &CaptureFile, id: u32, interface: &Interface) -> InterfaceInfo {
    let statistics = file.statistics(id).copied().unwrap_or_default();
    InterfaceInfo {
        id,
        name: interface.name().map(Into::into),
        link_type: interface.link_type().to_string(),
        snap_len: interface.snap_len(),
        description: interface.description().map(Into::into),
        filter: interface.filter().map(Into::into),
        comments: interface.comments().map(Into::into).collect(),
        received: statistics.received,
        dropped_by_interface: statistics.dropped_by_interface,
        dropped_by_system: statistics.dropped_by_system,
        ..InterfaceInfo::default()
    }
}

fn section(section: &SectionInfo) -> Section {
    let text = |text: &Option<Box<str>>| text.as_deref().map(Into::into);
    Section {
        hardware: text(&section.hardware),
        os: text(&section.os),
        application: text(&section.application),
        comments: section.comments.iter().map(|c| c.to_string()).collect(),
    }
}
