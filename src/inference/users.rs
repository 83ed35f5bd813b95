//! Which table holds the users. Pure.

use super::names::{Names, is_plain};
use super::vocabulary::{KEYS, PERSONS};
use super::words::{is_in, singular, singulars, stem, words};
use crate::schema::{Affinity, Column, Schema, Table};

/// A table that may hold the users, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsersCandidate {
    /// The table.
    pub table: String,
    /// How much speaks for it.
    pub score: u32,
    /// What speaks for it, in words.
    pub reasons: Vec<String>,
}

const NOUNS: &[(&str, u32)] = &[
    ("user", 5),
    ("account", 4),
    ("member", 3),
    ("person", 3),
    ("login", 2),
    ("customer", 2),
    ("employee", 2),
    ("author", 2),
    ("student", 2),
    ("player", 2),
    ("client", 1),
    ("profile", 1),
    ("identity", 1),
    ("admin", 1),
];

const SECRETS: &[&str] = &[
    "password",
    "passwd",
    "pass",
    "pwd",
    "passphrase",
    "passhash",
];
const MAILS: &[&str] = &["email", "mail"];
const LOGINS: &[&str] = &["username", "login", "handle", "nickname", "nick", "userid"];
const HABITS: &[&str] = &[
    "active",
    "staff",
    "superuser",
    "admin",
    "role",
    "joined",
    "registered",
    "registration",
    "confirmed",
    "verified",
];

/// Below this, a table is no candidate.
const LEAST: u32 = 6;

/// The tables that may hold the users, the likeliest first.
pub(super) fn candidates(schema: &Schema, names: &Names) -> Vec<UsersCandidate> {
    let tables = schema.tables.iter().enumerate();
    let mut found: Vec<UsersCandidate> = tables
        .filter(|(_, table)| is_plain(table) && has_key(table))
        .map(|(at, table)| weigh(schema, names, at, table))
        .filter(|candidate| candidate.score >= LEAST)
        .collect();
    found.sort_by(|one, other| {
        other
            .score
            .cmp(&one.score)
            .then(one.table.cmp(&other.table))
    });
    found
}

/// The one that is clearly the likeliest.
pub(super) fn clear(candidates: &[UsersCandidate]) -> Option<&UsersCandidate> {
    match candidates {
        [] => None,
        [one] => Some(one),
        [first, second, ..] => (second.score * 10 <= first.score * 8).then_some(first),
    }
}

fn has_key(table: &Table) -> bool {
    table.primary_key.len() == 1 || other_key(table).is_some()
}

/// The column by which users are told apart where it is not the primary key: a unique one.
pub(super) fn other_key(table: &Table) -> Option<String> {
    if table.primary_key.len() == 1 {
        return None;
    }
    let mut unique = table.columns.iter().filter(|c| is_unique(table, c));
    unique_id(table).or_else(|| unique.next().map(|column| column.name.clone()))
}

/// The unique column of a table that is named as a key.
pub(super) fn unique_id(table: &Table) -> Option<String> {
    let says_key = |column: &&Column| {
        words(&column.name)
            .last()
            .is_some_and(|last| is_in(KEYS, last))
    };
    let mut unique = table.columns.iter().filter(|c| is_unique(table, c));
    unique.find(says_key).map(|column| column.name.clone())
}

fn is_unique(table: &Table, column: &Column) -> bool {
    table.is_key(std::slice::from_ref(&column.name))
}

fn weigh(schema: &Schema, names: &Names, at: usize, table: &Table) -> UsersCandidate {
    let mut candidate = UsersCandidate {
        table: table.name.clone(),
        score: 0,
        reasons: Vec::new(),
    };
    let mut count = |points: u32, reason: String| {
        candidate.score += points;
        candidate.reasons.push(reason);
    };
    let last = names.nouns(at).last().map_or("", String::as_str);
    let run_together = |noun: &&(&str, u32)| noun.1 >= 4 && last.ends_with(noun.0);
    let exact = NOUNS.iter().find(|(noun, _)| *noun == last);
    if let Some((noun, points)) = exact.or_else(|| NOUNS.iter().find(run_together)) {
        count(*points, format!("its name says `{noun}`"));
    }
    for (list, points, what) in [
        (SECRETS, 4, "a password"),
        (MAILS, 2, "an e-mail address"),
        (LOGINS, 2, "a login name"),
    ] {
        let holds = |column: &&Column| !is_switch(column) && says_one(column, list);
        if let Some(column) = table.columns.iter().find(holds) {
            count(points, format!("`{}` holds {what}", column.name));
        }
    }
    if let Some(column) = table.columns.iter().find(|column| is_habit(column)) {
        count(1, format!("`{}` is what accounts have", column.name));
    }
    let (declared, spoken) = naming(schema, names, at);
    if declared > 0 {
        count(
            declared.min(5),
            match declared {
                1 => "1 foreign key leads to it".to_owned(),
                more => format!("{more} foreign keys lead to it"),
            },
        );
    }
    if spoken > 0 {
        let reason = match spoken {
            1 => "1 column is named for it".to_owned(),
            more => format!("{more} columns are named for it"),
        };
        count(spoken.min(3), reason);
    }
    candidate
}

/// How many foreign keys lead to a table, and how many other columns are named for it.
fn naming(schema: &Schema, names: &Names, at: usize) -> (u32, u32) {
    let table = &schema.tables[at];
    let (mut declared, mut spoken) = (0, 0);
    for (from, other) in schema
        .tables
        .iter()
        .enumerate()
        .filter(|(from, _)| *from != at)
    {
        let keys = other.foreign_keys.iter();
        declared += keys
            .filter(|key| key.parent.eq_ignore_ascii_case(&table.name))
            .count();
        for column in &other.columns {
            let all = words(&column.name);
            let bare = stem(&all);
            let says = bare.len() < all.len()
                && names
                    .spoken(schema, from, &bare)
                    .first()
                    .is_some_and(|(to, _)| *to == at);
            let in_key = other
                .foreign_keys
                .iter()
                .any(|key| key.columns.contains(&column.name));
            spoken += usize::from(says && !in_key);
        }
    }
    let short = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    (short(declared), short(spoken))
}

/// One of its words is one of these, and it is not about when or how often, nor about somebody else:
/// `moderator_password`.
fn says_one(column: &Column, list: &[&str]) -> bool {
    const ABOUT: &str = "last date at count time host server domain";
    let said = singulars(&words(&column.name));
    let another = |word: &String| {
        is_in(PERSONS, word) && NOUNS.iter().all(|(noun, _)| noun != word) && !is_listed(word, list)
    };
    let fits = said.iter().any(|word| is_listed(word, list));
    fits && !said.iter().any(|word| is_in(ABOUT, word) || another(word))
}

fn is_listed(word: &str, list: &[&str]) -> bool {
    list.contains(&word)
}

/// Its last word is one of what accounts have: `is_admin`, `role_id`, not `admin_notes`.
fn is_habit(column: &Column) -> bool {
    let said = stem(&words(&column.name));
    says_one(column, HABITS)
        && said
            .last()
            .is_some_and(|last| is_listed(&singular(last), HABITS))
}

/// It holds yes or no: `can_edit_password` holds no password.
fn is_switch(column: &Column) -> bool {
    column.declared_type.to_lowercase().starts_with("bool")
}

/// The columns that name a person, beside the one that is the key.
pub(super) fn other_names(table: &Table) -> Vec<String> {
    let key = other_key(table);
    let names = name_columns(table).into_iter();
    names.filter(|name| Some(name) != key.as_ref()).collect()
}

/// The columns of the users table by which a person can be named: login names before addresses.
pub(super) fn name_columns(table: &Table) -> Vec<String> {
    let own = singular(words(&table.name).last().map_or("", String::as_str));
    let of = |column: &Column| {
        let mut said = words(&column.name);
        if said.len() > 1 && (said[0] == own || said[0] == "user") {
            said.remove(0);
        }
        said.join(" ")
    };
    let ranks: &[&[&str]] = &[
        &[
            "username",
            "login",
            "handle",
            "userid",
            "account name",
            "login name",
            "user name",
            "screen name",
        ],
        &["name"],
        &["nickname", "nick", "nicename"],
        &["email", "mail", "email address", "mail address", "e mail"],
    ];
    let textual = |column: &&Column| matches!(column.affinity, Affinity::Text | Affinity::Blob);
    let is_key = |column: &&Column| !table.key().contains(&column.name.as_str());
    let mut found = Vec::new();
    for rank in ranks {
        let columns = table.columns.iter().filter(textual).filter(is_key);
        let fitting = columns.filter(|column| rank.contains(&of(column).as_str()));
        found.extend(fitting.map(|column| column.name.clone()));
    }
    found
}
