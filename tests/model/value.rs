//! Values as `SQLite` stores, converts and compares them; only the classes that the cases hold.

use std::cmp::Ordering;

use rusqlite::types::Value;

/// What a column asks of the other side of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Affinity {
    Integer,
    Real,
    Text,
    Blob,
}

/// As SQL writes it.
pub(crate) fn literal(value: &Value) -> String {
    match value {
        Value::Null => "NULL".into(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => format!("{number:?}"),
        Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Value::Blob(bytes) => {
            let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("x'{}'", digits.concat())
        }
    }
}

/// What a column keeps of a value put into it; nothing where it refuses the value. A strict column
/// that asks for nothing keeps everything.
pub(crate) fn stored(value: &Value, affinity: Affinity, strict: bool) -> Option<Value> {
    let value = match (affinity, value) {
        (Affinity::Integer, Value::Text(text)) => {
            text.parse().map_or(value.clone(), Value::Integer)
        }
        (Affinity::Real, Value::Text(text)) => text.parse().map_or(value.clone(), Value::Real),
        (Affinity::Real, Value::Integer(_)) => Value::Real(number(value)?),
        _ => converted(value, affinity),
    };
    let fits = match affinity {
        Affinity::Integer => matches!(value, Value::Integer(_)),
        Affinity::Real => matches!(value, Value::Real(_)),
        Affinity::Text => matches!(value, Value::Text(_)),
        Affinity::Blob => true,
    };
    (fits || !strict).then_some(value)
}

/// The row that holds `child` names the row that holds `parent`: the parent's affinity is applied to
/// the child's value, and the parent's collation compares (<https://sqlite.org/foreignkeys.html>).
pub(crate) fn names(child: &Value, parent: &Value, affinity: Affinity, nocase: bool) -> bool {
    !matches!(child, Value::Null)
        && !matches!(parent, Value::Null)
        && compare(&converted(child, affinity), parent, nocase) == Ordering::Equal
}

/// A value and what its column asks.
pub(crate) type Side<'a> = (&'a Value, Affinity);

/// How `SQLite` counts the children of a row that goes: by the operator `=`, where either column
/// asks for numbers (<https://sqlite.org/datatype3.html#type_conversions_prior_to_comparison>).
pub(crate) fn equal(parent: Side, child: Side, nocase: bool) -> bool {
    let is_number = |side: &Affinity| matches!(side, Affinity::Integer | Affinity::Real);
    let affinity = [parent.1, child.1].into_iter().find(is_number);
    let affinity = affinity.unwrap_or(Affinity::Blob);
    names(parent.0, &converted(child.0, affinity), affinity, nocase)
}

/// The same after another foreign key of numbers to this parent has been looked at, for which
/// `SQLite` converts the value in place.
pub(crate) fn equal_in_place(parent: Side, child: Side, nocase: bool) -> bool {
    let parent = converted(parent.0, Affinity::Integer);
    names(&parent, child.0, child.1, nocase) || names(child.0, &parent, Affinity::Integer, nocase)
}

/// How `SQLite` finds the children that it cascades to or sets: the child's column alone asks.
pub(crate) fn acted_on(parent: Side, child: Side, nocase: bool) -> bool {
    names(parent.0, child.0, child.1, nocase)
}

/// The order of values: numbers, text, blobs (<https://sqlite.org/datatype3.html#comparisons>).
pub(crate) fn compare(left: &Value, right: &Value, nocase: bool) -> Ordering {
    match (number(left), number(right)) {
        (Some(left), Some(right)) => return left.total_cmp(&right),
        (Some(_), None) => return Ordering::Less,
        (None, Some(_)) => return Ordering::Greater,
        (None, None) => {}
    }
    match (left, right) {
        (Value::Text(left), Value::Text(right)) if nocase => {
            left.to_ascii_lowercase().cmp(&right.to_ascii_lowercase())
        }
        (Value::Text(left), Value::Text(right)) => left.cmp(right),
        (Value::Blob(left), Value::Blob(right)) => left.cmp(right),
        (Value::Text(_), _) => Ordering::Less,
        _ => Ordering::Greater,
    }
}

#[allow(clippy::cast_precision_loss)]
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(number) => Some(*number as f64),
        Value::Real(number) => Some(*number),
        _ => None,
    }
}

fn converted(value: &Value, affinity: Affinity) -> Value {
    match (affinity, value) {
        (Affinity::Text, Value::Integer(number)) => Value::Text(number.to_string()),
        (Affinity::Text, Value::Real(number)) => Value::Text(format!("{number:?}")),
        (Affinity::Integer | Affinity::Real, Value::Text(text)) => {
            text.parse().map_or_else(|_| value.clone(), Value::Real)
        }
        _ => value.clone(),
    }
}
