//! The glob that SCAN is given, so that Redis sends few keys that no rule can claim.

/// The most selective single glob that matches whatever begins with one of `prefixes`: what they have
/// in common, then one of the bytes that follow, then anything.
pub(super) fn glob_of(prefixes: &[&[u8]]) -> Vec<u8> {
    let common = common_prefix(prefixes);
    let mut glob = Vec::new();
    for byte in common {
        escape(*byte, &mut glob);
    }
    let mut following: Vec<Option<&u8>> = prefixes
        .iter()
        .map(|prefix| prefix.get(common.len()))
        .collect();
    following.sort_unstable();
    following.dedup();
    if let Some(following) = following.into_iter().collect::<Option<Vec<_>>>() {
        glob.push(b'[');
        for byte in following {
            escape(*byte, &mut glob);
        }
        glob.push(b']');
    }
    glob.push(b'*');
    glob
}

fn common_prefix<'p>(prefixes: &[&'p [u8]]) -> &'p [u8] {
    let Some((first, others)) = prefixes.split_first() else {
        return &[];
    };
    let shared = |other: &&[u8]| first.iter().zip(*other).take_while(|(a, b)| a == b).count();
    let length = others.iter().map(shared).min().unwrap_or(first.len());
    &first[..length]
}

fn escape(byte: u8, glob: &mut Vec<u8>) {
    if b"*?[]^-\\".contains(&byte) {
        glob.push(b'\\');
    }
    glob.push(byte);
}

#[cfg(test)]
mod tests {
    use super::glob_of;

    #[test]
    fn one_glob_selects_all_prefixes() {
        assert_eq!(glob_of(&[b"v:session:", b"v:user:"]), b"v:[su]*");
        assert_eq!(glob_of(&[b"v:", b"s:", b"u", b"s"]), b"[suv]*");
        assert_eq!(glob_of(&[b"v:a", b"v:"]), b"v:*");
        assert_eq!(glob_of(&[b"v:a"]), b"v:a*");
        assert_eq!(glob_of(&[b"a", b"]", b"-", b"^"]), b"[\\-\\]\\^a]*");
        assert_eq!(glob_of(&[b"a*[b"]), b"a\\*\\[b*");
    }
}
