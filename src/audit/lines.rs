//! The lines of a trail, one at a time: a trail may be longer than memory, and a line of somebody
//! else's too.

use std::io::{self, BufRead};

use sha2::{Digest, Sha256};

use super::key::hexadecimal;

/// No line that this program writes comes near this.
const LONGEST: usize = 1 << 20;

/// A line as it stands in the file.
#[derive(Debug)]
pub(super) struct Line {
    /// Its bytes without the newline; none where there are too many to keep.
    pub(super) text: Option<Vec<u8>>,
    /// Its length with the newline.
    pub(super) bytes: u64,
    /// SHA-256 of it with its newline.
    pub(super) hash: String,
    /// Whether it has a newline: one without was cut off.
    pub(super) whole: bool,
}

/// The next line; none at the end.
pub(super) fn next(reader: &mut impl BufRead) -> io::Result<Option<Line>> {
    let (mut text, mut digest) = (Some(Vec::new()), Sha256::new());
    let (mut bytes, mut whole) = (0, false);
    while !whole {
        let piece = match reader.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            piece => piece?,
        };
        if piece.is_empty() {
            break;
        }
        let end = piece.iter().position(|byte| *byte == b'\n');
        let (line, taken) = end.map_or((piece, piece.len()), |end| (&piece[..end], end + 1));
        digest.update(&piece[..taken]);
        text = text.filter(|text| text.len() + line.len() <= LONGEST);
        if let Some(text) = &mut text {
            text.extend_from_slice(line);
        }
        reader.consume(taken);
        bytes += taken as u64;
        whole = end.is_some();
    }
    Ok((bytes > 0).then(|| Line {
        text,
        bytes,
        hash: hexadecimal(&digest.finalize()),
        whole,
    }))
}
