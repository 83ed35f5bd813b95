//! Random values, from the operating system's random bytes.

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};

use super::value::Secret;
use crate::error::{Error, Result};

const FERNET_BYTES: usize = 32;

/// URL-safe base64 of so many bytes, without padding.
pub(super) fn token(bytes: usize) -> Result<Secret> {
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(drawn(bytes)?)))
}

/// A Fernet key.
pub(super) fn fernet() -> Result<Secret> {
    Ok(Secret::new(URL_SAFE.encode(drawn(FERNET_BYTES)?)))
}

/// So many characters of an alphabet, each as likely as any other.
pub(super) fn password(length: usize, alphabet: &str) -> Result<Secret> {
    let mut password = String::new();
    while password.len() < length {
        password.extend(
            drawn(length)?
                .iter()
                .filter_map(|byte| pick(*byte, alphabet)),
        );
    }
    password.truncate(length);
    Ok(Secret::new(password))
}

/// The character for a byte. Bytes beyond the last whole round of the alphabet stand for none:
/// they would make its first characters likelier.
fn pick(byte: u8, alphabet: &str) -> Option<char> {
    let (byte, symbols) = (usize::from(byte), alphabet.as_bytes());
    let whole = 256 - 256 % symbols.len();
    (byte < whole).then(|| char::from(symbols[byte % symbols.len()]))
}

fn drawn(bytes: usize) -> Result<Vec<u8>> {
    let mut random = vec![0; bytes];
    getrandom::fill(&mut random).map_err(|error| Error::Random(error.to_string()))?;
    Ok(random)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::manifest::environment::ALPHABET;

    #[test]
    fn a_token_has_no_padding_and_a_fernet_key_has() {
        let (token, key) = (token(32).unwrap(), fernet().unwrap());
        assert_eq!(URL_SAFE_NO_PAD.decode(token.expose()).unwrap().len(), 32);
        assert_eq!(URL_SAFE.decode(key.expose()).unwrap().len(), 32);
        assert!(key.expose().ends_with('='));
    }

    #[test]
    fn no_two_are_alike() {
        assert_ne!(token(32).unwrap().expose(), token(32).unwrap().expose());
        assert_ne!(fernet().unwrap().expose(), fernet().unwrap().expose());
        let password = || password(24, ALPHABET).unwrap();
        assert_ne!(password().expose(), password().expose());
    }

    #[test]
    fn a_password_has_its_length_and_alphabet() {
        for (length, alphabet) in [(24, ALPHABET), (1, "ab"), (1024, "xyz")] {
            let password = password(length, alphabet).unwrap();
            assert_eq!(password.expose().len(), length);
            assert!(password.expose().chars().all(|c| alphabet.contains(c)));
        }
    }

    #[test]
    fn every_character_stands_for_as_many_bytes() {
        for alphabet in [ALPHABET, "ab", "abc", "0123456789"] {
            let mut bytes: BTreeMap<char, usize> = BTreeMap::new();
            for character in (0..=u8::MAX).filter_map(|byte| pick(byte, alphabet)) {
                *bytes.entry(character).or_default() += 1;
            }
            assert_eq!(bytes.len(), alphabet.len());
            assert!(bytes.values().all(|&count| count == 256 / alphabet.len()));
        }
    }
}
