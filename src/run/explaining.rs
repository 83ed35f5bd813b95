//! Explaining what a deletion does, for everybody, one table or one user.

use super::scene::{Picture, Scene};
use super::{App, Job};
use crate::database;
use crate::error::{Error, Result};
use crate::explain::Explanation;
use crate::graph::Graph;
use crate::nearest::nearest;
use crate::outbox;
use crate::plan::{Accounts, Plan, resolved};
use crate::schema::{self, Schema};
use crate::survey::Selection;
use crate::target::Target;

impl App {
    /// Explains the whole plan, or what concerns `about`: a table, or else a user, whose rows are
    /// counted. Changes nothing, as [`App::preview`] does.
    ///
    /// Fails where there is neither such a table nor such a user, or where a deletion would be refused
    /// for the structure.
    pub fn explain(&self, about: Option<&str>) -> Result<Explanation> {
        database::look(&self.target.database, |connection| {
            let mut schema = schema::read(connection)?;
            schema.tables.retain(|table| table.name != outbox::TABLE);
            let explanation = self.whole(&schema)?;
            let Some(about) = about else {
                return Ok(explanation);
            };
            match explanation.clone().of_table(about) {
                Some(of_table) => Ok(of_table),
                None => count(&self.target, connection, explanation, about)
                    .map_err(|error| or_a_table(error, &schema)),
            }
        })
    }

    /// With the accounts: what mentions them is part of the picture.
    fn whole(&self, schema: &Schema) -> Result<Explanation> {
        let manifest = &self.target.manifest;
        let graph = resolved(&Graph::new(schema, manifest)?, Accounts::Delete);
        let plan = Plan::new(schema, &graph, manifest, Accounts::Delete)?;
        Ok(Explanation::new(schema, &graph, &plan, manifest))
    }
}

/// What was looked for among the users was looked for among the tables too.
fn or_a_table(mut error: Error, schema: &Schema) -> Error {
    if let Error::UnknownUser {
        name,
        columns,
        near,
        ..
    } = &mut error
    {
        columns.push("sqlite_schema.name".into());
        let tables = schema.tables.iter().map(|table| table.name.as_str());
        *near = near
            .take()
            .or_else(|| nearest(name, tables).map(str::to_owned));
    }
    error
}

/// Counts the rows of one user; the account is one of them.
fn count(
    target: &Target,
    connection: &rusqlite::Connection,
    mut explanation: Explanation,
    user: &str,
) -> Result<Explanation> {
    let job = Job {
        selection: Selection::Only(vec![user.to_owned()]),
        ..Job::default()
    };
    let scene = Scene::set(target, connection, &job)?;
    let roots = target.roots()?;
    let picture = Picture::take(target, &scene, &roots, connection, &job)?;
    let going = picture.survey.going_with(connection, 1)?;
    for step in &mut explanation.steps {
        let counted = going.iter().find(|count| count.table == step.table);
        step.rows = Some(counted.map_or(1, |count| count.rows));
    }
    explanation.user = Some(user.to_owned());
    Ok(explanation)
}
