//! JSON pointers (RFC 6901): how a place in the configuration is written.

use tieline_core::problem::Step;

/// A path as a JSON pointer.
pub(crate) fn show(path: &[Step]) -> String {
    path.iter().fold(String::new(), |mut out, step| {
        out.push('/');
        match step {
            Step::Key(key) => out.push_str(&key.replace('~', "~0").replace('/', "~1")),
            Step::Index(index) => out.push_str(&index.to_string()),
        }
        out
    })
}

/// The reference tokens of a JSON pointer, unescaped; `Err` says what is wrong with it.
pub(crate) fn tokens(pointer: &str) -> Result<Vec<String>, String> {
    let Some(rest) = pointer.strip_prefix('/') else {
        return Err("a pointer begins with `/`, like `/global/data_dir`".to_owned());
    };
    rest.split('/').map(unescape).collect()
}

fn unescape(token: &str) -> Result<String, String> {
    let mut pieces = token.split('~');
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (sign, rest) = match piece.as_bytes().first() {
            Some(b'0') => ('~', &piece[1..]),
            Some(b'1') => ('/', &piece[1..]),
            _ => return Err("a `~` in a pointer is written `~0`, a `/` in a key `~1`".to_owned()),
        };
        out.push(sign);
        out.push_str(rest);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_follow_rfc_6901() {
        assert_eq!(tokens("/a~1b/m~0n//0").unwrap(), ["a/b", "m~n", "", "0"]);
        assert_eq!(tokens("/~01").unwrap(), ["~1"]);
        for wrong in ["", "a", "/~", "/~2"] {
            assert!(tokens(wrong).is_err(), "{wrong}");
        }
        assert_eq!(show(&[Step::Key("a/~".into()), Step::Index(3)]), "/a~1~0/3");
    }
}
