//! Which words of a name (of a column, a directory, a key in Redis) say that a number beside them is a
//! user's key.

/// What applications call the person a row is about.
const PERSONS: &[&str] = &[
    "user",
    "owner",
    "author",
    "creator",
    "uploader",
    "sender",
    "recipient",
    "assignee",
    "member",
    "uid",
];

/// Words for a person, the users table's own among them.
#[derive(Clone, Debug)]
pub(crate) struct PersonWords {
    words: Vec<String>,
}

impl PersonWords {
    /// The usual words, and the name of the users table without its plural.
    pub(crate) fn new(users_table: &str) -> Self {
        let mut words: Vec<String> = PERSONS.iter().map(|&word| word.to_owned()).collect();
        words.extend(parts(users_table).last().cloned());
        words.iter_mut().for_each(singular);
        Self { words }
    }

    /// Whether a name, such as `user_id`, `ownerId` or `created_by`, says that its value names a user.
    pub(crate) fn name_a_user(&self, name: &str) -> bool {
        let mut parts = parts(name);
        while parts
            .last()
            .is_some_and(|last| matches!(last.as_str(), "id" | "ids" | "pk" | "key"))
        {
            parts.pop();
        }
        let Some(mut last) = parts.pop() else {
            return false;
        };
        if last == "by" && !parts.is_empty() {
            return true;
        }
        singular(&mut last);
        let joined = last
            .strip_suffix("id")
            .is_some_and(|word| self.words.iter().any(|known| known == word));
        joined || self.words.contains(&last)
    }
}

fn singular(word: &mut String) {
    if word.len() > 3 && word.ends_with('s') && !word.ends_with("ss") {
        word.pop();
    }
}

/// The words of a name, in lower case: at `_` and other signs, and where a capital follows a small letter.
fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut small = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && small) {
            parts.push(String::new());
        }
        if let Some(part) = parts.last_mut().filter(|_| c.is_alphanumeric()) {
            part.extend(c.to_lowercase());
        }
        small = c.is_lowercase();
    }
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_name_users() {
        let words = PersonWords::new("auth_members");
        for name in [
            "user_id",
            "userId",
            "USER",
            "owner",
            "created_by",
            "uploadedBy",
            "members",
            "author_pk",
            "userid",
            "assigned_user_ids",
            "uid",
        ] {
            assert!(words.name_a_user(name), "{name}");
        }
        for name in [
            "id",
            "by",
            "users_count",
            "post_id",
            "username",
            "abuser_",
            "",
            "_",
            "standby",
        ] {
            assert!(!words.name_a_user(name), "{name}");
        }
    }

    #[test]
    fn the_users_table_lends_its_name() {
        assert!(PersonWords::new("app_customers").name_a_user("customer_id"));
        assert!(!PersonWords::new("users").name_a_user("customer_id"));
    }
}
