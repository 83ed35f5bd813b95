//! The project's own tests, as text: what documents and patches name must be there.

use std::fs;
use std::path::Path;

/// The sources of `tests/<suite>`, or, of `lib`, those of the library, whose tests stand in them.
pub(crate) fn of_suite(suite: &str) -> Vec<String> {
    let name = match suite {
        "lib" => "src".to_owned(),
        _ => format!("tests/{suite}"),
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let file = fs::read_to_string(path.with_extension("rs"));
    let mut texts: Vec<String> = file.into_iter().collect();
    let mut directories = vec![path];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                texts.push(fs::read_to_string(path).unwrap());
            }
        }
    }
    texts
}
