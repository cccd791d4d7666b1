//! What was lost or altered between the points, over all connections.

use std::collections::BTreeMap;
use std::io;

use super::layout::Page;
use super::points::counted;
use crate::escape::terminal;
use crate::{Fate, Passage, Report};

/// A line for each way between two points and each fate that packets met on it.
pub(super) fn write(report: &Report, page: &mut Page<'_>) -> io::Result<()> {
    // From, to, fate: connections, packets, bytes.
    let mut sums: BTreeMap<(&str, &str, usize), [u64; 3]> = BTreeMap::new();
    for between in report.connections.iter().flat_map(|c| &c.between) {
        let ways = [
            (&between.from, &between.to, &between.orig_to_resp),
            (&between.to, &between.from, &between.resp_to_orig),
        ];
        for (from, to, way) in ways {
            for (index, fate) in way.iter().flat_map(fates) {
                let [connections, packets, bytes] = sums.entry((from, to, index)).or_default();
                *connections += 1;
                *packets += fate.packets;
                *bytes += fate.bytes;
            }
        }
    }
    for ((from, to, index), [connections, packets, bytes]) in sums {
        let (from, to) = (terminal(from), terminal(to));
        let text = format!(
            "{} from {from} to {to}: {}, {} ({})",
            FATES[index],
            counted(packets, "packet"),
            counted(bytes, "byte"),
            counted(connections, "connection"),
        );
        page.wrapped("  ", 2, &text)?;
    }
    if report.not_compared > 0 {
        let text = format!(
            "{} differ between points and were too many to compare packet by packet",
            counted(report.not_compared, "connection")
        );
        page.wrapped("  ", 2, &text)?;
    }
    Ok(())
}

/// Those that matter to a reader, by index into [`FATES`].
fn fates(way: &Passage) -> impl Iterator<Item = (usize, &Fate)> {
    let never = way.never_seen.as_ref();
    let fates = [
        way.lost.as_ref(),
        way.undecided.as_ref(),
        never.and_then(|never| never.syn.as_ref()),
        never.and_then(|never| never.fin.as_ref()),
        never.and_then(|never| never.reset.as_ref()),
        way.unrecorded_far.as_ref(),
        way.unrecorded_near.as_ref(),
        way.changed.as_ref(),
        way.injected.as_ref(),
        way.duplicated.as_ref(),
    ];
    fates.into_iter().enumerate().filter_map(|(i, fate)| Some((i, fate?)))
}

const FATES: [&str; 10] = [
    "lost",
    "lost or not captured",
    "SYN that never came",
    "FIN that never came",
    "RST that never came, or was not captured,",
    "arrived without being captured",
    "sent without being captured",
    "changed",
    "injected",
    "duplicated",
];
