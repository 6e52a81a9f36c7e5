//! What Discord says of a refusal, fit to be shown.

use serde_json::Value;

/// How much of it is shown, in characters.
const SHOWN: usize = 200;

/// The fields of a form that are wrong, with their codes: a tree whose leaves are `_errors`.
pub(super) fn wrong_fields(errors: &Value, path: &mut String, found: &mut Vec<(String, String)>) {
    let Value::Object(fields) = errors else { return };
    for (name, inner) in fields {
        if name == "_errors" {
            let code = inner.get(0).and_then(|error| error.get("code")).and_then(Value::as_str).unwrap_or("unknown");
            found.push((shown(path), shown(code)));
            continue;
        }
        let before = path.len();
        if before > 0 {
            path.push('.');
        }
        path.push_str(name);
        wrong_fields(inner, path, found);
        path.truncate(before);
    }
}

/// What Discord said, fit to be shown: a short line without addresses, since one of them may be a webhook's.
pub(super) fn shown(words: &str) -> String {
    let word = |word: &str| if word.contains("://") { "…".to_owned() } else { word.to_owned() };
    let line = words.split_whitespace().map(word).collect::<Vec<_>>().join(" ");
    line.chars().filter(|c| !c.is_control()).take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_short_and_hold_no_address() {
        assert_eq!(shown("see https://discord.com/api/webhooks/1/t0k now\n"), "see … now");
        assert_eq!(shown(&"x".repeat(999)).len(), SHOWN);
    }
}
