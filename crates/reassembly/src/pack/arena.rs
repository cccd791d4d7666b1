//! Memory for what is packed.

/// Byte strings of any length in large pieces of memory: without an allocation, and what an allocator adds, for each.
///
/// What is given back is used again for strings of about the same length.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arena {
    chunks: Vec<Vec<u8>>,
    /// Places given back, by their length in units.
    free: Vec<Vec<u32>>,
}

/// Where a string is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// In units, counted through all chunks as if each were full.
    pub(crate) at: u32,
    pub(crate) len: u16,
}

impl Arena {
    /// Keeps a copy; `None` where it is too long or there are too many.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Option<Place> {
        let len = u16::try_from(bytes.len()).ok()?;
        let units = bytes.len().div_ceil(UNIT);
        if let Some(at) = self.free.get_mut(units).and_then(Vec::pop) {
            let (chunk, start) = split(at);
            self.chunks[chunk][start..start + bytes.len()].copy_from_slice(bytes);
            return Some(Place { at, len });
        }
        if self.chunks.last().is_none_or(|last| last.len() + units * UNIT > CHUNK) {
            // The first grows as it needs to: most captures are small.
            let size = if self.chunks.is_empty() { 0 } else { CHUNK };
            self.chunks.push(Vec::with_capacity(size));
        }
        let before = (self.chunks.len() - 1) * (CHUNK / UNIT);
        let chunk = self.chunks.last_mut()?;
        let at = u32::try_from(before + chunk.len() / UNIT).ok()?;
        chunk.extend_from_slice(bytes);
        chunk.resize(chunk.len().next_multiple_of(UNIT), 0);
        Some(Place { at, len })
    }

    pub(crate) fn get(&self, place: Place) -> &[u8] {
        let (chunk, start) = split(place.at);
        &self.chunks[chunk][start..start + usize::from(place.len)]
    }

    /// Gives back what is at a place.
    pub(crate) fn free(&mut self, place: Place) {
        let units = usize::from(place.len).div_ceil(UNIT);
        if self.free.len() <= units {
            self.free.resize_with(units + 1, Vec::new);
        }
        self.free[units].push(place.at);
    }

    /// Takes over all of another one; what was at a place there is now where the result says, if anywhere.
    pub(crate) fn append(&mut self, other: Self) -> impl Fn(Place) -> Option<Place> + use<> {
        let before = self.chunks.len() * (CHUNK / UNIT);
        self.chunks.extend(other.chunks);
        move |place| {
            let at = u32::try_from(before + place.at as usize).ok()?;
            Some(Place { at, len: place.len })
        }
    }
}

fn split(at: u32) -> (usize, usize) {
    (at as usize / (CHUNK / UNIT), at as usize % (CHUNK / UNIT) * UNIT)
}

/// Places are multiples of it, in bytes: 32 GiB can be told in 32 bits.
const UNIT: usize = 8;

/// Bytes of a chunk: longer than any string, short enough that the last one wastes little.
const CHUNK: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_stay_what_they_are_while_others_come_and_go() {
        let mut arena = Arena::default();
        let text = |i: usize| vec![i as u8; 100 + i % 90];
        let mut places: Vec<Place> =
            (0..9_000).map(|i| arena.put(&text(i)).expect("room")).collect();
        let chunks = arena.chunks.len();
        assert!(chunks > 4);
        for i in (0..9_000).step_by(3) {
            arena.free(places[i]);
        }
        for i in (0..9_000).step_by(3) {
            places[i] = arena.put(&text(i)).expect("room");
        }
        assert_eq!(arena.chunks.len(), chunks, "what was given back is used again");
        let mut other = Arena::default();
        let moved = other.put(b"other").expect("room");
        let moved = arena.append(other)(moved).expect("room");
        assert_eq!(arena.get(moved), b"other");
        assert!((0..9_000).all(|i| arena.get(places[i]) == text(i)));
        assert!(arena.put(&[0; 70_000]).is_none());
    }
}
