//! The users' part of a database as a graph, for Mermaid and Graphviz.
//!
//! Readable with two hundred tables: tables that nothing hangs on and that hang on the same tables are
//! one node, and so are the columns that mention the same table.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::Explanation;

/// How many names a node holds; more are counted.
const NAMES: usize = 12;

/// What connects two nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Edge {
    Owner,
    Mention,
    Keeper,
}

/// Nodes by number, each with its lines; the users table is the first.
#[derive(Debug)]
struct Picture {
    nodes: Vec<Node>,
    edges: BTreeSet<(usize, usize, Edge)>,
}

#[derive(Debug)]
struct Node {
    lines: Vec<String>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Users,
    Tables,
    Mentions,
}

impl Picture {
    fn of(explanation: &Explanation) -> Self {
        let mut picture = Self {
            nodes: Vec::new(),
            edges: BTreeSet::new(),
        };
        let owned = picture.add_tables(explanation);
        picture.add_mentions(explanation, &owned);
        picture
    }

    /// The node of each table.
    fn add_tables<'e>(&mut self, explanation: &'e Explanation) -> BTreeMap<&'e str, usize> {
        let mut parents: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for step in &explanation.steps {
            let named = step.because.iter().map(|because| &*because.parent);
            parents.insert(&step.table, named.collect());
        }
        let has_children = |table: &str| {
            let mut named = parents.iter();
            named.any(|(child, parents)| *child != table && parents.contains(table))
        };
        let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
        let mut groups: BTreeMap<BTreeSet<&str>, usize> = BTreeMap::new();
        self.nodes.push(Node {
            lines: vec![explanation.users.clone()],
            kind: Kind::Users,
        });
        numbers.insert(&explanation.users, 0);
        for step in explanation.steps.iter().rev() {
            let table = step.table.as_str();
            if table == explanation.users {
                continue;
            }
            let alone =
                has_children(table) || parents[table].contains(table) || !step.kept_by.is_empty();
            let known = groups.get(&parents[table]).filter(|_| !alone);
            let number = known.copied().unwrap_or(self.nodes.len());
            if number == self.nodes.len() {
                self.nodes.push(Node {
                    lines: Vec::new(),
                    kind: Kind::Tables,
                });
                if !alone {
                    groups.insert(parents[table].clone(), number);
                }
            }
            let rows = step
                .rows
                .map_or_else(String::new, |rows| format!(" ({rows})"));
            self.nodes[number].lines.push(format!("{table}{rows}"));
            numbers.insert(table, number);
        }
        for step in &explanation.steps {
            for parent in &parents[step.table.as_str()] {
                if let (Some(&from), Some(&to)) = (numbers.get(&*step.table), numbers.get(parent)) {
                    self.edges.insert((from, to, Edge::Owner));
                }
            }
            for kept in &step.kept_by {
                if let Some(&from) = numbers.get(&*kept.table) {
                    self.edges
                        .insert((from, numbers[step.table.as_str()], Edge::Keeper));
                }
            }
        }
        numbers
    }

    fn add_mentions(&mut self, explanation: &Explanation, numbers: &BTreeMap<&str, usize>) {
        let keepers = explanation.steps.iter().flat_map(|step| &step.kept_by);
        let drawn: BTreeSet<&str> = keepers.map(|kept| &*kept.from).collect();
        let mut by_parent: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
        for stay in explanation
            .mentions
            .iter()
            .filter(|stay| !drawn.contains(&*stay.reference.from))
        {
            if let Some(&parent) = numbers.get(&*stay.reference.parent) {
                by_parent
                    .entry(parent)
                    .or_default()
                    .insert(&stay.reference.from);
            }
        }
        for (parent, columns) in by_parent {
            let number = self.nodes.len();
            self.nodes.push(Node {
                lines: columns.into_iter().map(str::to_owned).collect(),
                kind: Kind::Mentions,
            });
            self.edges.insert((number, parent, Edge::Mention));
        }
    }
}

impl Node {
    /// Its lines, cut.
    fn shown(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.lines.iter().take(NAMES).cloned().collect();
        if self.lines.len() > NAMES {
            lines.push(format!("and {} more", self.lines.len() - NAMES));
        }
        lines
    }
}

/// As a Mermaid flowchart. Whatever is no plain letter in a name is written as an entity.
#[must_use]
pub fn mermaid(explanation: &Explanation) -> String {
    let picture = Picture::of(explanation);
    let mut text = String::from("flowchart RL\n");
    for (number, node) in picture.nodes.iter().enumerate() {
        let lines: Vec<String> = node.shown().iter().map(|line| entities(line)).collect();
        let label = lines.join("<br>");
        let (open, close) = match node.kind {
            Kind::Users => ("([", "])"),
            Kind::Tables => ("[", "]"),
            Kind::Mentions => ("[/", "/]"),
        };
        let _ = writeln!(text, "    n{number}{open}\"{label}\"{close}");
    }
    for (from, to, edge) in &picture.edges {
        let arrow = match edge {
            Edge::Owner => "-->",
            Edge::Mention => "-.->|mentions|",
            Edge::Keeper => "==>|keeps|",
        };
        let _ = writeln!(text, "    n{from} {arrow} n{to}");
    }
    text
}

fn entities(line: &str) -> String {
    let one = |c: char| match c {
        _ if c.is_alphanumeric() || " _.,()-".contains(c) => c.to_string(),
        _ => format!("#{};", u32::from(c)),
    };
    line.chars().map(one).collect()
}

/// As a Graphviz digraph.
#[must_use]
pub fn dot(explanation: &Explanation) -> String {
    let picture = Picture::of(explanation);
    let mut text = String::from("digraph users {\n    rankdir=RL;\n    node [shape=box];\n");
    for (number, node) in picture.nodes.iter().enumerate() {
        let lines: Vec<String> = node.shown().iter().map(|line| escaped(line)).collect();
        let style = match node.kind {
            Kind::Users => ", shape=ellipse",
            Kind::Tables => "",
            Kind::Mentions => ", style=dashed",
        };
        let label = lines.join("\\n");
        let _ = writeln!(text, "    n{number} [label=\"{label}\"{style}];");
    }
    for (from, to, edge) in &picture.edges {
        let style = match edge {
            Edge::Owner => "",
            Edge::Mention => " [style=dashed, label=\"mentions\"]",
            Edge::Keeper => " [style=bold, label=\"keeps\"]",
        };
        let _ = writeln!(text, "    n{from} -> n{to}{style};");
    }
    text + "}\n"
}

fn escaped(line: &str) -> String {
    let one = |c: char| match c {
        '"' | '\\' => format!("\\{c}"),
        _ if c.is_control() => " ".into(),
        _ => c.to_string(),
    };
    line.chars().map(one).collect()
}
