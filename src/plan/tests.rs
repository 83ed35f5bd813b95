//! The graph and the plan of tables called A, B, C: no connection in sight.
//!
//! A structure is written as lines `A.b -> C cascade not null`: table, column, parent, ON DELETE
//! action, and whether the column can be null. Every table has the key `id`.

use std::time::Duration;

use super::{Accounts, MentionFate, Plan};
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::manifest::{Manifest, Source};
use crate::schema::{
    Action, Affinity, Column, ColumnKind, ForeignKey, ForeignKeyFault, Identity, Schema, Table,
    TableKind,
};

fn column(name: &str, not_null: bool) -> Column {
    Column {
        name: name.into(),
        declared_type: "INTEGER".into(),
        affinity: Affinity::Integer,
        collation: "BINARY".into(),
        not_null,
        kind: ColumnKind::Ordinary,
    }
}

fn table(name: &str) -> Table {
    Table {
        name: name.into(),
        kind: TableKind::Rowid,
        module: None,
        strict: false,
        autoincrement: false,
        columns: vec![column("id", false)],
        primary_key: vec![0],
        identity: Identity::Rowid("rowid".into()),
        foreign_keys: Vec::new(),
        indexes: Vec::new(),
    }
}

fn action(words: &str) -> Action {
    match words {
        words if words.contains("cascade") => Action::Cascade,
        words if words.contains("set null") => Action::SetNull,
        words if words.contains("set default") => Action::SetDefault,
        words if words.contains("restrict") => Action::Restrict,
        _ => Action::NoAction,
    }
}

fn fault(words: &str) -> Option<ForeignKeyFault> {
    match words {
        words if words.contains("missing") => Some(ForeignKeyFault::ParentMissing),
        words if words.contains("mismatch") => Some(ForeignKeyFault::Mismatch),
        _ => None,
    }
}

/// The tables of the lines in the order of their names, as a database gives them.
fn schema(lines: &str) -> Schema {
    let mut tables = std::collections::BTreeMap::from([("users".to_owned(), table("users"))]);
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (child, rest) = line.split_once(" -> ").unwrap();
        let (child, name) = child.split_once('.').unwrap();
        let (parent, words) = rest.split_once(' ').unwrap_or((rest, ""));
        if fault(words) != Some(ForeignKeyFault::ParentMissing) {
            tables.entry(parent.into()).or_insert_with(|| table(parent));
        }
        let child = tables.entry(child.into()).or_insert_with(|| table(child));
        child.columns.push(column(name, words.contains("not null")));
        child.foreign_keys.push(ForeignKey {
            columns: vec![name.into()],
            parent: parent.into(),
            parent_columns: vec!["id".into()],
            on_delete: action(words),
            fault: fault(words),
        });
    }
    Schema {
        tables: tables.into_values().collect(),
        ..Schema::default()
    }
}

fn plan_with(lines: &str, references: &str, accounts: Accounts) -> Result<Plan> {
    let schema = schema(lines);
    let text = format!("[users]\ntable = \"users\"\n[references]\n{references}");
    let manifest = Manifest::parse(&text, Source::File("reset-app.toml".into())).unwrap();
    let graph = Graph::new(&schema, &manifest)?;
    Plan::new(&schema, &graph, &manifest, accounts)
}

fn plan(lines: &str) -> Plan {
    plan_with(lines, "", Accounts::Keep).unwrap()
}

/// The tables in their order, those of one group in brackets.
fn order(plan: &Plan) -> String {
    let group = |group: &super::Group| {
        let names: Vec<&str> = plan.tables[group.tables.clone()]
            .iter()
            .map(|t| &*t.name)
            .collect();
        if group.cyclic {
            format!("({})", names.join(" "))
        } else {
            names.join(" ")
        }
    };
    plan.groups.iter().map(group).collect::<Vec<_>>().join(" ")
}

/// Each mention and what becomes of it.
fn mentions(plan: &Plan) -> Vec<(String, MentionFate)> {
    let one = |m: &super::Mention| (format!("{}.{}", m.table, m.link.columns[0]), m.fate.clone());
    plan.mentions.iter().map(one).collect()
}

fn set_null(column: &str) -> MentionFate {
    MentionFate::SetNull(vec![column.into()])
}

#[test]
fn parents_come_before_children() {
    let plan = plan("C.b -> B cascade\nB.a -> A cascade\nA.user -> users cascade");
    assert_eq!(order(&plan), "users A B C");
    assert_eq!(plan.going().collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn the_users_go_only_with_their_accounts() {
    let plan = plan_with("A.user -> users cascade", "", Accounts::Delete).unwrap();
    assert_eq!(plan.going().collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn what_no_owner_leads_to_is_left_out() {
    let plan = plan("A.user -> users cascade\nB.c -> C cascade\nD.user -> users set null");
    assert_eq!(order(&plan), "users A");
}

#[test]
fn a_diamond_ends_below_both_sides() {
    let lines = "A.user -> users cascade\nB.a -> D cascade\nB.c -> C cascade\nC.a -> A cascade\nD.a -> A cascade";
    let plan = plan(lines);
    assert_eq!(plan.tables[1].name, "A");
    assert_eq!(plan.tables[4].name, "B");
    assert_eq!(plan.tables[4].owners.len(), 2);
}

#[test]
fn a_self_reference_is_a_group_of_one() {
    let plan = plan("A.user -> users cascade\nA.parent -> A cascade\nB.a -> A cascade");
    assert_eq!(order(&plan), "users (A) B");
}

#[test]
fn a_cycle_of_two_is_one_group() {
    let plan =
        plan("B.a -> A cascade\nA.b -> B cascade\nA.user -> users cascade\nC.b -> B cascade");
    assert_eq!(order(&plan), "users (A B) C");
}

#[test]
fn a_cycle_of_three_is_one_group() {
    let lines = "A.c -> C cascade\nB.a -> A cascade\nC.b -> B cascade\nC.user -> users cascade\nD.a -> A cascade";
    assert_eq!(order(&plan(lines)), "users (A B C) D");
}

#[test]
fn two_cycles_are_two_groups() {
    let lines = "A.user -> users cascade\nA.b -> B cascade\nB.a -> A cascade\n\
                 C.b -> B cascade\nC.d -> D cascade\nD.c -> C cascade";
    assert_eq!(order(&plan(lines)), "users (A B) (C D)");
}

#[test]
fn a_mention_makes_no_cycle() {
    let plan = plan("A.user -> users cascade\nB.a -> A cascade\nA.best -> B set null");
    assert_eq!(order(&plan), "users A B");
    assert_eq!(mentions(&plan), [("A.best".into(), set_null("best"))]);
}

#[test]
fn an_undecided_reference_is_named_with_the_line_to_write() {
    let error = plan_with(
        "A.user -> users not null\nB.a -> A not null",
        "",
        Accounts::Keep,
    )
    .unwrap_err();
    let Error::UndecidedReferences(found) = &error else {
        panic!("{error}")
    };
    assert_eq!(found.len(), 1, "whether B is met depends on A");
    assert_eq!(
        (found[0].columns.to_string(), &*found[0].parent),
        ("A.user".into(), "users")
    );
    assert!(
        error.to_string().contains("\"A.user\" = \"owner\""),
        "{error}"
    );
}

#[test]
fn every_undecided_reference_is_named_at_once() {
    let lines =
        "A.user -> users not null\nB.user -> users restrict not null\nC.user -> users cascade";
    let error = plan_with(lines, "", Accounts::Keep).unwrap_err();
    let Error::UndecidedReferences(found) = &error else {
        panic!("{error}")
    };
    assert_eq!(found.len(), 2);
}

#[test]
fn an_undecided_reference_elsewhere_is_nobodys_concern() {
    let plan = plan("A.user -> users cascade\nB.c -> C not null");
    assert_eq!(order(&plan), "users A");
}

#[test]
fn the_manifest_decides_before_the_database() {
    let lines = "A.user -> users not null\nB.user -> users cascade";
    let references = "\"A.user\" = \"owner\"\n\"B.user\" = \"mention\"";
    let plan = plan_with(lines, references, Accounts::Delete).unwrap();
    assert_eq!(order(&plan), "users A");
    assert_eq!(mentions(&plan), [("B.user".into(), set_null("user"))]);
}

#[test]
fn a_reference_that_only_the_manifest_declares_owns() {
    let references = "\"B.a\" = { is = \"owner\", to = \"A.id\" }";
    let lines = "A.user -> users cascade\nB.a -> C set null";
    assert_eq!(
        order(&plan_with(lines, references, Accounts::Keep).unwrap()),
        "users A B"
    );
}

#[test]
fn a_line_that_repeats_a_foreign_key_decides_it_and_may_say_what_is_kept_as_well() {
    let references =
        "\"B.a\" = [{ is = \"owner\", to = \"A.id\" }, { is = \"keeper\", to = \"A.id\" }]";
    let lines = "B.user -> users cascade\nB.a -> A not null";
    let plan = plan_with(lines, references, Accounts::Keep).unwrap();
    assert_eq!(order(&plan), "users (A B)");
}

#[test]
fn what_depends_on_an_account_goes_with_it_and_stays_with_it() {
    let lines = "A.sender -> users cascade\nA.recipient -> users not null\nB.a -> A not null";
    let references = "\"A.recipient\" = \"dependent\"\n\"B.a\" = \"dependent\"";
    let owners = |accounts| {
        let plan = plan_with(lines, references, accounts).unwrap();
        assert_eq!(order(&plan), "users A B");
        assert!(mentions(&plan).is_empty());
        plan.tables[1].owners.len()
    };
    assert_eq!(owners(Accounts::Keep), 1);
    assert_eq!(owners(Accounts::Delete), 2);
}

#[test]
fn the_fate_of_a_mention() {
    let lines = "A.user -> users set null\nB.user -> users set default\nC.user -> users\n\
                 D.user -> users set null not null\nE.user -> users restrict not null";
    let references = "\"E.user\" = \"mention\"";
    let plan = plan_with(lines, references, Accounts::Delete).unwrap();
    let expected = [
        ("A.user".into(), set_null("user")),
        ("B.user".into(), MentionFate::SetDefault),
        ("C.user".into(), set_null("user")),
        ("D.user".into(), MentionFate::NeedsHeir),
        ("E.user".into(), MentionFate::NeedsHeir),
    ];
    assert_eq!(mentions(&plan), expected);
}

#[test]
fn a_mention_of_accounts_that_stay_is_left_alone() {
    assert!(mentions(&plan("A.user -> users set null")).is_empty());
}

#[test]
fn nothing_owns_a_user() {
    let lines = "users.team -> A cascade\nA.founder -> users cascade\nusers.boss -> users cascade";
    let plan = plan_with(lines, "\"users.team\" = \"owner\"", Accounts::Delete).unwrap();
    assert_eq!(order(&plan), "users A");
    let expected = [
        ("users.team".into(), set_null("team")),
        ("users.boss".into(), set_null("boss")),
    ];
    assert_eq!(mentions(&plan), expected);
}

fn refused(lines: &str, references: &str, accounts: Accounts) -> (String, Option<String>) {
    match plan_with(lines, references, accounts).unwrap_err() {
        Error::ForeignKey { columns, parent } => (columns, parent),
        other => panic!("{other}"),
    }
}

#[test]
fn a_missing_parent_is_refused_where_its_children_go() {
    let lines = "A.user -> users cascade\nA.gone -> G missing";
    assert_eq!(refused(lines, "", Accounts::Keep), ("A.gone".into(), None));
    plan("A.user -> users cascade\nB.gone -> G missing");
}

#[test]
fn a_mismatch_is_refused_where_either_side_goes() {
    let parent_goes = "A.user -> users cascade\nB.a -> A mismatch";
    assert_eq!(
        refused(parent_goes, "", Accounts::Keep),
        ("B.a".into(), Some("A".into()))
    );
    let child_goes = "A.user -> users cascade\nA.b -> B mismatch";
    assert_eq!(
        refused(child_goes, "", Accounts::Keep),
        ("A.b".into(), Some("B".into()))
    );
    plan("A.user -> users cascade\nB.c -> C mismatch");
}

/// `SQLite` compiles a cascade whether or not a row is there to meet it.
#[test]
fn a_fault_below_a_cascade_is_refused() {
    let lines = "A.user -> users cascade\nB.a -> A cascade\nC.b -> B cascade\nC.gone -> G missing";
    let references = "\"B.a\" = \"mention\"";
    assert_eq!(
        refused(lines, references, Accounts::Keep),
        ("C.gone".into(), None)
    );
}

#[test]
fn a_mismatch_of_an_updated_table_is_refused() {
    let lines = "A.user -> users cascade\nB.a -> A set null\nC.b -> B mismatch";
    assert_eq!(
        refused(lines, "", Accounts::Keep),
        ("C.b".into(), Some("B".into()))
    );
}

/// The manifest calls its rows owned by what stays, but `SQLite` compiles the action below the cascade.
#[test]
fn a_mismatch_of_a_table_that_an_action_sets_is_refused() {
    let lines = "A.user -> users cascade\nB.a -> A set null\nC.b -> B mismatch";
    let references = "\"A.user\" = \"mention\"\n\"B.a\" = \"owner\"";
    assert_eq!(
        refused(lines, references, Accounts::Delete),
        ("C.b".into(), Some("B".into()))
    );
}

/// How long this thread has worked, whatever else the machine does.
fn worked() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap()
}

/// How much work it is to plan a chain of so many tables.
fn time_of_chain(length: usize) -> Duration {
    let link = |at: usize| format!("T{at}.parent -> T{} cascade\n", at + 1);
    let last = format!("T{length}.user -> users cascade\n");
    let lines: String = (0..length).map(link).chain([last]).collect();
    let schema = schema(&lines);
    let manifest = Manifest::parse("users.table = \"users\"", Source::Builtin).unwrap();
    let start = worked();
    let graph = Graph::new(&schema, &manifest).unwrap();
    let plan = Plan::new(&schema, &graph, &manifest, Accounts::Keep).unwrap();
    let taken = worked().saturating_sub(start);
    assert_eq!(plan.tables.len(), length + 2);
    assert_eq!(plan.tables[1].name, format!("T{length}"));
    assert_eq!(plan.tables[length + 1].name, "T0");
    taken
}

/// Ten times the tables take about ten times as long; what is quadratic takes a hundred times.
#[test]
fn a_chain_of_thirty_thousand_tables() {
    let (short, long) = (time_of_chain(3_000), time_of_chain(30_000));
    assert!(long < short * 50, "{short:?}, then {long:?}");
}
