//! What `SQLite` says of structures, each named for what is particular about it.

use rusqlite::Connection;

use super::{
    Action, Affinity, ColumnKind, ForeignKeyFault, Identity, IndexOrigin, Schema, TableKind, read,
};

fn schema(sql: &str) -> Schema {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(sql).unwrap();
    read(&connection).unwrap()
}

fn identity(sql: &str) -> Identity {
    schema(sql).table("t").unwrap().identity.clone()
}

fn rowid(name: &str) -> Identity {
    Identity::Rowid(name.into())
}

fn key(columns: &[&str]) -> Identity {
    Identity::Key(columns.iter().map(|&column| column.into()).collect())
}

#[test]
fn a_row_is_told_by_its_rowid() {
    assert_eq!(identity("CREATE TABLE t(a)"), rowid("rowid"));
    assert_eq!(
        identity("CREATE TABLE t(a TEXT PRIMARY KEY)"),
        rowid("rowid")
    );
    assert_eq!(identity("CREATE TABLE t(RowId, a)"), rowid("_rowid_"));
    assert_eq!(identity("CREATE TABLE t(rowid, _ROWID_)"), rowid("oid"));
}

#[test]
fn a_row_without_a_rowid_is_told_by_its_key() {
    assert_eq!(
        identity("CREATE TABLE t(a, b, c, PRIMARY KEY (c, a)) WITHOUT ROWID"),
        key(&["c", "a"])
    );
}

#[test]
fn all_names_of_the_rowid_are_taken() {
    let table = |rest: &str| identity(&format!("CREATE TABLE t(rowid, _rowid_, oid, {rest})"));
    assert_eq!(table("a"), Identity::None);
    assert_eq!(table("a INTEGER PRIMARY KEY"), key(&["a"]));
    assert_eq!(
        table("a TEXT PRIMARY KEY"),
        Identity::None,
        "the key may be null"
    );
    assert_eq!(table("a TEXT NOT NULL PRIMARY KEY"), key(&["a"]));
    assert_eq!(table("a INT PRIMARY KEY"), Identity::None);
    assert_eq!(
        table("a INTEGER PRIMARY KEY DESC"),
        Identity::None,
        "not the rowid, and may be null"
    );
    assert_eq!(table("a NOT NULL, b, PRIMARY KEY (a, b)"), Identity::None);
    assert_eq!(
        table("a NOT NULL, b NOT NULL, PRIMARY KEY (b, a)"),
        key(&["b", "a"])
    );
    let rowid_itself = "CREATE TABLE t(_rowid_, oid, rowid INTEGER PRIMARY KEY)";
    assert_eq!(identity(rowid_itself), key(&["rowid"]));
}

#[test]
fn only_integer_primary_key_is_the_rowid() {
    let is_alias = |definition: &str| {
        let schema = schema(&format!("CREATE TABLE t({definition})"));
        schema.tables[0].is_rowid_alias("a")
    };
    assert!(is_alias("a INTEGER PRIMARY KEY"));
    assert!(
        is_alias("a integer, PRIMARY KEY (a DESC)"),
        "a quirk of SQLite"
    );
    assert!(!is_alias("a INTEGER PRIMARY KEY DESC"), "the same quirk");
    assert!(!is_alias("a INT PRIMARY KEY"));
    assert!(!is_alias("a INTEGER, b, PRIMARY KEY (a, b)"));
    assert!(!is_alias("a INTEGER UNIQUE"));
}

#[test]
fn foreign_keys_in_the_order_of_their_declaration() {
    let schema = schema(
        "CREATE TABLE p(id INTEGER PRIMARY KEY, x UNIQUE);
         CREATE TABLE t(a REFERENCES p ON DELETE CASCADE, b REFERENCES p(x) ON DELETE SET NULL,
                        c REFERENCES p ON DELETE SET DEFAULT, d REFERENCES p ON DELETE RESTRICT, e REFERENCES p)",
    );
    let keys = &schema.table("T").unwrap().foreign_keys;
    let found: Vec<_> = keys
        .iter()
        .map(|k| (&*k.columns[0], &*k.parent_columns[0], k.on_delete))
        .collect();
    let expected = [
        ("a", "id", Action::Cascade),
        ("b", "x", Action::SetNull),
        ("c", "id", Action::SetDefault),
        ("d", "id", Action::Restrict),
        ("e", "id", Action::NoAction),
    ];
    assert_eq!(found, expected);
    assert!(keys.iter().all(|k| k.fault.is_none()));
}

#[test]
fn composite_and_implicit_parent_keys() {
    let schema = schema(
        "CREATE TABLE p(a, b, PRIMARY KEY (b, a));
         CREATE TABLE t(x, y, FOREIGN KEY (x, y) REFERENCES P)",
    );
    let key = &schema.table("t").unwrap().foreign_keys[0];
    assert_eq!(key.columns, ["x", "y"]);
    assert_eq!(key.parent_columns, ["b", "a"], "in the order of the key");
    assert_eq!(key.parent, "p", "as the table is declared");
    assert_eq!(key.fault, None);
}

fn fault(sql: &str) -> Option<ForeignKeyFault> {
    schema(sql).table("t").unwrap().foreign_keys[0].fault
}

#[test]
fn foreign_keys_that_name_no_key() {
    let mismatch = Some(ForeignKeyFault::Mismatch);
    assert_eq!(
        fault("CREATE TABLE t(x REFERENCES gone)"),
        Some(ForeignKeyFault::ParentMissing)
    );
    assert_eq!(
        fault("CREATE TABLE p(a); CREATE TABLE t(x REFERENCES p)"),
        mismatch
    );
    assert_eq!(
        fault("CREATE TABLE p(a); CREATE TABLE t(x REFERENCES p(a))"),
        mismatch
    );
    let parent = "CREATE TABLE p(a, b, PRIMARY KEY (a, b));";
    assert_eq!(
        fault(&format!("{parent} CREATE TABLE t(x REFERENCES p)")),
        mismatch
    );
    assert_eq!(
        fault(&format!("{parent} CREATE TABLE t(x REFERENCES p(a))")),
        mismatch
    );
    let swapped = "CREATE TABLE t(x, y, FOREIGN KEY (x, y) REFERENCES p(b, a))";
    assert_eq!(fault(&format!("{parent} {swapped}")), None);
    assert_eq!(
        fault("CREATE VIEW v AS SELECT 1 AS id; CREATE TABLE t(x REFERENCES v(id))"),
        Some(ForeignKeyFault::ParentMissing)
    );
}

#[test]
fn a_unique_index_is_a_key_if_it_is_whole() {
    let fault = |index: &str| {
        fault(&format!(
            "CREATE TABLE p(a TEXT, b); {index}; CREATE TABLE t(x REFERENCES p(a))"
        ))
    };
    let mismatch = Some(ForeignKeyFault::Mismatch);
    assert_eq!(fault("CREATE UNIQUE INDEX i ON p(a)"), None);
    assert_eq!(fault("CREATE INDEX i ON p(a)"), mismatch);
    assert_eq!(fault("CREATE UNIQUE INDEX i ON p(a) WHERE b"), mismatch);
    assert_eq!(fault("CREATE UNIQUE INDEX i ON p(lower(a))"), mismatch);
    assert_eq!(
        fault("CREATE UNIQUE INDEX i ON p(a COLLATE NOCASE)"),
        mismatch,
        "another collation"
    );
    assert_eq!(fault("CREATE UNIQUE INDEX i ON p(a, b)"), mismatch);
}

#[test]
fn columns_as_declared() {
    let schema = schema(
        "CREATE TABLE t(a INTEGER NOT NULL, b VARCHAR(9) COLLATE NOCASE, c, d AS (a + 1), e AS (a) STORED, f DECIMAL)",
    );
    let table = schema.table("t").unwrap();
    let kinds: Vec<_> = table.columns.iter().map(|c| (&*c.name, c.kind)).collect();
    let (ordinary, generated) = (ColumnKind::Ordinary, ColumnKind::Generated);
    let expected = [
        ("a", ordinary),
        ("b", ordinary),
        ("c", ordinary),
        ("d", generated),
        ("e", generated),
        ("f", ordinary),
    ];
    assert_eq!(kinds, expected);
    assert_eq!(table.column("B").unwrap().collation, "NOCASE");
    assert_eq!(table.column("a").unwrap().collation, "BINARY");
    assert!(table.column("a").unwrap().not_null && !table.column("b").unwrap().not_null);
    let affinities: Vec<_> = ["a", "b", "c", "f"]
        .map(|name| table.column(name).unwrap().affinity)
        .into();
    assert_eq!(
        affinities,
        [
            Affinity::Integer,
            Affinity::Text,
            Affinity::Blob,
            Affinity::Numeric
        ]
    );
}

#[test]
fn strict_tables() {
    let schema = schema(
        "CREATE TABLE t(a ANY, k TEXT PRIMARY KEY) STRICT; CREATE TABLE u(a ANY, k TEXT PRIMARY KEY)",
    );
    let (strict, other) = (schema.table("t").unwrap(), schema.table("u").unwrap());
    assert!(strict.strict && !other.strict);
    assert_eq!(strict.column("a").unwrap().affinity, Affinity::Blob);
    assert_eq!(other.column("a").unwrap().affinity, Affinity::Numeric);
    assert!(
        strict.column("k").unwrap().not_null,
        "a key of a STRICT table is never null"
    );
    assert!(!other.column("k").unwrap().not_null);
}

#[test]
fn the_key_of_a_table_without_rowid_is_never_null() {
    let schema = schema("CREATE TABLE t(a, k PRIMARY KEY) WITHOUT ROWID");
    assert!(schema.tables[0].column("k").unwrap().not_null);
    assert_eq!(schema.tables[0].kind, TableKind::WithoutRowid);
}

#[test]
fn virtual_and_shadow_tables_and_views() {
    let schema = schema(
        "CREATE VIRTUAL TABLE f USING fts5(body); CREATE TABLE t(a); CREATE VIEW v AS SELECT * FROM t;
         CREATE VIRTUAL TABLE r USING rtree(id, x0, x1); CREATE TABLE f_other(a)",
    );
    let kind = |name: &str| schema.table(name).map(|table| table.kind);
    assert_eq!(kind("f"), Some(TableKind::Virtual));
    assert_eq!(kind("r"), Some(TableKind::Virtual));
    assert_eq!(kind("f_content"), Some(TableKind::Shadow));
    assert_eq!(kind("r_node"), Some(TableKind::Shadow));
    assert_eq!(
        kind("f_other"),
        Some(TableKind::Rowid),
        "its name alone is no proof"
    );
    assert_eq!(kind("v"), None);
    assert_eq!(schema.views, ["v"]);
    let hidden = schema
        .table("f")
        .unwrap()
        .columns
        .iter()
        .filter(|c| c.kind == ColumnKind::Hidden);
    assert_eq!(hidden.count(), 2);
}

#[test]
fn tables_of_sqlite_itself_are_left_out() {
    let schema = schema(
        "CREATE TABLE t(a INTEGER PRIMARY KEY AUTOINCREMENT); CREATE TABLE sqliteish(a); ANALYZE",
    );
    let names: Vec<_> = schema.tables.iter().map(|table| &*table.name).collect();
    assert_eq!(names, ["sqliteish", "t"]);
}

#[test]
fn temporary_tables_are_not_the_applications() {
    assert!(schema("CREATE TEMP TABLE t(a)").tables.is_empty());
}

#[test]
fn indexes_as_declared() {
    let schema = schema(
        "CREATE TABLE t(a PRIMARY KEY, b UNIQUE, c); CREATE INDEX one ON t(c, a COLLATE NOCASE);
         CREATE INDEX two ON t(c + 1) WHERE c > 0",
    );
    let indexes = &schema.table("t").unwrap().indexes;
    let find = |name: &str| indexes.iter().find(|index| index.name == name).unwrap();
    let origins: Vec<_> = indexes.iter().map(|index| index.origin).collect();
    assert!(origins.contains(&IndexOrigin::PrimaryKey) && origins.contains(&IndexOrigin::Unique));
    let one = find("one");
    assert!(!one.unique && !one.partial);
    assert_eq!(one.columns[1].as_ref().unwrap().collation, "NOCASE");
    assert!(find("two").partial && find("two").columns == [None]);
}

#[test]
fn triggers_and_what_they_are_on() {
    let schema = schema(
        "CREATE TABLE t(a); CREATE VIEW v AS SELECT a FROM t;
         CREATE TRIGGER x AFTER DELETE ON t BEGIN SELECT 1; END;
         CREATE TRIGGER y INSTEAD OF DELETE ON v BEGIN SELECT 1; END",
    );
    let triggers: Vec<_> = schema
        .triggers
        .iter()
        .map(|t| (&*t.name, &*t.table))
        .collect();
    assert_eq!(triggers, [("x", "t"), ("y", "v")]);
}

#[test]
fn names_that_need_quotes() {
    let schema = schema(
        r#"CREATE TABLE "a""b; DROP TABLE t--"("x.""y" PRIMARY KEY); CREATE TABLE t("se lect" REFERENCES "a""b; DROP TABLE t--")"#,
    );
    let key = &schema.table("t").unwrap().foreign_keys[0];
    assert_eq!(
        (&*key.columns[0], &*key.parent),
        ("se lect", "a\"b; DROP TABLE t--")
    );
    assert_eq!(key.parent_columns, ["x.\"y"]);
}
