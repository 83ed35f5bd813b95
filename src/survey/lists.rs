//! Finding rows whose column lists several that it mentions.

use super::lookup::Found;
use crate::manifest::List;
use crate::plan::{Mention, Plan};
use crate::sql::{counts, identity, joined, main_table, quote, same_row, text};

/// `FROM` and `WHERE` that find the rows which list a row of `set`. The table is read once; each value
/// is looked up by the parent's key.
pub(super) fn find(plan: &Plan, mention: &Mention, list: List, set: &str) -> Found {
    let (link, parent) = (&mention.link, &plan.tables[mention.link.parent]);
    let column = format!("c.{}", quote(&link.columns.concat()));
    let conditions = std::iter::once(same_row("p", "s", &parent.identity));
    Found {
        from: format!(
            "{} AS c CROSS JOIN json_each({}) AS e CROSS JOIN {} AS p ON p.{} = trim(e.value) \
             CROSS JOIN {set} AS s",
            main_table(&mention.table),
            array(&column, list, link.form.json.as_deref()),
            main_table(&parent.name),
            quote(&link.parent_columns.concat()),
        ),
        condition: joined(conditions.chain(counts("c", &link.form)), " AND "),
        identity: identity("c", &mention.identity),
    }
}

/// The arguments of `json_each`: an array, empty where the column holds none.
fn array(column: &str, list: List, path: Option<&str>) -> String {
    let json = match list {
        List::Json => column.to_owned(),
        // Quoted as JSON quotes it; what cannot be an array even so is none.
        List::Commas => format!(
            "('[\"' || replace(replace(replace({column}, '\\', '\\\\'), '\"', '\\\"'), ',', '\",\"') || '\"]')"
        ),
    };
    let path = text(path.unwrap_or("$"));
    format!(
        "CASE WHEN json_valid({json}) THEN CASE WHEN json_type({json}, {path}) = 'array' \
         THEN json_extract({json}, {path}) ELSE '[]' END ELSE '[]' END"
    )
}
