//! Commands and answers.
//!
//! The bytes are written and read by the `redis` crate; its connection is not used, for it knows no
//! deadline of a whole answer and no limit of its size.

use std::io::{self, Read, Write};

use ::redis::{Cmd, ErrorKind, Parser, RedisError, Value, cmd};

use super::socket::{Stream, connect};
use super::{Deadline, KeyspaceError, Server};

/// So many bytes are read as answers to what was sent at once; what the application holds is far below.
const LONGEST_ANSWERS: usize = 64 << 20;

/// A connection, logged in, on the right database.
pub(crate) struct Wire {
    stream: Box<dyn Stream>,
    parser: Parser,
    server: Server,
    deadline: Deadline,
    /// How much more may be read as answers to what was sent last.
    left: usize,
    ahead: Ahead,
}

/// A command sent ahead, whose answer comes before those to all that was sent after it.
enum Ahead {
    Nothing,
    Sent(Request),
    Answered(Value),
}

/// A command and its name for messages.
pub(crate) struct Request {
    name: &'static str,
    command: Cmd,
}

impl Request {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            command: cmd(name),
        }
    }

    pub(crate) fn arg(mut self, argument: impl ::redis::ToRedisArgs) -> Self {
        self.command.arg(argument);
        self
    }
}

impl Wire {
    /// Connects, logs in and selects the database.
    pub(crate) fn open(server: &Server, deadline: Deadline) -> Result<Self, KeyspaceError> {
        let stream =
            connect(&server.address, deadline).map_err(|error| broken(server, deadline, error))?;
        let mut wire = Self {
            stream,
            parser: Parser::new(),
            server: server.clone(),
            deadline,
            left: 0,
            ahead: Ahead::Nothing,
        };
        if let Some(password) = &server.password {
            wire.expect_ok(&Request::new("AUTH").arg(&server.user).arg(password))?;
        }
        if server.db != 0 {
            wire.expect_ok(&Request::new("SELECT").arg(server.db))?;
        }
        Ok(wire)
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// Sends one command and reads its answer. An error answer is an error.
    pub(crate) fn ask(&mut self, request: &Request) -> Result<Value, KeyspaceError> {
        self.send(std::slice::from_ref(request))?;
        match self.answer(request)? {
            Value::ServerError(error) => Err(self.refusal(request.name, &error)),
            value => Ok(value),
        }
    }

    /// Sends all commands at once and reads an answer to each, in order; among them may be error
    /// answers.
    pub(crate) fn ask_all(&mut self, requests: &[Request]) -> Result<Vec<Value>, KeyspaceError> {
        self.send(requests)?;
        requests
            .iter()
            .map(|request| self.answer(request))
            .collect()
    }

    /// Sends all commands at once; nothing when the deadline has passed, for the socket does not.
    pub(crate) fn send(&mut self, requests: &[Request]) -> Result<(), KeyspaceError> {
        self.left = LONGEST_ANSWERS;
        let mut bytes = Vec::new();
        for request in requests {
            request.command.write_packed_command(&mut bytes);
        }
        let sent = self
            .stream
            .write_all(&bytes)
            .and_then(|()| self.stream.flush());
        sent.map_err(|error| broken(&self.server, self.deadline, error))
    }

    /// Sends one command whose answer [`answer_ahead`](Self::answer_ahead) fetches: Redis works on it
    /// while here something else is done, and others may be sent and answered meanwhile.
    pub(crate) fn send_ahead(&mut self, request: Request) -> Result<(), KeyspaceError> {
        self.send(std::slice::from_ref(&request))?;
        self.ahead = Ahead::Sent(request);
        Ok(())
    }

    /// The answer to what was sent ahead. An error answer is an error.
    pub(crate) fn answer_ahead(&mut self) -> Result<Value, KeyspaceError> {
        self.read_ahead()?;
        match std::mem::replace(&mut self.ahead, Ahead::Nothing) {
            Ahead::Answered(answer) => Ok(answer),
            Ahead::Nothing | Ahead::Sent(_) => Err(KeyspaceError::broken(&self.server)),
        }
    }

    /// What was sent ahead is answered first.
    fn read_ahead(&mut self) -> Result<(), KeyspaceError> {
        self.ahead = match std::mem::replace(&mut self.ahead, Ahead::Nothing) {
            Ahead::Sent(request) => match self.read(&request)? {
                Value::ServerError(error) => return Err(self.refusal(request.name, &error)),
                answer => Ahead::Answered(answer),
            },
            other => other,
        };
        Ok(())
    }

    /// The next answer, which is that to `request`; it may be an error answer.
    pub(crate) fn answer(&mut self, request: &Request) -> Result<Value, KeyspaceError> {
        self.read_ahead()?;
        self.read(request)
    }

    fn read(&mut self, request: &Request) -> Result<Value, KeyspaceError> {
        let mut limited = Limited {
            stream: &mut self.stream,
            left: &mut self.left,
        };
        let answer = self.parser.parse_value(&mut limited);
        answer.map_err(|error| {
            if error.is_io_error() {
                return broken(&self.server, self.deadline, io_error(error));
            }
            KeyspaceError::answer(&self.server, request.name)
        })
    }

    /// The error that an error answer means.
    pub(crate) fn refusal(
        &self,
        command: &'static str,
        error: &::redis::ServerError,
    ) -> KeyspaceError {
        KeyspaceError::refused(
            &self.server,
            command,
            error.code(),
            error.details().unwrap_or_default(),
        )
    }

    fn expect_ok(&mut self, request: &Request) -> Result<(), KeyspaceError> {
        match self.ask(request)? {
            Value::Okay => Ok(()),
            _ => Err(KeyspaceError::answer(&self.server, request.name)),
        }
    }
}

/// The deadline is what ends a connection of which the deadline has passed, whatever the system calls it.
fn broken(server: &Server, deadline: Deadline, error: io::Error) -> KeyspaceError {
    match deadline.remaining() {
        None => KeyspaceError::late(server, deadline),
        Some(_) => KeyspaceError::unreachable(server, error),
    }
}

fn io_error(error: RedisError) -> io::Error {
    debug_assert_eq!(error.kind(), ErrorKind::Io);
    if error.is_timeout() {
        return io::ErrorKind::TimedOut.into();
    }
    io::Error::other(error)
}

/// A stream of which only so many bytes are read.
struct Limited<'s> {
    stream: &'s mut Box<dyn Stream>,
    left: &'s mut usize,
}

impl Read for Limited<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if *self.left == 0 {
            return Err(io::Error::other("the answers are too long"));
        }
        let most = buffer.len().min(*self.left);
        let count = self.stream.read(&mut buffer[..most])?;
        *self.left -= count;
        Ok(count)
    }
}
