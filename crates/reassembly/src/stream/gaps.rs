//! Why bytes between the pieces are missing.

use super::GapKind;

/// What is known of a flow besides its captured bytes; all positions.
#[derive(Clone, Debug, Default)]
pub(super) struct Missing {
    /// Cut by the snap length: sorted, disjoint.
    cut: Vec<(i64, i64)>,
    /// From the lowest to the highest segment left out.
    left_out: Option<(i64, i64)>,
    /// Acknowledged up to here.
    acked: Option<i64>,
}

impl Missing {
    pub(super) fn new(
        mut cut: Vec<(i64, i64)>,
        left_out: Option<(i64, i64)>,
        acked: Option<i64>,
    ) -> Self {
        cut.sort_unstable();
        cut.dedup_by(|next, last| {
            let joins = next.0 <= last.1;
            if joins {
                last.1 = last.1.max(next.1);
            }
            joins
        });
        Self { cut, left_out, acked }
    }

    /// The gaps that `start..end` is made of, in order. Calls come in order as well: `cursor` begins at 0.
    pub(super) fn explain(
        &self,
        start: i64,
        end: i64,
        cursor: &mut usize,
        mut gap: impl FnMut(i64, i64, GapKind),
    ) {
        let mut at = start;
        while at < end {
            while self.cut.get(*cursor).is_some_and(|cut| cut.1 <= at) {
                *cursor += 1;
            }
            let (kind, until) = match self.cut.get(*cursor) {
                Some(cut) if cut.0 <= at => (GapKind::Cut, cut.1),
                cut => {
                    let (kind, until) = self.uncut(at);
                    (kind, cut.map_or(until, |cut| cut.0.min(until)))
                }
            };
            let until = until.min(end);
            gap(at, until, kind);
            at = until;
        }
    }

    /// Why the byte at `at` is missing, and up to where the answer is the same.
    fn uncut(&self, at: i64) -> (GapKind, i64) {
        let (low, high) = self.left_out.unwrap_or((i64::MAX, i64::MAX));
        let acked = self.acked.unwrap_or(i64::MIN);
        if at < low {
            if at < acked {
                return (GapKind::Acknowledged, acked.min(low));
            }
            return (GapKind::Unknown, low);
        }
        if at < high {
            return (GapKind::LeftOut, high);
        }
        if at < acked { (GapKind::Acknowledged, acked) } else { (GapKind::Unknown, i64::MAX) }
    }
}
