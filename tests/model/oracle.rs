//! What a run must do, worked out in memory and as plainly as possible.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use reset_app::plan::Accounts;
use reset_app::survey::Unowned;
use rusqlite::Connection;
use rusqlite::types::Value;

use super::case::{Action, Case, Column, Decision, Key, To, Type, Whom, quote};
use super::value::{self, Side, compare};

/// The rows of a table by their tags, each with its columns by name.
pub(crate) type Rows = BTreeMap<i64, BTreeMap<String, Value>>;

/// Everything a database holds, table by table.
pub(crate) fn read(connection: &Connection, case: &Case) -> Vec<Rows> {
    (0..case.tables.len())
        .map(|at| {
            let sql = format!("SELECT * FROM {}", quote(&case.table_name(at)));
            let mut statement = connection.prepare(&sql).unwrap();
            let columns: Vec<String> = statement
                .column_names()
                .into_iter()
                .map(str::to_owned)
                .collect();
            let rows = statement.query_map([], |row| {
                let values = columns.iter().enumerate();
                let values: BTreeMap<String, Value> = values
                    .map(|(at, name)| Ok::<_, rusqlite::Error>((name.clone(), row.get(at)?)))
                    .collect::<Result<_, _>>()?;
                Ok((row.get("tag")?, values))
            });
            rows.unwrap().collect::<Result<_, _>>().unwrap()
        })
        .collect()
}

/// Why a run must be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Refusal {
    Undecided,
    ForeignKey,
    Identity,
    UserKeyType,
    UnknownUser,
    AmbiguousUser,
    HeirGoes,
    /// A row would not name the heir who is to be named.
    HeirUnfit,
    Blocked,
    /// `SQLite` might take rows for children of a row that they do not name.
    Loose,
    /// A default is set in what tells the row apart.
    DefaultInKey,
    /// An action sets a generated column: `SQLite` cannot compile the deletion.
    Uncompilable,
}

/// What a run must do, where it is not refused.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Any of these may be given as the reason of the refusal; none: the run must succeed.
    pub(crate) refusals: BTreeSet<Refusal>,
    /// The keys of the users meant, in their order.
    pub(crate) targets: usize,
    /// The rows after it.
    pub(crate) rows: Vec<Rows>,
    /// The same with the rows that go, as they may stand before they do.
    pub(crate) rows_on_the_way: Vec<Rows>,
    /// The tags of rows that go, by table.
    pub(crate) gone: Vec<BTreeSet<i64>>,
    pub(crate) unowned: BTreeMap<String, u64>,
    pub(crate) collateral: BTreeMap<(String, String), u64>,
    pub(crate) mentions: BTreeMap<String, u64>,
    /// Mentions that name the heir afterwards.
    pub(crate) inherited: BTreeMap<String, u64>,
    /// Somebody must stay, because the heir's key cannot stand where theirs does.
    pub(crate) cannot_inherit: bool,
    /// `SQLite` may take a row that is set, and names itself in another type or case, for one that names
    /// nothing, or one that names the heir for a child of somebody else.
    pub(crate) may_fail: bool,
    /// When a row's column is set, and to what.
    set: BTreeMap<(Name, String), (Moment, Value)>,
}

/// Only if somebody who was to go stays.
const OTHERWISE: Moment = (usize::MAX, true);

/// The position of the user with whom something is set, and whether that is when their rows go, or before.
type Moment = (usize, bool);

/// A row: its table, and its tag.
type Name = (usize, i64);

/// A reference: its table, and its number there.
type Place = (usize, usize);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Owner,
    Mention,
    Undecided,
}

/// Who is asked for as the heir.
enum Heir {
    None,
    Unknown,
    Key(Value),
}

struct Oracle<'a> {
    case: &'a Case,
    before: &'a [Rows],
    /// What each row names by each reference.
    parents: BTreeMap<(Name, usize), Vec<Name>>,
    /// The other way round.
    children: BTreeMap<Name, Vec<(Name, usize)>>,
    owned: Vec<bool>,
}

/// The keys of all users, in their order.
pub(crate) fn users(case: &Case, before: &[Rows]) -> Vec<Value> {
    let key = case.user_key();
    let keys = before[0].values().map(|row| row[&key.name].clone());
    let mut keys: Vec<Value> = keys.filter(|key| *key != Value::Null).collect();
    keys.sort_by(|a, b| compare(a, b, key.kind == Type::Nocase));
    keys
}

/// The keys by which a case's job can ask for users.
pub(crate) fn askable(users: &[Value]) -> Vec<Value> {
    let named = |key: &&Value| matches!(key, Value::Integer(_) | Value::Text(_));
    users.iter().filter(named).cloned().collect()
}

pub(crate) fn outcome(case: &Case, before: &[Rows]) -> Outcome {
    let oracle = Oracle::new(case, before);
    let mut outcome = Outcome {
        refusals: oracle.refusals(),
        ..Outcome::default()
    };
    if oracle.is_ambiguous() {
        outcome.refusals.insert(Refusal::AmbiguousUser);
    }
    let Some(targets) = oracle.targets() else {
        outcome.refusals.insert(Refusal::UnknownUser);
        return outcome;
    };
    outcome.targets = targets.len();
    match oracle.heir() {
        Heir::Unknown => {
            outcome.refusals.insert(Refusal::UnknownUser);
        }
        Heir::Key(key) if targets.contains(&key) => {
            outcome.refusals.insert(Refusal::HeirGoes);
        }
        Heir::Key(_) | Heir::None => {}
    }
    let odd = |key: &Value| !matches!(key, Value::Integer(_) | Value::Text(_) | Value::Blob(_));
    if targets.iter().any(odd) {
        outcome.refusals.insert(Refusal::UserKeyType);
    }
    let mut reached = oracle.reached(&targets);
    let everyone = matches!(case.whom, Whom::All);
    let others = oracle.rows_of_nobody();
    match case.unowned {
        Unowned::Keep if everyone => outcome.unowned = oracle.by_table(&others),
        Unowned::Keep => {}
        Unowned::Delete => reached.extend(others.iter().map(|row| (*row, usize::MAX))),
    }
    if !everyone {
        outcome.collateral = oracle.collateral(&reached, &targets);
        if outcome.collateral.keys().any(|(_, owner)| !is_name(owner)) {
            outcome.refusals.insert(Refusal::UserKeyType);
        }
    }
    oracle.finish(&mut outcome, &reached);
    outcome
}

/// Only an integer, a text or a blob can name a user.
fn is_name(key: &str) -> bool {
    ["Integer", "Text", "Blob"]
        .iter()
        .any(|kind| key.starts_with(kind))
}

/// Numbers name rows of this table by a column that holds none: `SQLite` makes a number of the key while
/// it looks for the rows that name it, and misses others.
pub(crate) fn is_converted_in_place(case: &Case, parent: usize) -> bool {
    let is_number = |column: &Column| {
        let affinity = column.kind.affinity();
        matches!(affinity, value::Affinity::Integer | value::Affinity::Real)
    };
    let tables = case.tables.iter().enumerate();
    let mut references =
        tables.flat_map(|(at, table)| (0..table.references.len()).map(move |number| (at, number)));
    references.any(|(at, number)| {
        let reference = &case.tables[at].references[number];
        let exists = reference.target() != To::Nothing;
        let theirs = case.parent_columns(reference);
        let own = case.columns(at, number);
        let mut pairs = own.iter().zip(&theirs);
        reference.action != Action::Undeclared
            && exists
            && case.parent(reference) == parent
            && pairs.any(|(own, theirs)| is_number(own) && !is_number(theirs))
    })
}

impl<'a> Oracle<'a> {
    fn new(case: &'a Case, before: &'a [Rows]) -> Self {
        let mut oracle = Self {
            case,
            before,
            parents: BTreeMap::new(),
            children: BTreeMap::new(),
            owned: vec![false; case.tables.len()],
        };
        for (at, number) in oracle.references() {
            for tag in before[at].keys() {
                let parents = oracle.named((at, *tag), number);
                for parent in &parents {
                    let children = oracle.children.entry(*parent).or_default();
                    children.push(((at, *tag), number));
                }
                oracle.parents.insert(((at, *tag), number), parents);
            }
        }
        oracle.owned[0] = true;
        for _ in 0..case.tables.len() {
            for (at, number) in oracle.references() {
                if oracle.meaning((at, number)) == Meaning::Owner && oracle.exists((at, number)) {
                    oracle.owned[at] |= oracle.owned[oracle.parent((at, number))];
                }
            }
        }
        oracle
    }

    fn references(&self) -> Vec<Place> {
        let tables = self.case.tables.iter().enumerate();
        tables
            .flat_map(|(at, table)| (0..table.references.len()).map(move |number| (at, number)))
            .collect()
    }

    fn parent(&self, (at, number): Place) -> usize {
        self.case.parent(&self.case.tables[at].references[number])
    }

    /// The parent table exists.
    fn exists(&self, (at, number): Place) -> bool {
        self.case.tables[at].references[number].target() != To::Nothing
    }

    /// The columns named are a key of the parent.
    fn fits(&self, (at, number): Place) -> bool {
        let reference = &self.case.tables[at].references[number];
        reference.action == Action::Undeclared || reference.to != To::Plain
    }

    fn meaning(&self, (at, number): Place) -> Meaning {
        let reference = &self.case.tables[at].references[number];
        if at == 0 {
            return Meaning::Mention;
        }
        match (reference.decision, reference.action) {
            (Some(Decision::Owner), _) | (None, Action::Cascade) => Meaning::Owner,
            (None, Action::None | Action::Restrict) if !self.case.is_nullable(at, number) => {
                Meaning::Undecided
            }
            _ => Meaning::Mention,
        }
    }

    fn named(&self, (at, tag): Name, number: usize) -> Vec<Name> {
        let reference = &self.case.tables[at].references[number];
        if !self.exists((at, number)) {
            return Vec::new();
        }
        let parent = self.case.parent(reference);
        let child = &self.before[at][&tag];
        let pairs: Vec<_> = self
            .case
            .columns(at, number)
            .into_iter()
            .zip(self.case.parent_columns(reference))
            .collect();
        let is_named = |row: &BTreeMap<String, Value>| {
            pairs.iter().all(|(own, theirs)| {
                let nocase = theirs.kind == Type::Nocase;
                value::names(
                    &child[&own.name],
                    &row[&theirs.name],
                    theirs.kind.affinity(),
                    nocase,
                )
            })
        };
        let rows = self.before[parent].iter().filter(|(_, row)| is_named(row));
        rows.map(|(tag, _)| (parent, *tag)).collect()
    }

    fn goes(&self, table: usize) -> bool {
        self.owned[table] && (table != 0 || self.case.accounts == Accounts::Delete)
    }

    /// Statements may delete from these tables, if only by a cascade that meets no row.
    fn deleted(&self) -> Vec<bool> {
        let mut deleted: Vec<bool> = (0..self.owned.len()).map(|at| self.goes(at)).collect();
        for _ in 0..deleted.len() {
            for place in self.references() {
                let reference = &self.case.tables[place.0].references[place.1];
                if reference.action == Action::Cascade && self.exists(place) {
                    deleted[place.0] |= deleted[self.parent(place)];
                }
            }
        }
        deleted
    }

    fn refusals(&self) -> BTreeSet<Refusal> {
        let mut refusals = BTreeSet::new();
        let deleted = self.deleted();
        for place in self.references() {
            let parent = self.parent(place);
            let undecided = self.meaning(place) == Meaning::Undecided;
            if undecided && self.exists(place) && self.owned[parent] {
                refusals.insert(Refusal::Undecided);
            }
            let broken = !self.exists(place) || !self.fits(place);
            let parent_goes = self.exists(place) && deleted[parent];
            let updated = self.exists(place) && self.is_updated(parent, &deleted);
            if broken && (deleted[place.0] || parent_goes || updated) {
                refusals.insert(Refusal::ForeignKey);
            }
            let reference = &self.case.tables[place.0].references[place.1];
            if reference.action.sets() && parent_goes && self.case.is_generated(place.0, place.1) {
                refusals.insert(Refusal::Uncompilable);
            }
            if self.sets_default_in_key(place) {
                refusals.insert(Refusal::DefaultInKey);
            }
            // Nothing enforces, and nothing can set, such a reference: it is left.
            let left =
                reference.action == Action::Undeclared && !self.case.is_nullable(place.0, place.1);
            let mentions = self.meaning(place) == Meaning::Mention && self.exists(place) && !left;
            if mentions && self.goes(parent) && self.case.lacks_identity(place.0) {
                refusals.insert(Refusal::Identity);
            }
        }
        if (0..self.case.tables.len()).any(|at| self.owned[at] && self.case.lacks_identity(at)) {
            refusals.insert(Refusal::Identity);
        }
        refusals
    }

    /// Rows that own each other, or that stay, meet the action; others go before what they name.
    fn sets_default_in_key(&self, place: Place) -> bool {
        let (at, parent) = (place.0, self.parent(place));
        let action = self.case.tables[at].references[place.1].action;
        matches!(action, Action::SetDefault | Action::SetOne)
            && self.exists(place)
            && self.goes(parent)
            && self.case.tells_apart_by_references(at)
            && (self.meaning(place) != Meaning::Owner || self.owned_by(at)[parent])
    }

    /// The tables whose rows may belong to rows of this one, and this one.
    fn owned_by(&self, table: usize) -> Vec<bool> {
        let mut owned = vec![false; self.case.tables.len()];
        owned[table] = true;
        for _ in 0..owned.len() {
            for place in self.references() {
                if self.meaning(place) == Meaning::Owner && self.exists(place) {
                    owned[place.0] |= owned[self.parent(place)];
                }
            }
        }
        owned
    }

    /// Rows of this table may be set, by a mention or by an action of the database.
    fn is_updated(&self, table: usize, deleted: &[bool]) -> bool {
        let mut references = self
            .references()
            .into_iter()
            .filter(|place| place.0 == table);
        references.any(|place| {
            let reference = &self.case.tables[place.0].references[place.1];
            let sets = self.meaning(place) == Meaning::Mention || reference.action.sets();
            sets && self.exists(place) && deleted[self.parent(place)]
        })
    }

    /// The keys of the users meant, in the order of the run; none where one asked for is not there.
    fn targets(&self) -> Option<Vec<Value>> {
        let users = users(self.case, self.before);
        let askable = askable(&users);
        let asked = |numbers: &[u8]| -> Option<Vec<Value>> {
            let key = |number: &u8| {
                askable
                    .get(usize::from(*number) % askable.len().max(1))
                    .cloned()
            };
            numbers.iter().map(key).collect()
        };
        Some(match &self.case.whom {
            Whom::All => users,
            Whom::Only(numbers) => {
                let mut targets = Vec::new();
                for key in asked(numbers)? {
                    if !targets.contains(&key) {
                        targets.push(key);
                    }
                }
                targets
            }
            Whom::Except(numbers) => {
                let kept = asked(numbers)?;
                users
                    .into_iter()
                    .filter(|key| !kept.contains(key))
                    .collect()
            }
        })
    }

    /// Somebody asked for is written like somebody else: a number and the same as text, or a blob in
    /// hexadecimal digits.
    fn is_ambiguous(&self) -> bool {
        let users = users(self.case, self.before);
        let askable = askable(&users);
        let numbers: &[u8] = match &self.case.whom {
            Whom::Only(numbers) | Whom::Except(numbers) => numbers,
            Whom::All => &[],
        };
        let written = |key: &Value| match key {
            Value::Blob(bytes) => bytes
                .iter()
                .fold(String::new(), |text, byte| format!("{text}{byte:02x}")),
            key => value::literal(key).trim_matches('\'').to_owned(),
        };
        numbers.iter().chain(&self.case.heir).any(|number| {
            let key = askable.get(usize::from(*number) % askable.len().max(1));
            let alike = |other: &&Value| key.is_some_and(|key| written(key) == written(other));
            users.iter().filter(alike).count() > 1
        })
    }

    fn heir(&self) -> Heir {
        let users = askable(&users(self.case, self.before));
        let Some(number) = self.case.heir else {
            return Heir::None;
        };
        let key = users.get(usize::from(number) % users.len().max(1));
        key.map_or(Heir::Unknown, |key| Heir::Key(key.clone()))
    }

    fn user(&self, key: &Value) -> Name {
        let column = self.case.user_key().name;
        let row = self.before[0].iter().find(|(_, row)| row[&column] == *key);
        (0, *row.unwrap().0)
    }

    /// Every row that a user reaches, with the position of the first who does.
    fn reached(&self, users: &[Value]) -> BTreeMap<Name, usize> {
        let mut reached = BTreeMap::new();
        for (position, key) in users.iter().enumerate() {
            let mut found = vec![self.user(key)];
            while let Some(row) = found.pop() {
                if reached.contains_key(&row) {
                    continue;
                }
                reached.insert(row, position);
                let children = self.children.get(&row).into_iter().flatten();
                let owned = children
                    .filter(|(child, number)| self.meaning((child.0, *number)) == Meaning::Owner);
                found.extend(owned.map(|(child, _)| *child));
            }
        }
        reached
    }

    fn rows_of_nobody(&self) -> Vec<Name> {
        let reached = self.reached(&users(self.case, self.before));
        let tables = (1..self.case.tables.len()).filter(|at| self.owned[*at]);
        let rows = tables.flat_map(|at| self.before[at].keys().map(move |tag| (at, *tag)));
        rows.filter(|row| !reached.contains_key(row)).collect()
    }

    fn by_table(&self, rows: &[Name]) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for (at, _) in rows {
            *counts.entry(self.case.table_name(*at)).or_default() += 1;
        }
        counts
    }

    /// For each table how far it is from the users over owner references. A step to a row of which each
    /// of its parents has one is nothing beside any other.
    fn distances(&self) -> Vec<Option<usize>> {
        let mut distances = vec![None; self.case.tables.len()];
        distances[0] = Some(0);
        for _ in 0..distances.len() {
            for place in self
                .references()
                .into_iter()
                .filter(|place| self.is_owner(*place))
            {
                let table = &self.case.tables[place.0];
                let one_each = table.key == Key::References && table.references.len() == 1;
                let step = if one_each { 1 } else { distances.len() };
                let through = distances[self.parent(place)].map(|steps: usize| steps + step);
                if through.is_some_and(|steps| distances[place.0].is_none_or(|known| steps < known))
                {
                    distances[place.0] = through;
                }
            }
        }
        distances
    }

    fn is_owner(&self, place: Place) -> bool {
        self.meaning(place) == Meaning::Owner
            && self.exists(place)
            && self.owned[self.parent(place)]
    }

    /// The owner references of a table, shortest way first; those of the manifest after declared ones.
    fn ways(&self, at: usize) -> Vec<usize> {
        let distances = self.distances();
        let references = &self.case.tables[at].references;
        let mut ways: Vec<usize> = (0..references.len())
            .filter(|number| self.is_owner((at, *number)))
            .collect();
        ways.sort_by_key(|number| {
            let undeclared = references[*number].action == Action::Undeclared;
            (distances[self.parent((at, *number))], undeclared, *number)
        });
        ways
    }

    fn owner_along(&self, row: Name, number: usize) -> Option<Name> {
        let mut row = *self.parents[&(row, number)].first()?;
        while row.0 != 0 {
            let way = *self.ways(row.0).first()?;
            row = *self.parents[&(row, way)].first()?;
        }
        let key = &self.before[0][&row.1][&self.case.user_key().name];
        (*key != Value::Null).then_some(row)
    }

    fn collateral(
        &self,
        reached: &BTreeMap<Name, usize>,
        targets: &[Value],
    ) -> BTreeMap<(String, String), u64> {
        let key = self.case.user_key().name;
        let mut counts = BTreeMap::new();
        for row in reached.keys().filter(|row| row.0 != 0) {
            let mut owners = self
                .ways(row.0)
                .into_iter()
                .filter_map(|way| self.owner_along(*row, way));
            let Some(owner) = owners.next() else { continue };
            let owner = &self.before[0][&owner.1][&key];
            if !targets.contains(owner) {
                let name = (self.case.table_name(row.0), format!("{owner:?}"));
                *counts.entry(name).or_default() += 1;
            }
        }
        counts
    }

    /// Deletes the rows and sets the mentions.
    fn finish(&self, outcome: &mut Outcome, reached: &BTreeMap<Name, usize>) {
        let gone: BTreeMap<Name, usize> = reached
            .iter()
            .filter(|(row, _)| self.goes(row.0))
            .map(|(row, at)| (*row, *at))
            .collect();
        outcome.rows = self.before.to_vec();
        for place in self.references() {
            if self.meaning(place) == Meaning::Mention
                && self.exists(place)
                && self.goes(self.parent(place))
            {
                self.mention(place, &gone, outcome);
            }
        }
        if self.holds_loose(&gone) {
            outcome.refusals.insert(Refusal::Loose);
        }
        for (((at, tag), column), (_, value)) in &outcome.set {
            let row = outcome.rows[*at].get_mut(tag).unwrap();
            row.insert(column.clone(), value.clone());
        }
        outcome.cannot_inherit |= self.two_get_the_same_key(outcome, &gone);
        outcome.may_fail = self.may_miss_itself(outcome) || self.heir_is_loose(outcome, &gone);
        outcome.rows_on_the_way.clone_from(&outcome.rows);
        outcome.gone = vec![BTreeSet::new(); self.case.tables.len()];
        for (at, tag) in gone.keys() {
            outcome.rows[*at].remove(tag);
            outcome.gone[*at].insert(*tag);
        }
    }

    fn holds_loose(&self, gone: &BTreeMap<Name, usize>) -> bool {
        let mut references = self.references().into_iter();
        references.any(|place| self.is_loose(place, gone))
    }

    /// The same of a row that names the heir by then.
    fn heir_is_loose(&self, outcome: &Outcome, gone: &BTreeMap<Name, usize>) -> bool {
        self.case.heir.is_some() && Oracle::new(self.case, &outcome.rows).holds_loose(gone)
    }

    /// `SQLite` takes a row for a child of one that goes, which it does not name.
    fn is_loose(&self, (at, number): Place, gone: &BTreeMap<Name, usize>) -> bool {
        let reference = &self.case.tables[at].references[number];
        if reference.action == Action::Undeclared || !self.exists((at, number)) {
            return false;
        }
        let own = self.case.columns(at, number);
        let theirs = self.case.parent_columns(reference);
        let parent = self.case.parent(reference);
        let in_place = is_converted_in_place(self.case, parent);
        self.before[at].iter().any(|(tag, child)| {
            gone.keys().filter(|row| row.0 == parent).any(|row| {
                let there = &self.before[parent][&row.1];
                let pairs = || own.iter().zip(&theirs);
                let matches = |how: fn(Side, Side, bool) -> bool| {
                    pairs().all(|(own, theirs)| {
                        let left = (&there[&theirs.name], theirs.kind.affinity());
                        let right = (&child[&own.name], own.kind.affinity());
                        how(left, right, theirs.kind == Type::Nocase)
                    })
                };
                let equal = matches(value::equal)
                    || matches(value::acted_on)
                    || (in_place && matches(value::equal_in_place));
                equal && !self.parents[&((at, *tag), number)].contains(row)
            })
        })
    }

    /// What becomes of the mentions of one reference.
    fn mention(&self, (at, number): Place, gone: &BTreeMap<Name, usize>, outcome: &mut Outcome) {
        let reference = &self.case.tables[at].references[number];
        let columns = self.case.columns(at, number);
        let all = |value: &Value| {
            let stored = |column: &Column| self.stored(at, column, value);
            columns.iter().map(stored).collect::<Vec<_>>()
        };
        let is_default = matches!(reference.action, Action::SetDefault | Action::SetOne);
        let (mut set, mut inherited) = (0, 0);
        for tag in self.before[at].keys() {
            let row = (at, *tag);
            let named = self.parents[&(row, number)]
                .iter()
                .filter_map(|parent| gone.get(parent));
            let Some(first) = named.min() else { continue };
            let stays = !gone.contains_key(&row);
            let is_gone = gone.get(&row).is_some_and(|with| with <= first);
            let (values, rows) = match reference.action {
                Action::SetDefault => (all(&Value::Null), &mut set),
                Action::SetOne => (all(&Value::Integer(1)), &mut set),
                _ if self.case.is_nullable(at, number) => (all(&Value::Null), &mut set),
                Action::Undeclared => continue,
                _ => match self.heirs((at, number)) {
                    Some(values) if is_gone || self.name_the_heir((at, number), &values) => {
                        (values, &mut inherited)
                    }
                    Some(_) => {
                        outcome.refusals.insert(Refusal::HeirUnfit);
                        continue;
                    }
                    None if is_gone => continue,
                    None => {
                        outcome.refusals.insert(Refusal::Blocked);
                        continue;
                    }
                },
            };
            *rows += u64::from(stays);
            for (column, value) in columns.iter().zip(values) {
                let Some(value) = value else { continue };
                let moment = if is_gone {
                    OTHERWISE
                } else {
                    (*first, is_default)
                };
                outcome
                    .set
                    .insert((row, column.name.clone()), (moment, value));
            }
        }
        let name = reset_app::manifest::Columns {
            table: self.case.table_name(at),
            columns: columns.into_iter().map(|column| column.name).collect(),
        };
        let count = |rows: u64| (rows > 0).then(|| (name.to_string(), rows));
        outcome.mentions.extend(count(set));
        outcome.inherited.extend(count(inherited));
    }

    /// What a row's mention of an account that goes holds afterwards, where the heir is named instead:
    /// for each column the heir's value, or nothing where that cannot stand there.
    fn heirs(&self, (at, number): Place) -> Option<Vec<Option<Value>>> {
        if self.parent((at, number)) != 0 || self.case.is_generated(at, number) {
            return None;
        }
        let heir = self.heirs_own((at, number))?;
        let own = self.case.columns(at, number);
        let pairs = own.iter().zip(&heir);
        let value = |(own, (_, value)): (&Column, &(Column, Value))| self.stored(at, own, value);
        Some(pairs.map(value).collect())
    }

    /// The columns of the heir that a reference names.
    fn heirs_own(&self, (at, number): Place) -> Option<Vec<(Column, Value)>> {
        let Heir::Key(key) = self.heir() else {
            return None;
        };
        let heir = &self.before[0][&self.user(&key).1];
        let columns = self
            .case
            .parent_columns(&self.case.tables[at].references[number]);
        let values = columns.into_iter().map(|column| {
            let value = heir[&column.name].clone();
            (column, value)
        });
        Some(values.collect())
    }

    /// Whether what a row would hold names the heir.
    fn name_the_heir(&self, place: Place, values: &[Option<Value>]) -> bool {
        let heir = self.heirs_own(place).unwrap_or_default();
        heir.iter().zip(values).all(|((column, own), value)| {
            let (affinity, nocase) = (column.kind.affinity(), column.kind == Type::Nocase);
            let names = |value: &Value| value::names(value, own, affinity, nocase);
            value.as_ref().is_some_and(names)
        })
    }

    /// What a column of a table keeps of a value.
    fn stored(&self, at: usize, column: &Column, value: &Value) -> Option<Value> {
        if *value == Value::Null {
            return Some(Value::Null);
        }
        let is_rowid = self.case.is_rowid_alias(at) && self.case.key(at)[0].name == column.name;
        let strict = self.case.tables[at].strict || is_rowid;
        value::stored(value, column.kind.affinity(), strict)
    }

    /// The rows that are told apart by the heir's key afterwards, each with the position of the user with
    /// whom that comes.
    fn renamed(&self, outcome: &Outcome) -> impl Iterator<Item = (Name, usize)> {
        let inherited = outcome
            .set
            .iter()
            .filter(|((row, _), ((_, is_default), value))| {
                self.case.is_key_part(row.0) && !is_default && *value != Value::Null
            });
        inherited.map(|((row, _), ((position, _), _))| (*row, *position))
    }

    /// Whether a row that is set names itself by a value that is not the very same.
    fn may_miss_itself(&self, outcome: &Outcome) -> bool {
        let mut rows = outcome.set.keys().map(|(row, _)| *row);
        rows.any(|row| {
            let mut numbers = 0..self.case.tables[row.0].references.len();
            numbers.any(|number| self.misses_itself(row, number, outcome))
        })
    }

    fn misses_itself(&self, (at, tag): Name, number: usize, outcome: &Outcome) -> bool {
        let after = |column: &Column| {
            let set = outcome.set.get(&((at, tag), column.name.clone()));
            set.map_or(&self.before[at][&tag][&column.name], |(_, value)| value)
        };
        let reference = &self.case.tables[at].references[number];
        let (own, theirs) = (
            self.case.columns(at, number),
            self.case.parent_columns(reference),
        );
        let pairs = || own.iter().zip(&theirs);
        let names = |(own, theirs): (&Column, &Column)| {
            let nocase = theirs.kind == Type::Nocase;
            value::names(after(own), after(theirs), theirs.kind.affinity(), nocase)
        };
        self.parent((at, number)) == at
            && reference.action != Action::Undeclared
            && pairs().all(names)
            && pairs().any(|(own, theirs)| after(own) != after(theirs))
    }

    /// A row gets the key of another one that stands by then, because the heir is named in it.
    fn two_get_the_same_key(&self, outcome: &Outcome, gone: &BTreeMap<Name, usize>) -> bool {
        self.renamed(outcome).any(|(row, position)| {
            let stands = |other: &Name| gone.get(other).is_none_or(|with| *with >= position);
            let others = self.before[row.0].keys().map(|tag| (row.0, *tag));
            let key = self.key_by(row, position, outcome);
            others
                .filter(|other| *other != row && stands(other))
                .any(|other| {
                    let other = self.key_by(other, position, outcome);
                    let mut pairs = key.iter().zip(&other);
                    pairs.all(|((value, nocase), (other, _))| {
                        *value != Value::Null && compare(value, other, *nocase) == Ordering::Equal
                    })
                })
        })
    }

    /// The key of a row when mentions of the user at a position have been set, and whether case is nothing to it.
    fn key_by(&self, row: Name, position: usize, outcome: &Outcome) -> Vec<(Value, bool)> {
        let columns = self.case.key(row.0).into_iter();
        columns
            .map(|column| {
                let before = &self.before[row.0][&row.1][&column.name];
                let set = outcome.set.get(&(row, column.name));
                let set = set.filter(|(moment, _)| *moment <= (position, false));
                let value = set.map_or(before, |(_, value)| value);
                (value.clone(), column.kind == Type::Nocase)
            })
            .collect()
    }
}
