//! From the tree to Discord's markup.

use tieline_core::emoji;
use tieline_core::markup::{Block, Markup, Mention, Person, Span};

use super::escape;
use super::marks::{APART, Closing, Kind, closing, url_length};
use crate::snowflake::Snowflake;

/// The tree in Discord's words. `everyone`: a mention of everybody stays one.
pub(super) fn render(markup: &Markup, everyone: bool) -> String {
    let lines: Vec<String> = markup.blocks.iter().map(|block| Writer::new(everyone).block(block)).collect();
    lines.join("\n")
}

struct Writer {
    out: String,
    everyone: bool,
    /// What is open around what is written now.
    open: Vec<Kind>,
    /// Whether an address stands at the end: it would take what follows for a part of it.
    after_url: bool,
}

impl Writer {
    fn new(everyone: bool) -> Self {
        Self { out: String::new(), everyone, open: Vec::new(), after_url: false }
    }

    fn block(mut self, block: &Block) -> String {
        match block {
            Block::Line(spans) => {
                // Emphasis at the beginning is ours, text is somebody's: only that could look like a list.
                if spans.first().is_some_and(|first| first.inner().is_none() && !matches!(first, Span::Code(_))) {
                    escape::line_start(&words_of(spans), &mut self.out);
                }
                self.spans(spans);
            }
            Block::Quote(spans) => {
                self.out.push_str("> ");
                self.spans(spans);
            }
            Block::Item(marker, spans) => {
                let number = marker.trim_end_matches(['.', ')']);
                let numbered =
                    !number.is_empty() && number.len() < 10 && number.bytes().all(|byte| byte.is_ascii_digit());
                self.out = if numbered { format!("{number}. ") } else { "- ".to_owned() };
                self.spans(spans);
            }
            Block::Heading(level @ 1..=3, spans) if !words_of(spans).trim().is_empty() => {
                self.out = format!("{} ", "#".repeat(usize::from(*level)));
                self.spans(spans);
            }
            Block::Heading(_, spans) => self.marked("**", Kind::Bold, spans),
            Block::Code(_, text) if text.trim().is_empty() => {}
            Block::Code(language, text) => {
                let sound = |name: &&String| name.chars().all(|c| c.is_ascii_alphanumeric() || "_+-.#".contains(c));
                let language = language.as_ref().filter(sound).map_or("", String::as_str);
                // Three backticks in it would end it.
                return format!("```{language}\n{}\n```", escape::code(text).replace("```", &format!("``{APART}`")));
            }
        }
        self.out
    }

    fn spans(&mut self, spans: &[Span]) {
        for span in spans {
            self.span(span);
        }
    }

    fn span(&mut self, span: &Span) {
        match span {
            Span::Bold(inner) => self.marked("**", Kind::Bold, inner),
            Span::Italic(inner) => self.marked("*", Kind::Italic, inner),
            Span::Underline(inner) => self.marked("__", Kind::Underline, inner),
            Span::Strike(inner) => self.marked("~~", Kind::Strike, inner),
            Span::Spoiler(inner) => self.marked("||", Kind::Spoiler, inner),
            Span::Code(text) => self.code(text),
            Span::Text(text) => self.text(text),
            Span::Link(url, label) => self.link(url, label),
            Span::Mention(Mention::Everybody(name)) if self.everyone => {
                // Rocket.Chat says `all` for everybody.
                let name = if name == "here" { "@here" } else { "@everyone" };
                self.apart_from_url();
                self.out.push_str(name);
            }
            Span::Mention(Mention::Everybody(name)) => {
                self.text("@");
                self.out.push(APART);
                self.text(name);
            }
            Span::Mention(Mention::User(person)) => match account(person) {
                Some(account) => self.called(account),
                None => self.text(&format!("@{}", person.name)),
            },
            Span::Mention(Mention::Room(name)) => self.text(&format!("#{name}")),
            // Only a person's client puts emoji in the place of short codes.
            Span::Emoji(name) => match emoji::unicode(name) {
                Some(emoji) => self.text(emoji),
                None => self.text(&format!(":{name}:")),
            },
        }
    }

    /// A mention that calls somebody.
    fn called(&mut self, account: &str) {
        self.apart_from_url();
        for piece in ["<@", account, ">"] {
            self.out.push_str(piece);
        }
    }

    fn text(&mut self, text: &str) {
        let text = text.replace(['\n', '\r'], " ");
        if text.is_empty() {
            return;
        }
        if !text.starts_with(char::is_whitespace) {
            self.apart_from_url();
        }
        escape::inline(&text, &mut self.out);
        self.after_url = ends_in_url(&text);
    }

    fn code(&mut self, text: &str) {
        if text.trim().is_empty() || text.contains(['\n', '\r']) {
            self.text(text);
            return;
        }
        self.begin('`');
        // Three would begin a block.
        let free = |run: &usize| *run != 3 && !runs(text).any(|length| length == *run);
        let run = (1..=text.len() + 2).find(free).unwrap_or(1);
        let marks = "`".repeat(run);
        let blank = |edge: bool| if edge { " " } else { "" };
        let (before, after) = (blank(text.starts_with('`')), blank(text.ends_with('`')));
        for piece in [&marks, before, &escape::code(text), after, &marks] {
            self.out.push_str(piece);
        }
    }

    /// Spans between a pair of marks, where they would be found again; else the spans alone.
    fn marked(&mut self, mark: &str, kind: Kind, inner: &[Span]) {
        if self.open.contains(&kind) || words_of(inner).trim().is_empty() {
            self.spans(inner);
            return;
        }
        let mut writer = Writer::new(self.everyone);
        writer.open.clone_from(&self.open);
        writer.open.push(kind);
        writer.spans(inner);
        let body = writer.out.trim();
        let (before, after) = writer.out.split_once(body).unwrap_or(("", ""));
        let own = mark.chars().next().unwrap_or_default();
        let apart = |glued: bool| if glued { APART.to_string() } else { String::new() };
        // An address at the end would take the closing mark for a part of it; a mark like ours would lengthen it.
        let ends = body.ends_with(own) || ends_in_url(body);
        let body = format!("{}{body}{}", apart(body.starts_with(own)), apart(ends));
        if closing(&format!("{body}{mark}"), mark) != Closing::At(body.len()) {
            self.spans(inner);
            return;
        }
        self.out.push_str(before);
        self.begin(own);
        for piece in [mark, &body, mark, after] {
            self.out.push_str(piece);
        }
    }

    /// A link, if its address is one that a click may open.
    fn link(&mut self, url: &str, label: &[Span]) {
        let words = words_of(label);
        let words = words.trim();
        let safe = ["https://", "http://"].iter().any(|scheme| url.starts_with(scheme));
        if words.is_empty() || words == url {
            self.text(url);
            return;
        }
        // A label that looks like an address shows its reader another place than it leads to.
        if !safe || words.contains(['[', ']']) || words.contains("://") {
            self.spans(label);
            self.text(&format!(" ({url})"));
            return;
        }
        let mut writer = Writer::new(self.everyone);
        writer.open.clone_from(&self.open);
        writer.spans(label);
        self.begin('[');
        let target: String = escape::address(url).chars().map(encoded).collect();
        for piece in ["[", writer.out.trim(), "](", &target, ")"] {
            self.out.push_str(piece);
        }
    }

    /// Makes room for something that begins with this character.
    fn begin(&mut self, first: char) {
        self.apart_from_url();
        if self.out.ends_with(first) || (first == '`' && self.out.ends_with('\\')) {
            self.out.push(APART);
        }
    }

    fn apart_from_url(&mut self) {
        if std::mem::take(&mut self.after_url) {
            self.out.push(' ');
        }
    }
}

/// The account that a mention calls: an id, as all are here.
fn account(person: &Person) -> Option<&str> {
    person.account.as_deref().filter(|account| Snowflake::parse(account).is_some())
}

/// What would end a link's address, as a percent code.
fn encoded(c: char) -> String {
    match c {
        '(' | ')' | '<' | '>' | '*' | '|' | '~' | '`' | '\\' | ' ' => format!("%{:02X}", u32::from(c)),
        c if c.is_whitespace() => String::new(),
        c => c.to_string(),
    }
}

/// The lengths of the runs of backticks in a text.
fn runs(text: &str) -> impl Iterator<Item = usize> {
    text.split(|c| c != '`').map(str::len).filter(|length| *length > 0)
}

fn ends_in_url(text: &str) -> bool {
    let last = text.rsplit(char::is_whitespace).next().unwrap_or_default();
    ["https://", "http://"]
        .iter()
        .filter_map(|scheme| last.find(scheme))
        .any(|at| url_length(&last[at..]) == last.len() - at)
}

fn words_of(spans: &[Span]) -> String {
    Markup { blocks: vec![Block::Line(spans.to_vec())] }.to_plain()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(text: &str) -> Span {
        Span::Text(text.into())
    }

    fn shown(spans: Vec<Span>) -> String {
        render(&Markup { blocks: vec![Block::Line(spans)] }, false)
    }

    #[test]
    fn marks_are_discords() {
        assert_eq!(shown(vec![Span::Bold(vec![t("a")]), t(" "), Span::Strike(vec![t("b")])]), "**a** ~~b~~");
        assert_eq!(shown(vec![t("a"), Span::Italic(vec![t("b")]), t("c")]), "a*b*c");
        assert_eq!(shown(vec![Span::Bold(vec![t(" a ")]), t("b")]), " **a** b");
        assert_eq!(shown(vec![Span::Underline(vec![t("u")]), Span::Spoiler(vec![t("s")])]), "__u__||s||");
        assert_eq!(shown(vec![Span::Bold(vec![t("a")]), Span::Bold(vec![t("b")])]), "**a**\u{200b}**b**");
        assert_eq!(shown(vec![Span::Bold(vec![Span::Italic(vec![t("x")])])]), "**\u{200b}*x*\u{200b}**");
        assert_eq!(shown(vec![Span::Bold(vec![t("2*3")])]), "**2\\*3**");
        assert_eq!(shown(vec![Span::Code("a".into()), Span::Code("b`c`".into())]), "`a`\u{200b}``b`c` ``");
        assert_eq!(shown(vec![Span::Link("https://x.org".into(), vec![t("here")])]), "[here](https://x.org)");
        assert_eq!(shown(vec![Span::Link("https://x.org/a(b)".into(), vec![t("x")])]), "[x](https://x.org/a%28b%29)");
        assert_eq!(shown(vec![Span::Link("javascript:alert(1)".into(), vec![t("x")])]), "x (javascript:alert(1))");
        assert_eq!(
            shown(vec![Span::Link("https://evil.example".into(), vec![t("https://bank.example")])]),
            "https://bank.example (https://evil.example)"
        );
    }

    #[test]
    fn nobody_is_called_unless_it_is_allowed() {
        let all = || Markup { blocks: vec![Block::Line(vec![Span::Mention(Mention::Everybody("all".into()))])] };
        assert_eq!(render(&all(), false), "@\u{200b}all");
        assert_eq!(render(&all(), true), "@everyone");
        let here = Markup { blocks: vec![Block::Line(vec![Span::Mention(Mention::Everybody("here".into()))])] };
        assert_eq!(render(&here, false), "@\u{200b}here");
        let person = shown(vec![Span::Mention(Mention::User("everyone".into())), t(" <@&5> @here")]);
        assert_eq!(person, "@\u{200b}everyone <\u{200b}@&5> @\u{200b}here");
        let code = Block::Code(None, "@everyone".into());
        assert_eq!(render(&Markup { blocks: vec![code] }, true), "```\n@\u{200b}everyone\n```");
        assert_eq!(shown(vec![Span::Code("x @here".into())]), "`x @\u{200b}here`");
    }

    #[test]
    fn who_is_known_is_called_and_nobody_else() {
        let known = |account: &str| {
            let person = Person { account: Some(account.into()), ..Person::from("Ann") };
            Span::Mention(Mention::User(person))
        };
        assert_eq!(
            shown(vec![t("hi "), known("42"), t("1> https://x.org"), known("42")]),
            "hi <@42>1> https://x.org <@42>"
        );
        assert_eq!(shown(vec![Span::Bold(vec![known("42")]), known("42")]), "**<@42>**<@42>");
        for odd in ["", "everyone", "&5", "!5", "+5", "5>@everyone", "99999999999999999999", "４２"] {
            assert_eq!(shown(vec![known(odd)]), "@Ann", "{odd}");
        }
    }

    #[test]
    fn a_short_code_is_its_emoji_where_it_has_one() {
        let emoji = |name: &str| Span::Emoji(name.into());
        assert_eq!(shown(vec![emoji("slight_smile"), emoji("thumbsup_tone3"), emoji("party_cat")]), "🙂👍🏽:party_cat:");
        assert_eq!(shown(vec![emoji("a*b")]), ":a\\*b:");
    }

    #[test]
    fn a_mark_that_was_typed_makes_no_mention_of_what_is_behind_it() {
        let user = || Span::Mention(Mention::User("123".into()));
        let room = || Span::Mention(Mention::Room("7".into()));
        assert_eq!(shown(vec![t("<"), user(), t("> <"), room(), t(">")]), "<\u{200b}@123> <\u{200b}#7>");
        assert_eq!(shown(vec![t("<"), Span::Emoji("cat7".into()), t("1>")]), "<\u{200b}:cat7:1>");
        assert_eq!(shown(vec![t("<"), Span::Bold(vec![user()]), t(">")]), "<**@123**>");
        assert_eq!(shown(vec![t("< "), user()]), "< @123");
        let nested = Span::Bold(vec![t("x@"), Span::Bold(vec![t("here")])]);
        assert_eq!(shown(vec![nested]), "**x@\u{200b}here**");
    }

    #[test]
    fn an_address_ends_where_it_ends() {
        assert_eq!(shown(vec![t("https://x.org"), Span::Bold(vec![t("b")])]), "https://x.org **b**");
        assert_eq!(shown(vec![Span::Bold(vec![t("https://x.org")])]), "**https://x.org\u{200b}**");
        assert_eq!(shown(vec![t("https://x.org, "), Span::Bold(vec![t("b")])]), "https://x.org, **b**");
    }

    #[test]
    fn blocks_are_lines() {
        let markup = Markup {
            blocks: vec![
                Block::Heading(2, vec![t("h")]),
                Block::Heading(4, vec![t("h4")]),
                Block::Quote(vec![t("q")]),
                Block::Item("-".into(), vec![t("i")]),
                Block::Item("3.".into(), vec![t("n")]),
                Block::Code(Some("rust".into()), "let a = 1;\n```".into()),
                Block::Line(vec![t("- no list")]),
                Block::Line(vec![t("1. "), Span::Bold(vec![t("no list")])]),
                Block::Line(vec![]),
            ],
        };
        assert_eq!(
            render(&markup, false),
            "## h\n**h4**\n> q\n- i\n3. n\n```rust\nlet a = 1;\n``\u{200b}`\n```\n\u{200b}- no list\n\u{200b}1. **no list**\n"
        );
    }
}
