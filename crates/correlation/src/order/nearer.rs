//! Which of the legs of one path is nearer the client than which, as a graph.

use std::cmp::Ordering;

use petgraph::Direction::Incoming;
use petgraph::graph::{DiGraph, NodeIndex};

use super::polls::Votes;
use crate::Leg;
use crate::keys::Legs;

/// Which of some legs is nearer the client than which: an edge from the nearer one.
#[derive(Clone)]
pub(super) struct Nearer(DiGraph<usize, ()>);

impl Nearer {
    /// By `order`, and what follows from it for legs on either side of a translation.
    pub(super) fn of(group: &[Leg], order: impl Fn(Leg, Leg) -> Ordering, legs: &Legs) -> Self {
        let mut graph = DiGraph::new();
        (0..group.len()).for_each(|place| _ = graph.add_node(place));
        let mut nearer = Self(graph);
        // Legs of equal ends lie on one side of a translation.
        let side = |leg: Leg| legs.key(leg).ends();
        let mut sides: Vec<(_, _, Ordering)> = Vec::new();
        let mut untold = Vec::new();
        for (i, &a) in group.iter().enumerate() {
            for (j, &b) in group.iter().enumerate().skip(i + 1) {
                let order = order(a, b);
                nearer.note(i, j, order);
                if order.is_eq() {
                    untold.push((i, j));
                } else if side(a) != side(b) {
                    sides.push((side(a), side(b), order));
                }
            }
        }
        for (i, j) in untold {
            let (a, b) = (side(group[i]), side(group[j]));
            let told = sides.iter().filter_map(|&(x, y, order)| {
                let turned = (x == b && y == a).then(|| order.reverse());
                if x == a && y == b { Some(order) } else { turned }
            });
            let told: Vec<_> = told.collect();
            match told.first() {
                Some(&first) if told.iter().all(|&order| order == first) => {
                    nearer.note(i, j, first);
                }
                _ => {}
            }
        }
        nearer
    }

    /// The same, and what the other paths make likely.
    pub(super) fn with(&self, group: &[Leg], votes: &Votes) -> Self {
        let (mut more, behind) = (self.clone(), self.behind());
        for (i, a) in group.iter().enumerate() {
            for (j, b) in group.iter().enumerate().skip(i + 1) {
                if (behind[i] >> j | behind[j] >> i) & 1 == 0 {
                    more.note(i, j, votes.verdict(a.point, b.point));
                }
            }
        }
        more
    }

    fn note(&mut self, a: usize, b: usize, order: Ordering) {
        let [a, b] = [a, b].map(NodeIndex::new);
        match order {
            Ordering::Less => _ = self.0.add_edge(a, b, ()),
            Ordering::Greater => _ = self.0.add_edge(b, a, ()),
            Ordering::Equal => {}
        }
    }

    /// Places from client to server; of legs that nothing tells apart, the earlier place first. `None` where packets
    /// contradict each other.
    pub(super) fn sorted(&self) -> Option<Vec<usize>> {
        let mut waiting: Vec<usize> =
            self.0.node_indices().map(|n| self.0.neighbors_directed(n, Incoming).count()).collect();
        let mut places = Vec::new();
        while places.len() < waiting.len() {
            let next = (0..waiting.len()).find(|&p| waiting[p] == 0 && !places.contains(&p))?;
            places.push(next);
            for after in self.0.neighbors(NodeIndex::new(next)) {
                waiting[after.index()] -= 1;
            }
        }
        Some(places)
    }

    /// Of each leg those that are farther from the client, a bit for each: [`MOST_LEGS`](super::MOST_LEGS) fit.
    pub(super) fn behind(&self) -> Vec<u64> {
        let next = |leg| self.0.neighbors(leg).fold(0, |set: u64, n| set | 1 << n.index());
        let mut behind: Vec<u64> = self.0.node_indices().map(next).collect();
        for over in 0..behind.len() {
            for leg in 0..behind.len() {
                if behind[leg] >> over & 1 == 1 {
                    behind[leg] |= behind[over];
                }
            }
        }
        behind
    }
}
