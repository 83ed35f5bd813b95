//! Texts in base64, compressed by zlib or not: sessions, and signed values whose parts stand between
//! `.` and `:`.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;

/// A shorter part holds nothing that names somebody.
const SHORTEST: usize = 12;
/// A longer value is a picture or a document.
const LONGEST: usize = 1 << 16;
/// What is longer when it is decompressed is no session.
const INFLATED: usize = 1 << 20;

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
    // What is no text came about by chance, or is encrypted.
    let is_text = |bytes: &Vec<u8>| std::str::from_utf8(bytes).is_ok();
    let inflated = || decompress_to_vec_zlib_with_limit(&decoded, INFLATED).ok();
    if is_text(&decoded) {
        return Some(decoded);
    }
    inflated().filter(is_text)
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
    fn a_compressed_session_is_read_and_no_more_than_a_session_is_long() {
        let compressed = |text: &str| {
            let bytes = miniz_oxide::deflate::compress_to_vec_zlib(text.as_bytes(), 6);
            format!(".{}:1vX2Yz:c2lnbmF0dXJl_x", URL_SAFE_NO_PAD.encode(bytes))
        };
        let session = r#"{"_auth_user_id":"3","_auth_user_hash":"aaaaaaaaaaaaaaaaaaaaaaaaaaaa"}"#;
        assert_eq!(texts(&compressed(session))[0], session);
        let bomb = "a".repeat(INFLATED + 1);
        assert!(!texts(&compressed(&bomb)).contains(&bomb));
    }

    #[test]
    fn words_numbers_and_what_is_broken_are_no_texts() {
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
