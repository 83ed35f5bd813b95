//! Which table a column's name speaks of. Pure.

use super::words::{Role, is_key_word, role, singular, singulars, stem, words};
use crate::schema::{Schema, Table, TableKind};

/// The names of a schema's tables, taken apart.
#[derive(Debug)]
pub(super) struct Names {
    tables: Vec<Vec<String>>,
}

/// How a column's name speaks of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Spoken {
    /// By the end of the table's name, which it shares with others.
    Loosely,
    /// By the end of the table's name, as no other table's.
    ByEnd,
    /// By the whole of the table's name, or all of it but a prefix that the two tables share.
    Wholly,
}

impl Names {
    pub(super) fn of(schema: &Schema) -> Self {
        let nouns = |table: &Table| singulars(&words(&table.name));
        Self {
            tables: schema.tables.iter().map(nouns).collect(),
        }
    }

    /// The words of a table's name, in the singular.
    pub(super) fn nouns(&self, table: usize) -> &[String] {
        &self.tables[table]
    }

    /// The words of a column's name. `userid` is `user_id` where there are users, and so is `id_user`.
    pub(super) fn words(&self, column: &str) -> Vec<String> {
        let mut all = words(column);
        if all.len() > 1 && all[0] == "id" {
            all.rotate_left(1);
        }
        if let Some(run_together) = all.last().and_then(|last| before_key(last)) {
            all.pop();
            all.extend(run_together);
            return all;
        }
        let Some(noun) = all.last().and_then(|last| last.strip_suffix("id")) else {
            return all;
        };
        let is_table = |nouns: &Vec<String>| {
            let same = |name: &str| singular(name) == singular(noun);
            nouns.last().is_some_and(|last| same(last)) || same(&nouns.concat())
        };
        if noun.len() > 2 && self.tables.iter().any(is_table) {
            let noun = noun.to_owned();
            all.pop();
            all.extend([noun, "id".to_owned()]);
        }
        all
    }

    /// The other tables whose rows have a key of this name.
    pub(super) fn with_key_named(&self, schema: &Schema, from: usize, column: &str) -> Vec<usize> {
        let has = |at: &usize| {
            let table = &schema.tables[*at];
            *at != from
                && is_plain(table)
                && matches!(table.key()[..], [key] if key.eq_ignore_ascii_case(column))
        };
        (0..self.tables.len()).filter(has).collect()
    }

    /// `threadratings`, `thread_ratings` and `threads`: a table's name begins with that of another.
    pub(super) fn begins_with(&self, table: usize, other: usize) -> bool {
        let (own, of) = (&self.tables[table], &self.tables[other]);
        let shared = own.iter().zip(of).take_while(|(own, of)| own == of).count();
        match (own.get(shared), of.get(shared)) {
            (Some(own), Some(of)) => of.len() > 2 && own.starts_with(of.as_str()),
            (own, of) => own.is_some() && of.is_none(),
        }
    }

    /// The stems that the name of a column may have: with all of its words, without those of its
    /// own table in front, and without a prefix that the table's columns share.
    pub(super) fn stems(&self, schema: &Schema, table: usize, column: &str) -> Vec<Vec<String>> {
        let all = self.words(column);
        let mut stems = vec![stem(&all)];
        let own = self.nouns(table);
        let own_last = own.last();
        // `user_id` of `project_users` is the user's, and not that of the row.
        let says_more = all.iter().skip(1).any(|word| !is_key_word(word));
        if says_more && own_last.is_some_and(|last| singulars(&all[..1])[0] == *last) {
            stems.push(stem(&all[1..]));
        }
        if says_more && shared_prefix(&schema.tables[table]).as_ref() == all.first() {
            stems.push(stem(&all[1..]));
        }
        stems.dedup();
        stems
    }

    /// The words of a column's name without a prefix that the table's columns share.
    pub(super) fn bare(&self, schema: &Schema, table: usize, column: &str) -> Vec<String> {
        let mut all = self.words(column);
        if all.len() > 1 && shared_prefix(&schema.tables[table]).as_ref() == all.first() {
            all.remove(0);
        }
        all
    }

    /// The tables that a stem speaks of, the best first.
    pub(super) fn spoken(
        &self,
        schema: &Schema,
        from: usize,
        stem: &[String],
    ) -> Vec<(usize, Spoken)> {
        let stem = singulars(stem);
        let ends: Vec<usize> = (0..self.tables.len())
            .filter(|&at| {
                is_plain(&schema.tables[at]) && self.tables[at].ends_with(&stem) && !stem.is_empty()
            })
            .collect();
        let how = |at: usize| {
            let nouns = &self.tables[at];
            let before = &nouns[..nouns.len() - stem.len()];
            if before.is_empty() || self.tables[from].starts_with(before) {
                Spoken::Wholly
            } else if ends.len() == 1 {
                Spoken::ByEnd
            } else {
                Spoken::Loosely
            }
        };
        let mut spoken: Vec<(usize, Spoken)> = ends.iter().map(|&at| (at, how(at))).collect();
        spoken.sort_by_key(|(at, how)| (std::cmp::Reverse(*how), self.tables[*at].len()));
        spoken
    }

    /// The one table whose name a stem shortens: `repo_id` of `repository`.
    pub(super) fn abbreviated(&self, schema: &Schema, stem: &[String]) -> Option<usize> {
        let last = singulars(stem).pop().filter(|last| last.len() >= 3)?;
        let shortens = |at: &usize| {
            let nouns = &self.tables[*at];
            nouns.len() == 1
                && nouns[0] != last
                && nouns[0].starts_with(&last)
                && is_plain(&schema.tables[*at])
        };
        let mut found = (0..self.tables.len()).filter(shortens);
        found.next().filter(|_| found.next().is_none())
    }

    /// A type's name ends in that of a table: `plugin::users-permissions.user`.
    pub(super) fn is_class_of(&self, table: usize, name: &str) -> bool {
        let class = name.rsplit(['\\', ':', '.', '/']).next().unwrap_or(name);
        let said = singulars(&words(class));
        !said.is_empty() && self.tables[table].ends_with(&said)
    }

    /// The table that a type's name means: `App\Models\BlogPost`, `blog.post`, `Post`, `posts`.
    pub(super) fn of_type(&self, schema: &Schema, from: usize, name: &str) -> Option<usize> {
        let plain = |at: &usize| is_plain(&schema.tables[*at]);
        let exact = schema
            .tables
            .iter()
            .position(|t| t.name.eq_ignore_ascii_case(name));
        if let Some(at) = exact.filter(plain) {
            return Some(at);
        }
        let all = singulars(&words(name));
        if all.is_empty() || name.len() > 200 {
            return None;
        }
        // `ActiveStorage::VariantRecord` is `active_storage_variant_records`, `App\Models\Post` is `posts`.
        for skipped in 0..all.len() {
            let spoken = self.spoken(schema, from, &all[skipped..]);
            let whole = |(at, _): &&(usize, Spoken)| self.tables[*at].len() == all.len() - skipped;
            if let Some((at, _)) = spoken.iter().find(whole) {
                return Some(*at);
            }
        }
        let class = name.rsplit(['\\', ':', '.', '/']).next().unwrap_or(name);
        match &self.spoken(schema, from, &singulars(&words(class)))[..] {
            [(at, _)] => Some(*at),
            _ => None,
        }
    }
}

/// `fromuid`, `toid`: somebody's part in a row, and the word for a key.
fn before_key(word: &str) -> Option<[String; 2]> {
    ["uid", "id"].into_iter().find_map(|key| {
        let said = word.strip_suffix(key)?.to_owned();
        let speaks = role(std::slice::from_ref(&said)) != Role::Unknown;
        speaks.then(|| [said, key.to_owned()])
    })
}

/// All columns of a table begin with the same word, which says nothing of them.
pub(super) fn has_prefix(table: &Table) -> bool {
    shared_prefix(table).is_some()
}

/// A first word that nearly all columns of a table share: `rev_id`, `rev_page`, `rev_actor`.
fn shared_prefix(table: &Table) -> Option<String> {
    let firsts: Vec<String> = table
        .columns
        .iter()
        .filter_map(|column| words(&column.name).into_iter().next())
        .collect();
    let first = firsts.first()?;
    let sharing = firsts.iter().filter(|word| *word == first).count();
    let most = firsts.len() > 2 && sharing * 5 >= firsts.len() * 4;
    let all = firsts.len() == 2 && sharing == 2;
    (most || all).then(|| first.clone())
}

/// Rows of this table can be named.
pub(super) fn is_plain(table: &Table) -> bool {
    matches!(table.kind, TableKind::Rowid | TableKind::WithoutRowid)
}
