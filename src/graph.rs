//! References between tables, and what each means: decided from the schema and the manifest alone.
//!
//! Pure: no connection, no file. A reference is an owner reference, a mention, or undecided; the
//! manifest decides first, then the database:
//!
//! | declared | means |
//! |---|---|
//! | `ON DELETE CASCADE` | owner |
//! | `ON DELETE SET NULL`, `SET DEFAULT` | mention |
//! | no action or `RESTRICT`, a column that may be null | mention |
//! | no action or `RESTRICT`, `NOT NULL` | undecided |
//!
//! A user never belongs to another row: references from the users table are mentions, or keepers of
//! what is a part of the account.

use std::collections::HashMap;

use crate::error::{Error, ManifestError, Result};
use crate::full_text::{Content, Deletion, FullText};
use crate::manifest::{Columns, Decision, Form, Manifest, Meaning, Source, Undeclared, UserRows};
use crate::schema::{Action, ColumnKind, ForeignKeyFault, Schema, Table, TableKind};

impl Graph {
    /// The graph that remains where only rows of `tables` may go: every other reference is nobody's
    /// concern then.
    #[must_use]
    pub fn only_rows_of(mut self, schema: &Schema, tables: &[String]) -> Self {
        let named = |table: &Table| {
            tables
                .iter()
                .any(|one| one.eq_ignore_ascii_case(&table.name))
        };
        let mut goes: Vec<bool> = schema.tables.iter().map(named).collect();
        // What hangs on a row that goes cannot stay.
        while let Some(child) = self.references.iter().find_map(|r| {
            let hangs = r.meaning == Meaning::Owner && r.parent.is_some_and(|parent| goes[parent]);
            (hangs && !goes[r.child]).then_some(r.child)
        }) {
            goes[child] = true;
        }
        let users = self.users;
        self.references.retain(|r| {
            let parent_goes = r.parent.is_some_and(|parent| goes[parent]);
            parent_goes || (goes[r.child] && r.parent == Some(users))
        });
        self
    }
}

/// Tables and the references between them.
#[derive(Clone, Debug)]
pub struct Graph {
    /// The users table, as a position in the schema's tables.
    pub users: usize,
    /// The column of the users' key.
    pub user_key: String,
    /// How many rows of the users table are one user's.
    pub user_rows: UserRows,
    /// Every reference, declared by the database or by the manifest.
    pub references: Vec<Reference>,
}

/// A column (or several) of one table that names a row of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The table that holds it, as a position in the schema's tables.
    pub child: usize,
    /// Its columns.
    pub columns: Vec<String>,
    /// The table it names; `None` where the database declares a parent that does not exist.
    pub parent: Option<usize>,
    /// The parent's columns.
    pub parent_columns: Vec<String>,
    /// What it means for the row that holds it.
    pub meaning: Meaning,
    /// Its ON DELETE action; `None` where only the manifest declares it.
    pub on_delete: Option<Action>,
    /// Those of its columns that can be set to null.
    pub nullable: Vec<String>,
    /// What is wrong with the declaration, if anything.
    pub fault: Option<ForeignKeyFault>,
    /// How the value stands in the columns.
    pub form: Form,
}

impl Graph {
    /// Makes the graph.
    ///
    /// Fails where the manifest names a table or column that does not exist, decides on a foreign
    /// key that is not declared, or the users table has no usable key.
    pub fn new(schema: &Schema, manifest: &Manifest) -> Result<Self> {
        require_tables(schema, manifest)?;
        let users =
            position(schema, &manifest.users.table).ok_or_else(|| missing_users(manifest))?;
        let user_key = user_key(&schema.tables[users], manifest)?;
        let mut references = declared(schema);
        for (from, decision) in &manifest.references {
            match decision {
                Decision::Declared(Meaning::Nothing) => {
                    refuse_declared(schema, manifest, &references, from)?;
                }
                Decision::Declared(meaning) => {
                    decide(schema, manifest, &mut references, from, *meaning)?;
                }
                Decision::Undeclared(_) | Decision::Several(_) => {
                    for other in decision.undeclared() {
                        let found = undeclared(schema, manifest, from, other)?;
                        match same_declared(&mut references, &found) {
                            Some(declared) => declared.meaning = found.meaning,
                            None => references.push(found),
                        }
                    }
                }
            }
        }
        for reference in &mut references {
            let keeps = reference.meaning == Meaning::Keeper;
            // An account goes when it is asked for, never because nobody names it.
            if (keeps && reference.parent == Some(users)) || (!keeps && reference.child == users) {
                reference.meaning = Meaning::Mention;
            }
        }
        Ok(Self {
            users,
            user_key,
            user_rows: manifest.users.rows,
            references,
        })
    }
}

fn position(schema: &Schema, table: &str) -> Option<usize> {
    schema
        .tables
        .iter()
        .position(|t| t.name.eq_ignore_ascii_case(table))
}

fn missing_users(manifest: &Manifest) -> Error {
    Error::from(ManifestError::UsersTableMissing {
        table: manifest.users.table.clone(),
        source_name: manifest.source.to_string(),
    })
}

/// The built-in manifest serves a database that has all of its tables, or none: half of them is
/// some other application.
fn require_tables(schema: &Schema, manifest: &Manifest) -> Result<()> {
    if schema.tables.is_empty() {
        return Err(Error::from(ManifestError::NoTables));
    }
    for (table, place) in manifest.tables() {
        if schema.table(table).is_some() {
            continue;
        }
        return Err(match manifest.source {
            Source::Builtin => Error::from(ManifestError::NotBuiltin {
                application: manifest.application.name.clone(),
                table: table.into(),
            }),
            Source::File(_) if place == "[users]" => missing_users(manifest),
            Source::File(_) => Error::from(ManifestError::Table {
                source_name: manifest.source.to_string(),
                place,
                table: table.into(),
            }),
        });
    }
    for column in manifest.files.columns.iter().map(|c| &c.column) {
        require_columns(schema, manifest, column)?;
    }
    let directories = manifest.files.directories.iter();
    let in_paths = directories.filter_map(|directory| directory.column());
    let names = manifest.users.names.iter().chain(&manifest.users.key);
    for name in names.map(String::as_str).chain(in_paths) {
        require_columns(schema, manifest, &Columns::one(&manifest.users.table, name))?;
    }
    Ok(())
}

fn require_columns<'a>(
    schema: &'a Schema,
    manifest: &Manifest,
    columns: &Columns,
) -> Result<(usize, &'a Table)> {
    let missing = || {
        Error::from(ManifestError::Column {
            source_name: manifest.source.to_string(),
            column: columns.to_string(),
        })
    };
    let at = position(schema, &columns.table).ok_or_else(missing)?;
    let table = &schema.tables[at];
    if columns.columns.iter().any(|c| !has_column(table, c)) {
        return Err(missing());
    }
    Ok((at, table))
}

/// The rows of a full-text index are known by their rowid, which no pragma lists.
fn has_column(table: &Table, name: &str) -> bool {
    let rowid = || name.eq_ignore_ascii_case("rowid") && FullText::of(table).is_some();
    table.column(name).is_some() || rowid()
}

fn user_key(users: &Table, manifest: &Manifest) -> Result<String> {
    let unusable = |reason: &'static str| {
        Error::from(ManifestError::UserKey {
            table: users.name.clone(),
            reason,
        })
    };
    let key = match (&manifest.users.key, &users.key()[..]) {
        (Some(key), _) => key.clone(),
        (None, [key]) => (*key).to_owned(),
        (None, []) => return Err(unusable("it has no primary key")),
        (None, _) => return Err(unusable("its primary key has several columns")),
    };
    if manifest.users.rows == UserRows::Many || users.is_key(std::slice::from_ref(&key)) {
        Ok(key)
    } else {
        Err(unusable("the column named in [users] is not unique"))
    }
}

fn declared(schema: &Schema) -> Vec<Reference> {
    let names = schema.tables.iter().enumerate();
    let positions: HashMap<String, usize> = names
        .map(|(at, table)| (table.name.to_ascii_lowercase(), at))
        .collect();
    let of_table = |(child, table): (usize, &Table)| -> Vec<Reference> {
        let keys = table.foreign_keys.iter();
        keys.map(|key| {
            let nullable = nullable(table, &key.columns);
            Reference {
                child,
                columns: key.columns.clone(),
                parent: positions.get(&key.parent.to_ascii_lowercase()).copied(),
                parent_columns: key.parent_columns.clone(),
                meaning: meaning(key.on_delete, !nullable.is_empty()),
                on_delete: Some(key.on_delete),
                nullable,
                fault: key.fault,
                form: Form::default(),
            }
        })
        .collect()
    };
    schema
        .tables
        .iter()
        .enumerate()
        .flat_map(of_table)
        .collect()
}

fn meaning(on_delete: Action, nullable: bool) -> Meaning {
    match on_delete {
        Action::Cascade => Meaning::Owner,
        Action::SetNull | Action::SetDefault => Meaning::Mention,
        Action::NoAction | Action::Restrict if nullable => Meaning::Mention,
        Action::NoAction | Action::Restrict => Meaning::Undecided,
    }
}

fn nullable(table: &Table, columns: &[String]) -> Vec<String> {
    let can_be_null = |name: &&String| {
        let column = table.column(name);
        column.is_some_and(|c| {
            !c.not_null && c.kind == ColumnKind::Ordinary && !table.is_rowid_alias(name)
        })
    };
    columns.iter().filter(can_be_null).cloned().collect()
}

fn decide(
    schema: &Schema,
    manifest: &Manifest,
    references: &mut [Reference],
    from: &Columns,
    meaning: Meaning,
) -> Result<()> {
    let (child, _) = require_columns(schema, manifest, from)?;
    let mut found = false;
    for reference in references.iter_mut().filter(|r| r.child == child) {
        if same_columns(&reference.columns, &from.columns) {
            reference.meaning = meaning;
            found = true;
        }
    }
    if found {
        Ok(())
    } else {
        Err(Error::from(ManifestError::NotDeclared {
            source_name: manifest.source.to_string(),
            column: from.to_string(),
        }))
    }
}

/// The foreign key that says the same as a line of the manifest. What a row keeps it may hang on, too.
fn same_declared<'r>(
    references: &'r mut [Reference],
    line: &Reference,
) -> Option<&'r mut Reference> {
    let plain = line.form.is_plain() && line.meaning != Meaning::Keeper;
    let same = |r: &&mut Reference| {
        (r.child, r.parent) == (line.child, line.parent)
            && (&r.columns, &r.parent_columns) == (&line.columns, &line.parent_columns)
    };
    let mut declared = references.iter_mut().filter(|r| r.on_delete.is_some());
    declared.find(|r| plain && same(r))
}

/// What the database declares names something.
fn refuse_declared(
    schema: &Schema,
    manifest: &Manifest,
    references: &[Reference],
    from: &Columns,
) -> Result<()> {
    let (child, _) = require_columns(schema, manifest, from)?;
    let declared = |r: &Reference| {
        r.child == child && same_columns(&r.columns, &from.columns) && r.on_delete.is_some()
    };
    if references.iter().any(declared) {
        return Err(Error::from(ManifestError::Declared {
            source_name: manifest.source.to_string(),
            column: from.to_string(),
        }));
    }
    Ok(())
}

fn same_columns(left: &[String], right: &[String]) -> bool {
    let has = |name: &String| right.iter().any(|r| r.eq_ignore_ascii_case(name));
    left.len() == right.len() && left.iter().all(has)
}

fn undeclared(
    schema: &Schema,
    manifest: &Manifest,
    from: &Columns,
    other: &Undeclared,
) -> Result<Reference> {
    let (child, table) = require_columns(schema, manifest, from)?;
    let (parent, parent_table) = require_columns(schema, manifest, &other.to)?;
    for column in other.when.keys() {
        require_columns(schema, manifest, &Columns::one(&from.table, column))?;
    }
    require_own_rows(table, manifest)?;
    let plain = |t: &Table| matches!(t.kind, TableKind::Rowid | TableKind::WithoutRowid);
    let counts_agree = from.columns.len() == other.to.columns.len();
    let holds_rows = plain(table) || FullText::of(table).is_some();
    if !counts_agree || !holds_rows || !plain(parent_table) {
        return Err(Error::from(ManifestError::NotAlike {
            source_name: manifest.source.to_string(),
            from: from.to_string(),
            to: other.to.to_string(),
        }));
    }
    let form = other.form();
    let nullable = if form.fills_column() && table.kind != TableKind::Virtual {
        nullable(table, &from.columns)
    } else {
        Vec::new()
    };
    Ok(Reference {
        child,
        columns: from.columns.clone(),
        parent: Some(parent),
        parent_columns: other.to.columns.clone(),
        meaning: other.is,
        on_delete: None,
        nullable,
        fault: None,
        form,
    })
}

/// A full-text index whose text is in another table has no rows of its own to delete, and one that
/// keeps no text may not know how to.
fn require_own_rows(table: &Table, manifest: &Manifest) -> Result<()> {
    let reason = match FullText::of(table).map(|index| index.content) {
        Some(Content::Table { .. }) => {
            "its text is in another table, with whose rows it is kept in step; leave the line away"
        }
        Some(Content::None(Deletion::Impossible)) => {
            "it keeps no text and was made without `contentless_delete=1`, so that only the application can take \
             words out of it; leave the line away, and have the application make the index anew"
        }
        _ => return Ok(()),
    };
    Err(Error::from(ManifestError::FullText {
        source_name: manifest.source.to_string(),
        table: table.name.clone(),
        reason,
    }))
}
