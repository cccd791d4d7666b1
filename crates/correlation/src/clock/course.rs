//! Where a clock may have been set, and which packets cannot be right.
//!
//! Delay only loosens what a packet proves, so where packets contradict one another, either a clock was set between them or
//! the times of one of them are wrong. Which of both is found by the fewest assumptions: of all courses that the offset may
//! have taken, at a limited rate and with jumps, the one that jumps and leaves out packets least often. It is found exactly,
//! in one pass: for each offset at the time reached, what the cheapest course to it costs.

use super::Constraint;

/// The cheapest course.
pub(super) struct Course {
    /// Before which constraints it jumps: places in the order given.
    pub(super) jumps: Vec<usize>,
    /// Those it leaves out: places in the order given, ascending.
    pub(super) out: Vec<usize>,
}

/// The cheapest course through constraints in order of capture, if the offset changes by at most `rate` nanoseconds a second
/// between jumps, and times are off by at most `noise` nanoseconds. `jump` is what a jump costs; a packet left out costs 1.
pub(super) fn course<'a>(
    constraints: impl Iterator<Item = &'a Constraint>,
    rate: f64,
    noise: i64,
    jump: u32,
) -> Course {
    let mut costs = Costs::new(jump);
    let mut before: Option<&Constraint> = None;
    for (place, c) in constraints.enumerate() {
        costs.widen(before.map_or(0, |before| drift(before, c, rate)));
        costs.restart(place);
        costs.take(c, noise, place);
        before = Some(c);
    }
    costs.trace()
}

/// How far the offset may drift from one constraint to the next, nanoseconds.
pub(super) fn drift(before: &Constraint, after: &Constraint, rate: f64) -> i64 {
    let here = |c: &Constraint| c.at + c.difference;
    let by_reference = after.at.since(before.at).saturating_abs();
    // A reference clock that was set by years says nothing of how much time went by.
    let most = here(after).since(here(before)).saturating_abs().saturating_add(LONG);
    (by_reference.min(most) as f64 * rate / 1e9).ceil() as i64
}

/// An interval of offsets that cost the same.
#[derive(Clone, Copy, Debug)]
struct Level {
    /// The highest of them; the lowest is next to the highest of the level below.
    high: i64,
    cost: u32,
    /// How it was come by; of no use where it costs more than a jump.
    node: u32,
}

/// A decision, and those before it.
#[derive(Clone, Copy, Debug)]
struct Node {
    before: u32,
    place: usize,
    jumps: bool,
}

/// For each offset, what the cheapest course to it costs.
struct Costs {
    jump: u32,
    levels: Vec<Level>,
    spare: Vec<Level>,
    nodes: Vec<Node>,
    /// How many nodes there may be before those of no use are thrown away.
    crowded: usize,
}

impl Costs {
    fn new(jump: u32) -> Self {
        let start = Node { before: 0, place: 0, jumps: false };
        Self {
            jump,
            levels: vec![Level { high: i64::MAX, cost: 0, node: 0 }],
            spare: Vec::new(),
            nodes: vec![start],
            crowded: CROWDED,
        }
    }

    fn best(&self) -> Level {
        let first = self.levels[0];
        self.levels.iter().fold(first, |best, l| if l.cost < best.cost { *l } else { best })
    }

    /// The offset may have drifted by so much: cheap levels grow, dear ones shrink.
    fn widen(&mut self, by: i64) {
        if by == 0 {
            return;
        }
        let mut wide = std::mem::take(&mut self.spare);
        wide.clear();
        let mut low = i64::MIN;
        for level in &self.levels {
            let high = level.high.saturating_add(by);
            let from = low.saturating_sub(by);
            while let Some(last) = wide.last_mut()
                && last.cost > level.cost
            {
                // It ends where this one begins, unless nothing of it is left.
                let begins = wide.len().checked_sub(2).map_or(i64::MIN, |i| wide[i].high);
                if begins < from {
                    if let Some(last) = wide.last_mut() {
                        last.high = from;
                    }
                    break;
                }
                wide.pop();
            }
            let begins = wide.last().map_or(i64::MIN, |l: &Level| l.high);
            if high > begins || wide.is_empty() {
                wide.push(Level { high, ..*level });
            }
            low = level.high;
        }
        self.spare = std::mem::replace(&mut self.levels, wide);
    }

    /// What costs more than a jump is reached by a jump.
    fn restart(&mut self, place: usize) {
        let best = self.best();
        let most = best.cost + self.jump;
        if self.levels.iter().all(|l| l.cost <= most) {
            return;
        }
        self.tidy();
        let best = self.best();
        let node = self.node(Node { before: best.node, place, jumps: true });
        for level in self.levels.iter_mut().filter(|l| l.cost > most) {
            (level.cost, level.node) = (most, node);
        }
        self.join();
    }

    /// Offsets that a constraint does not allow cost one more.
    fn take(&mut self, c: &Constraint, noise: i64, place: usize) {
        let edge = match c.forward {
            true => c.difference.saturating_add(noise),
            false => c.difference.saturating_sub(noise).saturating_sub(1),
        };
        let at = self.levels.partition_point(|l| l.high < edge);
        if self.levels[at].high > edge {
            self.levels.insert(at, Level { high: edge, ..self.levels[at] });
        }
        let out = if c.forward { at + 1..self.levels.len() } else { 0..at + 1 };
        let cost = |(i, l): (usize, &Level)| l.cost + u32::from(out.contains(&i));
        let best = self.levels.iter().enumerate().map(cost).min().unwrap_or(0);
        for i in out {
            let Level { cost, node, .. } = self.levels[i];
            let useful = cost < best + self.jump;
            let node = match useful {
                true => self.node(Node { before: node, place, jumps: false }),
                false => node,
            };
            self.levels[i] = Level { cost: cost + 1, node, ..self.levels[i] };
        }
        if self.levels.len() > MAX_LEVELS {
            // Only the cheapest, and jumps.
            let dear = best + self.jump + 1;
            self.levels.iter_mut().filter(|l| l.cost > best).for_each(|l| l.cost = dear);
            let mut cheap = 0;
            for level in self.levels.iter_mut().filter(|l| l.cost == best) {
                cheap += 1;
                if cheap > MAX_LEVELS / 2 {
                    level.cost = dear;
                }
            }
            self.join();
        }
    }

    /// Neighbours that cost the same and came the same way, or that are reached by jumps only, are one.
    fn join(&mut self) {
        let most = self.best().cost + self.jump;
        self.levels.dedup_by(|next, level| {
            let same = next.cost == level.cost && (next.node == level.node || next.cost > most);
            if same {
                level.high = next.high;
            }
            same
        });
    }

    fn node(&mut self, node: Node) -> u32 {
        self.nodes.push(node);
        u32::try_from(self.nodes.len() - 1).unwrap_or(u32::MAX)
    }

    /// Throws nodes away that no level came by.
    fn tidy(&mut self) {
        if self.nodes.len() < self.crowded {
            return;
        }
        const USELESS: u32 = u32::MAX;
        let mut place = vec![USELESS; self.nodes.len()];
        place[0] = 0;
        for level in &self.levels {
            let mut at = level.node as usize;
            while place[at] == USELESS {
                place[at] = 0;
                at = self.nodes[at].before as usize;
            }
        }
        // Those before come first, so that their new places are known.
        let mut kept: Vec<Node> = Vec::new();
        for (i, node) in self.nodes.iter().enumerate() {
            if place[i] != USELESS {
                place[i] = u32::try_from(kept.len()).unwrap_or(USELESS);
                kept.push(Node { before: place[node.before as usize], ..*node });
            }
        }
        self.levels.iter_mut().for_each(|l| l.node = place[l.node as usize]);
        self.nodes = kept;
        self.crowded = CROWDED.max(2 * self.nodes.len());
    }

    fn trace(self) -> Course {
        let (mut jumps, mut out) = (Vec::new(), Vec::new());
        let mut at = self.best().node;
        while at != 0 {
            let Node { before, place, jumps: is_jump } = self.nodes[at as usize];
            if is_jump { &mut jumps } else { &mut out }.push(place);
            at = before;
        }
        jumps.reverse();
        out.reverse();
        Course { jumps, out }
    }
}

/// More time between two packets than this is believed only if both clocks show it, nanoseconds.
const LONG: i64 = 10_000_000_000;

/// Packets of real networks leave some ten.
const MAX_LEVELS: usize = 64;

/// A million bytes or so.
const CROWDED: usize = 1 << 16;
