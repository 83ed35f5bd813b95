//! The documentation is tested: what it names exists, what exists it names, and what it shows is what
//! the program prints. `UPDATE_README=1` writes what the program prints into the README.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod help;
mod markdown;
mod scene;
#[path = "../support/mod.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use markdown::{Block, Readme};
use reset_app::manifest::{Manifest, Source};
use scene::Scene;

pub(crate) fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_command_and_option_is_in_the_readme() {
    let readme = Readme::read();
    for word in help::commands().into_iter().chain(help::options()) {
        assert!(readme.names(&word), "`{word}` is not in README.md");
    }
}

#[test]
fn every_option_in_the_readme_exists() {
    let known = help::options();
    for option in Readme::read().options() {
        let command = help::commands().contains(option.trim_start_matches('-'));
        assert!(
            command || known.contains(&option),
            "README.md names `{option}`"
        );
    }
}

#[test]
fn readme_help_and_source_agree_on_the_exit_codes() {
    let in_help = help::exit_codes();
    assert_eq!(Readme::read().exit_codes(), in_help);

    let source = std::fs::read_to_string(repository().join("src/cli/exit.rs")).unwrap();
    let arms = source
        .lines()
        .filter_map(|line| line.trim().split_once("=> ")?.1.strip_suffix(','));
    let chosen = arms.filter_map(|code| code.parse::<u8>().ok());
    let signals = [128 + 2, 128 + 15];
    let chosen: BTreeSet<u8> = chosen.chain(signals).collect();
    assert_eq!(chosen, in_help.into_keys().collect::<BTreeSet<u8>>());
}

#[test]
fn runs_end_with_the_codes_of_the_readme() {
    let expected = [
        ("reset-app --delete-all-user-data --dry-run", "busy", 0),
        ("reset-app --delete-nothing", "busy", 2),
        ("reset-app --delete-all-user-data --force", "hostile", 3),
        ("reset-app --delete-all-user-data < /dev/null", "busy", 4),
    ];
    for (command, fixture, code) in expected {
        let mut scene = Scene::of_fixture(fixture);
        scene.run(command);
        assert_eq!(scene.last_code(), code, "{command}");
    }
}

#[test]
fn every_key_of_a_manifest_is_in_the_readme() {
    let readme = Readme::read();
    let sections = [
        "",
        "[application]\n",
        "[users]\n",
        "[tables]\n",
        "[files]\n",
        "[[files.columns]]\n",
        "[redis]\n",
        "[[redis.keys]]\n",
        "[[summary]]\n",
        "[[environment]]\nkind = 'token'\n",
        "[[environment]]\nkind = 'fernet'\n",
        "[[environment]]\nkind = 'password'\n",
        "[[environment]]\nkind = 'ask'\n",
        "[[environment]]\nkind = 'fixed'\n",
    ];
    for section in sections {
        let text = format!("{section}bogus = 1\n");
        let error = Manifest::parse(&text, Source::Builtin)
            .unwrap_err()
            .to_string();
        let (_, expected) = error.split_once("expected ").expect(&error);
        let keys: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
        assert!(!keys.is_empty(), "{error}");
        for key in keys {
            assert!(
                readme.explains_key(key),
                "the key `{key}` of `{section}` is not in README.md"
            );
        }
    }
}

#[test]
fn the_readmes_manifest_is_one_and_leaves_nothing_of_ann() {
    let readme = Readme::read();
    let manifest = Manifest::parse(readme.file("reset-app.toml"), Source::Builtin).unwrap();
    assert_eq!(manifest.redis.keys.len(), 2);

    let mut scene = Scene::blog(&readme, None);
    scene.run("reset-app --delete-all-user-data --only ann --delete-accounts --force");
    assert_eq!(scene.last_code(), 0);
    let left = rusqlite::Connection::open(scene.path("blog.db")).unwrap();
    let count = |sql| left.query_row(sql, [], |row| row.get::<_, u64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM users"), 1);
    assert_eq!(count("SELECT count(*) FROM comments"), 0);
    assert_eq!(
        count("SELECT count(*) FROM posts WHERE author_id = 2 AND approved_by IS NULL"),
        1
    );
    assert!(scene.path("uploads/tea.jpg").exists());
    assert!(!scene.path("uploads/bread.jpg").exists());
    assert!(!scene.path("uploads/user_1").exists());
}

#[test]
fn the_readmes_transcripts_are_what_the_program_prints() {
    let mut readme = Readme::read();
    let mut scenes = BTreeMap::new();
    let mut stale = Vec::new();
    for block in readme.blocks("transcript") {
        let Some(scene) = scenes
            .entry(block.name.clone())
            .or_insert_with(|| Scene::named(&readme, &block.name))
        else {
            continue;
        };
        let printed = replay(scene, &block);
        if !markdown::agree(&block.text, &printed) {
            stale.push((block, printed));
        }
    }
    if std::env::var_os("UPDATE_README").is_some() {
        readme.replace(&stale);
    } else if let Some((block, printed)) = stale.first() {
        panic!(
            "README.md is stale (UPDATE_README=1 updates it); it shows\n{}\nbut the program prints\n{printed}",
            block.text
        );
    }
}

/// What a terminal would show, if what the block shows as typed were typed.
fn replay(scene: &mut Scene, block: &Block) -> String {
    let mut shown = String::new();
    for (command, answer) in block.commands() {
        let printed = match answer {
            Some(answer) => scene.answer(&command, &answer),
            None => scene.run(&command),
        };
        shown.extend(["$ ", &command, "\n", &printed]);
    }
    shown
}

#[test]
fn scripts_and_links_of_the_readme_lead_somewhere() {
    let readme = Readme::read();
    for script in readme.scripts() {
        let mode = repository()
            .join(&script)
            .metadata()
            .expect(&script)
            .permissions()
            .mode();
        assert_eq!(mode & 0o111, 0o111, "{script} is not executable");
    }
    for link in readme.links() {
        assert!(
            repository().join(&link).exists(),
            "README.md links to {link}"
        );
    }
}

#[test]
fn the_package_holds_what_it_needs_and_no_more() {
    let cargo = Command::new(env!("CARGO"))
        .args([
            "package",
            "--list",
            "--allow-dirty",
            "--offline",
            "--locked",
        ])
        .current_dir(repository())
        .output()
        .unwrap();
    assert!(
        cargo.status.success(),
        "{}",
        String::from_utf8_lossy(&cargo.stderr)
    );
    let list = String::from_utf8(cargo.stdout).unwrap();
    let files: BTreeSet<&str> = list.lines().collect();
    let needed = [
        "CHANGELOG.md",
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "README.md",
        "src/main.rs",
        "src/manifest/builtin.toml",
    ];
    for file in needed {
        assert!(files.contains(file), "{file} is not packaged");
    }
    let others = files.iter().filter(|file| {
        ["fixtures", "scripts", ".ci"]
            .iter()
            .any(|other| Path::new(file).starts_with(other))
    });
    assert_eq!(others.collect::<Vec<_>>(), Vec::<&&str>::new());
}

/// In each the same test runs twice, and finds what it found the first time.
#[test]
fn what_the_readme_shows_in_other_languages_is_a_file_that_restores_what_its_tests_change() {
    let commands = BTreeMap::from([
        (
            "test_blog.py",
            ("pytest-3", "pytest-3 -q -p no:cacheprovider"),
        ),
        ("blog.test.mjs", ("node", "node --test")),
        ("blog.sh", ("sqlite3", "sh")),
    ]);
    let readme = Readme::read();
    let blocks = readme.blocks("language");
    assert_eq!(blocks.len(), commands.len());
    for Block { name, text } in &blocks {
        let (tool, command) = commands[name.as_str()];
        let file = repository().join("tests/languages").join(name);
        assert_eq!(&std::fs::read_to_string(file).unwrap(), text, "{name}");
        if !support::run::has_tool(tool, "an example in another language did not run") {
            continue;
        }
        let mut scene = Scene::blog(&readme, None);
        std::fs::write(scene.path(name), text).unwrap();
        for _ in 0..2 {
            let printed = scene.run(&format!("{command} {name}"));
            assert_eq!(scene.last_code(), 0, "{printed}");
            if name == "blog.sh" {
                scene.run("reset-app snapshot drop clean");
            }
        }
        assert!(scene.path("uploads/bread.jpg").exists());
        let posts = rusqlite::Connection::open(scene.path("blog.db")).unwrap();
        let posts = posts.query_row("SELECT count(*) FROM posts", [], |row| row.get(0));
        assert_eq!(posts, Ok(3));
    }
}
