//! The numbers that packets are made of.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crosscap_packet::{
    Endpoint, FrameRef, OptionSummary, Segment, SeqNumber, SynOptions, TcpFlags, TcpTimestamps,
    Timestamp,
};

use super::Code;
use crate::Sighting;

pub(crate) const NOBODY: Endpoint = Endpoint { addr: IpAddr::V4(Ipv4Addr::UNSPECIFIED), port: 0 };

pub(crate) const NO_FRAME: FrameRef = FrameRef::new(0, 0);

/// A packet of which nothing is known.
pub(crate) const NOTHING: Sighting = Sighting {
    time: Timestamp(0),
    frame: NO_FRAME,
    segment: Segment {
        seq: SeqNumber(0),
        ack: SeqNumber(0),
        flags: TcpFlags(0),
        window: 0,
        ttl: 0,
        ip_id: 0,
        payload_len: 0,
        timestamps: None,
        options: OptionSummary::Absent,
    },
};

/// What an answer to a packet is likely to look like.
pub(crate) fn answer_to(at: &Sighting) -> Sighting {
    let s = &at.segment;
    let swapped = |t: TcpTimestamps| TcpTimestamps { value: t.echo_reply, echo_reply: t.value };
    let timestamps = s.timestamps.map(swapped);
    Sighting { segment: Segment { seq: s.ack, ack: s.seq, timestamps, ..*s }, ..*at }
}

pub(crate) fn endpoints(c: &mut impl Code, ends: [&mut Endpoint; 2]) {
    let mut are_v6 = [ends[0].addr.is_ipv6(), ends[1].addr.is_ipv6()];
    c.flags(&mut are_v6);
    for (end, is_v6) in ends.into_iter().zip(are_v6) {
        let bits = match end.addr {
            IpAddr::V4(addr) => addr.to_bits().into(),
            IpAddr::V6(addr) => addr.to_bits(),
        };
        end.addr = if is_v6 {
            let mut bytes = bits.to_le_bytes();
            bytes.iter_mut().for_each(|byte| c.raw(byte));
            Ipv6Addr::from_bits(u128::from_le_bytes(bytes)).into()
        } else {
            let mut bits = bits as u32;
            c.random(&mut bits);
            Ipv4Addr::from_bits(bits).into()
        };
        c.short_raw(&mut end.port);
    }
}

pub(crate) fn time(c: &mut impl Code, time: &mut Timestamp, like: Timestamp) {
    c.near(&mut time.0, like.0);
}

pub(crate) fn frame(c: &mut impl Code, frame: &mut FrameRef, like: FrameRef) {
    // The place in the file is the low part: frames of one file stay near to each other.
    let join = |f: FrameRef| i64::from(f.file()) << 48 | f.number().cast_signed();
    let mut number = join(*frame);
    c.near(&mut number, join(like));
    *frame = FrameRef::new((number >> 48) as u16, number.cast_unsigned() & ((1 << 48) - 1));
}

pub(crate) fn seq(c: &mut impl Code, seq: &mut SeqNumber, like: SeqNumber) {
    c.near_u32(&mut seq.0, like.0);
}

pub(crate) fn optional_seq(
    c: &mut impl Code,
    value: &mut Option<SeqNumber>,
    present: bool,
    like: SeqNumber,
) {
    c.option(value, present, |c, value| seq(c, value, like));
}

/// `like` is a packet that it probably resembles.
pub(crate) fn sighting(c: &mut impl Code, at: &mut Sighting, like: &Sighting) {
    time(c, &mut at.time, like.time);
    frame(c, &mut at.frame, like.frame);
    segment(c, &mut at.segment, &like.segment);
}

fn segment(c: &mut impl Code, s: &mut Segment, like: &Segment) {
    seq(c, &mut s.seq, like.seq);
    seq(c, &mut s.ack, like.ack);
    let usual = |stamped: bool| match stamped {
        true => OptionSummary::Other,
        false => OptionSummary::Absent,
    };
    let mut is = [
        s.flags != like.flags,
        s.window != like.window,
        s.ttl != like.ttl,
        s.ip_id != like.ip_id,
        s.payload_len != 0,
        s.timestamps.is_some(),
        s.options != usual(s.timestamps.is_some()),
    ];
    c.flags(&mut is);
    let [flags, window, ttl, ip_id, payload, stamped, unusual] = is;
    same_or(c, flags, &mut s.flags, like.flags, |c, f| c.byte(&mut f.0));
    same_or(c, window, &mut s.window, like.window, Code::short);
    same_or(c, ttl, &mut s.ttl, like.ttl, Code::byte);
    same_or(c, ip_id, &mut s.ip_id, like.ip_id, |c, id| {
        let mut away = i64::from(id.wrapping_sub(like.ip_id).cast_signed());
        c.near(&mut away, 0);
        *id = like.ip_id.wrapping_add(away as u16);
    });
    same_or(c, payload, &mut s.payload_len, 0, Code::small);
    let stamps = like.timestamps.unwrap_or_default();
    c.option(&mut s.timestamps, stamped, |c, t| {
        c.near_u32(&mut t.value, stamps.value);
        c.near_u32(&mut t.echo_reply, stamps.echo_reply);
    });
    same_or(c, unusual, &mut s.options, usual(stamped), |c, options| {
        option_summary(c, options, s.ack);
    });
}

fn same_or<C: Code, T>(
    c: &mut C,
    differs: bool,
    value: &mut T,
    like: T,
    code: impl FnOnce(&mut C, &mut T),
) {
    if differs {
        code(c, value);
    } else {
        *value = like;
    }
}

fn option_summary(c: &mut impl Code, options: &mut OptionSummary, ack: SeqNumber) {
    let mut kind = match options {
        OptionSummary::Other => 1,
        OptionSummary::Syn(_) => 2,
        OptionSummary::Sack { .. } => 3,
        _ => 0,
    };
    c.byte(&mut kind);
    *options = match (kind, *options) {
        (0, _) => OptionSummary::Absent,
        (1, _) => OptionSummary::Other,
        (2, was) => {
            let mut syn =
                if let OptionSummary::Syn(syn) = was { syn } else { SynOptions::default() };
            syn_options(c, &mut syn);
            OptionSummary::Syn(syn)
        }
        (_, was) => {
            let (mut start, mut end, duplicate) = match was {
                OptionSummary::Sack { start, end, duplicate } => (start, end, duplicate),
                _ => (SeqNumber(0), SeqNumber(0), false),
            };
            seq(c, &mut start, ack);
            seq(c, &mut end, start);
            let mut flag = [duplicate];
            c.flags(&mut flag);
            OptionSummary::Sack { start, end, duplicate: flag[0] }
        }
    };
}

pub(crate) fn syn_options(c: &mut impl Code, syn: &mut SynOptions) {
    let mut is =
        [syn.maximum_segment_size.is_some(), syn.window_scale.is_some(), syn.sack_permitted];
    c.flags(&mut is);
    c.option(&mut syn.maximum_segment_size, is[0], Code::short);
    c.option(&mut syn.window_scale, is[1], Code::byte);
    syn.sack_permitted = is[2];
}
