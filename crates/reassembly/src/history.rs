//! Zeek's `history` letters.

use std::fmt;

use crate::pack::Code;

/// What happened, in order, one letter an event: upper case from the originator, lower case from the responder.
///
/// `s` SYN, `h` SYN-ACK, `a` pure ACK, `d` data, `f` FIN, `r` RST, `t` resent data or FIN, `w` zero window, `g` gap that
/// the other end acknowledged, `i` FIN and RST in one, `q` SYN and FIN or RST in one. A packet has one of `s`, `h`, `f`,
/// `r`, `i`, `q`, `d` and `a`, so that data on a SYN or FIN has no letter. `a`, `d`, `i` and `q` are written once a
/// direction; `t`, `w` and `g` at their 1st, 10th, 100th … time, as Zeek does. Bounded: letters past the 23rd are dropped.
#[derive(Clone, Copy, Default, Eq, PartialEq)]
pub(crate) struct History {
    letters: [u8; 23],
    len: u8,
}

impl History {
    /// Appends a letter.
    pub(crate) fn push(&mut self, letter: u8) {
        if let Some(slot) = self.letters.get_mut(usize::from(self.len)) {
            *slot = letter;
            self.len += 1;
        }
    }

    /// Appends a letter unless it is there already.
    pub(crate) fn push_once(&mut self, letter: u8) {
        if !self.letters[..usize::from(self.len)].contains(&letter) {
            self.push(letter);
        }
    }

    /// Appends a letter where `count`, the times it happened, is a power of ten.
    pub(crate) fn push_logarithmic(&mut self, letter: u8, count: u64) {
        if count.checked_ilog10().is_some_and(|log| 10u64.pow(log) == count) {
            self.push(letter);
        }
    }

    /// Passes over its numbers.
    pub(crate) fn code(&mut self, c: &mut impl Code) {
        c.byte(&mut self.len);
        let len = usize::from(self.len).min(self.letters.len());
        // Three in two bytes.
        for three in self.letters[..len].chunks_mut(3) {
            let mut bits = three.iter().rev().fold(0, |bits, l| bits << 5 | number(*l));
            c.short_raw(&mut bits);
            for letter in three {
                *letter = LETTERS[usize::from(bits & 31)];
                bits >>= 5;
            }
        }
    }

    /// Exchanges originator and responder.
    pub(crate) fn flip(&mut self) {
        for letter in &mut self.letters {
            *letter ^= 0x20 * u8::from(letter.is_ascii_alphabetic());
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        // Only ASCII letters are ever pushed.
        std::str::from_utf8(&self.letters[..usize::from(self.len)]).unwrap_or_default()
    }
}

/// All there are, upper case first.
const LETTERS: &[u8; 32] = b"SHADFRTWGIQ?????shadfrtwgiq?????";

fn number(letter: u8) -> u16 {
    NUMBERS[usize::from(letter & 0x7f)].into()
}

/// The place of each in [`LETTERS`].
const NUMBERS: [u8; 128] = {
    let (mut numbers, mut i) = ([31; 128], 0);
    while i < LETTERS.len() {
        numbers[LETTERS[i] as usize] = i as u8;
        i += 1;
    }
    numbers
};

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_repeat_at_powers_of_ten_only_and_stop_at_the_bound() {
        let mut history = History::default();
        for count in 1..=100 {
            history.push_logarithmic(b't', count);
            history.push_once(b'd');
        }
        assert_eq!(history.as_str(), "tdtt");
        history.flip();
        assert_eq!(history.as_str(), "TDTT");
        (0..40).for_each(|_| history.push(b'r'));
        assert_eq!(history.as_str().len(), 23);
    }
}
