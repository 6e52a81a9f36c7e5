//! Settings that most platforms have, each checked in one way.

use url::Url;

use crate::problem::Problem;
use crate::secret::Secret;
use crate::webhook::ListenAt;

pub(super) fn names_a_host(url: &Url) -> bool {
    url.host_str().is_some_and(|host| !host.is_empty())
}

/// Understands the base URL of a server: one of these schemes (`http`), a host, perhaps a path, which then ends without a
/// slash. The error says what is wrong, and shows `example`.
pub fn base_url(text: &str, schemes: &[&str], example: &str) -> Result<Url, String> {
    let wrong = |why: String| format!("{why}; write it like {example}");
    let begin = || {
        let schemes: Vec<String> = schemes.iter().map(|scheme| format!("{scheme}://")).collect();
        wrong(format!("it must begin with {} and name a host", schemes.join(" or ")))
    };
    let mut url = Url::parse(text).map_err(|error| wrong(format!("it is not a URL ({error})")))?;
    if !schemes.contains(&url.scheme()) || !names_a_host(&url) {
        return Err(begin());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("it must not hold a user name or a password".to_owned()));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("it must end before `?` and `#`".to_owned()));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// Checks a token, which will stand in a header: it is not empty, and holds neither spaces nor line breaks. `where_from`
/// says where a user finds it.
pub fn token(key: &str, written: &str, where_from: &str, problems: &mut Vec<Problem>) -> Option<Secret> {
    if written.is_empty() {
        problems.push(Problem::error(format!("`{key}` is empty")).at(key).help(where_from));
        return None;
    }
    if !written.bytes().all(|byte| (0x21..0x7f).contains(&byte)) {
        problems.push(
            Problem::error(format!("`{key}` holds characters that no token has"))
                .at(key)
                .help("is there a space or a line break at its end?"),
        );
        return None;
    }
    Some(Secret::new(written))
}

/// Checks `max_file_size`.
pub fn file_size(bytes: u64, problems: &mut Vec<Problem>) {
    if bytes == 0 {
        problems.push(Problem::error("`max_file_size` must be larger than 0").at("max_file_size"));
    }
}

/// Checks `listen_host` and `listen_path`. `example` is a path as it should be.
pub fn listen_at(host: &str, port: u16, path: &str, example: &str, problems: &mut Vec<Problem>) -> ListenAt {
    if host.trim().is_empty() {
        problems.push(
            Problem::error("`listen_host` is empty").at("listen_host").help("\"0.0.0.0\" listens on every address"),
        );
    }
    if !path.starts_with('/') || path.contains(['?', '#']) || path.chars().any(char::is_whitespace) {
        problems.push(
            Problem::error("`listen_path` must begin with `/` and be a path only")
                .at("listen_path")
                .help(format!("for example \"{example}\"")),
        );
    }
    ListenAt { host: host.to_owned(), port, path: path.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(problems: &[Problem]) -> String {
        problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_base_url_has_scheme_and_host_and_nothing_behind_its_path() {
        let base = |text: &str| base_url(text, &["http", "https"], "https://chat.example.com");
        assert_eq!(base("https://c.example/sub//").expect("sound").as_str(), "https://c.example/sub");
        for (wrong, why) in [
            ("c.example", "not a URL"),
            ("ws://c", "must begin with http:// or https://"),
            ("https://u:hunter22@c", "a password"),
            ("https://c/?a=b", "before `?`"),
        ] {
            let told = base(wrong).expect_err(wrong);
            assert!(told.contains(why) && told.contains("chat.example.com") && !told.contains("hunter22"), "{told}");
        }
    }

    #[test]
    fn a_token_fits_into_a_header() {
        for (written, why) in [("", "is empty"), ("t\n", "characters"), ("t t", "characters"), ("tö", "characters")] {
            let mut problems = Vec::new();
            assert_eq!(token("api_token", written, "the page shows it", &mut problems), None);
            assert!(told(&problems).contains(why), "{written:?}");
        }
        assert_eq!(token("api_token", "t0k", "", &mut Vec::new()), Some(Secret::new("t0k")));
    }
}
