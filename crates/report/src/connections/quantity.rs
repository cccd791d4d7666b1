//! Numbers with units, as people type them.

/// A decimal number and one of these units, as a whole number of the smallest one; `None` for anything else, and for
/// fractions that do not come out even.
pub(super) fn parse(text: &str, units: &[(&str, i64)]) -> Option<i128> {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let (_, scale) = units.iter().find(|(name, _)| *name == unit.trim())?;
    if fraction.contains('.') || whole.len() + fraction.len() > MAX_DIGITS {
        return None;
    }
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let scaled = digits * i128::from(*scale);
    // At most 18 digits: all of this fits.
    let below = 10i128.pow(fraction.len() as u32);
    (scaled % below == 0).then_some(sign * (scaled / below))
}

/// Counts and sizes.
pub(super) const COUNT: &[(&str, i64)] = &[
    ("", 1),
    ("k", 1_000),
    ("M", 1_000_000),
    ("G", 1_000_000_000),
    ("Ki", 1 << 10),
    ("Mi", 1 << 20),
    ("Gi", 1 << 30),
];

/// Times, in nanoseconds.
pub(super) const SPAN: &[(&str, i64)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("min", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

const MAX_DIGITS: usize = 18;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_come_out_even_or_not_at_all() {
        let count = |text| parse(text, COUNT);
        assert_eq!(count("10k"), Some(10_000));
        assert_eq!(count("1.5M"), Some(1_500_000));
        assert_eq!(count("2Ki"), Some(2048));
        assert_eq!(count("007"), Some(7));
        assert_eq!(count("-3"), Some(-3));
        for bad in ["1.5", "", "k", ".", "1.2.3", "10kB", "10 000", "9999999999999999999", "1e3"] {
            assert_eq!(count(bad), None, "{bad}");
        }
        let span = |text| parse(text, SPAN);
        assert_eq!(span("1.5s"), Some(1_500_000_000));
        assert_eq!(span("30m"), Some(1_800_000_000_000));
        assert_eq!(span("20 ms"), Some(20_000_000));
        assert_eq!(span("250µs"), Some(250_000));
        assert_eq!(span(".5s"), Some(500_000_000));
        for bad in ["60", "1.5ns", "1 parsec", "s"] {
            assert_eq!(span(bad), None, "{bad}");
        }
    }
}
