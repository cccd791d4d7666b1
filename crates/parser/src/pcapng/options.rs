//! The options of a block.

use std::borrow::Cow;

use pcap_parser::{parse_option_be, parse_option_le};

use crate::order::Order;

/// Walks options: (code, value without padding). One at a time: a list of them all could take ten times the memory of
/// the block.
pub(super) struct Options<'a> {
    order: Order,
    rest: &'a [u8],
    malformed: bool,
}

impl<'a> Options<'a> {
    pub(super) const fn new(order: Order, rest: &'a [u8]) -> Self {
        Self { order, rest, malformed: false }
    }

    /// Whether these are the flags of a packet and nothing else: most often so, and sooner seen than walked.
    pub(super) fn are_flags_only(&self) -> bool {
        let Some((head, [0, 0, 0, 0])) = self.rest.split_first_chunk::<8>() else { return false };
        (self.order.half(head, 0), self.order.half(head, 2)) == (EPB_FLAGS, 4)
    }

    /// Whether the walk ended early because an option does not fit.
    pub(super) const fn is_malformed(&self) -> bool {
        self.malformed
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let parsed = match self.order {
            Order::Little => parse_option_le::<()>(self.rest),
            Order::Big => parse_option_be::<()>(self.rest),
        };
        let Ok((rest, option)) = parsed else {
            (self.rest, self.malformed) = (&[], true);
            return None;
        };
        // pcap-parser walks on behind the end of options, and leaves the padding in the value.
        let end = option.code.0 == 0;
        self.rest = if end { &[] } else { rest };
        match option.value {
            Cow::Borrowed(value) if !end => Some((option.code.0, value.get(..option.len.into())?)),
            _ => None,
        }
    }
}

/// What may still be kept of the texts of a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Texts {
    left: usize,
    left_out: bool,
}

impl Texts {
    /// At most `max` bytes of a text, invalid UTF-8 replaced. `None` where no more is kept.
    pub(super) fn keep(&mut self, text: &[u8], max: usize) -> Option<Box<str>> {
        let text: Box<str> = String::from_utf8_lossy(&text[..text.len().min(max)]).into();
        let left = self.left.checked_sub(text.len() + TEXT_COST);
        self.left_out |= left.is_none();
        self.left = left?;
        Some(text)
    }

    /// Whether a text was not kept since this was last asked.
    pub(super) fn take_left_out(&mut self) -> bool {
        std::mem::take(&mut self.left_out)
    }
}

impl Default for Texts {
    fn default() -> Self {
        Self { left: MAX_TEXTS, left_out: false }
    }
}

pub(super) const OPT_COMMENT: u16 = 1;
pub(super) const EPB_FLAGS: u16 = 2;
pub(super) const MAX_NAME: usize = 256;
pub(super) const MAX_COMMENT: usize = 4 << 10;
/// Bytes of texts: of all interfaces, and again of all else.
const MAX_TEXTS: usize = 8 << 20;
/// What keeping a text costs besides its bytes.
const TEXT_COST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(bytes: &[u8]) -> (Vec<(u16, &[u8])>, bool) {
        let mut options = Options::new(Order::Little, bytes);
        ((&mut options).collect(), options.is_malformed())
    }

    #[test]
    fn p7_options_end_at_the_end_and_lose_their_padding() {
        let bytes = [9, 0, 1, 0, 6, 0xee, 0xee, 0xee, 0, 0, 0, 0, 9, 0, 1, 0, 9, 0, 0, 0];
        assert_eq!(walk(&bytes), (vec![(9, &[6][..])], false));
    }

    #[test]
    fn texts_are_cut_and_bounded() {
        let mut texts = Texts::default();
        assert_eq!(texts.keep(b"a\xffb", 2).as_deref(), Some("a\u{fffd}"));
        let kept = (0..10_000).filter_map(|_| texts.keep(&[b'x'; 5000], MAX_COMMENT)).count();
        assert_eq!(kept, MAX_TEXTS / (MAX_COMMENT + TEXT_COST));
        assert!(texts.take_left_out() && !texts.take_left_out());
    }

    #[test]
    fn an_option_that_does_not_fit_is_dropped_with_those_behind_it() {
        let bytes = [9, 0, 1, 0, 6, 0, 0, 0, 2, 0, 0xff, 0xff, 1, 2, 3, 4];
        assert_eq!(walk(&bytes), (vec![(9, &[6][..])], true));
        assert_eq!(walk(&[9, 0, 1]), (vec![], true));
    }
}
