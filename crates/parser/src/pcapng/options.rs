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
    fn an_option_that_does_not_fit_is_dropped_with_those_behind_it() {
        let bytes = [9, 0, 1, 0, 6, 0, 0, 0, 2, 0, 0xff, 0xff, 1, 2, 3, 4];
        assert_eq!(walk(&bytes), (vec![(9, &[6][..])], true));
        assert_eq!(walk(&[9, 0, 1]), (vec![], true));
    }
}
