//! Columns that name files: values that stand in the paths of files below the application's
//! directory. Pure but for the samples.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::types::Value;

use super::evidence::Evidence;
use super::file_names::{Hit, Index, Shape, looks_like_path, without_query};
use super::names::is_plain;
use super::tree::Tree;
use super::values::values_in_json;
use super::vocabulary::HOLDERS;
use super::words::{singulars, words};
use crate::error::Result;
use crate::schema::Schema;

/// A column whose values name files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileProposal {
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
    /// Where in JSON the value stands.
    pub json: Option<String>,
    /// Where the file of a value stands, where that is not the value itself.
    pub path: Option<String>,
    /// The directory that holds them all.
    pub root: String,
    /// What was seen.
    pub evidence: String,
}

/// A proposal, and the files that it is about.
struct Found {
    proposal: FileProposal,
    files: BTreeSet<String>,
    /// The value is the name of a directory above them.
    is_directory: bool,
    /// Each row names a file of its own, and goes with its user: the file is at home there.
    is_home: bool,
}

/// The columns of a database whose values name files of a tree. `owned` are the tables whose rows go
/// with users: where a file is at home in one of them, other columns only mention it.
pub(super) fn columns(
    schema: &Schema,
    owned: &BTreeSet<usize>,
    evidence: &Evidence,
    tree: &Tree,
) -> Result<Vec<FileProposal>> {
    let index = Index::of(tree);
    let mut found: Vec<Found> = Vec::new();
    for (at, table) in schema
        .tables
        .iter()
        .enumerate()
        .filter(|(_, t)| is_plain(t))
    {
        for (position, column) in table.columns.iter().enumerate() {
            let texts = evidence.texts(at, position)?;
            let name = (table.name.as_str(), column.name.as_str());
            let mut of_column = of_column(&index, &texts, name);
            of_column.extend(inside_json(&index, &texts, name));
            let holder = singulars(&words(&table.name))
                .last()
                .is_some_and(|last| HOLDERS.split(' ').any(|noun| last.ends_with(noun)));
            let values: BTreeSet<&String> = texts.iter().collect();
            let key = table.is_key(std::slice::from_ref(&column.name));
            let own = holder && values.len() == texts.len();
            let goes = owned.contains(&at);
            of_column.retain(|one| goes || !one.is_directory);
            for one in &mut of_column {
                one.is_home = goes && (key || (own && !one.is_directory));
            }
            found.extend(of_column);
        }
    }
    let elsewhere = |one: &Found| {
        let holds = |home: &Found| {
            home.proposal.table != one.proposal.table && one.files.is_subset(&home.files)
        };
        !one.is_home && found.iter().filter(|home| home.is_home).any(holds)
    };
    let kept = found.iter().filter(|one| !elsewhere(one));
    Ok(kept.map(|one| one.proposal.clone()).collect())
}

/// What the values inside the JSON of one column name.
fn inside_json(index: &Index, texts: &[String], column: (&str, &str)) -> Vec<Found> {
    let mut found = Vec::new();
    for (path, values) in values_in_json(texts) {
        let texts: Vec<String> = values
            .into_iter()
            .filter_map(|value| match value {
                Value::Text(text) => Some(text),
                _ => None,
            })
            .collect();
        let files = of_column(index, &texts, column).into_iter();
        let exact = files.filter(|one| !one.is_directory);
        found.extend(exact.map(|mut one| {
            one.proposal.json = Some(path.clone());
            one
        }));
    }
    found
}

/// What the values of one column name.
fn of_column(index: &Index, texts: &[String], column: (&str, &str)) -> Vec<Found> {
    let values: BTreeSet<&str> = texts.iter().map(String::as_str).collect();
    let mut hits: BTreeMap<Shape, Vec<Hit>> = BTreeMap::new();
    for value in values.iter().filter(|value| may_name_file(value)) {
        index.look_up(value, &mut hits);
    }
    let exact = leave_out_named(&mut hits);
    let mut found = Vec::new();
    for (shape, hits) in &hits {
        let distinct: BTreeSet<&str> = hits.iter().map(|hit| hit.value).collect();
        let named = distinct.iter().any(|value| looks_like_path(value));
        let other_kind = shape.part == "{stem}" && shape.after.starts_with('.');
        let most = distinct.len() > 2 && distinct.len() * 10 >= values.len() * 8;
        let enough = if other_kind {
            most
        } else {
            named || (distinct.len() * 2 >= values.len() && distinct.len() > 1)
        };
        // What is derived from a file is recognised beside that file.
        let beside = shape.after.is_empty() || exact || distinct.len() > 1;
        if !enough || !beside {
            continue;
        }
        let evidence = format!(
            "{} of {} values stand in the paths of files",
            distinct.len(),
            values.len()
        );
        let files = hits.iter().map(|hit| hit.path.clone()).collect();
        found.extend(propose(shape, hits, column).map(|proposal| Found {
            proposal: FileProposal {
                evidence,
                ..proposal
            },
            files,
            is_directory: shape.after.contains('/'),
            is_home: false,
        }));
    }
    found
}

/// A file that a value names is not derived from that of another: such hits are left out. Whether
/// any file is named.
fn leave_out_named(hits: &mut BTreeMap<Shape, Vec<Hit>>) -> bool {
    let names_it = |shape: &Shape| shape.part != "{stem}" && shape.after.is_empty();
    let exact = hits.iter().filter(|(shape, _)| names_it(shape));
    let named: BTreeSet<String> = exact
        .flat_map(|(_, hits)| hits.iter().map(|hit| hit.path.clone()))
        .collect();
    for (_, hits) in hits.iter_mut().filter(|(shape, _)| !names_it(shape)) {
        hits.retain(|hit| !named.contains(&hit.path));
    }
    hits.retain(|_, hits| !hits.is_empty());
    !named.is_empty()
}

fn propose(shape: &Shape, hits: &[Hit], (table, column): (&str, &str)) -> Option<FileProposal> {
    let first = &hits.first()?.directories;
    let same = |at: usize| hits.iter().all(|hit| hit.directories[at] == first[at]);
    let steps: Vec<&str> = (0..shape.directories)
        .map(|at| if same(at) { first[at].as_str() } else { "*" })
        .collect();
    let spelt: Vec<&str> = steps
        .iter()
        .copied()
        .take_while(|step| *step != "*")
        .collect();
    let inner = |value: &str| {
        value
            .trim_start_matches('/')
            .split_once('/')
            .map(|(first, _)| first.to_owned())
    };
    let inner: BTreeSet<Option<String>> = hits.iter().map(|hit| inner(hit.value)).collect();
    let mut root: Vec<String> = spelt.iter().map(|step| (*step).to_owned()).collect();
    if spelt.len() == steps.len() && inner.len() == 1 && shape.part == "{value}" {
        root.extend(inner.into_iter().flatten());
    }
    if root.is_empty()
        || steps
            .iter()
            .chain(&[shape.before.as_str(), shape.after.as_str()])
            .any(|step| step.contains(['{', '}']))
    {
        return None;
    }
    // `/media/a.jpg` is a path of the application's site, not of the file system.
    let rooted = steps.is_empty() && hits.iter().any(|hit| hit.value.starts_with('/'));
    let steps = if rooted { vec!["."] } else { steps };
    let before: String = steps.iter().flat_map(|step| [*step, "/"]).collect();
    let path = format!("{before}{}{}{}", shape.before, shape.part, shape.after);
    Some(FileProposal {
        table: table.into(),
        column: column.into(),
        json: None,
        path: (path != "{value}").then_some(path),
        root: root.join("/"),
        evidence: String::new(),
    })
}

/// A value that may stand in a path: no text, no number, no address.
fn may_name_file(value: &str) -> bool {
    let length = (4..=512).contains(&value.len());
    let characters = !value.contains(['\n', '\0']) && !value.split('/').any(|name| name == "..");
    let value = without_query(value);
    length && characters && !value.ends_with('/') && value.chars().any(char::is_alphabetic)
}
