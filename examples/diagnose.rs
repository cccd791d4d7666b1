//! Says what broke which connections, with the frames that prove it.
//!
//! ```text
//! cargo run -p crosscap-examples --example diagnose -- \
//!     client=testdata/incident/client.pcap.gz pod=testdata/incident/pod.pcap.gz
//! ```

#![allow(clippy::print_stdout, reason = "printing is all that this program is for")]

use std::error::Error;

use crosscap::Analysis;

fn main() -> Result<(), Box<dyn Error>> {
    let mut analysis = Analysis::builder();
    for arg in std::env::args().skip(1) {
        let (name, file) = arg.split_once('=').ok_or("expected NAME=FILE for each point")?;
        analysis = analysis.point(name, [file]);
    }
    let report = analysis.run()?.report;
    for finding in &report.findings {
        println!("{} ({}): {}", finding.id, finding.verdict, finding.title);
        println!("  connections: {}", finding.connections.join(", "));
        // The first connection speaks for all that share the finding.
        let shown = finding.connections.first();
        for fact in finding.facts.iter().filter(|fact| Some(&fact.connection) == shown) {
            println!("  {} frames {:?}: {}", fact.point, fact.frames, fact.text);
        }
    }
    Ok(())
}
