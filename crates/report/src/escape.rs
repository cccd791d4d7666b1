//! Text from outside, made safe for a terminal.

/// Replaces control characters and those that reorder or hide text by `\u{…}`: names of files and points, and what a
/// capture says of itself, may be written by somebody who would like to command the terminal.
#[must_use]
pub fn terminal(text: &str) -> String {
    text.chars()
        .map(|c| if is_harmful(c) { c.escape_unicode().to_string() } else { c.to_string() })
        .collect()
}

/// Whether a character may do something to a terminal or to those who read there: control characters, zero-width and
/// bidirectional formatting ones, and tags.
pub(crate) fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_and_bidi_controls_are_made_visible() {
        assert_eq!(terminal("a\u{1b}[2Jb\u{202e}c\u{9b}"), "a\\u{1b}[2Jb\\u{202e}c\\u{9b}");
        assert_eq!(terminal("Müller-1.pcap"), "Müller-1.pcap");
    }
}
