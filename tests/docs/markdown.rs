//! The README, as far as it can be tested.

use std::collections::{BTreeMap, BTreeSet};

use crate::repository;

/// Stands in a transcript for any lines.
const ANYTHING: &str = "…";

/// The text before an answer that is typed.
const QUESTION: &str = "to delete this: ";

/// `README.md`.
pub(crate) struct Readme {
    text: String,
}

/// A fenced block below `<!-- kind: name -->`.
pub(crate) struct Block {
    pub(crate) name: String,
    pub(crate) text: String,
}

impl Readme {
    pub(crate) fn read() -> Self {
        let text = std::fs::read_to_string(repository().join("README.md")).unwrap();
        Self { text }
    }

    /// The blocks of a kind, in their order.
    pub(crate) fn blocks(&self, kind: &str) -> Vec<Block> {
        let comment = format!("<!-- {kind}: ");
        let comments = self.text.split(&comment).skip(1);
        let block = |text: &str| {
            let (name, rest) = text.split_once(" -->\n```").unwrap();
            let (_, rest) = rest.split_once('\n').unwrap();
            let (text, _) = rest.split_once("```").unwrap();
            Block {
                name: name.into(),
                text: text.into(),
            }
        };
        comments.map(block).collect()
    }

    /// The text of a file of the blog that serves as the example.
    pub(crate) fn file(&self, name: &str) -> &str {
        let (_, rest) = self
            .text
            .split_once(&format!("<!-- blog: {name} -->\n```"))
            .expect(name);
        let (_, rest) = rest.split_once('\n').unwrap();
        rest.split_once("```").unwrap().0
    }

    /// Writes what was printed in place of what blocks show.
    pub(crate) fn replace(&mut self, stale: &[(Block, String)]) {
        for (block, printed) in stale {
            self.text = self.text.replacen(&block.text, printed, 1);
        }
        std::fs::write(repository().join("README.md"), &self.text).unwrap();
    }

    /// What stands in backticks, word for word.
    fn code(&self) -> BTreeSet<&str> {
        let prose = self.text.split("```").step_by(2);
        let code = prose.flat_map(|prose| prose.split('`').skip(1).step_by(2));
        code.flat_map(|code| code.split([' ', ',', '…', '.']))
            .collect()
    }

    /// Whether a word stands in backticks.
    pub(crate) fn names(&self, word: &str) -> bool {
        self.code().contains(word)
    }

    /// Whether a key of a manifest stands in backticks or in the example.
    pub(crate) fn explains_key(&self, key: &str) -> bool {
        let example = self.file("reset-app.toml");
        let mut words = example.split(|c: char| !c.is_alphanumeric() && c != '_');
        self.names(key) || words.any(|word| word == key)
    }

    /// The options in backticks.
    pub(crate) fn options(&self) -> BTreeSet<String> {
        let options = self
            .code()
            .into_iter()
            .filter(|word| word.starts_with("--"));
        options.map(str::to_owned).collect()
    }

    /// The table of exit codes.
    pub(crate) fn exit_codes(&self) -> BTreeMap<u8, String> {
        let (_, section) = self.text.split_once("\n## Exit codes\n").unwrap();
        let (section, _) = section.split_once("\n## ").unwrap();
        let cells = |line: &str| {
            let (code, meaning) = line
                .strip_prefix("| ")?
                .strip_suffix(" |")?
                .split_once(" | ")?;
            Some((code.parse().ok()?, meaning.to_owned()))
        };
        section.lines().filter_map(cells).collect()
    }

    /// The scripts of this repository.
    pub(crate) fn scripts(&self) -> BTreeSet<String> {
        let words = self.text.split(|c: char| c.is_whitespace() || c == '`');
        let scripts = words.filter(|word| word.starts_with("scripts/"));
        let scripts: BTreeSet<_> = scripts.map(str::to_owned).collect();
        assert!(scripts.contains("scripts/demo"), "{scripts:?}");
        scripts
    }

    /// The links to files of this repository.
    pub(crate) fn links(&self) -> BTreeSet<String> {
        let links = self
            .text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split_once(')'));
        let links = links.map(|(link, _)| link.to_owned());
        links.filter(|link| !link.starts_with("http")).collect()
    }
}

impl Block {
    /// The commands, each with the answer that is typed.
    pub(crate) fn commands(&self) -> Vec<(String, Option<String>)> {
        let mut commands: Vec<(String, Option<String>)> = Vec::new();
        for line in self.text.lines() {
            if let Some(command) = line.strip_prefix("$ ") {
                commands.push((command.into(), None));
            } else if let Some((_, answer)) = line.split_once(QUESTION) {
                commands.last_mut().unwrap().1 = Some(answer.into());
            }
        }
        commands
    }
}

/// Whether a transcript shows what was printed. A line `…` in it stands for any lines.
pub(crate) fn agree(shown: &str, printed: &str) -> bool {
    let anything = format!("{ANYTHING}\n");
    let mut parts = shown.split(&anything);
    let Some(mut rest) = printed.strip_prefix(parts.next().unwrap()) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[test]
fn a_transcript_that_leaves_lines_out_agrees_with_what_has_them() {
    assert!(agree("a\nb\n", "a\nb\n"));
    assert!(agree("a\n…\nd\n", "a\nb\nc\nd\n"));
    assert!(agree("a\n…\n", "a\nb\n"));
    assert!(!agree("a\n", "a\nb\n"));
    assert!(!agree("a\n…\nd\n", "a\nb\n"));
    assert!(!agree("a\n…\nb\n…\nd\n", "a\nd\n"));
}
