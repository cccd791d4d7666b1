//! Devices that give a connection other sequence numbers (`sequence-rewritten`), and proxies (`proxy-terminated`): no
//! faults, but what whoever compares captures by hand has to know.

use crosscap_correlation::Tier;
use crosscap_reassembly::Direction;

use crate::case::{Case, LegView};
use crate::finding::{Evidence, Finding, FindingId, HungSide, Severity};

/// Legs in more than one stage; told once for each path.
pub(super) fn screen(case: &Case<'_>) -> bool {
    case.stage == 0 && case.path.stages() > 1
}

pub(super) fn examine(case: &Case<'_>) -> Option<Finding> {
    let views = || case.all_regular();
    let behind = views().find(|l| l.leg.stage > 0)?;
    let before = views().filter(|l| l.leg.stage < behind.leg.stage).last()?;
    let (id, title, what) = match case.path.matched.tier {
        Tier::Payload => (
            FindingId::ProxyTerminated,
            format!(
                "A proxy ends TCP on the way to {}: two connections that carry the same bytes",
                case.scope()
            ),
            "the same bytes on another connection",
        ),
        Tier::Offset | Tier::OrigIsn | Tier::RespIsn => (
            FindingId::SequenceRewritten,
            format!(
                "A device on the way to {} gives connections other sequence numbers",
                case.scope()
            ),
            "the same connection with other sequence numbers",
        ),
        _ => return None,
    };
    let isn = |leg: LegView<'_>| {
        let said = |d| leg.connection.flow(d).isn.map_or_else(|| "?".into(), |n| n.0.to_string());
        let [orig, resp] = Direction::BOTH.map(said);
        format!("initial sequence numbers {orig} and {resp}")
    };
    let text = format!("At {}: {}.", case.point_name(before), isn(before));
    let mut facts = vec![case.fact(before, &before.connection.first(), text)];
    let text = format!("At {}: {what}, {}.", case.point_name(behind), isn(behind));
    facts.push(case.fact(behind, &behind.connection.first(), text));
    let evidence =
        Evidence { facts, rivals: Vec::new(), would_decide: Vec::new(), advice: Vec::new() };
    let mut finding = case.finding(id, Severity::Info, title, evidence);
    finding.hung_side = HungSide::None;
    Some(finding)
}
