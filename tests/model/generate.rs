//! Random cases. Smaller numbers and earlier alternatives are plainer, so that a failure shrinks to
//! a schema a person can read.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use reset_app::plan::Accounts;
use reset_app::survey::Unowned;

use super::case::{
    Action, Case, Cell, Decision, Index, Key, Reference, Row, Table, To, Type, Whom,
};

pub(crate) fn case() -> impl Strategy<Value = Case> {
    let tables = (users(), vec(table(), 1..7));
    let rows = prop_oneof![1 => vec(row(), 0..20), 3 => vec(row(), 20..70)];
    let rare = prop::option::weighted(0.1, any::<u8>());
    let accounts = prop_oneof![
        2 => Just((Accounts::Keep, None)),
        1 => Just((Accounts::Delete, None)),
        1 => (0..8u8).prop_map(|heir| (Accounts::Delete, Some(heir))),
    ];
    let unowned = select(vec![Unowned::Keep, Unowned::Delete]);
    (tables, rows, any::<bool>(), rare, whom(), accounts, unowned).prop_map(
        |((users, others), rows, wal, trigger, whom, (accounts, heir), unowned)| {
            let case = Case {
                tables: std::iter::once(users).chain(others).collect(),
                rows,
                wal,
                trigger,
                // With some users only, nobody's rows are not part of a run.
                unowned: match whom {
                    Whom::All => unowned,
                    Whom::Only(_) | Whom::Except(_) => Unowned::Keep,
                },
                whom,
                accounts,
                heir: None,
            };
            match heir {
                Some(heir) => with_heir(case, heir),
                None => case,
            }
        },
    )
}

/// The heir is nobody asked for by number, though two numbers may mean the same user. Of few rows some
/// have different keys even when all name the heir.
fn with_heir(mut case: Case, heir: u8) -> Case {
    let others = case.tables.split_off(1);
    case.tables.extend(others.into_iter().map(naming_accounts));
    case.rows.truncate(32);
    case.unowned = Unowned::Keep;
    case.heir = Some(heir);
    match &mut case.whom {
        Whom::All => case.whom = Whom::Except(vec![heir]),
        Whom::Only(numbers) => numbers.retain(|number| *number != heir),
        Whom::Except(numbers) => numbers.push(heir),
    }
    case
}

/// What only mentions somebody, mentions an account that null cannot stand for, often in a key.
fn naming_accounts(table: Table) -> Table {
    let needs_heir = |reference: &Reference| {
        let set = matches!(
            reference.action,
            Action::SetDefault | Action::SetOne | Action::Undeclared
        );
        reference.decision == Some(Decision::Mention) && !set
    };
    let naming = |reference: Reference| Reference {
        parent: if needs_heir(&reference) {
            0
        } else {
            reference.parent
        },
        not_null: reference.not_null || needs_heir(&reference),
        ..reference
    };
    let in_key = table.references.len() > 1 && !matches!(table.key, Key::One(_));
    Table {
        key: if in_key { Key::References } else { table.key },
        without_rowid: table.without_rowid || in_key,
        references: table.references.into_iter().map(naming).collect(),
        ..table
    }
}

fn whom() -> impl Strategy<Value = Whom> {
    let users = || prop_oneof![1 => vec(0..8u8, 0..1), 9 => vec(0..8u8, 1..4)];
    prop_oneof![
        1 => Just(Whom::All),
        2 => users().prop_map(Whom::Only),
        1 => users().prop_map(Whom::Except),
    ]
}

fn users() -> impl Strategy<Value = Table> {
    let key = prop_oneof![
        4 => Just(Key::One(Type::Integer)),
        4 => kind().prop_map(Key::One),
        1 => Just(Key::Descending),
        1 => Just(Key::Composite),
    ];
    (table(), key).prop_map(|(table, key)| Table {
        key,
        references: table.references.into_iter().take(1).collect(),
        ..table
    })
}

fn table() -> impl Strategy<Value = Table> {
    let odd = prop_oneof![3 => Just(0u8), 1 => 1..5u8];
    let key = prop_oneof![
        4 => Just(Key::One(Type::Integer)),
        3 => kind().prop_map(Key::One),
        1 => Just(Key::None),
        2 => Just(Key::Composite),
        2 => Just(Key::References),
        1 => Just(Key::Descending),
    ];
    let shadowed = prop_oneof![8 => Just(0u8), 1 => Just(1u8), 1 => Just(3u8)];
    let flag = || prop::bool::weighted(0.25);
    let references = vec(reference(), 0..4);
    (
        odd,
        key,
        flag(),
        flag(),
        flag(),
        shadowed,
        kind(),
        references,
    )
        .prop_map(
            |(odd, key, key_not_null, without_rowid, strict, shadowed, unique, references)| Table {
                odd,
                key,
                key_not_null,
                without_rowid,
                strict,
                shadowed,
                unique,
                references,
            },
        )
}

fn kind() -> impl Strategy<Value = Type> {
    select(vec![
        Type::Integer,
        Type::Int,
        Type::Text,
        Type::Nocase,
        Type::Untyped,
    ])
}

fn child() -> impl Strategy<Value = Option<Type>> {
    prop_oneof![3 => Just(None), 1 => kind().prop_map(Some), 1 => Just(Some(Type::Real))]
}

fn reference() -> impl Strategy<Value = Reference> {
    let parent = prop_oneof![1 => Just(0u8), 1 => any::<u8>()];
    let to = prop_oneof![
        20 => Just(To::Implicit),
        10 => Just(To::Key),
        10 => Just(To::Unique),
        1 => Just(To::Plain),
        1 => Just(To::Nothing),
    ];
    let action = prop_oneof![
        8 => Just(Action::Cascade),
        3 => Just(Action::SetNull),
        2 => Just(Action::SetDefault),
        1 => Just(Action::SetOne),
        2 => Just(Action::Restrict),
        4 => Just(Action::None),
        3 => Just(Action::Undeclared),
    ];
    let decision = prop_oneof![
        5 => Just(None),
        4 => Just(Some(Decision::Owner)),
        3 => Just(Some(Decision::Mention)),
    ];
    let index = select(vec![Index::None, Index::Whole, Index::NotNull, Index::Some]);
    let flag = || prop::bool::weighted(0.25);
    let generated = prop::bool::weighted(0.05);
    (
        parent,
        to,
        child(),
        flag(),
        action,
        decision,
        index,
        flag(),
        generated,
    )
        .prop_map(
            |(parent, to, child, not_null, action, decision, index, deferred, generated)| {
                Reference {
                    parent,
                    to,
                    child,
                    // To set what cannot be null is a contradiction that SQLite meets half way.
                    not_null: not_null
                        && (!matches!(action, Action::SetNull | Action::SetDefault)
                            || parent % 16 == 1),
                    action,
                    decision: match (action, decision) {
                        // Mostly decided, or most cases would be refused.
                        (Action::None | Action::Restrict, None) if not_null && parent % 4 != 0 => {
                            Some(Decision::Owner)
                        }
                        (_, decision) => decision,
                    },
                    index,
                    deferred,
                    generated,
                }
            },
        )
}

fn row() -> impl Strategy<Value = Row> {
    let cell = || {
        prop_oneof![
            1 => Just(Cell::Null),
            8 => (0..8u8, Just(0u8)).prop_map(|(row, spelling)| Cell::Names(row, spelling)),
            2 => (0..16u8, 0..4u8).prop_map(|(row, spelling)| Cell::Names(row, spelling)),
        ]
    };
    let table = prop_oneof![1 => Just(0u8), 4 => any::<u8>()];
    let number = prop_oneof![6 => 0..8u8, 1 => 8..16u8];
    (table, number.clone(), number, [cell(), cell(), cell()]).prop_map(
        |(table, key, unique, cells)| Row {
            table,
            key,
            unique,
            cells,
        },
    )
}
