//! What a capture file is.

use std::io;

use crosscap_diagnosis::{duration, thousands};

use super::layout::{Page, Tone};
use super::points::{clock_time, counted, date_time};
use crate::escape::terminal;
use crate::{FileInfo, InterfaceInfo, Pause};

/// One file.
pub(super) fn write(file: &FileInfo, page: &mut Page<'_>) -> io::Result<()> {
    page.line(&page.bold(&terminal(&file.file)))?;
    let facts = [
        ("format", Some(format(file))),
        ("packets", Some(packets(file))),
        ("time", time(file)),
        ("order", order(file)),
        ("pauses", pauses(file)),
        ("contents", contents(file)),
        ("cut", cut(file)),
        ("duplicates", duplicates(file)),
        ("sha256", file.sha256.clone()),
        ("written by", written_by(file)),
        ("besides", besides(file)),
    ];
    for (label, fact) in facts {
        if let Some(fact) = fact {
            page.wrapped(&format!("  {label}"), INDENT, &fact)?;
        }
    }
    for (i, interface) in file.interfaces.iter().take(SHOWN).enumerate() {
        let label = if i == 0 { "  interfaces" } else { "" };
        page.wrapped(label, INDENT, &self::interface(interface))?;
    }
    if file.interfaces.len() > SHOWN {
        let more = counted((file.interfaces.len() - SHOWN) as u64, "more interface");
        page.wrapped_in(Tone::Dim, "", INDENT, &more)?;
    }
    let remarks = file.sections.iter().flat_map(|s| &s.comments).map(|c| terminal(c));
    let comments =
        file.comments.iter().map(|c| format!("frame {}: {}", c.frame, terminal(&c.text)));
    for (i, comment) in remarks.take(SHOWN).chain(comments).enumerate() {
        page.wrapped(if i == 0 { "  comments" } else { "" }, INDENT, &comment)?;
    }
    for (i, w) in file.warnings.iter().enumerate() {
        let label = if i == 0 { "  warnings" } else { "" };
        let text = w.sentence();
        page.wrapped_in(Tone::Warn, label, INDENT, &terminal(&text))?;
    }
    if !file.damaged {
        return page.wrapped("  damage", INDENT, "none");
    }
    page.wrapped_in(Tone::Bad, "  damage", INDENT, "yes, as the warnings say")
}

fn format(file: &FileInfo) -> String {
    let packing = match file.compression.as_str() {
        "uncompressed" => bytes(file.unpacked_size),
        packing => match file.size {
            Some(size) => {
                format!("{packing}, {}, unpacked {}", bytes(size), bytes(file.unpacked_size))
            }
            None => format!("{packing}, unpacked {}", bytes(file.unpacked_size)),
        },
    };
    let snap_len = match file.snap_len {
        0 => String::new(),
        n => format!(", snap length {}", thousands(n.into())),
    };
    format!("{}, {packing}; {}{snap_len}", file.format, file.link_types.join(", "))
}

fn packets(file: &FileInfo) -> String {
    let frames = match file.frames - file.packets {
        0 => String::new(),
        n => format!(" and {}", counted(n, "other frame")),
    };
    let (Some(small), Some(large)) = (file.smallest, file.largest) else {
        return format!("none{frames}");
    };
    let lengths = format!(
        "{} captured of {}; {small} to {} bytes, {} on average",
        bytes(file.captured_bytes),
        bytes(file.original_bytes),
        thousands(large),
        thousands(file.captured_bytes / file.packets.max(1)),
    );
    format!("{}{frames}; {lengths}", thousands(file.packets))
}

fn time(file: &FileInfo) -> Option<String> {
    let (first, last) = (file.first_ns?, file.last_ns?);
    let length = last.saturating_sub(first);
    let digits = file.time_digits as usize;
    let point = |nanos| {
        let (date, clock) = (date_time(nanos), clock_time(nanos, digits));
        format!("{} {clock}", date.split(' ').next().unwrap_or_default())
    };
    let rate = file.packets as f64 / (length.max(1) as f64 / 1e9);
    let unit = match file.time_digits {
        0 => "whole seconds",
        3 => "milliseconds",
        6 => "microseconds",
        _ => "nanoseconds",
    };
    let rate = if length > 0 { format!(", {rate:.1} packets/s") } else { String::new() };
    Some(format!("{} to {} UTC, {}{rate}; in {unit}", point(first), point(last), duration(length)))
}

fn order(file: &FileInfo) -> Option<String> {
    let Some(step) = &file.largest_step_back else {
        return (file.packets > 0).then(|| "in order of time".into());
    };
    Some(format!(
        "{} earlier than the one before, by at most {} (frame {})",
        counted(file.out_of_order, "packet"),
        duration(step.nanos().saturating_neg()),
        thousands(step.frame)
    ))
}

fn pauses(file: &FileInfo) -> Option<String> {
    let words = |p: &Pause| {
        format!(
            "{} before frame {} ({})",
            duration(p.nanos()),
            thousands(p.frame),
            clock_time(p.to_ns, 0)
        )
    };
    let pauses: Vec<String> = file.longest_pauses.iter().map(words).collect();
    (!pauses.is_empty()).then(|| format!("no packet for {}", pauses.join(", ")))
}

fn contents(file: &FileInfo) -> Option<String> {
    let named = [
        (file.tcp, "TCP"),
        (file.fragments, "IP fragments"),
        (file.not_ip, "without IP"),
        (file.cut_headers, "cut inside their headers"),
        (file.malformed, "malformed"),
        (file.unknown_link_type, "of a link type that is not decoded"),
    ];
    let named = named.into_iter().map(|(n, what)| (n, what.to_owned()));
    let others = file.other_protocols.iter().map(|p| {
        let name = match p.protocol {
            1 => "ICMP".into(),
            2 => "IGMP".into(),
            17 => "UDP".into(),
            50 => "ESP".into(),
            58 => "ICMPv6".into(),
            132 => "SCTP".into(),
            n => format!("IP protocol {n}"),
        };
        (p.packets, name)
    });
    let mut all: Vec<_> = named.chain(others).filter(|(n, _)| *n > 0).collect();
    all.sort_by_key(|(n, _)| std::cmp::Reverse(*n));
    let words: Vec<_> = all.iter().map(|(n, what)| format!("{} {what}", thousands(*n))).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

fn cut(file: &FileInfo) -> Option<String> {
    (file.packets > 0).then(|| match file.cut {
        0 => "no packet was cut by a snap length".into(),
        n => format!("{} shorter than on the wire", counted(n, "packet")),
    })
}

fn duplicates(file: &FileInfo) -> Option<String> {
    (file.packets > 0).then(|| match file.duplicates {
        0 => "none".into(),
        n => format!("{} equal to one of the four before", counted(n, "packet")),
    })
}

fn written_by(file: &FileInfo) -> Option<String> {
    let mut writers = Vec::new();
    for section in &file.sections {
        let parts = [&section.application, &section.os, &section.hardware];
        let writer: Vec<_> = parts.into_iter().flatten().map(|t| terminal(t)).collect();
        let writer = writer.join("; ");
        if !writer.is_empty() && !writers.contains(&writer) && writers.len() < SHOWN {
            writers.push(writer);
        }
    }
    (!writers.is_empty()).then(|| writers.join(" / "))
}

fn besides(file: &FileInfo) -> Option<String> {
    let sections = (file.sections.len() as u64).saturating_sub(1);
    let counts = [
        (sections, "more section", "more sections"),
        (file.packet_comments, "packet comment", "packet comments"),
        (file.names.len() as u64, "name of an address", "names of addresses"),
        (file.secrets, "block of decryption secrets", "blocks of decryption secrets"),
        (file.passed_over, "other block", "other blocks"),
        (file.after_gap, "packet behind a gap", "packets behind a gap"),
    ];
    let words: Vec<_> = counts
        .into_iter()
        .filter(|(n, ..)| *n > 0)
        .map(|(n, one, many)| format!("{} {}", thousands(n), if n == 1 { one } else { many }))
        .collect();
    (!words.is_empty()).then(|| words.join(", "))
}

fn interface(interface: &InterfaceInfo) -> String {
    let name = interface.name.as_deref().map_or_else(|| format!("#{}", interface.id), terminal);
    let mut text = format!(
        "{name} ({}): {}, {}",
        interface.link_type,
        counted(interface.packets, "packet"),
        bytes(interface.captured_bytes)
    );
    if let (Some(first), Some(last)) = (interface.first_ns, interface.last_ns) {
        text += &format!(", {} to {}", clock_time(first, 0), clock_time(last, 0));
    }
    if let Some(filter) = &interface.filter {
        text += &format!("; filter {}", terminal(filter));
    }
    let drops =
        [(interface.dropped_by_interface, "interface"), (interface.dropped_by_system, "system")];
    for (drops, by) in drops {
        if let Some(n) = drops {
            text += &format!("; {} dropped by the {by}", thousands(n));
        }
    }
    text
}

/// `1,514 bytes`, `10.3 MB`.
fn bytes(n: u64) -> String {
    match n {
        0..10_000 => counted(n, "byte"),
        10_000..10_000_000 => format!("{} kB", thousands((n + 500) / 1_000)),
        _ => format!("{} MB", thousands((n + 500_000) / 1_000_000)),
    }
}

const INDENT: usize = 14;
/// Interfaces shown; JSON has them all.
const SHOWN: usize = 20;
