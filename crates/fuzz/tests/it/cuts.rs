//! Long texts, cut for each platform.

use fastrand::Rng;
use tieline_core::driver::TextUnit;
use tieline_core::markup::{Block, Markup, Mention, Person, Span};
use tieline_fuzz::{laws, platforms};
use unicode_segmentation::UnicodeSegmentation;

use crate::text::text;

#[test]
fn ten_thousand_texts_are_cut_without_loss() {
    let platforms = platforms::all();
    let mut random = Rng::with_seed(7);
    for round in 0..10_000 {
        let on = &*platforms[round % 3];
        let from = &*platforms[random.usize(0..3)];
        let typed = text(&mut random, 30);
        let written = match random.u8(0..3) {
            0 => on.dialect().escape(&typed),
            1 => format!("[x] Ann: {}", on.dialect().render(&from.dialect().parse(&typed))),
            _ => {
                let code = "```rust\nlet line = 1;\n```\n";
                let typed =
                    format!("{}\n{}{typed}", text(&mut random, 9).replace('`', ""), code.repeat(random.usize(1..4)));
                on.dialect().render(&from.dialect().parse(&typed))
            }
        };
        let unit = on.capabilities().text_unit;
        let max = random.usize(40..200);
        for part in laws::a_cut_loses_nothing(on, &written, max, unit) {
            laws::nobody_is_called(on, &part);
        }
        // A text that fits is one part.
        let whole = laws::a_cut_loses_nothing(on, &written, on.capabilities().max_text, unit);
        assert!(whole.len() <= 1, "{whole:?}");
    }
}

#[test]
fn emoji_stay_whole() {
    let platforms = platforms::all();
    let mut random = Rng::with_seed(8);
    let family = "👨\u{200d}👩\u{200d}👧\u{200d}👦";
    let emoji = [family, "👍🏽", "🏳\u{fe0f}\u{200d}🌈", "🇩🇪", "1\u{fe0f}\u{20e3}", "e\u{301}\u{323}", "😀"];
    for round in 0..300 {
        let on = &*platforms[round % 3];
        let text: String = (0..200).map(|_| emoji[random.usize(0..emoji.len())]).collect();
        let max = random.usize(20..90);
        for unit in [TextUnit::Utf16, TextUnit::Chars] {
            let parts = laws::a_cut_loses_nothing(on, &on.dialect().escape(&text), max, unit);
            let whole = parts.iter().flat_map(|part| part.graphemes(true));
            assert_eq!(whole.collect::<Vec<_>>(), text.graphemes(true).collect::<Vec<_>>());
        }
    }
}

#[test]
fn mentions_and_links_stay_whole() {
    let mut random = Rng::with_seed(9);
    let known = |account: &str| {
        Span::Mention(Mention::User(Person { account: Some(account.to_owned()), ..Person::from("Ann Example") }))
    };
    let link = Span::Link("https://example.com/a/b".to_owned(), vec![Span::Text("two words".to_owned())]);
    let address = Span::Text("https://example.com/some/where".to_owned());
    let said = [
        (
            platforms::rocketchat(),
            vec![(known("ann.b"), "@ann.b"), (link.clone(), "[two words](https://example.com/a/b)")],
        ),
        (
            platforms::discord(),
            vec![
                (known("123456789012345678"), "<@123456789012345678>"),
                (link, "[two words](https://example.com/a/b)"),
            ],
        ),
        (platforms::whatsapp(), Vec::new()),
    ];
    for (on, mut wholes) in said {
        wholes.push((address.clone(), "https://example.com/some/where"));
        for _ in 0..500 {
            let mut count = vec![0; wholes.len()];
            let mut spans = Vec::new();
            for _ in 0..random.usize(1..30) {
                let which = random.usize(0..wholes.len());
                count[which] += 1;
                let words = "so many words ".repeat(random.usize(0..3));
                spans.extend([Span::Text(format!(" {words}")), wholes[which].0.clone()]);
            }
            let written = on.dialect().render(&Markup { blocks: vec![Block::Line(spans)] });
            let max = random.usize(42..120);
            let parts = laws::a_cut_loses_nothing(&*on, &written, max, on.capabilities().text_unit);
            for ((_, whole), count) in wholes.iter().zip(count) {
                let found: usize = parts.iter().map(|part| part.matches(whole).count()).sum();
                assert_eq!(found, count, "{whole} in {parts:?}");
            }
        }
    }
}
