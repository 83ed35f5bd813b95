//! strace: hinders a run at one of its system calls, and counts them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use tempfile::NamedTempFile;

use super::run::{Invocation, Outcome};

/// Every system call by which a file, a directory or a lock is changed, or opened to be changed. Between
/// two of them nothing on the disk is different: a kill at a call that reads is one at the next of these.
pub(crate) const CHANGING: [&str; 37] = [
    "pwrite64",
    "pwritev",
    "write",
    "writev",
    "fsync",
    "fdatasync",
    "syncfs",
    "sync_file_range",
    "ftruncate",
    "fallocate",
    "openat",
    "openat2",
    "unlink",
    "unlinkat",
    "rename",
    "renameat",
    "renameat2",
    "mkdir",
    "mkdirat",
    "rmdir",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "mknodat",
    "chmod",
    "fchmod",
    "fchmodat",
    "chown",
    "fchown",
    "fchownat",
    "utimensat",
    "copy_file_range",
    "sendfile",
    "ioctl",
    "flock",
    "fcntl",
];

/// Every other one that has to do with a file.
pub(crate) const READING: [&str; 10] = [
    "pread64",
    "read",
    "statx",
    "newfstatat",
    "fstat",
    "getdents64",
    "lseek",
    "readlink",
    "readlinkat",
    "faccessat2",
];

/// strace, which hinders the `nth` system call of a kind: `signal=KILL`, `error=EIO`.
pub(crate) fn strace(how: &str, syscall: &str, nth: usize) -> Vec<String> {
    strace_to(Path::new("/dev/null"), how, syscall, &nth.to_string())
}

/// strace, which hinders the `nth` system call of a kind and all that follow.
pub(crate) fn strace_from(how: &str, syscall: &str, nth: usize) -> Vec<String> {
    strace_to(Path::new("/dev/null"), how, syscall, &format!("{nth}+"))
}

fn strace_to(log: &Path, how: &str, syscall: &str, when: &str) -> Vec<String> {
    let (log, trace) = (log.to_str().unwrap(), format!("trace={syscall}"));
    let inject = format!("inject={syscall}:{how}:when={when}");
    let words = [
        "strace", "-f", "-qq", "-o", log, "-e", &trace, "-e", &inject,
    ];
    words.map(String::from).into()
}

/// Runs a command, hindered at the `nth` system call of a kind; none if it makes no so many.
pub(crate) fn hindered(run: Invocation, how: &str, syscall: &str, nth: usize) -> (Outcome, bool) {
    let log = NamedTempFile::new().unwrap();
    let wrapper = strace_to(log.path(), how, syscall, &nth.to_string());
    let outcome = run.under(wrapper).run();
    let log = fs::read_to_string(log.path()).unwrap();
    let reached = outcome.was_killed() || log.contains("(INJECTED)") || log.contains("--- SIG");
    (outcome, reached)
}

/// How many system calls of each kind a command makes when nothing hinders it.
pub(crate) fn counts(run: Invocation, kinds: &[&'static str]) -> BTreeMap<&'static str, usize> {
    let log = NamedTempFile::new().unwrap();
    // Not every machine has all of them.
    let known: Vec<String> = kinds.iter().map(|kind| format!("?{kind}")).collect();
    let trace = format!("trace={}", known.join(","));
    let path = log.path().to_str().unwrap();
    run.under(["strace", "-f", "-qq", "-o", path, "-e", &trace])
        .run();
    let log = fs::read_to_string(log.path()).unwrap();
    let mut counts = BTreeMap::new();
    // `<process> <name>(<arguments> = <result>`
    let names = log
        .lines()
        .filter_map(|line| line.split_once(' ')?.1.trim_start().split_once('('));
    for (name, _) in names {
        if let Some(kind) = kinds.iter().find(|kind| **kind == name) {
            *counts.entry(*kind).or_default() += 1;
        }
    }
    counts
}
