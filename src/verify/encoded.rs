//! Texts in base64: sessions, and signed values whose parts stand between `.` and `:`.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// A shorter part holds nothing that names somebody.
const SHORTEST: usize = 12;
/// A longer value is a picture or a document.
const LONGEST: usize = 1 << 16;

/// The texts that a value holds in base64, where it is nothing else.
pub(super) fn decoded(value: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_=.:".contains(byte);
    let encoded = value.len() <= LONGEST && value.iter().all(is_part);
    let value = if encoded { value } else { &[] };
    let parts = value.split(|byte| b".:".contains(byte));
    parts.filter(|part| part.len() >= SHORTEST).filter_map(text)
}

fn text(part: &[u8]) -> Option<Vec<u8>> {
    let padding = part.iter().rev().take_while(|byte| **byte == b'=').count();
    let part = &part[..part.len() - padding];
    let decoded = STANDARD_NO_PAD.decode(part);
    let decoded = decoded.or_else(|_| URL_SAFE_NO_PAD.decode(part)).ok()?;
    // What is no text came about by chance, or is compressed or encrypted.
    std::str::from_utf8(&decoded).is_ok().then_some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(value: &str) -> Vec<String> {
        let texts = decoded(value.as_bytes()).map(String::from_utf8);
        texts.filter_map(Result::ok).collect()
    }

    #[test]
    fn sessions_are_read_with_and_without_a_signature() {
        let session = r#"{"email":"ann@example.org","n":"??>>"}"#;
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let encoded = engine.encode(session);
            for value in [
                encoded.clone(),
                format!("{encoded}=="),
                format!("{encoded}:1vX2Yz:c2lnbmF0dXJl_x"),
                format!("{encoded}.aLq3Rw.c2lnbmF0dXJl_x"),
            ] {
                assert_eq!(texts(&value)[0], session, "{value}");
            }
        }
    }

    #[test]
    fn words_numbers_and_what_is_compressed_are_no_texts() {
        let compressed =
            STANDARD_NO_PAD.encode([0x78, 0x9c, 0x8b, 0x56, 0x4a, 0xff, 0xfe, 0xc1, 0x80]);
        for value in [
            "a sentence of words",
            "short",
            "",
            &compressed,
            "e30=",
            "/media/ab.png",
        ] {
            assert_eq!(texts(value), Vec::<String>::new(), "{value}");
        }
        assert!(texts(&STANDARD_NO_PAD.encode("long ".repeat(LONGEST))).is_empty());
    }
}
