use std::path::Path;

use proptest::prelude::*;

use super::*;

fn template(text: &str) -> Result<Template> {
    Template::parse(Path::new("t"), text.into())
}

#[track_caller]
fn fill(text: &str, values: &[(&str, &str)]) -> String {
    filled(Some(&template(text).unwrap()), values).unwrap()
}

#[track_caller]
fn refused(text: &str, because: &str) {
    let error = template(text).unwrap_err().to_string();
    assert!(error.contains(because), "{error}");
}

#[test]
fn only_the_value_is_replaced() {
    let before_and_after = [
        ("A=old\n", "A=new\n"),
        ("A=old", "A=new"),
        ("A=\n", "A=new\n"),
        ("A=", "A=new"),
        ("A=   \n", "A=new   \n"),
        ("  A = old  # why\n", "  A = new  # why\n"),
        ("export A='old'\n", "export A=new\n"),
        ("A=\"o l d # x\" # don't\n", "A=new # don't\n"),
        ("A=\"one\ntwo\"\nB=x\n", "A=new\nB=x\n"),
        ("A= # why\n", "A=new # why\n"),
        ("A=#why\n", "A=new #why\n"),
        ("A=o\\ l\\ d\n", "A=new\n"),
        ("A=old#x\n", "A=new\n"),
        ("A=\"o\\\" l d\" # x\n", "A=new # x\n"),
        ("A=old\r\nB=\"x\"\r\n\r\n", "A=new\r\nB=\"x\"\r\n\r\n"),
        (
            "# A=old\n\n \t\nA=old\n# it's\n",
            "# A=old\n\n \t\nA=new\n# it's\n",
        ),
        ("export=1\nA=old\n", "export=1\nA=new\n"),
        ("A=x'y z'\"w\"\n", "A=new\n"),
        ("X.Y=1\n_A=2\nA=é\n", "X.Y=1\n_A=2\nA=new\n"),
    ];
    for (before, after) in before_and_after {
        assert_eq!(fill(before, &[("A", "new")]), after, "{before:?}");
    }
}

#[test]
fn what_the_template_does_not_know_follows_at_its_end() {
    let values = [("A", "1"), ("C", "two words")];
    assert_eq!(fill("B=x\n", &values), "B=x\nA=1\nC='two words'\n");
    assert_eq!(fill("B=x", &values), "B=x\nA=1\nC='two words'\n");
    assert_eq!(fill("B=x\r\n", &values), "B=x\r\nA=1\r\nC='two words'\r\n");
    assert_eq!(filled(None, &values).unwrap(), "A=1\nC='two words'\n");
}

#[test]
fn lines_that_are_none_are_named() {
    refused("A=1\n\nnonsense\n", "line 3 of the template");
    refused("A=two words\n", "line 1");
    refused("# x\nA B=1\n", "line 2");
    refused("1A=1\n", "line 1");
    refused("export A\n", "line 1");
    refused("A=\"open\nB=1\n", "line 1");
    refused("\u{feff}A=1\n", "line 1");
}

#[test]
fn a_name_twice_is_named_with_both_lines() {
    refused(
        "A=1\nB=2\nexport A=3\n",
        "`A` twice, in line 1 and in line 3",
    );
}

#[test]
fn quotes_that_read_in_two_ways_are_refused() {
    refused("A='x\\'\nB=\"'\"\n", "quotes");
}

#[test]
fn a_comment_can_hold_an_assignment() {
    let template = template("#A=1\n ## export B = 2\n# C is\n#DD=1\nE=1 # F=1\n").unwrap();
    for name in ["A", "B", "DD"] {
        assert!(template.comments_out(name), "{name}");
    }
    for name in ["C", "D", "E", "F"] {
        assert!(!template.comments_out(name), "{name}");
    }
}

#[test]
fn a_value_can_refer_to_others() {
    let template = template("A=x:${B}@${C}\n").unwrap();
    assert!(template.refers("A", ["B", "C"].into_iter()));
    assert!(!template.refers("A", ["B", "D"].into_iter()));
}

#[test]
fn debug_shows_no_value() {
    let shown = format!("{:?}", template("A=hidden\n").unwrap());
    assert!(!shown.contains("hidden"), "{shown}");
}

proptest! {
    /// Whatever the template: it is refused, or the value reads back, every other assignment reads
    /// as before, and the bytes outside the value are as before.
    #[test]
    fn a_template_is_filled_faithfully_or_refused(
        lines in proptest::collection::vec("( |export )?[A-D]( |)=( |)[a-d#'\"\\\\ ]{0,6}( #['x]?)?|#.{0,5}|", 0..6),
        end in "\r?\n",
        value in "[ -~]{1,12}",
    ) {
        let text = lines.join(&end);
        let Ok(read_template) = template(&text) else { return Ok(()) };
        let Ok(out) = filled(Some(&read_template), &[("A", &value)]) else { return Ok(()) };
        let (before, after) = (read(&text).unwrap(), read(&out).unwrap());
        for (name, old) in &before {
            let expected = if name == "A" { &value } else { old };
            prop_assert!(after.contains(&(name.clone(), expected.clone())), "{:?} {:?}", text, out);
        }
        prop_assert!(after.contains(&("A".into(), value)));
        let at = read_template.assignments.iter().find(|a| a.name == "A").map(|a| a.value.clone());
        let at = at.unwrap_or(text.len()..text.len());
        prop_assert!(out.starts_with(&text[..at.start]) && out.ends_with(&text[at.end..]) || at.start == text.len());
    }
}
