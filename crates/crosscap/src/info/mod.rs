//! What a capture file is, apart from any diagnosis.

mod tally;

use crosscap_parser::{CHUNK, CaptureFile};
use crosscap_report::{FileInfo, InterfaceInfo, ProtocolCount, WarningInfo};

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

fn describe(file: &CaptureFile, mut tally: Tally) -> FileInfo {
    let interfaces = (0..).zip(file.interfaces()).map(|(id, interface)| {
        let mut info = InterfaceInfo {
            id,
            name: interface.name().map(Into::into),
            link_type: interface.link_type().to_string(),
            snap_len: interface.snap_len(),
            ..InterfaceInfo::default()
        };
        tally.interface(id, &mut info);
        info
    });
    let interfaces = interfaces.collect();
    let warnings = file.warnings().iter().map(|w| WarningInfo {
        id: w.kind.id().into(),
        detail: w.detail.clone(),
        offset: w.offset,
        frame: w.frame,
        count: w.count,
        interface: w.interface,
    });
    let protocols = (0..=u8::MAX).zip(&tally.other_protocols).filter(|(_, packets)| **packets > 0);
    FileInfo {
        file: file.name().into(),
        format: file.format().to_string(),
        compression: file.compression().to_string(),
        size: file.size(),
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
        interfaces,
        warnings: warnings.collect(),
        damaged: file.warnings().iter().any(|w| w.kind.ends_the_file()),
    }
}
