//! Explanations and graphs of small structures.

use rusqlite::Connection;

use super::*;
use crate::manifest::Source;
use crate::plan::Accounts;

const BLOG: &str = "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT, avatar INTEGER REFERENCES images);
    CREATE TABLE images(id INTEGER PRIMARY KEY, path TEXT);
    CREATE TABLE posts(id INTEGER PRIMARY KEY, u INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
        by INTEGER REFERENCES users);
    CREATE TABLE comments(id INTEGER PRIMARY KEY, post INTEGER NOT NULL REFERENCES posts ON DELETE CASCADE,
        parent INTEGER REFERENCES comments ON DELETE CASCADE, who INTEGER);
    CREATE TABLE likes(u INTEGER REFERENCES users ON DELETE CASCADE);
    CREATE TABLE \"a \"\"table\"\"\"(u INTEGER REFERENCES users ON DELETE CASCADE);
    CREATE TABLE settings(v);
    CREATE VIRTUAL TABLE search USING fts5(body, content='posts', content_rowid='id');";

const REFERENCES: &str =
    "\"comments.who\" = { is = \"owner\", to = \"users.id\" }\n\"users.avatar\" = \"keeper\"\n";

fn explained(sql: &str, references: &str) -> Explanation {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(sql).unwrap();
    let schema = crate::schema::read(&connection).unwrap();
    let text = format!("[users]\ntable = \"users\"\n[references]\n{references}");
    let manifest = Manifest::parse(&text, Source::File("reset-app.toml".into())).unwrap();
    let graph = Graph::new(&schema, &manifest).unwrap();
    let plan = Plan::new(&schema, &graph, &manifest, Accounts::Delete).unwrap();
    Explanation::new(&schema, &graph, &plan, &manifest)
}

#[test]
fn every_step_has_its_reasons() {
    let explanation = explained(BLOG, REFERENCES);
    let step = |name: &str| {
        explanation
            .steps
            .iter()
            .find(|step| step.table == name)
            .unwrap()
    };
    let reasons = |step: &Step| -> Vec<String> {
        let reasons = step
            .because
            .iter()
            .map(|b| format!("{} {}: {}", b.from, b.to, b.evidence));
        reasons.collect()
    };
    assert_eq!(
        reasons(step("comments")),
        [
            "comments.post posts.id: `ON DELETE CASCADE`",
            "comments.parent comments.id: `ON DELETE CASCADE`",
            "comments.who users.id: the manifest declares it",
        ]
    );
    assert_eq!(step("comments").way, ["comments.who → users.id"]);
    assert!(
        step("comments").place < step("posts").place && step("posts").place < step("users").place
    );
    assert_eq!(
        step("posts").indexes,
        [(
            "search".to_owned(),
            "nothing keeps it in step, so the run does"
        )]
    );
    let kept: Vec<&str> = step("images")
        .kept_by
        .iter()
        .map(|b| &*b.evidence)
        .collect();
    assert_eq!(kept, ["the manifest says \"keeper\""]);
    let stay = explanation
        .mentions
        .iter()
        .find(|stay| stay.reference.from == "posts.by")
        .unwrap();
    assert_eq!(stay.becomes, "`by` is set to null");
    let nobodys: Vec<&str> = explanation.nobodys.iter().map(|n| &*n.table).collect();
    assert_eq!(nobodys, ["settings"]);
}

#[test]
fn one_table_is_explained_alone() {
    let explanation = explained(BLOG, REFERENCES).of_table("POSTS").unwrap();
    assert_eq!(explanation.steps.len(), 1);
    assert_eq!(explanation.mentions.len(), 1);
    assert_eq!(explained(BLOG, REFERENCES).of_table("nowhere"), None);
    let kept = explained(BLOG, REFERENCES).of_table("settings").unwrap();
    assert_eq!((kept.steps.len(), kept.nobodys.len()), (0, 1));
}

#[test]
fn tables_that_hang_alike_are_one_node() {
    let explanation = explained(BLOG, REFERENCES);
    let expected = "\
flowchart RL
    n0([\"users\"])
    n1[\"images\"]
    n2[\"posts\"]
    n3[\"comments\"]
    n4[\"likes<br>a #34;table#34;\"]
    n5[/\"posts.by\"/]
    n0 ==>|keeps| n1
    n2 --> n0
    n3 --> n0
    n3 --> n2
    n3 --> n3
    n4 --> n0
    n5 -.->|mentions| n0
";
    assert_eq!(mermaid(&explanation), expected);
    let dot = dot(&explanation);
    assert!(
        dot.contains("    n4 [label=\"likes\\na \\\"table\\\"\"];\n"),
        "{dot}"
    );
    assert!(
        dot.contains("    n0 -> n1 [style=bold, label=\"keeps\"];\n"),
        "{dot}"
    );
}

#[test]
fn two_hundred_tables_are_a_few_nodes() {
    let tables = (0..200).map(|n| {
        format!("CREATE TABLE t{n}(u INTEGER REFERENCES users ON DELETE CASCADE); CREATE TABLE nobodys{n}(v);")
    });
    let users = "CREATE TABLE users(id INTEGER PRIMARY KEY);".to_owned();
    let sql: String = std::iter::once(users).chain(tables).collect();
    let graph = mermaid(&explained(&sql, ""));
    assert_eq!(graph.lines().count(), 4, "{graph}");
    assert!(graph.contains("and 188 more"), "{graph}");
}
