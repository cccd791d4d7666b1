//! Whether a session ended by its timer, or somebody deleted it.
//!
//! Both look alike on the wire. What tells them apart are the other connections: a timer breaks every silence that is
//! longer than it and none that is shorter; who flushes a session table, or adds a firewall rule, asks nobody for how
//! long they were silent.

use crosscap_packet::{Endpoint, Timestamp};
use crosscap_reassembly::Phase;

use crate::finding::{Finding, FindingId, Rival, Verdict};
use crate::population::Population;
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
/// where they say nothing.
pub(crate) fn judge(findings: &mut [Finding], population: &Population) {
    let all: Vec<Broken> = findings.iter().filter_map(|f| f.broken).collect();
    for finding in findings {
        let Some(mine) = finding.broken else { continue };
        let peers: Vec<&Broken> =
            all.iter().filter(|b| (b.scope, b.phase) == (mine.scope, mine.phase)).collect();
        let refused = peers.iter().any(|b| b.client_refused);
        let service = population.service(mine.scope);
        let outlived = if refused {
            service.outlived_any(mine.phase)
        } else {
            service.outlived_server_first(mine.phase)
        };
        let shortest = peers.iter().map(|b| b.nanos).min().unwrap_or(mine.nanos);
        let (from, to) = common(&peers);
        let separated = peers.len() > 1 && outlived.is_some_and(|longest| longest < shortest);
        let sharp = outlived.is_some_and(|longest| longest >= shortest / 4);
        let witnessed = from >= to || service.witnessed(refused, from, to);
        let separated = separated && (sharp || witnessed);
        let longest = outlived.map_or_else(|| "none".into(), duration);
        let refutation = format!(
            "{} broke, each silent for {} or longer; silences of up to {longest} were outlived. A timer draws such a line; a \
             flush, a restart or a rule does not.",
            counted(peers.len(), "connection"),
            duration(shortest),
        );
        let doubt = match outlived {
            Some(longest) if longest >= mine.nanos => {
                finding.verdict = finding.verdict.max(Verdict::Possible);
                format!("Another connection outlived {}, so one timer alone does not explain this.", duration(longest))
            }
            _ => "Too few connections were silent for long to tell a timer from a session that was deleted, or a rule that \
                  was added, meanwhile."
                .into(),
        };
        finding.rivals.push(Rival::judged(
            FindingId::NatRemappedBackend,
            separated,
            &refutation,
            &doubt,
        ));
        if !separated {
            finding.verdict = finding.verdict.max(Verdict::Likely);
            let decides = "The session table of the device while a connection is silent (conntrack -L, ipvsadm -Lnc), and \
                           its timers.";
            finding.would_decide.push(decides.into());
        }
    }
}

/// The time during which all of them were silent; empty where there is none.
fn common(peers: &[&Broken]) -> (Timestamp, Timestamp) {
    let from = peers.iter().map(|b| b.from).max().unwrap_or(Timestamp::MAX);
    (from, peers.iter().map(|b| b.to).min().unwrap_or(Timestamp::MIN))
}
