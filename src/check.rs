//! Manifest against database: what the manifest does not say, leaves open, or says of what is not there.

use std::collections::BTreeSet;

use rusqlite::Connection;

use crate::database;
use crate::error::{Error, Result};
use crate::full_text::stands_alone;
use crate::graph::Graph;
use crate::inference::{Reference, references_to_persons};
use crate::manifest::{Columns, Decision, Manifest, Meaning, quoted};
use crate::nearest::nearest;
use crate::outbox;
use crate::plan::{Accounts, Plan};
use crate::run::App;
use crate::schema::{self, Schema, Table, TableKind};

/// What [`App::check`] found.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Which manifest was checked.
    pub manifest: String,
    /// The database.
    pub database: String,
    /// Tables that were held against it.
    pub tables: u64,
    /// What is wrong; nothing if all is well.
    pub findings: Vec<Finding>,
}

/// Something that the manifest does not say, leaves open, or says of what is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind of thing.
    pub kind: FindingKind,
    /// The table, or `table.column`.
    pub subject: String,
    /// What is wrong, and what to do.
    pub message: String,
    /// The line to write, if it is one line.
    pub line: Option<String>,
}

/// What kind of thing was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindingKind {
    /// A table of which the manifest says nothing.
    UnclaimedTable,
    /// A column that looks as if it names a user, of which neither manifest nor database says what it means.
    UnclaimedColumn,
    /// A reference that is not decided.
    Undecided,
    /// The manifest names what is not in the database.
    Gone,
    /// A run would be refused.
    Refused,
}

impl FindingKind {
    /// A word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::UnclaimedTable => "unclaimed table",
            Self::UnclaimedColumn => "unclaimed column",
            Self::Undecided => "undecided",
            Self::Gone => "gone",
            Self::Refused => "refused",
        }
    }
}

impl App {
    /// Holds the manifest against the database. Changes nothing.
    ///
    /// Fails where the database cannot be read, or is not one that the built-in manifest serves.
    pub fn check(&self) -> Result<Checked> {
        let target = self.target();
        database::look(&target.database, |connection| {
            let mut schema = schema::read(connection)?;
            schema.tables.retain(|table| table.name != outbox::TABLE);
            Ok(Checked {
                manifest: target.manifest.source.to_string(),
                database: crate::roots::shown(&target.database),
                tables: schema.tables.iter().filter(|t| holds_rows(t.kind)).count() as u64,
                findings: findings(connection, &schema, &target.manifest)?,
            })
        })
    }
}

fn holds_rows(kind: TableKind) -> bool {
    matches!(kind, TableKind::Rowid | TableKind::WithoutRowid)
}

fn findings(connection: &Connection, schema: &Schema, manifest: &Manifest) -> Result<Vec<Finding>> {
    let gone = gone(schema, manifest);
    if !gone.is_empty() {
        return Ok(gone);
    }
    let graph = Graph::new(schema, manifest)?;
    let plan = match Plan::new(schema, &graph, manifest, Accounts::Delete) {
        Ok(plan) => plan,
        Err(Error::UndecidedReferences(undecided)) => {
            let found = undecided.iter().map(|one| Finding {
                kind: FindingKind::Undecided,
                subject: one.columns.to_string(),
                message: format!(
                    "it names a row of `{}`; write \"owner\" if its row goes with that, \"mention\" if it stays",
                    one.parent
                ),
                line: Some(format!("{} = \"owner\"", one.columns.to_toml())),
            });
            return Ok(found.collect());
        }
        Err(error) => {
            return Ok(vec![Finding {
                kind: FindingKind::Refused,
                subject: manifest.users.table.clone(),
                message: error.to_string(),
                line: None,
            }]);
        }
    };
    let mut findings = unclaimed_tables(schema, manifest, &plan);
    findings.extend(unclaimed_columns(connection, schema, manifest)?);
    Ok(findings)
}

/// Tables and columns that the manifest names and the database has not.
fn gone(schema: &Schema, manifest: &Manifest) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut told = BTreeSet::new();
    let listed = manifest.tables.kept.iter().chain(&manifest.tables.shared);
    let tables = manifest
        .tables()
        .chain(listed.map(|table| (table.as_str(), "[tables]")));
    for (table, place) in tables {
        if schema.table(table).is_none() && told.insert((table.to_ascii_lowercase(), place)) {
            let names = schema.tables.iter().map(|t| t.name.as_str());
            let near = nearest(table, names).map(str::to_owned);
            let line = near
                .as_ref()
                .and_then(|near| corrected(manifest, table, near));
            findings.push(missing(table, place, near.as_deref(), line));
        }
    }
    let files = manifest
        .files
        .columns
        .iter()
        .map(|file| (file.column.clone(), "[files]"));
    let users = manifest.users.names.iter().chain(&manifest.users.key);
    let users = users.map(|name| (Columns::one(&manifest.users.table, name), "[users]"));
    let references = manifest.references.iter().flat_map(|(from, decision)| {
        let to = decision
            .undeclared()
            .iter()
            .map(|one| (one.to.clone(), "[references]"));
        std::iter::once((from.clone(), "[references]")).chain(to)
    });
    for (columns, place) in references.chain(files).chain(users) {
        let Some(table) = schema.table(&columns.table) else {
            continue;
        };
        let rowid = table.kind == TableKind::Virtual;
        for column in &columns.columns {
            let known =
                table.column(column).is_some() || (rowid && column.eq_ignore_ascii_case("rowid"));
            let of = |column: &str| Columns::one(&columns.table, column).to_string();
            let subject = of(column);
            if !known && told.insert((subject.to_ascii_lowercase(), place)) {
                let near = nearest(column, table.columns.iter().map(|c| c.name.as_str()));
                let line = near.and_then(|near| match place {
                    "[users]" => corrected(manifest, column, near),
                    _ => corrected(manifest, &subject, &of(near)),
                });
                let near = near.map(of);
                findings.push(missing(&subject, place, near.as_deref(), line));
            }
        }
    }
    findings
}

/// The first line that holds a name, with another name for it.
fn corrected(manifest: &Manifest, wrong: &str, right: &str) -> Option<String> {
    let around = |name: &str| {
        [
            format!("\"{name}\""),
            format!("\"{name}."),
            format!(".{name}\""),
        ]
    };
    let pairs: Vec<_> = around(wrong).into_iter().zip(around(right)).collect();
    let mut lines = manifest.text.lines().map(str::trim);
    lines.find_map(|line| {
        let (wrong, right) = pairs.iter().find(|(wrong, _)| line.contains(wrong))?;
        Some(line.replace(wrong, right))
    })
}

fn missing(subject: &str, place: &str, near: Option<&str>, line: Option<String>) -> Finding {
    let remedy = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => "take the line out".to_owned(),
    };
    Finding {
        kind: FindingKind::Gone,
        subject: subject.into(),
        message: format!("{place} names it, and it is not in the database; {remedy}"),
        line,
    }
}

/// Tables that are neither a user's nor said to be nobody's.
fn unclaimed_tables(schema: &Schema, manifest: &Manifest, plan: &Plan) -> Vec<Finding> {
    let planned = |name: &str| {
        plan.tables
            .iter()
            .any(|t| t.name.eq_ignore_ascii_case(name))
    };
    let listed = || manifest.tables.kept.iter().chain(&manifest.tables.shared);
    let is_listed = |name: &str| listed().any(|one| one.eq_ignore_ascii_case(name));
    let to_claim = |table: &&Table| holds_rows(table.kind) || stands_alone(schema, table);
    let tables = schema.tables.iter().filter(to_claim);
    let unclaimed = tables.filter(|table| !planned(&table.name) && !is_listed(&table.name));
    let found = unclaimed.map(|table| Finding {
        kind: FindingKind::UnclaimedTable,
        subject: table.name.clone(),
        message: "no reference makes its rows a user's; name it in `kept` or `shared` under [tables], or write the \
                  reference to its owner under [references]"
            .into(),
        line: Some(format!("shared = [{}]", quoted(&table.name))),
    });
    found.collect()
}

/// Columns that name users, as far as names and values tell, of which nobody says what they mean.
fn unclaimed_columns(
    connection: &Connection,
    schema: &Schema,
    manifest: &Manifest,
) -> Result<Vec<Finding>> {
    let found = references_to_persons(connection, schema, &manifest.users)?;
    let unclaimed = found
        .into_iter()
        .filter(|reference| !claimed(manifest, reference));
    let finding = |reference: Reference| {
        let undecided = reference.is == Meaning::Undecided;
        Finding {
            kind: if undecided {
                FindingKind::Undecided
            } else {
                FindingKind::UnclaimedColumn
            },
            subject: reference.from.to_string(),
            message: format!(
                "it looks as if it names a user ({}); write what it means, or `= \"nothing\"`",
                reference.because()
            ),
            line: Some(reference.line()),
        }
    };
    Ok(unclaimed.map(finding).collect())
}

fn claimed(manifest: &Manifest, reference: &Reference) -> bool {
    let same = |columns: &Columns| {
        columns.table.eq_ignore_ascii_case(&reference.from.table)
            && columns.columns.len() == reference.from.columns.len()
            && columns
                .columns
                .iter()
                .zip(&reference.from.columns)
                .all(|(one, other)| one.eq_ignore_ascii_case(other))
    };
    let listed = manifest
        .references
        .iter()
        .find(|(columns, _)| same(columns));
    let is_book = manifest
        .tables
        .kept
        .iter()
        .any(|table| table.eq_ignore_ascii_case(&reference.from.table));
    match listed {
        Some((_, Decision::Declared(Meaning::Undecided))) => false,
        Some(_) => true,
        None => reference.declared || is_book,
    }
}
