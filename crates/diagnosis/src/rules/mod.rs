//! One file for each family of failure modes.
//!
//! A rule has two parts. `screen` sees a path without its packets and is cheap: it says whether a second look could
//! show this failure. `examine` sees the packets and says what they prove.

mod advice;
mod client_abort;
mod client_spoke;
mod conntrack_invalid;
mod foreign_reset;
mod half_open;
mod handshake;
mod idle_drop;
mod keepalive;
mod no_handshake;
mod numbers;
mod packet_loss;
mod provenance;
mod refused;
mod server_reset;
mod server_spoke;
mod server_unseen;
mod slow_server;
mod stalled;
mod stuck;
mod untranslated;

use crate::Finding;
use crate::case::Case;

/// A family of failure modes.
pub(crate) struct Rule {
    pub(crate) screen: fn(&Case<'_>) -> bool,
    pub(crate) examine: fn(&Case<'_>) -> Option<Finding>,
}

/// All rules. Causes come before what they entail.
pub(crate) const RULES: &[Rule] = &[
    Rule { screen: untranslated::screen, examine: conntrack_invalid::examine },
    Rule { screen: untranslated::screen, examine: server_spoke::examine },
    Rule { screen: server_unseen::screen, examine: server_unseen::examine },
    Rule { screen: client_spoke::screen, examine: client_spoke::examine },
    Rule { screen: foreign_reset::screen, examine: foreign_reset::examine },
    Rule { screen: idle_drop::screen, examine: idle_drop::examine },
    Rule { screen: stuck::screen, examine: stuck::examine },
    Rule { screen: refused::screen, examine: refused::examine },
    Rule { screen: no_handshake::screen, examine: no_handshake::examine },
    Rule { screen: handshake::screen, examine: handshake::examine },
    Rule { screen: stalled::screen, examine: stalled::examine },
    Rule { screen: client_abort::screen, examine: client_abort::examine },
    Rule { screen: client_abort::screen_download, examine: client_abort::examine_download },
    Rule { screen: server_reset::screen, examine: server_reset::examine },
    Rule { screen: slow_server::screen, examine: slow_server::examine },
    Rule { screen: packet_loss::screen, examine: packet_loss::examine },
    Rule { screen: keepalive::screen, examine: keepalive::examine },
];

/// What the first look settles: these see no packets.
pub(crate) const AT_FIRST_LOOK: &[Rule] =
    &[Rule { screen: numbers::screen, examine: numbers::examine }];

/// What is told only of connections that no rule of [`RULES`] calls broken.
pub(crate) const FALLBACKS: &[Rule] =
    &[Rule { screen: half_open::screen, examine: half_open::examine }];
