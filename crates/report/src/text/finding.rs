//! One finding: what, whose, why, what else, what to do, where to look.

use std::collections::BTreeMap;
use std::io;

use crosscap_diagnosis::{duration, thousands};

use super::layout::{Align, Page, TableRow};
use super::points::counted;
use super::{devices, nat, timeline};
use crate::escape::terminal;
use crate::{Finding, Report, Rival, wireshark};

pub(super) fn write(report: &Report, finding: &Finding, page: &mut Page<'_>) -> io::Result<()> {
    head(finding, page)?;
    let Some(shown) = finding.connections.first() else { return Ok(()) };
    page.blank()?;
    connections(finding, page)?;
    nat::write_names(report, shown, page)?;
    devices::write_candidates(report, shown, page)?;
    page.blank()?;
    page.line(&page.bold(&format!("  Proof: {}", terminal(shown))))?;
    for (i, fact) in finding.facts.iter().filter(|f| f.connection == *shown).enumerate() {
        let frames: Vec<String> = fact.frames.iter().map(|f| format!("#{f}")).collect();
        let text = format!("{} [{} {}]", fact.text, terminal(&fact.point), frames.join(" "));
        page.wrapped(&format!("  {:>3}.", i + 1), 7, &text)?;
    }
    if let Some(timeline) = report.timelines.iter().find(|t| t.connection == *shown) {
        page.blank()?;
        timeline::write(report, timeline, page)?;
    }
    let rivals = |status: &str| -> Vec<&Rival> {
        finding.rivals.iter().filter(|r| r.status == status).collect()
    };
    explanations("Ruled out", &rivals("refuted"), page)?;
    explanations("Not ruled out", &rivals("open"), page)?;
    // Nothing is left to decide where every rival is refuted.
    let settled = finding.verdict == "confirmed";
    let further = if settled { "Would tell more" } else { "Would decide" };
    list(further, finding.would_decide.iter().cloned(), page)?;
    let advice = finding.advice.iter().map(|a| {
        let cost = if a.side_effect == "None." {
            String::new()
        } else {
            format!(" Side effect: {}", a.side_effect)
        };
        format!("{}{cost} ({})", a.text, a.reference)
    });
    list("What to do", advice, page)?;
    look(report, finding, shown, page)
}

fn head(finding: &Finding, page: &mut Page<'_>) -> io::Result<()> {
    let severity = finding.severity.to_uppercase();
    let severity = match finding.severity.as_str() {
        "broken" => page.bad(&severity),
        "degraded" => page.warn(&severity),
        _ => page.good(&severity),
    };
    let count = counted(finding.connections.len() as u64, "connection");
    page.line(&format!("{severity}  {}  {count}, {}", page.bold(&finding.id), finding.verdict))?;
    page.wrapped("", 2, &format!("{}.", finding.title))
}

fn connections(finding: &Finding, page: &mut Page<'_>) -> io::Result<()> {
    let shown = finding.connections.iter().take(SHOWN).enumerate();
    let rows: Vec<TableRow> = shown
        .map(|(i, name)| TableRow {
            cells: vec![(Align::Left, terminal(name))],
            rest: finding.span_ns.get(i).map_or_else(String::new, |n| duration(*n)),
            ..TableRow::default()
        })
        .collect();
    page.table(4, &rows)?;
    let more = finding.connections.len().saturating_sub(SHOWN);
    if more > 0 {
        page.line(
            &page.dim(&format!("    and {} more, all in the JSON report", thousands(more as u64))),
        )?;
    }
    Ok(())
}

fn explanations(title: &str, rivals: &[&Rival], page: &mut Page<'_>) -> io::Result<()> {
    list(title, rivals.iter().map(|r| format!("{}: {}", r.id, r.because)), page)
}

fn list(title: &str, items: impl Iterator<Item = String>, page: &mut Page<'_>) -> io::Result<()> {
    for (i, item) in items.enumerate() {
        if i == 0 {
            page.blank()?;
            page.line(&page.bold(&format!("  {title}")))?;
        }
        page.wrapped("    -", 6, &item)?;
    }
    Ok(())
}

/// Filters for the shown connection: all its packets at each point, and the frames that prove.
fn look(report: &Report, finding: &Finding, shown: &str, page: &mut Page<'_>) -> io::Result<()> {
    page.blank()?;
    page.line(&page.bold("  Check in Wireshark"))?;
    let mut by_file: BTreeMap<(&str, &str), Vec<u64>> = BTreeMap::new();
    for fact in finding.facts.iter().filter(|f| f.connection == shown) {
        by_file.entry((&fact.point, &fact.file)).or_default().extend(&fact.frames);
    }
    for ((point, file), mut frames) in by_file {
        frames.sort_unstable();
        frames.dedup();
        let legs = report.connections.iter().filter(|c| c.id == shown).flat_map(|c| &c.legs);
        let all: Vec<&str> =
            legs.filter(|l| l.point == point).map(|l| l.wireshark_filter.as_str()).collect();
        page.line(&format!("    {}: {}", terminal(file), all.join(" || ")))?;
        page.line(&format!("    {}: {}", terminal(file), wireshark::frames(&frames)))?;
    }
    Ok(())
}

/// Connections listed by name.
const SHOWN: usize = 10;
