//! Who says what a reference, a column of files or a directory means, and what the manifest notes of it.

use super::{Because, DirectoryOf, FilesOf, View};
use crate::graph::Reference;
use crate::manifest::{Columns, Decision, Form, Literal, Meaning, Undeclared};
use crate::schema::Action;

impl View<'_> {
    pub(super) fn because(&self, reference: &Reference) -> Because {
        let columns = |table: usize, columns: &[String]| {
            let (table, columns) = (self.name(table).to_owned(), columns.to_vec());
            Columns { table, columns }
        };
        let from = columns(reference.child, &reference.columns);
        let to = reference
            .parent
            .map(|parent| columns(parent, &reference.parent_columns));
        Because {
            evidence: self.evidence(reference, &from),
            note: self.note(reference, &from, to.as_ref()),
            parent: to.as_ref().map_or_else(String::new, |to| to.table.clone()),
            from: from.to_string(),
            table: from.table,
            to: to.map_or_else(String::new, |to| to.to_string()),
        }
    }

    fn evidence(&self, reference: &Reference, from: &Columns) -> String {
        let Some(action) = reference.on_delete else {
            return format!("the manifest declares it{}", form(&reference.form));
        };
        let decisions = self.manifest.references.iter();
        let mut decided = decisions.filter_map(|(columns, decision)| match decision {
            Decision::Declared(meaning) if is_same(columns, from) => Some(meaning),
            _ => None,
        });
        if let Some(meaning) = decided.next() {
            return format!("the manifest says \"{}\"", meaning.word());
        }
        match action {
            Action::Cascade if reference.meaning == Meaning::Owner => "`ON DELETE CASCADE`",
            Action::Cascade => "`ON DELETE CASCADE`, but an account is nobody's",
            Action::SetNull => "`ON DELETE SET NULL`",
            Action::SetDefault => "`ON DELETE SET DEFAULT`",
            Action::NoAction | Action::Restrict => "a foreign key, and the column may be null",
        }
        .into()
    }

    /// The comment of the line that decides it.
    fn note(&self, reference: &Reference, from: &Columns, to: Option<&Columns>) -> Option<String> {
        let mut lines = self.manifest.references.iter();
        let (line, decision) = lines.find(|(line, _)| is_same(line, from))?;
        let is = |one: &Undeclared| {
            one.form() == reference.form && to.is_none_or(|to| is_same(&one.to, to))
        };
        let nth = match decision {
            Decision::Declared(_) if reference.on_delete.is_some() => 0,
            _ => decision.undeclared().iter().position(is)?,
        };
        self.notes.reference(line, nth).map(str::to_owned)
    }

    /// The columns of a table that name files.
    pub(super) fn files(&self, at: usize) -> Vec<FilesOf> {
        let sources = self.plan.files.iter().enumerate();
        let of_it = sources.filter(|(_, source)| source.planned == Some(at));
        let noted = of_it.map(|(nth, source)| FilesOf {
            column: source.column.clone(),
            json: source.form.json.clone(),
            path: source.path.as_ref().map(ToString::to_string),
            note: self.notes.file_column(nth).map(str::to_owned),
        });
        noted.collect()
    }

    /// The directories of one user.
    pub(super) fn directories(&self) -> Vec<DirectoryOf> {
        let directories = self.manifest.files.directories.iter().enumerate();
        let noted = directories.map(|(nth, directory)| DirectoryOf {
            pattern: directory.to_string(),
            note: self.notes.directory(nth).map(str::to_owned),
        });
        noted.collect()
    }
}

fn is_same(one: &Columns, other: &Columns) -> bool {
    one.to_string().eq_ignore_ascii_case(&other.to_string())
}

fn form(form: &Form) -> String {
    let conditions = form.when.iter().map(|(column, value)| match value {
        Literal::Integer(number) => format!(", where `{column}` is {number}"),
        Literal::Text(text) => format!(", where `{column}` is `{text}`"),
    });
    let path = form
        .json
        .iter()
        .map(|path| format!(", in JSON at `{path}`"));
    let prefix = form
        .prefix
        .iter()
        .map(|prefix| format!(", behind `{prefix}`"));
    let suffix = form
        .suffix
        .iter()
        .map(|suffix| format!(", before `{suffix}`"));
    let list = form.list.iter().map(|_| ", in a list".to_owned());
    let parts = prefix.chain(suffix).chain(list);
    conditions.chain(path).chain(parts).collect()
}
