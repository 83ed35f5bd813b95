//! What has to be read of a key before a rule can claim it.

use ::redis::Value;

use super::wire::Request;
use super::{KeyspaceError, Wire};
use crate::manifest::keys::{KeyRule, UserField};

/// A JSON document above this many bytes is not read.
const LONGEST_JSON: i64 = 1 << 20;

/// How many documents are in memory at once.
const DOCUMENTS_AT_ONCE: usize = 32;

/// What a value says of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Its type, or its lack of a user, is not that of the rule.
    DoesNotFit,
    /// It is of the rule's type.
    Fits,
    /// It holds this user.
    BelongsTo(Vec<u8>),
}

/// A question about one key, for one rule.
pub(super) struct Question<'k> {
    pub(super) rule: &'k KeyRule,
    pub(super) key: &'k [u8],
}

/// Asks all questions in one go, and a second time for the documents that are short enough.
pub(super) fn ask(
    wire: &mut Wire,
    questions: &[Question<'_>],
) -> Result<Vec<Verdict>, KeyspaceError> {
    let requests: Vec<_> = questions.iter().map(Question::request).collect();
    let answers = wire.ask_all(&requests)?;
    let mut verdicts = Vec::with_capacity(questions.len());
    let mut documents = Vec::new();
    for (question, answer) in questions.iter().zip(answers) {
        if question.is_document(wire, &answer)? {
            documents.push(verdicts.len());
        }
        verdicts.push(question.verdict(wire, answer)?);
    }
    read_documents(wire, questions, &documents, &mut verdicts)?;
    Ok(verdicts)
}

impl Question<'_> {
    fn name(&self) -> &'static str {
        match self.rule.field() {
            Some(UserField::Hash(_)) => "HGET",
            Some(UserField::Json(_)) => "STRLEN",
            None => "TYPE",
        }
    }

    fn request(&self) -> Request {
        let request = Request::new(self.name()).arg(self.key);
        match self.rule.field() {
            Some(UserField::Hash(field)) => request.arg(field),
            _ => request,
        }
    }

    /// Whether the value is a JSON document that may be read.
    fn is_document(&self, wire: &Wire, answer: &Value) -> Result<bool, KeyspaceError> {
        match (self.rule.field(), answer) {
            (Some(UserField::Json(_)), Value::Int(length)) => {
                Ok((1..=LONGEST_JSON).contains(length))
            }
            (Some(UserField::Json(_)), Value::ServerError(error)) if is_wrong_type(error) => {
                Ok(false)
            }
            (Some(UserField::Json(_)), other) => Err(unexpected(wire, self.name(), other)),
            _ => Ok(false),
        }
    }

    fn verdict(&self, wire: &Wire, answer: Value) -> Result<Verdict, KeyspaceError> {
        match (self.rule.field(), answer) {
            (Some(UserField::Json(_)), _) | (Some(_), Value::Nil) => Ok(Verdict::DoesNotFit),
            (Some(UserField::Hash(_)), Value::BulkString(user)) if user.is_empty() => {
                Ok(Verdict::DoesNotFit)
            }
            (Some(UserField::Hash(_)), Value::BulkString(user)) => Ok(Verdict::BelongsTo(user)),
            (Some(_), Value::ServerError(error)) if is_wrong_type(&error) => {
                Ok(Verdict::DoesNotFit)
            }
            (None, Value::SimpleString(name)) => Ok(match self.rule.value_type() {
                Some(wanted) if wanted.name() != name => Verdict::DoesNotFit,
                _ => Verdict::Fits,
            }),
            (_, other) => Err(unexpected(wire, self.name(), &other)),
        }
    }
}

/// Replaces the verdicts at these indexes by what the documents there say.
fn read_documents(
    wire: &mut Wire,
    questions: &[Question<'_>],
    documents: &[usize],
    verdicts: &mut [Verdict],
) -> Result<(), KeyspaceError> {
    for some in documents.chunks(DOCUMENTS_AT_ONCE) {
        let request = |index: &usize| {
            let range = Request::new("GETRANGE").arg(questions[*index].key);
            range.arg(0).arg(LONGEST_JSON)
        };
        let requests: Vec<_> = some.iter().map(request).collect();
        for (index, text) in some.iter().zip(wire.ask_all(&requests)?) {
            let user = user_in(wire, questions[*index].rule, text)?;
            verdicts[*index] = user.map_or(Verdict::DoesNotFit, Verdict::BelongsTo);
        }
    }
    Ok(())
}

fn user_in(wire: &Wire, rule: &KeyRule, text: Value) -> Result<Option<Vec<u8>>, KeyspaceError> {
    match text {
        Value::BulkString(text) => Ok(json_user(&text, rule)),
        Value::ServerError(error) if is_wrong_type(&error) => Ok(None),
        other => Err(unexpected(wire, "GETRANGE", &other)),
    }
}

fn json_user(text: &[u8], rule: &KeyRule) -> Option<Vec<u8>> {
    let Some(UserField::Json(field)) = rule.field() else {
        return None;
    };
    match serde_json::from_slice::<serde_json::Value>(text)
        .ok()?
        .get(field)?
    {
        serde_json::Value::String(user) if !user.is_empty() => Some(user.clone().into_bytes()),
        serde_json::Value::Number(user) => Some(user.to_string().into_bytes()),
        _ => None,
    }
}

fn is_wrong_type(error: &::redis::ServerError) -> bool {
    error.code() == "WRONGTYPE"
}

fn unexpected(wire: &Wire, command: &'static str, answer: &Value) -> KeyspaceError {
    match answer {
        Value::ServerError(error) => wire.refusal(command, error),
        _ => KeyspaceError::answer(wire.server(), command),
    }
}
