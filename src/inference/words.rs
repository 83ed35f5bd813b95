//! What the words of a name say. Pure.
//!
//! Names are taken apart at underscores and capitals; the words are English, as nearly all schemas
//! are. A name that says nothing here is decided by what the database says, or not at all.

use super::vocabulary::{
    BOOKS, CREATORS, GIVEN, HOLDERS, KEYS, MENTIONS, NAMES, ORDERS, OWNERS, PERSONS, RECIPIENTS,
    SHOWN,
};

/// What a column that names a person says of the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// The row is theirs, or they wrote it: `user_id`, `owner`, `author`.
    Owner,
    /// They made it: `created_by`. Theirs, unless others share it.
    Creator,
    /// It is addressed to them.
    Recipient,
    /// They did something to it, or are only named: `approved_by`, `assigned_to`.
    Mentioned,
    /// The words do not tell.
    Unknown,
}

/// Words at the end of a name of which a key can be expected also while it holds none.
const SURE_KEYS: &[&str] = &["id", "by", "uuid", "guid"];

/// Whether a column's words say that it shows something that a table of files holds.
pub(super) fn shows_file(stem: &[String]) -> bool {
    stem.last()
        .is_some_and(|last| is_in(SHOWN, singular(last).as_str()))
}

/// Whether a table's words say that it holds files.
pub(super) fn holds_files(nouns: &[String]) -> bool {
    nouns.last().is_some_and(|last| is_in(HOLDERS, last))
}

/// Whether a list of words has this one.
pub(super) fn is_in(list: &str, word: &str) -> bool {
    list.split(' ').any(|one| one == word)
}

/// The words of a name, in small letters: `postAuthorID` is `post`, `author`, `id`.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let letters: Vec<char> = name.chars().collect();
    for (at, letter) in letters.iter().enumerate() {
        let follows_small = at > 0 && letters[at - 1].is_lowercase() && letter.is_uppercase();
        let before_small = at > 0
            && letters[at - 1].is_uppercase()
            && letter.is_uppercase()
            && letters.get(at + 1).is_some_and(|next| next.is_lowercase());
        if !letter.is_alphanumeric() || follows_small || before_small {
            words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
        }
        if letter.is_alphanumeric() {
            word.extend(letter.to_lowercase());
        }
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

/// A word in the singular, as far as its ending tells.
pub(super) fn singular(word: &str) -> String {
    match word {
        "people" => return "person".into(),
        "children" => return "child".into(),
        "news" | "status" | "address" | "media" | "data" | "series" => return word.into(),
        "statuses" => return "status".into(),
        _ => {}
    }
    let stem = |ending: &str| word.strip_suffix(ending).filter(|stem| stem.len() > 1);
    if let Some(stem) = stem("ies") {
        return format!("{stem}y");
    }
    for ending in ["sses", "xes", "shes", "ches"] {
        if word.ends_with(ending) {
            return word[..word.len() - 2].into();
        }
    }
    match stem("s") {
        Some(stem) if !word.ends_with("ss") && !word.ends_with("us") && !word.ends_with("is") => {
            stem.into()
        }
        _ => word.into(),
    }
}

/// The same words, each in the singular.
pub(super) fn singulars(words: &[String]) -> Vec<String> {
    words.iter().map(|word| singular(word)).collect()
}

/// A column's words without those that only say that it names something: `author_id` is `author`.
pub(super) fn stem(words: &[String]) -> Vec<String> {
    let mut stem = words.to_vec();
    while stem.len() > 1 && stem.last().is_some_and(|last| is_in(KEYS, last)) {
        stem.pop();
    }
    stem
}

/// Whether a column's words mean a person by their end: `author`, `assigned_to`, `user_created`; not
/// `reply_to` and not `order_by`.
pub(super) fn means_person(words: &[String]) -> bool {
    let (last, before) = match words {
        [] => return false,
        [before @ .., last] => (singular(last), before.last().map_or("", String::as_str)),
    };
    match last.as_str() {
        "to" | "for" => before.is_empty() || is_in(GIVEN, before),
        "from" => before.is_empty() || before == "sent",
        "by" => !is_in(ORDERS, before),
        last if is_in(PERSONS, last) => true,
        last => {
            is_in(PERSONS, before)
                && (is_in(CREATORS, last) || is_in(MENTIONS, last) || is_in(OWNERS, last))
        }
    }
}

/// Whether each of a column's words says something of a person or of what one did: `last_editor`,
/// not `create_account`.
pub(super) fn speaks_only_of_person(words: &[String]) -> bool {
    let known = |word: &String| {
        let word = singular(word);
        let lists = [MENTIONS, CREATORS, RECIPIENTS, OWNERS, PERSONS, KEYS];
        lists.iter().any(|list| is_in(list, &word)) || word == "by"
    };
    words.iter().all(known)
}

/// Whether a name ends in the plural: it counts, or lists, and names no single thing.
pub(super) fn is_plural(words: &[String]) -> bool {
    words.last().is_some_and(|last| singular(last) != *last)
}

/// Whether a column's last word makes a key to be expected: `author_id`, not `client_key`.
pub(super) fn surely_names(words: &[String]) -> bool {
    words.len() > 1
        && words
            .last()
            .is_some_and(|last| SURE_KEYS.contains(&last.as_str()))
}

/// Whether a word says only that something is a key.
pub(super) fn is_key_word(word: &str) -> bool {
    is_in(KEYS, word)
}

/// Whether a column's last word says that it names something: `author_id`, `created_by`.
pub(super) fn names_something(words: &[String]) -> bool {
    let last = words.last().map_or("", String::as_str);
    words.len() > 1 && (is_in(KEYS, last) || last == "by")
}

/// Whether a column's words say that it holds a name or an address of somebody.
pub(super) fn names_by_name(words: &[String]) -> bool {
    words.last().is_some_and(|last| is_in(NAMES, last))
}

/// What the words of a column say of the person that it names.
pub(super) fn role(words: &[String]) -> Role {
    let has = |list: &str| {
        words.iter().any(|word| {
            let word = singular(word);
            is_in(list, &word)
        })
    };
    let lists = [
        (MENTIONS, Role::Mentioned),
        (CREATORS, Role::Creator),
        (RECIPIENTS, Role::Recipient),
        (OWNERS, Role::Owner),
    ];
    let found = lists.into_iter().find(|(list, _)| has(list));
    found.map_or(Role::Unknown, |(_, role)| role)
}

/// What somebody has to do with the rows of a table that is named for what they did: `boosts.booster_id`
/// did it, `mentions.mentionee_id` had it done to them.
pub(super) fn names_doer(stem: &[String], table: &[String]) -> Option<Role> {
    const SHORTEST: usize = 4;
    let word = singular(stem.last()?);
    let same_root = |noun: &String| {
        let root = noun.strip_suffix('e').unwrap_or(noun);
        root.len() >= SHORTEST && word.starts_with(root)
    };
    // `translator_id` of `translations`
    let same_act = |noun: &String| {
        let word = word.strip_suffix("or").or_else(|| word.strip_suffix("er"));
        let noun = noun.strip_suffix("ion");
        noun.zip(word)
            .is_some_and(|(noun, word)| noun.len() >= SHORTEST && noun == word)
    };
    let is_noun = table.contains(&word);
    if is_noun || !table.iter().any(|noun| same_root(noun) || same_act(noun)) {
        return None;
    }
    let (doer, done_to) = (
        word.ends_with("er") || word.ends_with("or"),
        word.ends_with("ee"),
    );
    match (doer, done_to) {
        (true, _) => Some(Role::Owner),
        (_, true) => Some(Role::Recipient),
        _ => None,
    }
}

/// The word of a table's name by which it is one of the application's own books.
pub(super) fn book_word(table: &str) -> Option<String> {
    let all = words(table);
    let compound = [
        ("schema", "version"),
        ("content", "type"),
        ("object", "cache"),
        ("ar", "internal"),
    ];
    let pair = |(one, other): &(&str, &str)| {
        all.windows(2)
            .any(|pair| pair[0] == *one && singular(&pair[1]) == *other)
    };
    if let Some((one, other)) = compound.iter().find(|words| pair(words)) {
        return Some(format!("{one}_{other}"));
    }
    let alembic = all.first().is_some_and(|first| first == "alembic");
    let last = all.last()?;
    let settings = ["setting", "settings", "configuration"];
    let run_together = settings.iter().any(|word| last.ends_with(word));
    let books = is_in(BOOKS, last) || run_together || all.iter().any(|word| word == "migrations");
    (books || alembic).then(|| {
        if alembic {
            "alembic".into()
        } else {
            last.clone()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart_at_underscores_and_capitals() {
        let of = |name: &str| words(name).join(" ");
        assert_eq!(of("user_id"), "user id");
        assert_eq!(of("postAuthorID"), "post author id");
        assert_eq!(of("comment_post_ID"), "comment post id");
        assert_eq!(of("HTMLBody"), "html body");
        assert_eq!(of("_prisma_migrations"), "prisma migrations");
        assert_eq!(of("wp-users 2"), "wp users 2");
        assert_eq!(of("''"), "");
    }

    #[test]
    fn singulars_are_those_of_table_names() {
        for (plural, one) in [
            ("users", "user"),
            ("categories", "category"),
            ("statuses", "status"),
            ("addresses", "address"),
            ("boxes", "box"),
            ("classes", "class"),
            ("people", "person"),
            ("news", "news"),
            ("bus", "bus"),
            ("s", "s"),
            ("houses", "house"),
        ] {
            assert_eq!(singular(plural), one);
        }
    }

    #[test]
    fn a_column_says_what_the_person_did() {
        let of = |name: &str| role(&stem(&words(name)));
        for (name, expected) in [
            ("user_id", Role::Owner),
            ("authorId", Role::Owner),
            ("owner", Role::Owner),
            ("created_by", Role::Creator),
            ("user_created", Role::Creator),
            ("user_updated", Role::Mentioned),
            ("approved_by_id", Role::Mentioned),
            ("assigned_to", Role::Mentioned),
            ("admin_user_id", Role::Mentioned),
            ("last_editor_id", Role::Mentioned),
            ("recipient", Role::Recipient),
            ("to_user", Role::Recipient),
            ("from_user", Role::Owner),
            ("color_id", Role::Unknown),
            ("posted_by", Role::Owner),
        ] {
            assert_eq!(of(name), expected, "{name}");
        }
    }

    #[test]
    fn a_table_named_for_an_act_tells_who_did_it() {
        let of = |table: &str, column: &str| {
            names_doer(&stem(&words(column)), &singulars(&words(table)))
        };
        assert_eq!(of("boosts", "booster_id"), Some(Role::Owner));
        assert_eq!(of("reactions", "reactor_id"), Some(Role::Owner));
        assert_eq!(of("reactions", "reacter_id"), Some(Role::Owner));
        assert_eq!(of("mentions", "mentioner_id"), Some(Role::Owner));
        assert_eq!(of("mentions", "mentionee_id"), Some(Role::Recipient));
        assert_eq!(of("nominations", "nominator_id"), Some(Role::Owner));
        for (table, column) in [
            ("posts", "poster_image"),
            ("counts", "country_id"),
            ("filters", "filter_id"),
            ("pages", "pager"),
        ] {
            assert_eq!(of(table, column), None, "{table}.{column}");
        }
    }

    #[test]
    fn books_are_known_by_a_word() {
        for table in [
            "schema_migrations",
            "django_migrations",
            "_prisma_migrations",
            "alembic_version",
            "wp_options",
            "auth_permission",
            "django_content_type",
            "schema_version",
            "migrations",
            "ar_internal_metadata",
            "seo_seosettings",
        ] {
            assert!(book_word(table).is_some(), "{table}");
        }
        for table in ["posts", "users", "user_sessions", "versions", "content"] {
            assert!(book_word(table).is_none(), "{table}");
        }
    }
}
