//! Keep-alives that come too seldom (`keepalive-too-slow`).

use crosscap_packet::Segment;
use crosscap_reassembly::{Direction, Sighting};

use super::{advice, idle_drop};
use crate::case::{Case, LegView};
use crate::finding::{Evidence, Finding, FindingId, HungSide, Severity, Verdict};
use crate::words::duration;

/// An idle connection that was dropped, whose next packet was a keep-alive.
pub(super) fn screen(case: &Case<'_>) -> bool {
    Direction::BOTH.iter().any(|&speaker| too_late(case, speaker).is_some())
}

/// The keep-alive that ended the silence in vain, and the last packet before.
fn too_late<'a>(case: &Case<'a>, speaker: Direction) -> Option<(LegView<'a>, Sighting, Sighting)> {
    let (here, silence) = idle_drop::unheard(case, speaker)?;
    let acked = here.connection.flow(speaker.reverse()).acked?;
    let probes = here.connection.flow(speaker).keep_alives > 0;
    let is_probe = |s: &Segment| s.payload_len <= 1 && acked.ahead_of(s.seq) == 1;
    (probes && is_probe(&silence.after.segment)).then_some((here, silence.before, silence.after))
}

pub(super) fn examine(case: &Case<'_>) -> Option<Finding> {
    let dropped = idle_drop::examine(case)?;
    let (here, before, probe) = Direction::BOTH.into_iter().find_map(|d| too_late(case, d))?;
    let waited = probe.time.since(before.time);
    let mut facts = vec![case.fact(here, &before, "The last packet of either end.".into())];
    let text = format!("The first keep-alive, after {}; it was not answered.", duration(waited));
    facts.push(case.fact(here, &probe, text));
    let title = format!(
        "Keep-alives on the connection to {} begin after {}, when a device on the path had forgotten it",
        case.scope(),
        duration(waited)
    );
    let evidence = Evidence {
        facts,
        rivals: dropped.rivals,
        would_decide: dropped.would_decide,
        advice: vec![advice::keep_alive()],
    };
    let mut finding =
        case.finding(FindingId::KeepaliveTooSlow, Severity::Degraded, title, evidence);
    // Whether a timer dropped it is decided over all connections, later.
    finding.verdict = dropped.verdict.max(Verdict::Likely);
    finding.spans = vec![(case.index, waited)];
    finding.hung_side = HungSide::None;
    Some(finding)
}
