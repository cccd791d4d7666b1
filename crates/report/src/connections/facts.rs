//! What the columns of [`fields`](super::fields) say of a connection where a field of it does not say it alone.

use std::borrow::Cow;

use crosscap_packet::{Endpoint, TcpFlags};
use crosscap_reassembly::{ConnState, Connection, Direction, Phase, ResetForm};
use sha2::{Digest, Sha256};

use super::PointConnections;
use super::field::Row;

pub(super) fn reset_form(connection: &Connection, end: Direction) -> Option<&'static str> {
    connection.flow(end).reset().map(|reset| reset.form.as_str())
}

pub(super) const FORMS: &[&str] = &[
    ResetForm::NoSocket.as_str(),
    ResetForm::Refused.as_str(),
    ResetForm::Abort.as_str(),
    ResetForm::Other.as_str(),
];

pub(super) fn closed_by(connection: &Connection) -> Option<&'static str> {
    let (end, sent) = connection.first_close()?;
    let reset = sent.segment.flags.contains(TcpFlags::RST);
    CLOSINGS.get(2 * usize::from(reset) + end as usize).copied()
}

/// As [`closed_by`] counts them.
pub(super) const CLOSINGS: &[&str] = &["orig-fin", "resp-fin", "orig-rst", "resp-rst"];

pub(super) fn sender(connection: &Connection, end: Direction) -> Endpoint {
    match end {
        Direction::Orig => connection.orig,
        Direction::Resp => connection.resp,
    }
}

pub(super) fn duration(row: Row<'_>) -> i64 {
    row.connection.last().time.since(row.connection.first().time)
}

pub(super) fn longest_silence(connection: &Connection) -> Option<i64> {
    let silences = connection.silences.as_ref()?;
    let outlived = [Phase::Established, Phase::HalfClosed]
        .into_iter()
        .flat_map(|phase| Direction::BOTH.map(|end| silences.longest_outlived(phase, end)));
    outlived.chain([silences.unanswered()]).flatten().map(|silence| silence.nanos()).max()
}

pub(super) fn quiet(row: Row<'_>) -> Option<i64> {
    let ended = row.connection.is_closed() || row.connection.is_reset();
    if ended { None } else { Some(row.point.last?.since(row.connection.last().time)) }
}

pub(super) fn file(point: &PointConnections, index: u16) -> Option<Cow<'_, str>> {
    point.files.get(usize::from(index)).map(|name| name.as_str().into())
}

/// `C` and 96 bits in base 62, as Zeek makes them; here of what tells the connection from all others.
pub(super) fn uid(row: Row<'_>) -> String {
    let mut hash = Sha256::new();
    hash.update((row.number as u64).to_le_bytes());
    hash.update(row.connection.first().time.as_nanos().to_le_bytes());
    hash.update(format!("{} {} {}", row.connection.orig, row.connection.resp, row.point.name));
    let mut bits =
        hash.finalize().iter().take(12).fold(0u128, |bits, &byte| bits << 8 | u128::from(byte));
    let mut uid = [b'C'; 1 + UID_DIGITS];
    for digit in &mut uid[1..] {
        *digit = BASE_62[(bits % 62) as usize];
        bits /= 62;
    }
    uid.iter().copied().map(char::from).collect()
}

pub(super) const STATES: &[&str] = &[
    ConnState::S0.as_str(),
    ConnState::S1.as_str(),
    ConnState::S2.as_str(),
    ConnState::S3.as_str(),
    ConnState::Sf.as_str(),
    ConnState::Rej.as_str(),
    ConnState::Rsto.as_str(),
    ConnState::Rstr.as_str(),
    ConnState::Rstos0.as_str(),
    ConnState::Rstrh.as_str(),
    ConnState::Sh.as_str(),
    ConnState::Shr.as_str(),
    ConnState::Oth.as_str(),
];

const BASE_62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 62¹⁷ is more than 2⁹⁶.
const UID_DIGITS: usize = 17;
