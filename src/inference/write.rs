//! A draft as the text of a manifest: each decision on its line, its reason behind it.

use std::fmt::Write as _;

use super::draft::{Draft, Reference};
use crate::manifest::{Columns, Form, List, Literal, quoted};

/// Text behind a `#`: one line, whatever names hold.
fn comment(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect()
}

impl Draft {
    /// The manifest.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut out = String::from(
            "# Written by `reset-app init` from what the database says. Read each line with its reason; change what is\n\
             # wrong. `reset-app check` tells what is missing when the database changes.\n",
        );
        self.write_application(&mut out);
        self.write_references(&mut out);
        self.write_tables(&mut out);
        self.write_files(&mut out);
        for warning in &self.warnings {
            let _ = writeln!(out, "\n# Not all of it: {}", comment(warning));
        }
        out
    }

    fn write_application(&self, out: &mut String) {
        if let Some(database) = &self.database {
            let _ = writeln!(out, "\n[application]\ndatabase = {}", quoted(database));
        }
        let users = &self.users;
        let _ = writeln!(
            out,
            "\n# {}\n[users]\ntable = {}",
            comment(&users.reasons.join("; ")),
            quoted(&users.table)
        );
        if let Some(key) = &users.key {
            let _ = writeln!(out, "key = {}", quoted(key));
        }
        if users.many_rows() {
            out.push_str("rows = \"many\"\n");
        }
        if !users.names.is_empty() {
            let _ = writeln!(out, "names = {}", list(&users.names));
        }
        if !self.sessions.is_empty() {
            let _ = writeln!(out, "\n[sessions]\ntables = {}", list(&self.sessions));
        }
    }

    fn write_references(&self, out: &mut String) {
        if self.references.is_empty() {
            return;
        }
        out.push_str("\n[references]\n");
        let mut table = "";
        let mut lines = self.references.iter().peekable();
        while let Some(reference) = lines.next() {
            if reference.from.table != table {
                table = &reference.from.table;
                let _ = writeln!(out, "# {}", comment(table));
            }
            let key = reference.from.to_toml();
            let several = lines.peek().is_some_and(|next| next.from == reference.from);
            if !several {
                let _ = writeln!(
                    out,
                    "{key} = {}  # {}",
                    right_side(reference),
                    comment(&reference.because())
                );
                continue;
            }
            let _ = writeln!(out, "{key} = [");
            let mut one = Some(reference);
            while let Some(reference) = one {
                let _ = writeln!(
                    out,
                    "  {},  # {}",
                    table_of(reference),
                    comment(&reference.because())
                );
                one = lines.next_if(|next| next.from == reference.from);
            }
            out.push_str("]\n");
        }
    }

    fn write_tables(&self, out: &mut String) {
        if self.kept.is_empty() && self.shared.is_empty() {
            return;
        }
        out.push_str("\n# Tables of which nothing is deleted.\n[tables]\n");
        for (name, tables) in [("kept", &self.kept), ("shared", &self.shared)] {
            if tables.is_empty() {
                continue;
            }
            let _ = writeln!(out, "{name} = [");
            for table in tables {
                let _ = writeln!(
                    out,
                    "  {},  # {}",
                    quoted(&table.name),
                    comment(&table.reason)
                );
            }
            out.push_str("]\n");
        }
    }

    fn write_files(&self, out: &mut String) {
        if self.roots.is_empty() {
            return;
        }
        let _ = writeln!(out, "\n[files]\nroots = {}", list(&self.roots));
        if !self.directories.is_empty() {
            out.push_str("directories = [\n");
            for directory in &self.directories {
                let _ = writeln!(
                    out,
                    "  {},  # {}",
                    quoted(&directory.pattern),
                    comment(&directory.evidence)
                );
            }
            out.push_str("]\n");
        }
        for file in &self.files {
            let column = Columns::one(&file.table, &file.column);
            let _ = writeln!(
                out,
                "\n# {}\n[[files.columns]]\ncolumn = {}",
                comment(&file.evidence),
                column.to_toml()
            );
            if let Some(json) = &file.json {
                let _ = writeln!(out, "json = {}", quoted(json));
            }
            if let Some(path) = &file.path {
                let _ = writeln!(out, "path = {}", quoted(path));
            }
        }
    }
}

impl Reference {
    /// Its line under `[references]`, where it is the only one of its column.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{} = {}", self.from.to_toml(), right_side(self))
    }
}

fn list(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
    format!("[{}]", names.join(", "))
}

fn right_side(reference: &Reference) -> String {
    if reference.declared {
        quoted(reference.is.word())
    } else {
        table_of(reference)
    }
}

fn table_of(reference: &Reference) -> String {
    let form = &reference.form;
    let mut parts = vec![
        format!("is = {}", quoted(reference.is.word())),
        format!("to = {}", reference.to.to_toml()),
    ];
    if !form.when.is_empty() {
        parts.push(format!("when = {{ {} }}", conditions(form)));
    }
    parts.extend(
        form.json
            .as_ref()
            .map(|path| format!("json = {}", quoted(path))),
    );
    let around = [("prefix", &form.prefix), ("suffix", &form.suffix)];
    for (name, text) in around {
        parts.extend(text.iter().map(|text| format!("{name} = {}", quoted(text))));
    }
    parts.extend(form.list.map(|list| match list {
        List::Commas => "list = \",\"".to_owned(),
        List::Json => "list = \"json\"".to_owned(),
    }));
    format!("{{ {} }}", parts.join(", "))
}

fn conditions(form: &Form) -> String {
    let conditions = form.when.iter().map(|(column, value)| {
        let value = match value {
            Literal::Integer(number) => number.to_string(),
            Literal::Text(text) => quoted(text),
        };
        format!("{} = {value}", quoted(column))
    });
    conditions.collect::<Vec<_>>().join(", ")
}
