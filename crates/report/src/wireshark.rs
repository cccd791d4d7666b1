//! Display filters that lead back to the packets.

use crosscap_correlation::Point;
use crosscap_packet::Endpoint;
use crosscap_reassembly::Connection;

/// A filter for the packets of a connection. `index` is its place among the connections of its point, which is
/// Wireshark's `tcp.stream` where the point has one file.
pub(crate) fn connection(c: &Connection, index: usize, files: usize) -> String {
    if files == 1 {
        return format!("tcp.stream eq {index}");
    }
    format!("{} && {}", end(c.orig), end(c.resp))
}

/// As [`connection`], at a point that may be one interface of its files.
pub(crate) fn leg(c: &Connection, index: usize, point: &Point) -> String {
    match point.interface {
        Some(interface) => {
            format!("{} && {} && frame.interface_id == {interface}", end(c.orig), end(c.resp))
        }
        None => connection(c, index, point.files.len()),
    }
}

fn end(e: Endpoint) -> String {
    let ip = if e.addr.is_ipv4() { "ip" } else { "ipv6" };
    format!("({ip}.addr == {} && tcp.port == {})", e.addr, e.port)
}

/// A filter for frames of one file.
pub(crate) fn frames(numbers: &[u64]) -> String {
    let list: Vec<String> = numbers.iter().map(u64::to_string).collect();
    format!("frame.number in {{{}}}", list.join(", "))
}
