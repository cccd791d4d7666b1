//! Whether a session ended by its timer, or somebody deleted it.
//!
//! Both look alike on the wire. What tells them apart are the other connections: a timer breaks every silence that is
//! longer than it and none that is shorter; who flushes a session table, or adds a firewall rule, asks nobody for how
//! long they were silent.

use std::collections::BTreeMap;

use crosscap_packet::{Endpoint, Timestamp};
use crosscap_reassembly::Phase;

use crate::finding::{Finding, FindingId, Rival, Verdict};
use crate::population::{Population, Service};
use crate::words::{counted, duration};

/// The silence that a connection did not outlive.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Broken {
    pub(crate) scope: Endpoint,
    pub(crate) phase: Phase,
    /// When it began and ended, reference time.
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
    /// Its length in the clock of one point, nanoseconds.
    pub(crate) nanos: i64,
    /// Whether a packet of the client was seen not to open a new session.
    pub(crate) client_refused: bool,
}

/// Adds, to every finding about a session that was forgotten, what the others say of a deletion, and lowers the verdict
/// where they say nothing. Unless the findings are `whole`, connections that were not looked at may have broken sooner.
pub(crate) fn judge(findings: &mut [Finding], population: &Population, whole: bool) {
    let mut groups: BTreeMap<(Endpoint, Phase), Vec<Broken>> = BTreeMap::new();
    for broken in findings.iter().filter_map(|f| f.broken) {
        groups.entry((broken.scope, broken.phase)).or_default().push(broken);
    }
    let line = |(&(scope, phase), peers): (&(Endpoint, Phase), &Vec<Broken>)| {
        let line = Line::between(peers, population.service(scope), phase);
        ((scope, phase), Line { is_drawn: whole && line.is_drawn, ..line })
    };
    let lines: BTreeMap<_, Line> = groups.iter().map(line).collect();
    for finding in findings {
        let Some(mine) = finding.broken else { continue };
        let line = &lines[&(mine.scope, mine.phase)];
        let doubt = match line.outlived {
            Some(longest) if longest >= mine.nanos => {
                finding.verdict = finding.verdict.max(Verdict::Possible);
                format!("Another connection outlived {}, so one timer alone does not explain this.", duration(longest))
            }
            _ if !whole => "Not all connections that may have broken were looked at.".into(),
            _ => "Too few connections were silent for long to tell a timer from a session that was deleted, or a rule that \
                  was added, meanwhile."
                .into(),
        };
        let (id, refuted) = (FindingId::NatRemappedBackend, line.is_drawn);
        finding.rivals.push(Rival::judged(id, refuted, &line.refutation(), &doubt));
        if !refuted {
            finding.verdict = finding.verdict.max(Verdict::Likely);
            let decides = "The session table of the device while a connection is silent (conntrack -L, ipvsadm -Lnc), and \
                           its timers.";
            finding.would_decide.push(decides.into());
        }
    }
}

/// What lies between the silences of one service that were outlived and those that broke.
struct Line {
    broken: usize,
    /// The shortest that broke, nanoseconds.
    shortest: i64,
    /// The longest that was outlived, nanoseconds.
    outlived: Option<i64>,
    /// Whether all of this shows a timer.
    is_drawn: bool,
}

impl Line {
    fn between(peers: &[Broken], service: &Service, phase: Phase) -> Self {
        let refused = peers.iter().any(|b| b.client_refused);
        let outlived = service.outlived(phase, refused);
        let shortest = peers.iter().map(|b| b.nanos).min().unwrap_or_default();
        let (from, to) = common(peers);
        let apart = peers.len() > 1 && outlived.is_some_and(|longest| longest < shortest);
        let sharp = outlived.is_some_and(|longest| longest >= shortest / 4);
        let is_drawn = apart && (sharp || from >= to || service.witnessed(refused, from, to));
        Self { broken: peers.len(), shortest, outlived, is_drawn }
    }

    fn refutation(&self) -> String {
        format!(
            "{} broke, each silent for {} or longer; silences of up to {} were outlived. A timer draws such a line; a flush, \
             a restart or a rule does not.",
            counted(self.broken as u64, "connection"),
            duration(self.shortest),
            self.outlived.map_or_else(|| "none".into(), duration),
        )
    }
}

/// The time during which all of them were silent; empty where there is none.
fn common(peers: &[Broken]) -> (Timestamp, Timestamp) {
    let from = peers.iter().map(|b| b.from).max().unwrap_or(Timestamp::MAX);
    (from, peers.iter().map(|b| b.to).min().unwrap_or(Timestamp::MIN))
}
