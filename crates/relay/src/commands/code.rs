//! Codes by which somebody shows to have two accounts.

use ring::rand::{SecureRandom, SystemRandom};

/// Letters and digits that nobody takes for one another. A power of two, so that each is as likely as any.
const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// How many characters a code has: 40 bits.
const LENGTH: usize = 8;

/// A new code that nobody can guess.
pub(super) fn new() -> String {
    let mut bytes = [0; LENGTH];
    SystemRandom::new()
        .fill(&mut bytes)
        .expect("the system has random bytes; without them no TLS connection could be made either");
    bytes.iter().map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()])).collect()
}

/// A code as somebody typed it, in our spelling.
pub(super) fn typed(code: &str) -> String {
    code.chars().filter(|c| *c != '-').map(|c| c.to_ascii_uppercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_are_distinct_and_can_be_typed() {
        let codes: HashSet<String> = (0..1000).map(|_| new()).collect();
        assert_eq!(codes.len(), 1000);
        let letters: HashSet<char> = codes.iter().flat_map(|code| code.chars()).collect();
        assert_eq!(letters.len(), 32, "every letter comes up: {letters:?}");
        for code in codes {
            assert_eq!(code.len(), 8);
            assert_eq!(typed(&format!("{}-{}", &code[..4], code[4..].to_lowercase())), code);
        }
    }
}
