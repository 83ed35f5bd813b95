//! A server that answers as the test wants, right or wrong.

#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::spawn;

/// The port on which every connection is handed to `serve`, on a thread of its own.
pub(crate) fn serving(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = Arc::new(serve);
    spawn(move || {
        for stream in listener.incoming() {
            let serve = Arc::clone(&serve);
            spawn(move || serve(stream.unwrap()));
        }
    });
    port
}

/// The port on which the bytes of `answer` follow each command; the connection ends where it says `None`.
pub(crate) fn answering(
    answer: impl Fn(&[Vec<u8>]) -> Option<Vec<u8>> + Send + Sync + 'static,
) -> u16 {
    serving(move |stream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut writer = stream;
        while let Some(bytes) = command(&mut reader).and_then(|words| answer(&words)) {
            if writer.write_all(&bytes).is_err() {
                return;
            }
        }
    })
}

/// Like [`answering`], and counts the commands of this name.
pub(crate) fn counting(
    name: &'static str,
    answer: impl Fn(&[Vec<u8>]) -> Option<Vec<u8>> + Send + Sync + 'static,
) -> (u16, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let port = answering(move |words| {
        counter.fetch_add(usize::from(words[0] == name.as_bytes()), Ordering::SeqCst);
        answer(words)
    });
    (port, count)
}

/// A port on which nobody listens.
pub(crate) fn nobody() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// The answer to a SCAN: the cursor of the next page, and keys.
pub(crate) fn page(cursor: u64, keys: &[&str]) -> Vec<u8> {
    let cursor = cursor.to_string();
    let mut bytes =
        format!("*2\r\n${}\r\n{cursor}\r\n*{}\r\n", cursor.len(), keys.len()).into_bytes();
    for key in keys {
        write!(bytes, "${}\r\n{key}\r\n", key.len()).unwrap();
    }
    bytes
}

/// The words of the next command, `None` at the end of the connection.
pub(crate) fn command(reader: &mut impl BufRead) -> Option<Vec<Vec<u8>>> {
    let count = number(reader)?;
    let words = (0..count).map(|_| {
        let mut word = vec![0; number(reader)? + 2];
        reader.read_exact(&mut word).ok()?;
        word.truncate(word.len() - 2);
        Some(word)
    });
    words.collect()
}

fn number(reader: &mut impl BufRead) -> Option<usize> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    line.get(1..)?.trim_end().parse().ok()
}
