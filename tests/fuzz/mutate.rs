//! Inputs made of others: bytes changed, left out, doubled, and pieces of two put together.

use std::time::SystemTime;

/// Bytes that mean something to somebody.
const SPECIAL: &[u8] = b"\0\n\r\"'/.\\*{}[]$:-+=@?#\x7f\x80\xff09aA";

/// An endless line of inputs.
#[derive(Debug)]
pub struct Mutator {
    corpus: Vec<Vec<u8>>,
    state: u64,
}

impl Mutator {
    /// Of this corpus: the same line every time, or another one.
    pub fn new(corpus: Vec<Vec<u8>>, another: bool) -> Self {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let seed = if another { now.as_secs() } else { 1 };
        Self {
            corpus,
            state: seed | 1,
        }
    }

    /// A number below `end` (xorshift64, <https://doi.org/10.18637/jss.v008.i14>).
    fn below(&mut self, end: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state >> 16).unwrap_or(0) % end.max(1)
    }

    fn any(&mut self) -> Vec<u8> {
        let at = self.below(self.corpus.len());
        self.corpus[at].clone()
    }

    fn byte(&mut self) -> u8 {
        if self.below(2) == 0 {
            SPECIAL[self.below(SPECIAL.len())]
        } else {
            self.below(256).to_le_bytes()[0]
        }
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len() + 1);
        let length = self.below(input.len() - at.min(input.len()) + 1).min(16);
        match self.below(5) {
            0 => input.insert(at, self.byte()),
            1 if at < input.len() => input[at] = self.byte(),
            2 => drop(input.drain(at..at + length)),
            3 => {
                let piece = input[at..at + length].to_vec();
                input.splice(at..at, piece);
            }
            _ => {
                let other = self.any();
                let from = self.below(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
        }
    }
}

impl Iterator for Mutator {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut input = self.any();
        for _ in 0..=self.below(8) {
            self.change(&mut input);
        }
        input.truncate(4_096);
        Some(input)
    }
}
