//! How long devices on the path remember idle connections.

use std::io;

use crosscap_diagnosis::{duration, thousands};

use super::layout::Page;
use crate::IdleTimeout;

/// The bracket of a session timer, where a connection broke.
pub(super) fn write(timeout: &IdleTimeout, page: &mut Page<'_>) -> io::Result<()> {
    let Some(broke) = timeout.broke_min_ns else { return Ok(()) };
    let what = if timeout.state == "half-closed" { "half-closed" } else { "idle" };
    let head = format!("How long {what} connections to {} are remembered", timeout.scope);
    page.line(&page.bold(&head))?;
    page.wrapped("", 2, &bracket(timeout, broke))?;
    if let Some(answered) =
        timeout.survived_client_first_ns.filter(|n| Some(*n) > timeout.survived_max_ns)
    {
        let text = format!(
            "After silences of up to {} the client spoke and was answered: by itself no proof, since its packet may have \
             opened a new session.",
            duration(answered)
        );
        page.wrapped("", 2, &text)?;
    }
    let fits: Vec<String> = timeout
        .candidates
        .iter()
        .filter(|c| c.consistent)
        .map(|c| format!("{} ({} s)", c.name, thousands(c.seconds)))
        .collect();
    let defaults =
        if fits.is_empty() { "none of the known devices".into() } else { fits.join(", ") };
    page.wrapped("", 2, &format!("Defaults that fit: {defaults}."))
}

fn bracket(timeout: &IdleTimeout, broke: i64) -> String {
    let most = duration(broke);
    match timeout.survived_max_ns {
        None => format!(
            "At most {most}, the shortest silence that broke a connection; none is known to be outlived."
        ),
        Some(survived) if survived >= broke => format!(
            "Not one fixed time: a silence of {most} broke a connection while another outlived {}.",
            duration(survived)
        ),
        Some(survived) => format!(
            "More than {}, at most {most}: the longest silence outlived and the shortest that broke, over all \
             connections.",
            duration(survived)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn told(survived: Option<i64>, client_first: Option<i64>) -> String {
        let timeout = IdleTimeout {
            scope: "10.96.0.10:80".into(),
            state: "established".into(),
            survived_max_ns: survived.map(|s| s * SECOND),
            survived_client_first_ns: client_first.map(|s| s * SECOND),
            broke_min_ns: Some(1_000 * SECOND),
            candidates: Vec::new(),
        };
        let mut out = Vec::new();
        write(&timeout, &mut Page::new(&mut out, false)).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_bracket_says_what_is_known_of_either_side() {
        let begins = |told: String, words: &str| {
            assert!(told.lines().nth(1).unwrap().trim_start().starts_with(words), "{told}");
        };
        begins(
            told(Some(671), None),
            "More than 671 s (11 min 11 s), at most 1,000 s (16 min 40 s)",
        );
        begins(told(None, None), "At most 1,000 s (16 min 40 s), the shortest silence that broke");
        begins(
            told(Some(1_200), None),
            "Not one fixed time: a silence of 1,000 s (16 min 40 s) broke",
        );
    }

    #[test]
    fn an_answer_to_a_client_is_told_where_it_goes_beyond_the_bracket() {
        let line = "  After silences of up to 900 s (15 min 0 s) the client spoke and was answered";
        assert!(told(Some(671), Some(900)).contains(line));
        assert!(told(None, Some(900)).contains(line));
        assert!(!told(Some(901), Some(900)).contains("the client spoke"));
    }
}
