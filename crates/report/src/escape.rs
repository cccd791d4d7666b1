//! Text from outside, made safe for a terminal.

/// Replaces control characters and those that reorder or hide text by `\u{…}`: names of files and points, and what a
/// capture says of itself, may be written by somebody who would like to command the terminal.
#[must_use]
pub fn terminal(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_control() || is_invisible(c) {
                c.escape_unicode().to_string()
            } else {
                c.to_string()
            }
        })
        .collect()
}

/// Zero-width and bidirectional formatting characters.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}')
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
