//! Order among tables: what is reachable from the users, and which tables reach each other.

use std::ops::Range;

use super::Group;
use crate::graph::{Graph, Reference};
use crate::manifest::Meaning;
use crate::schema::Action;

/// Which tables hold users' rows: those that lead to the users table over owner references, those
/// that keepers of such rows name, and the users table itself.
pub(super) fn reachable(tables: usize, graph: &Graph) -> Vec<bool> {
    let mut owned = vec![false; tables];
    owned[graph.users] = true;
    closure(&ways(graph, tables), owned)
}

/// These tables, and those to which `SQLite` would cascade from them, whatever a reference means.
pub(super) fn cascaded(graph: &Graph, tables: Vec<bool>) -> Vec<bool> {
    let cascades = |r: &Reference| r.on_delete == Some(Action::Cascade);
    closure(&children(graph, tables.len(), cascades), tables)
}

/// The tables whose rows may go because rows of each go: those that belong to them, and those that
/// they keep.
fn ways(graph: &Graph, tables: usize) -> Vec<Vec<usize>> {
    let owned = |r: &Reference| r.meaning == Meaning::Owner;
    let mut ways = children(graph, tables, owned);
    let kept = graph
        .references
        .iter()
        .filter(|r| r.meaning == Meaning::Keeper);
    for reference in kept {
        ways[reference.child].extend(reference.parent);
    }
    ways
}

/// The children of each table over the references that count.
fn children(graph: &Graph, tables: usize, counts: impl Fn(&Reference) -> bool) -> Vec<Vec<usize>> {
    let mut children = vec![Vec::new(); tables];
    for reference in graph.references.iter().filter(|r| counts(r)) {
        if let Some(parent) = reference.parent {
            children[parent].push(reference.child);
        }
    }
    children
}

fn closure(children: &[Vec<usize>], mut tables: Vec<bool>) -> Vec<bool> {
    let mut found: Vec<usize> = (0..tables.len()).filter(|&table| tables[table]).collect();
    while let Some(parent) = found.pop() {
        for &child in &children[parent] {
            if !tables[child] {
                tables[child] = true;
                found.push(child);
            }
        }
    }
    tables
}

/// The owned tables in order, parents before children, keepers before what they keep, and the groups
/// they form. The users table
/// comes first: nothing owns it.
pub(super) fn ordered(graph: &Graph, owned: &[bool]) -> (Vec<usize>, Vec<Group>) {
    let mut tarjan = Tarjan::new(ways(graph, owned.len()));
    for table in std::iter::once(graph.users).chain(0..owned.len()) {
        if owned[table] && tarjan.seen[table].is_none() {
            tarjan.visit(table);
        }
    }
    // Tarjan finishes a component after all that is reachable from it, children first.
    tarjan.components.reverse();
    let (mut order, mut groups) = (Vec::new(), Vec::new());
    for mut component in std::mem::take(&mut tarjan.components) {
        component.sort_unstable();
        let names_itself = tarjan.children[component[0]].contains(&component[0]);
        let cyclic = component.len() > 1 || names_itself;
        let tables: Range<usize> = order.len()..order.len() + component.len();
        groups.push(Group { tables, cyclic });
        order.append(&mut component);
    }
    (order, groups)
}

/// Strongly connected components (R. Tarjan, Depth-first search and linear graph algorithms,
/// SIAM J. Comput. 1(2), 1972), with its own stack: a hostile schema may hold a chain of 30,000 tables.
struct Tarjan {
    children: Vec<Vec<usize>>,
    seen: Vec<Option<usize>>,
    low: Vec<usize>,
    on_stack: Vec<bool>,
    stack: Vec<usize>,
    next: usize,
    components: Vec<Vec<usize>>,
}

impl Tarjan {
    fn new(children: Vec<Vec<usize>>) -> Self {
        let tables = children.len();
        Self {
            children,
            seen: vec![None; tables],
            low: vec![0; tables],
            on_stack: vec![false; tables],
            stack: Vec::new(),
            next: 0,
            components: Vec::new(),
        }
    }

    fn visit(&mut self, start: usize) {
        let mut path = vec![(start, 0)];
        self.enter(start);
        while let Some((table, at)) = path.last_mut() {
            let table = *table;
            if let Some(&child) = self.children[table].get(*at) {
                *at += 1;
                match self.seen[child] {
                    None => {
                        self.enter(child);
                        path.push((child, 0));
                    }
                    Some(seen) if self.on_stack[child] => {
                        self.low[table] = self.low[table].min(seen);
                    }
                    Some(_) => {}
                }
            } else {
                path.pop();
                self.leave(table, path.last().map(|(parent, _)| *parent));
            }
        }
    }

    fn enter(&mut self, table: usize) {
        self.seen[table] = Some(self.next);
        self.low[table] = self.next;
        self.next += 1;
        self.stack.push(table);
        self.on_stack[table] = true;
    }

    fn leave(&mut self, table: usize, parent: Option<usize>) {
        if let Some(parent) = parent {
            self.low[parent] = self.low[parent].min(self.low[table]);
        }
        if self.seen[table] != Some(self.low[table]) {
            return;
        }
        let mut component = Vec::new();
        while let Some(member) = self.stack.pop() {
            self.on_stack[member] = false;
            component.push(member);
            if member == table {
                break;
            }
        }
        self.components.push(component);
    }
}
