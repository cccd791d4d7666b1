//! Numbers in sentences.

use crosscap_packet::Segment;

/// A length of time as an engineer would say it: `1,856 s (30 min 56 s)`, `12.4 s`, `85 ms`. Whole units below 1 s are
/// those that have passed, tenths and seconds are rounded.
#[must_use]
pub fn duration(nanos: i64) -> String {
    let sign = if nanos < 0 { "−" } else { "" };
    let nanos = nanos.unsigned_abs();
    match nanos {
        0..1_000 => format!("{sign}{nanos} ns"),
        1_000..1_000_000 => format!("{sign}{} µs", nanos / 1_000),
        1_000_000..1_000_000_000 => format!("{sign}{} ms", nanos / 1_000_000),
        1_000_000_000..120_000_000_000 => {
            let tenths = (nanos + 50_000_000) / 100_000_000;
            format!("{sign}{}.{} s", tenths / 10, tenths % 10)
        }
        _ => {
            let seconds = (nanos + 500_000_000) / 1_000_000_000;
            let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
            let clock = if hours >= 48 {
                format!("{} days {} h", thousands(hours / 24), hours % 24)
            } else if hours > 0 {
                format!("{hours} h {minutes} min")
            } else {
                format!("{minutes} min {} s", seconds % 60)
            };
            format!("{sign}{} s ({clock})", thousands(seconds))
        }
    }
}

/// A number with its thousands apart: `8,204`.
#[must_use]
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 connection`, `4 connections`.
#[must_use]
pub fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", thousands(number))
}

/// What an end sent next, behind "its next": `1,448 bytes`, `packet without payload (FIN,ACK)`.
pub(crate) fn carried(segment: &Segment) -> String {
    match segment.payload_len {
        0 => format!("packet without payload ({})", segment.flags),
        bytes => counted(bytes.into(), "byte"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        let said = |nanos| duration(nanos);
        assert_eq!(said(1_856_000_000_000), "1,856 s (30 min 56 s)");
        assert_eq!(said(7_260_000_000_000), "7,260 s (2 h 1 min)");
        assert_eq!(said(1_209_591_000_000_000), "1,209,591 s (13 days 23 h)");
        assert_eq!(said(12_449_000_000), "12.4 s");
        assert_eq!(said(85_400_000), "85 ms");
        assert_eq!(said(-27_000_000_000), "−27.0 s");
        assert_eq!(said(900), "900 ns");
    }
}
