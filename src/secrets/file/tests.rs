use std::os::unix::fs::symlink;
use std::process::Command;

use tempfile::TempDir;

use super::*;

fn root_with(content: &str) -> TempDir {
    let root = TempDir::new().unwrap();
    fs::write(root.path().join(FILE_NAME), content).unwrap();
    root
}

fn names(root: &Path) -> Vec<String> {
    let entries = fs::read_dir(root).unwrap();
    let mut names: Vec<String> = entries
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn content(root: &Path, name: &str) -> String {
    fs::read_to_string(root.join(name)).unwrap()
}

fn mode(root: &Path, name: &str) -> u32 {
    fs::metadata(root.join(name)).unwrap().permissions().mode() & 0o7777
}

#[test]
fn the_first_file_is_its_owners_alone() {
    let root = TempDir::new().unwrap();
    let replaced = replace(root.path(), b"new", Existing::Refuse).unwrap();
    assert_eq!(replaced.kept, None);
    assert_eq!(names(root.path()), [FILE_NAME]);
    assert_eq!(mode(root.path(), FILE_NAME), 0o600);
}

#[test]
fn the_old_file_is_kept_whole_and_its_owners_alone() {
    let root = root_with("old");
    let kept = replace(root.path(), b"new", Existing::Keep)
        .unwrap()
        .kept
        .unwrap();
    assert_eq!(content(root.path(), FILE_NAME), "new");
    assert_eq!(content(root.path(), &kept), "old");
    assert_eq!(mode(root.path(), &kept), 0o600);
    assert_eq!(names(root.path()).len(), 2);
}

#[test]
fn no_kept_file_is_overwritten_and_the_last_sorts_last() {
    let root = root_with("0");
    let mut kept = Vec::new();
    for text in ["1", "2", "3", "4", "5"] {
        let replaced = replace(root.path(), text.as_bytes(), Existing::Keep).unwrap();
        kept.push(replaced.kept.unwrap());
    }
    assert!(kept.is_sorted(), "{kept:?}");
    let contents: Vec<String> = kept.iter().map(|name| content(root.path(), name)).collect();
    assert_eq!(contents, ["0", "1", "2", "3", "4"]);
}

#[test]
fn a_file_that_is_there_is_refused_unless_it_is_to_be_kept() {
    let root = root_with("old");
    let refused = replace(root.path(), b"new", Existing::Refuse);
    assert!(matches!(refused, Err(SecretsError::Exists { .. })));
    assert_eq!(content(root.path(), FILE_NAME), "old");
    assert_eq!(names(root.path()).len(), 1);
}

#[test]
fn what_is_no_file_of_its_own_is_refused() {
    let root = TempDir::new().unwrap();
    let file = root.path().join(FILE_NAME);
    fs::create_dir(&file).unwrap();
    let look = || look(root.path(), Existing::Keep).err().unwrap().to_string();
    assert!(look().contains("is a directory"));
    fs::remove_dir(&file).unwrap();
    for target in ["/dev/null", "nowhere"] {
        symlink(target, &file).unwrap();
        assert!(look().contains("a symbolic link"));
        fs::remove_file(&file).unwrap();
    }
    let made = Command::new("mkfifo").arg(&file).status();
    assert!(made.unwrap().success());
    assert!(look().contains("a pipe"));
}

#[test]
fn what_a_crash_left_is_removed_and_nothing_else() {
    let root = root_with("old");
    let others = [
        ".env.example",
        ".env.reset-app",
        ".env.local",
        "x.env.reset-app-1",
    ];
    for name in others {
        fs::write(root.path().join(name), "x").unwrap();
    }
    fs::write(root.path().join(".env.reset-app-abcdef"), "half").unwrap();
    fs::create_dir(root.path().join(".env.reset-app-folder")).unwrap();
    replace(root.path(), b"new", Existing::Keep).unwrap();
    let left = names(root.path());
    assert!(!left.contains(&".env.reset-app-abcdef".into()), "{left:?}");
    assert!(left.contains(&".env.reset-app-folder".into()), "{left:?}");
    assert!(
        others.iter().all(|name| left.iter().any(|l| l == name)),
        "{left:?}"
    );
}

#[test]
fn two_runs_at_once_are_one_too_many() {
    let root = root_with("old");
    let other = File::open(root.path()).unwrap();
    other.lock().unwrap();
    let refused = replace(root.path(), b"new", Existing::Keep);
    assert!(matches!(refused, Err(SecretsError::AnotherRun { .. })));
    assert_eq!(names(root.path()), [FILE_NAME]);
}

#[test]
fn a_file_that_changes_before_it_is_kept_is_not_replaced() {
    let root = root_with("old");
    let old = look(root.path(), Existing::Keep).unwrap().unwrap();
    fs::write(root.path().join(FILE_NAME), "other").unwrap();
    let refused = keep(root.path(), &old, &root.path().join(FILE_NAME));
    assert!(matches!(refused, Err(SecretsError::Changed { .. })));
    assert_eq!(names(root.path()), [FILE_NAME]);
}
