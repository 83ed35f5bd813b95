//! Searching the files below the roots: their names and what is in them.

use std::io::{self, Read};
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use super::tokens::{Meaning, Reading, Tokens};
use crate::error::Result;
use crate::roots::{Kind, Roots, Visit, Visited, shown};
use crate::survey::Kept;

/// Of a longer file only so many bytes are read.
const MOST_BYTES: u64 = 1 << 30;

/// How much is read at once.
const CHUNK: usize = 1 << 20;

/// Where in a file an identifier was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Name,
    Content,
}

/// Identifiers found in a file.
#[derive(Debug)]
pub(crate) struct FileHit {
    pub(crate) visited: Visited,
    pub(crate) part: Part,
    pub(crate) meanings: Vec<Meaning>,
}

/// What the threads tell.
enum Message {
    Hit(FileHit),
    Unread(Kept),
    Read,
}

/// What a search of files came to.
#[derive(Debug, Default)]
pub(crate) struct Searched {
    pub(crate) files: u64,
    pub(crate) unread: Vec<Kept>,
}

/// Tells `found` every identifier in every file below the roots. Reads with `threads` threads.
pub(crate) fn search(
    roots: &Roots,
    tokens: &Tokens,
    threads: u32,
    progress: &mut dyn FnMut(u64),
    found: &mut dyn FnMut(FileHit) -> Result<()>,
) -> Result<Searched> {
    let (sender, messages) = channel();
    let (files, waiting) = channel::<Visited>();
    let waiting = Mutex::new(waiting);
    thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            let (sender, waiting) = (sender.clone(), &waiting);
            scope.spawn(move || read_files(roots, tokens, waiting, &sender));
        }
        scope.spawn(move || {
            let _ = roots.visit(&mut |visit| visited(visit, tokens, &files, &sender));
        });
        let mut searched = Searched::default();
        for message in messages {
            match message {
                Message::Hit(hit) => found(hit)?,
                Message::Unread(kept) => searched.unread.push(kept),
                Message::Read => {
                    searched.files += 1;
                    progress(searched.files);
                }
            }
        }
        Ok(searched)
    })
}

/// Names are searched here, contents by whoever is free.
fn visited(
    visit: Visit,
    tokens: &Tokens,
    files: &Sender<Visited>,
    sender: &Sender<Message>,
) -> ControlFlow<()> {
    let told = match visit {
        Visit::Trouble(path, reason) => sender.send(Message::Unread(Kept {
            path: shown(&path),
            reason,
        })),
        Visit::Entry(visited) => {
            let meanings = in_name(&visited.path(), tokens);
            let is_file = visited.kind == Kind::File;
            let hit = (!meanings.is_empty()).then(|| FileHit {
                visited: visited.clone(),
                part: Part::Name,
                meanings,
            });
            let told = hit.map_or(Ok(()), |hit| sender.send(Message::Hit(hit)));
            if is_file && files.send(visited).is_err() {
                return ControlFlow::Break(());
            }
            told
        }
    };
    match told {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    }
}

/// What its own name adds to that of the directory which holds it.
fn in_name(path: &Path, tokens: &Tokens) -> Vec<Meaning> {
    let search = |path: &Path| {
        let mut found: Vec<Meaning> = Vec::new();
        let bytes = path.as_os_str().as_bytes();
        tokens.search(bytes, Reading::Name, &mut |meaning| found.push(meaning));
        found
    };
    let mut found = search(path);
    if !found.is_empty() {
        for known in path.parent().map(search).unwrap_or_default() {
            if let Some(at) = found.iter().position(|meaning| *meaning == known) {
                found.remove(at);
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn read_files(
    roots: &Roots,
    tokens: &Tokens,
    waiting: &Mutex<Receiver<Visited>>,
    sender: &Sender<Message>,
) {
    let next = || waiting.lock().ok()?.recv().ok();
    while let Some(visited) = next() {
        let mut meanings: Vec<Meaning> = Vec::new();
        let read = roots.open_file(&visited).and_then(|file| {
            search_stream(file, tokens, &mut |meaning| {
                if !meanings.contains(&meaning) {
                    meanings.push(meaning);
                }
            })
        });
        let unread = |reason: String| {
            Message::Unread(Kept {
                path: shown(&visited.path()),
                reason,
            })
        };
        let trouble = match read {
            Ok(bytes) if bytes > MOST_BYTES => Some(unread(format!(
                "only its first {MOST_BYTES} bytes were searched"
            ))),
            Ok(_) => None,
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => Some(unread(error.to_string())),
        };
        let hit = (!meanings.is_empty()).then(|| {
            Message::Hit(FileHit {
                visited: visited.clone(),
                part: Part::Content,
                meanings,
            })
        });
        for message in hit.into_iter().chain(trouble).chain([Message::Read]) {
            if sender.send(message).is_err() {
                return;
            }
        }
    }
}

/// Searches a stream chunk by chunk, with so much of the last one kept that nothing is cut in two. The
/// number of bytes, up to one more than are searched.
fn search_stream(
    stream: impl Read,
    tokens: &Tokens,
    found: &mut dyn FnMut(Meaning),
) -> io::Result<u64> {
    let reach = tokens.reach();
    let mut stream = stream.take(MOST_BYTES + 1);
    let mut window = Vec::with_capacity(CHUNK + 2 * reach);
    let (mut total, mut from) = (0, 0);
    loop {
        let read = stream
            .by_ref()
            .take(CHUNK as u64)
            .read_to_end(&mut window)?;
        total += read as u64;
        let last = read < CHUNK;
        // Whether a word is whole is only known when what follows it is.
        let end = if last {
            window.len()
        } else {
            window.len() - reach.min(window.len())
        };
        tokens.search_within(&window, (from, end), Reading::Text, found);
        if last {
            return Ok(total);
        }
        let cut = end.saturating_sub(reach);
        window.drain(..cut);
        from = end - cut;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tokens::{Gathered, Kind};
    use super::super::words::PersonWords;
    use super::*;

    fn tokens() -> Tokens {
        let mut gathered = Gathered::default();
        gathered.add("zanzibar", (1, Kind::Name));
        gathered.add_number(77, 1);
        gathered.finish(PersonWords::new("users")).unwrap()
    }

    fn count(bytes: &[u8]) -> usize {
        let mut found = 0;
        search_stream(bytes, &tokens(), &mut |_| found += 1).unwrap();
        found
    }

    #[test]
    fn nothing_is_cut_in_two_between_chunks() {
        for at in (CHUNK - 200..CHUNK + 200).step_by(7) {
            let mut bytes = vec![b' '; CHUNK * 2 + 100];
            bytes[at..at + 8].copy_from_slice(b"zanzibar");
            assert!(count(&bytes) >= 1, "{at}");
            bytes[at + 8] = b's';
            assert_eq!(count(&bytes), 0, "{at}: a longer word");
            bytes[at..at + 9].copy_from_slice(b"user: 77 ");
            assert!(count(&bytes) >= 1, "{at}");
        }
    }
}
