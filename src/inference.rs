//! What a manifest would say, inferred from a database and the files beside it.
//!
//! Evidence is read first: what the schema declares, how tables and columns are named, what a bounded
//! sample of values shows, and how many values are keys of another table. Deciding is pure. Whatever is
//! decided carries its reason, and in doubt a row is kept.

mod alternatives;
mod authorship;
mod candidate;
mod candidates;
mod conditional;
mod content;
mod decide;
mod directories;
mod draft;
mod evidence;
mod file_names;
mod files;
mod founders;
mod full_text;
mod generic;
mod keepers;
mod members;
mod moved;
mod names;
mod naming;
mod neighbours;
mod numbered;
mod persons;
mod prefix;
mod standing;
mod tree;
mod users;
mod values;
mod vocabulary;
mod words;
mod write;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

pub use directories::DirectoryProposal;
pub use draft::{Draft, ProposedTable, ProposedUsers, Reference};
pub use files::FileProposal;
pub use users::UsersCandidate;

use crate::error::{Error, InferenceError, Result};
use crate::full_text::stands_alone;
use crate::manifest::{Columns, Meaning, UserRows, Users};
use crate::schema::{Schema, Table, TableKind};
use candidate::Candidate;
use candidates::Search;
use decide::Decider;
use evidence::Evidence;
use names::{Names, is_plain};
use tree::Tree;

/// What the operator says about the users.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum UsersChoice {
    /// Nothing: the table is found.
    #[default]
    Find,
    /// This table, or the values of this column (`table.column`).
    Named(String),
}

/// Where files are looked for.
#[derive(Clone, Debug)]
pub struct Surroundings<'a> {
    /// The application's directory.
    pub root: &'a Path,
    /// Files in it that are never touched.
    pub protected: &'a [PathBuf],
}

/// Infers a manifest. Reads only, but for temporary tables.
///
/// Fails where no table, or more than one, may be that of the users.
pub fn infer(
    connection: &Connection,
    schema: &Schema,
    surroundings: Option<&Surroundings>,
    choice: &UsersChoice,
) -> Result<Draft> {
    let names = Names::of(schema);
    let users = users(schema, &names, choice)?;
    let evidence = Evidence::new(connection, schema);
    let at = position(schema, &users.table).ok_or(Error::Bug("the users table is gone"))?;
    let key = users
        .key
        .clone()
        .or_else(|| schema.tables[at].key().first().map(|key| (*key).to_owned()));
    let key = key.ok_or_else(|| InferenceError::NoKey {
        table: users.table.clone(),
    })?;
    let search = Search {
        schema,
        names: &names,
        evidence: &evidence,
        users: at,
        user_key: &key,
        user_names: &users.names,
        user_rows: users.rows,
    };
    let (candidates, decider) = decided(&search)?;
    let mut draft = draft(&search, &decider, &candidates, users.clone());
    if let Some(surroundings) = surroundings {
        add_files(&search, &decider.owned, surroundings, &mut draft)?;
    }
    Ok(draft)
}

/// References to users, or to what stands for one, that a manifest with these users would name.
///
/// Fails as reading the database does.
pub(crate) fn references_to_persons(
    connection: &Connection,
    schema: &Schema,
    users: &Users,
) -> Result<Vec<Reference>> {
    let names = Names::of(schema);
    let evidence = Evidence::new(connection, schema);
    let Some(at) = position(schema, &users.table) else {
        return Ok(Vec::new());
    };
    let key = users
        .key
        .clone()
        .or_else(|| schema.tables[at].key().first().map(|key| (*key).to_owned()));
    let Some(key) = key else {
        return Ok(Vec::new());
    };
    let search = Search {
        schema,
        names: &names,
        evidence: &evidence,
        users: at,
        user_key: &key,
        user_names: &users.names,
        user_rows: users.rows,
    };
    let (candidates, decider) = decided(&search)?;
    let of_persons = candidates
        .iter()
        .filter(|c| decider.persons.contains(&c.parent));
    Ok(of_persons.filter_map(|c| reference(schema, c)).collect())
}

/// Every reference that was found, decided as far as it is about users.
fn decided<'a>(search: &Search<'a>) -> Result<(Vec<Candidate>, Decider<'a>)> {
    let mut candidates = search.declared()?;
    candidates.extend(search.generic(&candidates)?);
    candidates.extend(search.named(&candidates)?);
    candidates.extend(search.shown(&candidates)?);
    candidates.extend(search.borne_out(&candidates)?);
    candidates.extend(search.moved(&candidates)?);
    candidates.extend(search.named_under_conditions(&candidates)?);
    search.note_repetitions(&mut candidates)?;
    let mut decider = Decider::new(search, &candidates);
    let redundant = decider.redundant(&candidates);
    let mut at = 0..;
    candidates.retain(|_| at.next().is_some_and(|at| !redundant.contains(&at)));
    decider.decide_persons(&mut candidates);
    search.decide_founders(&mut decider, &mut candidates)?;
    search.note_alternatives(&decider, &mut candidates)?;
    decider.decide_content(&mut candidates);
    while search.decide_keepers(&mut decider, &mut candidates)?
        || search.decide_members(&mut decider, &mut candidates)?
        || search.decide_authorship(&mut decider, &mut candidates)?
    {
        decider.decide_content(&mut candidates);
    }
    let indexes = search.full_text(&decider)?;
    candidates.extend(indexes);
    Ok((candidates, decider))
}

fn draft(
    search: &Search,
    decider: &Decider,
    candidates: &[Candidate],
    users: ProposedUsers,
) -> Draft {
    let schema = search.schema;
    let mut references: Vec<Reference> = candidates
        .iter()
        .filter(|c| decider.owned.contains(&c.parent))
        .filter_map(|c| reference(schema, c))
        .collect();
    references.sort_by(|one, other| {
        one.from
            .cmp(&other.from)
            .then_with(|| one.form.when.cmp(&other.form.when))
    });
    let going = draft::going(search.users, candidates);
    let (mut kept, mut shared) = (Vec::new(), Vec::new());
    for (at, table) in schema.tables.iter().enumerate() {
        let to_claim = is_plain(table) || stands_alone(schema, table);
        if going.contains(&at) || !to_claim {
            continue;
        }
        let name = table.name.clone();
        match decider.book(at, candidates) {
            Some(word) => kept.push(ProposedTable {
                name,
                reason: format!("the application's own books: `{word}`"),
            }),
            None => shared.push(ProposedTable {
                name,
                reason: why_shared(candidates, decider, at),
            }),
        }
    }
    Draft {
        database: None,
        users,
        references,
        kept,
        shared,
        sessions: sessions(schema, decider, search.users),
        roots: Vec::new(),
        files: Vec::new(),
        directories: Vec::new(),
        warnings: Vec::new(),
    }
}

/// The tables of users' sessions.
fn sessions(schema: &Schema, decider: &Decider, users: usize) -> Vec<String> {
    let is_session = |table: &Table| {
        let nouns = words::singulars(&words::words(&table.name));
        nouns.last().is_some_and(|last| last == "session")
    };
    let owned = decider.owned.iter().filter(|&&at| at != users);
    let tables = owned.map(|&at| &schema.tables[at]);
    let sessions = tables.filter(|table| is_session(table));
    sessions.map(|table| table.name.clone()).collect()
}

fn why_shared(candidates: &[Candidate], decider: &Decider, table: usize) -> String {
    let mentions = candidates
        .iter()
        .any(|c| c.table == table && c.is(Meaning::Mention) && decider.persons.contains(&c.parent));
    if stands_alone(decider.schema, &decider.schema.tables[table]) {
        "a full-text index that nothing ties to users' rows: words of theirs stay in it".into()
    } else if mentions {
        "its rows mention users, and are not one user's".into()
    } else {
        "no way leads from its rows to a user".into()
    }
}

fn reference(schema: &Schema, candidate: &Candidate) -> Option<Reference> {
    let (is, reason) = candidate.decided.clone()?;
    let of = |table: usize, columns: &[String]| Columns {
        table: schema.tables[table].name.clone(),
        columns: columns.to_vec(),
    };
    Some(Reference {
        from: of(candidate.table, &candidate.columns),
        to: of(candidate.parent, &candidate.parent_columns),
        form: candidate.form.clone(),
        is,
        declared: candidate.on_delete.is_some(),
        reason,
        evidence: candidate.evidence.clone(),
    })
}

fn position(schema: &Schema, table: &str) -> Option<usize> {
    schema
        .tables
        .iter()
        .position(|t| t.name.eq_ignore_ascii_case(table))
}

fn users(schema: &Schema, names: &Names, choice: &UsersChoice) -> Result<ProposedUsers> {
    match choice {
        UsersChoice::Named(text) => chosen_users(schema, text),
        UsersChoice::Find => {
            let candidates = users::candidates(schema, names);
            let Some(clear) = users::clear(&candidates) else {
                return Err(InferenceError::Users { candidates }.into());
            };
            let table = schema
                .table(&clear.table)
                .ok_or(Error::Bug("a candidate that is no table"))?;
            Ok(ProposedUsers {
                table: clear.table.clone(),
                key: users::other_key(table),
                names: users::other_names(table),
                rows: UserRows::One,
                reasons: clear.reasons.clone(),
            })
        }
    }
}

/// `--users TABLE`, or `--users table.column`.
fn chosen_users(schema: &Schema, text: &str) -> Result<ProposedUsers> {
    let unknown = || Error::from(InferenceError::NoSuchUsers { text: text.into() });
    let plain = |table: &&Table| table.kind != TableKind::Shadow && is_plain(table);
    if let Some(table) = schema.table(text).filter(plain) {
        return Ok(ProposedUsers {
            table: table.name.clone(),
            key: users::other_key(table),
            names: users::other_names(table),
            rows: UserRows::One,
            reasons: vec!["named by `--users`".into()],
        });
    }
    let columns: Columns = text.parse().map_err(|_| unknown())?;
    let table = schema
        .table(&columns.table)
        .filter(plain)
        .ok_or_else(unknown)?;
    let [column] = &columns.columns[..] else {
        return Err(unknown());
    };
    let column = table.column(column).ok_or_else(unknown)?;
    let unique = table.is_key(std::slice::from_ref(&column.name));
    Ok(ProposedUsers {
        table: table.name.clone(),
        key: Some(column.name.clone()),
        names: if unique {
            users::name_columns(table)
        } else {
            Vec::new()
        },
        rows: if unique {
            UserRows::One
        } else {
            UserRows::Many
        },
        reasons: vec!["named by `--users`".into()],
    })
}

/// Columns that name files, users' directories, and the roots that hold them.
fn add_files(
    search: &Search,
    owned: &BTreeSet<usize>,
    surroundings: &Surroundings,
    draft: &mut Draft,
) -> Result<()> {
    let tree = Tree::read(surroundings.root, surroundings.protected);
    draft.files = files::columns(search.schema, owned, search.evidence, &tree)?;
    let numbered = search.numbered_files(owned, &tree, &draft.files)?;
    draft.files.extend(numbered);
    draft.directories = search.users_directories(&tree, &draft.users.names)?;
    // A `*` in the place of the user's directory would name everybody's file of that name.
    let starred = |file: &FileProposal, directory: &DirectoryProposal| {
        let path = file.path.as_deref().unwrap_or_default();
        path.starts_with(&format!("{}/*", directory.root))
    };
    let directories = &draft.directories;
    draft
        .files
        .retain(|file| !directories.iter().any(|directory| starred(file, directory)));
    let tops = draft.files.iter().map(|file| file.root.clone());
    let tops: BTreeSet<String> = tops
        .chain(draft.directories.iter().map(|d| d.root.clone()))
        .collect();
    let within = |inner: &String, outer: &String| {
        inner
            .strip_prefix(outer.as_str())
            .is_some_and(|rest| rest.starts_with('/'))
    };
    draft.roots = tops
        .iter()
        .filter(|top| !tops.iter().any(|other| within(top, other)))
        .cloned()
        .collect();
    draft.warnings.extend(tree.missed);
    Ok(())
}
