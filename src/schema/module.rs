//! The module of a virtual table and the arguments it was made with.
//!
//! No pragma tells them; they are read from the one statement whose form `SQLite` itself keeps:
//! `CREATE VIRTUAL TABLE name USING module(argument, …)`
//! (<https://sqlite.org/lang_createvtab.html>). An argument is whatever stands between two commas
//! outside parentheses and quotes.

/// What a virtual table is made by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Its name in lower case: `fts5`, `rtree`.
    pub name: String,
    /// Its arguments, trimmed, otherwise as written.
    pub arguments: Vec<String>,
}

impl Module {
    /// The module of a `CREATE VIRTUAL TABLE` statement; `None` where the text is none.
    #[must_use]
    pub fn of(sql: &str) -> Option<Self> {
        let words = pieces(sql);
        let using = words
            .iter()
            .position(|word| word.eq_ignore_ascii_case("using"))?;
        let name = unquoted(words.get(using + 1)?).to_ascii_lowercase();
        let arguments = match words.get(using + 2) {
            Some(&"(") => arguments(&words[using + 3..]),
            _ => Vec::new(),
        };
        Some(Self { name, arguments })
    }
}

/// A name or string without its quotes.
#[must_use]
pub fn unquoted(text: &str) -> String {
    let close = match text.chars().next() {
        Some(quote @ ('"' | '\'' | '`')) => quote,
        Some('[') => ']',
        _ => return text.to_owned(),
    };
    let inside = &text[1..];
    let inside = inside.strip_suffix(close).unwrap_or(inside);
    inside.replace(&format!("{close}{close}"), &close.to_string())
}

/// Joined as they were written, but for spaces and comments.
fn arguments(words: &[&str]) -> Vec<String> {
    let (mut found, mut open) = (Vec::new(), 0_usize);
    let mut argument = String::new();
    for &word in words {
        match word {
            "," if open == 0 => found.push(std::mem::take(&mut argument)),
            ")" if open == 0 => break,
            _ => {
                open = match word {
                    "(" => open + 1,
                    ")" => open.saturating_sub(1),
                    _ => open,
                };
                let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '"' || c == '\'';
                if argument.ends_with(is_word) && word.starts_with(is_word) {
                    argument.push(' ');
                }
                argument.push_str(word);
            }
        }
    }
    found.push(argument);
    found.retain(|argument| !argument.is_empty());
    found
}

/// Names, quoted names and strings, and single other characters; spaces and comments are left out.
pub(super) fn pieces(sql: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            _ if rest.starts_with("--") => rest.find('\n').map_or(rest.len(), |end| end + 1),
            _ if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '"' | '\'' | '`' => quoted(rest, first),
            '[' => rest.find(']').map_or(rest.len(), |end| end + 1),
            _ if is_name(first) => rest.find(|c| !is_name(c)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let comment = rest.starts_with("--") || rest.starts_with("/*");
        if !comment && !first.is_whitespace() {
            found.push(&rest[..length]);
        }
        rest = &rest[length..];
    }
    found
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// The length of a quoted piece; a doubled quote does not end it.
fn quoted(text: &str, quote: char) -> usize {
    let mut at = 1;
    loop {
        match text[at..].find(quote) {
            None => return text.len(),
            Some(end) if text[at + end + 1..].starts_with(quote) => at += end + 2,
            Some(end) => return at + end + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(sql: &str) -> (String, Vec<String>) {
        let module = Module::of(sql).unwrap();
        (module.name, module.arguments)
    }

    #[test]
    fn arguments_end_at_commas_outside_quotes_and_parentheses() {
        let sql = "CREATE VIRTUAL TABLE \"a using, b(\" USING FTS5(title, body UNINDEXED, /* c, d */ \
                   content = 'it''s, so', tokenize = \"unicode61 tokenchars '-_'\", prefix=(1,2))";
        let expected = [
            "title",
            "body UNINDEXED",
            "content='it''s, so'",
            "tokenize=\"unicode61 tokenchars '-_'\"",
            "prefix=(1,2)",
        ];
        assert_eq!(
            module(sql),
            ("fts5".into(), expected.map(Into::into).into())
        );
    }

    #[test]
    fn a_module_needs_no_arguments() {
        let bare = "CREATE VIRTUAL TABLE IF NOT EXISTS main.t USING [fts4]";
        assert_eq!(module(bare), ("fts4".into(), Vec::new()));
        assert_eq!(
            module("create virtual table t using x()").1,
            Vec::<String>::new()
        );
        assert_eq!(Module::of("CREATE TABLE t(a)"), None);
    }

    #[test]
    fn text_that_is_cut_off_is_read_to_its_end() {
        for sql in [
            "using x(\"",
            "using x('a",
            "using x([",
            "using x(/*",
            "using é(ü--",
            "using",
        ] {
            let _ = Module::of(sql);
        }
    }

    #[test]
    fn quotes_are_taken_off() {
        let quoted = ["\"a\"\"b\"", "'a''b'", "`a`", "[a b]", "plain", "'"];
        let names = ["a\"b", "a'b", "a", "a b", "plain", ""];
        assert_eq!(quoted.map(unquoted), names.map(str::to_owned));
    }
}
