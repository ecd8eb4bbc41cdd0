//! The backhaul: who reaches whom, and what a node's engine makes of it.

use std::collections::BTreeMap;

use super::plan::{Dice, MILLI};

/// How a node sees another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    Never,
    Up,
    Suspect,
    Down,
}

pub const SUSPECT: u64 = 200 * MILLI;
pub const DOWN: u64 = 400 * MILLI;

/// Which directions between which nodes are cut.
#[derive(Debug)]
pub struct Net {
    nodes: usize,
    cut: Vec<bool>,
}

impl Net {
    pub fn new(nodes: usize) -> Self {
        Self { nodes, cut: vec![false; nodes * nodes] }
    }

    pub fn is_open(&self, from: usize, to: usize) -> bool {
        !self.cut[from * self.nodes + to]
    }

    pub fn cut(&mut self, from: usize, to: usize) {
        self.cut[from * self.nodes + to] = true;
    }

    pub fn heal(&mut self) {
        self.cut.fill(false);
    }

    pub fn is_whole(&self) -> bool {
        !self.cut.contains(&true)
    }

    /// A node from all others, in both directions.
    pub fn cut_off(&mut self, node: usize) {
        for other in 0..self.nodes {
            self.cut(node, other);
            self.cut(other, node);
        }
    }

    /// The nodes in two halves.
    pub fn split(&mut self, dice: &mut Dice) {
        let half: Vec<bool> = (0..self.nodes).map(|_| dice.chance(500)).collect();
        for from in 0..self.nodes {
            for to in (0..self.nodes).filter(|to| half[from] != half[*to]) {
                self.cut(from, to);
            }
        }
    }
}

/// What a node's engine knows of another: when it heard it, and its rows.
#[derive(Clone, Debug)]
pub struct Seen {
    pub at: u64,
    pub view: View,
    pub incarnation: u64,
    pub version: u64,
    pub rows: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Default for Seen {
    fn default() -> Self {
        Self { at: 0, view: View::Never, incarnation: 0, version: 0, rows: BTreeMap::new() }
    }
}
