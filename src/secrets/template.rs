//! The template, and the text that is made from it.

mod lines;

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::SecretsError;
use super::quote::quoted;
use crate::error::{Error, Result};
use lines::Assignment;

/// A template, read. It holds no secret yet, but its `Debug` shows nothing all the same.
pub(super) struct Template {
    file: PathBuf,
    text: String,
    assignments: Vec<Assignment>,
    /// The value of each assignment, as programs read it.
    values: Vec<String>,
}

impl Template {
    /// Reads the template at a path; none where there is none.
    pub(super) fn find(file: &Path) -> Result<Option<Self>> {
        let unreadable = |error| SecretsError::TemplateUnreadable {
            file: file.into(),
            error,
        };
        // Looked at before it is opened: a pipe would never end.
        match fs::metadata(file) {
            Ok(found) if found.is_file() => {}
            Ok(_) => return Err(unreadable(io::Error::other("it is not a regular file")).into()),
            Err(error) if is_absent(file, &error) => return Ok(None),
            Err(error) => return Err(unreadable(error).into()),
        }
        let text = fs::read_to_string(file).map_err(unreadable)?;
        Self::parse(file, text).map(Some)
    }

    /// Reads a template from its text.
    ///
    /// Fails where a line is none of a `.env` file, a name stands there twice, or programs would
    /// find other variables in it than are filled in here.
    pub(super) fn parse(file: &Path, text: String) -> Result<Self> {
        let assignments = lines::assignments(&text).map_err(|line| SecretsError::TemplateLine {
            file: file.into(),
            line,
        })?;
        refuse_twice(file, &assignments)?;
        let read = read(&text).filter(|read| {
            let names = read.iter().map(|(name, _)| name);
            names.eq(assignments.iter().map(|assignment| &assignment.name))
        });
        let read = read.ok_or_else(|| SecretsError::TemplateQuotes { file: file.into() })?;
        Ok(Self {
            file: file.into(),
            text,
            assignments,
            values: read.into_iter().map(|(_, value)| value).collect(),
        })
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// The value a variable has; none where the template does not assign it.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let at = self.assignments.iter().position(|a| a.name == name)?;
        Some(&self.values[at])
    }

    /// The variables it assigns a value to, or leaves empty to be filled in.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.assignments
            .iter()
            .map(|assignment| assignment.name.as_str())
    }

    /// Whether the value of a variable itself refers to all of these, as `${NAME}`.
    pub(super) fn refers<'n>(&self, name: &str, mut to: impl Iterator<Item = &'n str>) -> bool {
        let assignment = self.assignments.iter().find(|a| a.name == name);
        assignment.is_some_and(|assignment| {
            let written = &self.text[assignment.value.clone()];
            to.all(|other| written.contains(&format!("${{{other}}}")))
        })
    }

    /// Whether a comment would assign a variable if it were none.
    pub(super) fn comments_out(&self, name: &str) -> bool {
        let comments = self
            .text
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix('#'));
        let mut bare = comments.map(|comment| comment.trim_start_matches([' ', '\t', '#']));
        bare.any(|comment| {
            let assignment = comment.strip_prefix("export ").unwrap_or(comment);
            let rest = assignment.trim_start().strip_prefix(name);
            rest.is_some_and(|rest| rest.trim_start().starts_with('='))
        })
    }

    /// The text with other values for some variables. Those it does not assign follow at its end.
    fn with(&self, filled: &[(&str, &str)]) -> String {
        let mut out = String::new();
        let mut copied = 0;
        for Assignment { name, value, .. } in &self.assignments {
            let Some((_, new)) = filled.iter().find(|(other, _)| other == name) else {
                continue;
            };
            out.push_str(&self.text[copied..value.start]);
            out.push_str(&quoted(new));
            copied = value.end;
            if self.text[copied..].starts_with('#') {
                out.push(' ');
            }
        }
        out.push_str(&self.text[copied..]);
        let missing = filled.iter().filter(|(name, _)| self.value(name).is_none());
        append(&mut out, missing);
        out
    }
}

impl std::fmt::Debug for Template {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Template({})", self.file.display())
    }
}

/// The text of the new file: the template with these values filled in, or without one these values
/// alone. It was read back: programs find these values in it.
pub(super) fn filled(template: Option<&Template>, values: &[(&str, &str)]) -> Result<String> {
    let mut text = String::new();
    match template {
        Some(template) => text = template.with(values),
        None => append(&mut text, values.iter()),
    }
    let read = read(&text).unwrap_or_default();
    let holds = |(name, value): &(&str, &str)| {
        let mut found = read.iter().filter(|(other, _)| other == name);
        found.next().is_some_and(|(_, read)| read == value) && found.next().is_none()
    };
    let kept = template.map_or(0, |t| t.assignments.len());
    if read.len() >= kept && values.iter().all(holds) {
        return Ok(text);
    }
    Err(match template {
        Some(template) => SecretsError::TemplateQuotes {
            file: template.file.clone(),
        }
        .into(),
        None => Error::Bug("a value does not read back as it was written"),
    })
}

/// Adds assignments as lines of their own, ended as the lines before them are.
fn append<'v>(out: &mut String, values: impl Iterator<Item = &'v (&'v str, &'v str)>) {
    let end = if out.contains("\r\n") { "\r\n" } else { "\n" };
    for (name, value) in values {
        if !out.is_empty() && !out.ends_with('\n') {
            out.push_str(end);
        }
        let _ = write!(out, "{name}={}{end}", quoted(value));
    }
}

/// The variables a program finds in the text; none where it finds no sense in it.
fn read(text: &str) -> Option<Vec<(String, String)>> {
    dotenvy::from_read_iter(text.as_bytes())
        .collect::<Result<_, _>>()
        .ok()
}

fn refuse_twice(file: &Path, assignments: &[Assignment]) -> Result<()> {
    for (index, second) in assignments.iter().enumerate() {
        if let Some(first) = assignments[..index].iter().find(|a| a.name == second.name) {
            return Err(Error::from(SecretsError::TemplateTwice {
                file: file.into(),
                name: second.name.clone(),
                first: first.line,
                second: second.line,
            }));
        }
    }
    Ok(())
}

/// Nothing has that name; a link that leads nowhere is something.
fn is_absent(file: &Path, error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(file).is_err()
}

#[cfg(test)]
mod tests;
