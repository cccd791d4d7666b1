//! What NAT did, and what addresses are called.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::io;

use crosscap_diagnosis::thousands;

use super::layout::{Page, Tone};
use super::points::{clock_time, counted};
use crate::escape::terminal;
use crate::{Backend, Name, Nat, Report, Seen, ServiceBackends, Sources};

/// Services with their backends, then other translations, the most used first, then who answered past the NAT.
pub(super) fn write(report: &Report, width: usize, page: &mut Page<'_>) -> io::Result<()> {
    let services = report.nat_services.iter().filter(|s| s.backends.len() > 1);
    let mut services: Vec<&ServiceBackends> = services.collect();
    services.sort_by_key(|s| Reverse(s.connections));
    let told: BTreeSet<&String> = services.iter().map(|s| &s.service).collect();
    let mut others: Vec<&Nat> = report.nat.iter().collect();
    others
        .retain(|n| !n.changes_resp() || n.before.resp.as_ref().is_none_or(|s| !told.contains(s)));
    others.sort_by_key(|n| Reverse(n.connections));
    let (untouched, others): (Vec<&Nat>, Vec<&Nat>) =
        others.into_iter().partition(|n| n.kind == "none");

    let label = format!("  {:width$}", "NAT");
    for service in services.iter().take(SHOWN) {
        write_service(report, service, width, page)?;
    }
    for nat in others.iter().take(SHOWN) {
        page.wrapped(&label, width + 4, &describe(report, nat))?;
    }
    if let Some(text) = none(report, &untouched) {
        page.wrapped(&label, width + 4, &text)?;
    }
    let more = services.len().saturating_sub(SHOWN) + others.len().saturating_sub(SHOWN);
    if more > 0 {
        let text = format!("and {} more, all in the JSON report", thousands(more as u64));
        page.wrapped_in(Tone::Dim, &label, width + 4, &text)?;
    }
    for stray in report.nat_strays.iter().take(SHOWN) {
        let state = note(stray.backend.as_deref(), report, &stray.service);
        // Of a good backend the finding says all that there is to say.
        if let Some(state) = state.filter(|s| !s.is_empty()) {
            let text = format!(
                "untranslated to {}: {} ({})",
                named(report, &stray.service),
                named(report, &stray.remote),
                counted(stray.connections, "connection"),
            );
            page.wrapped(&label, width + 4, &format!("{text}{state}"))?;
        }
    }
    Ok(())
}

/// A Service with several backends: a line each.
fn write_service(
    report: &Report,
    service: &ServiceBackends,
    width: usize,
    page: &mut Page<'_>,
) -> io::Result<()> {
    let text = format!(
        "{} → {} ({}){}",
        named(report, &service.service),
        counted(service.backends.len() as u64, "backend"),
        counted(service.connections, "connection"),
        service_sources(report, &service.service),
    );
    page.wrapped(&format!("  {:width$}", "NAT"), width + 4, &text)?;
    let indent = width + 6;
    for backend in service.backends.iter().take(SHOWN) {
        let note = note(backend.backend.as_deref(), report, &service.service).unwrap_or_default();
        page.wrapped("", indent, &format!("{}{note}", describe_backend(report, backend)))?;
    }
    let more = service.backends.len().saturating_sub(SHOWN);
    if more > 0 {
        let text = format!("and {} more, all in the JSON report", thousands(more as u64));
        page.wrapped_in(Tone::Dim, "", indent, &text)?;
    }
    Ok(())
}

/// `10.1.9.7:8080: 100 connections (83 %), from 12:03:36 to 12:04:36`.
fn describe_backend(report: &Report, backend: &Backend) -> String {
    let times = match &backend.seen {
        Seen { first_ref_ns: Some(first), last_new_ref_ns: Some(last), .. } => {
            match (clock_time(*first, 0), clock_time(*last, 0)) {
                (from, to) if from == to => format!(", at {from}"),
                (from, to) => format!(", from {from} to {to}"),
            }
        }
        _ => String::new(),
    };
    format!(
        "{}: {} ({:.0} %){times}",
        named(report, &backend.endpoint),
        counted(backend.connections, "connection"),
        100.0 * backend.share,
    )
}

/// What the clients of a Service look like to its backends.
fn service_sources(report: &Report, service: &str) -> String {
    let here = report.nat.iter().filter(|n| n.before.resp.as_deref() == Some(service));
    let pools = here.filter_map(|n| n.sources.as_ref()).flat_map(|s| &s.pool);
    let addresses: BTreeSet<&str> = pools.map(|p| p.address.as_str()).collect();
    match addresses.len() {
        0 => String::new(),
        1..=3 => {
            let addresses: Vec<&str> = addresses.into_iter().collect();
            format!("; clients also seen as {}", addresses.join(", "))
        }
        n => format!("; clients also seen as {n} addresses or more"),
    }
}

/// A translation on a line.
fn describe(report: &Report, nat: &Nat) -> String {
    let end = |e: &Option<String>| e.as_ref().map_or_else(|| "…".into(), |e| named(report, e));
    let led = || format!("{} → {}", end(&nat.before.resp), end(&nat.after.resp));
    let seen_as = || match (&nat.after.orig, &nat.sources) {
        (None, Some(sources)) => pool(sources),
        (orig, _) => end(orig),
    };
    let ports = nat.sources.as_ref().map_or("", ports);
    let what = match nat.kind.as_str() {
        "snat" => match &nat.before.orig {
            None => {
                format!("clients of {} seen as {}{ports}", end(&nat.before.resp), seen_as())
            }
            only => format!("{} seen as {}{ports}", end(only), seen_as()),
        },
        "dnat" => led(),
        _ => format!("{}, client seen as {}{ports}", led(), seen_as()),
    };
    let note = nat.before.resp.as_ref().and_then(|s| note(nat.backend.as_deref(), report, s));
    let way = if nat.ordered == 0 { UNPROVEN } else { "" };
    format!("{what} ({}){way}{}", counted(nat.connections, "connection"), note.unwrap_or_default())
}

/// Connections that kept both their ends.
fn none(report: &Report, untouched: &[&Nat]) -> Option<String> {
    let to: Vec<String> = untouched
        .iter()
        .take(UNTOUCHED)
        .filter_map(|n| Some((n.before.resp.as_ref()?, n.connections)))
        .map(|(end, count)| format!("{} ({})", named(report, end), counted(count, "connection")))
        .collect();
    let more = match untouched.len().saturating_sub(UNTOUCHED) {
        0 => String::new(),
        more => format!(" and {} more", thousands(more as u64)),
    };
    (!to.is_empty()).then(|| format!("none on the way to {}{more}", to.join(", ")))
}

/// `192.0.2.1`, `192.0.2.1, 192.0.2.2 and 7 more addresses`.
fn pool(sources: &Sources) -> String {
    let shown: Vec<&str> = sources.pool.iter().take(3).map(|p| p.address.as_str()).collect();
    let more = (sources.pool.len() - shown.len()) as u64 + sources.other_addresses;
    let shown = shown.join(", ");
    if more == 0 {
        return shown;
    }
    let word = if more == 1 { "address" } else { "addresses" };
    format!("{shown} and {more} more {word}")
}

fn ports(sources: &Sources) -> &'static str {
    match sources.ports.as_str() {
        "always" => ", ports kept",
        "never" => ", ports changed",
        _ => ", some ports kept",
    }
}

/// What the names say against a backend; `None` where they say nothing, an empty text where it is a good one.
fn note(state: Option<&str>, report: &Report, service: &str) -> Option<String> {
    let called =
        report.name_of(service).map_or_else(|| service.to_owned(), |(_, name)| short(name));
    match state? {
        "unknown" => None,
        "ready" => Some(String::new()),
        "not-an-endpoint" => Some(format!("; no endpoint of {called} {AT_THE_TIME}")),
        "not-ready" => Some(format!("; not ready {AT_THE_TIME}")),
        _ => Some(format!("; shutting down {AT_THE_TIME}")),
    }
}

/// What the ends of a connection are called, where any is.
pub(super) fn write_names(report: &Report, id: &str, page: &mut Page<'_>) -> io::Result<()> {
    let legs = report.connections.iter().filter(|c| c.id == id).flat_map(|c| &c.legs);
    let mut told: Vec<String> = Vec::new();
    for end in legs.flat_map(|l| [&l.orig, &l.resp]) {
        if let Some((what, name)) = report.name_of(end) {
            let text = format!("{what} was {}", short(name));
            if !told.contains(&text) {
                told.push(text);
            }
        }
    }
    if told.is_empty() {
        return Ok(());
    }
    page.blank()?;
    page.wrapped("  Names:", 9, &format!("{} {AT_THE_TIME}.", told.join("; ")))
}

/// `10.96.0.10:80 (svc shop/cart:http)`.
pub(super) fn named(report: &Report, endpoint: &str) -> String {
    match report.name_of(endpoint) {
        Some((_, name)) => format!("{endpoint} ({})", short(name)),
        None => endpoint.to_owned(),
    }
}

/// `svc shop/cart:http`, `pod shop/cart-1`, `node worker-1`.
fn short(name: &Name) -> String {
    let kind = match name.kind.as_str() {
        "Service" => "svc",
        "Pod" => "pod",
        "Node" => "node",
        other => other,
    };
    let namespace = name.namespace.as_ref().map_or_else(String::new, |n| format!("{n}/"));
    let port = name.port_name.as_ref().map_or_else(String::new, |p| format!(":{p}"));
    terminal(&format!("{kind} {namespace}{}{port}", name.name))
}

/// Of translations that may be the other way round.
const UNPROVEN: &str = ", or the other way round: no packet proves which side is the client's";

/// Names are of one moment, and captures of many.
const AT_THE_TIME: &str = "when the names were written down";

/// Servers named that no translation stands before.
const UNTOUCHED: usize = 3;

/// Services, translations and backends listed by name.
const SHOWN: usize = 10;
