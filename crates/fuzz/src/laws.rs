//! The laws. Each panics where it does not hold.

use tieline_core::driver::{InstanceConfig, TextUnit};
use tieline_core::markup::{Block, Markup, Span};
use tieline_core::split::split;
use tieline_core::template::Template;

use crate::calls;
use crate::code::without_code;
use crate::seen::seen;

/// Nothing typed elsewhere is markup: what a platform is told to show as it is, is read there as plain text, and calls
/// nobody.
pub fn plain_text_stays_plain(on: &dyn InstanceConfig, text: &str) {
    let written = on.dialect().escape(text);
    let read = on.dialect().parse(&written);
    for block in &read.blocks {
        let plain = matches!(block, Block::Line(spans) if spans.iter().all(|span| matches!(span, Span::Text(_))));
        assert!(plain, "{} reads markup in {written:?}: {block:?}", on.platform());
    }
    assert_eq!(seen(&read.to_plain()), seen(text), "{} reads another text in {written:?}", on.platform());
    nobody_is_called(on, &written);
}

/// A text reads the same on the way from one platform to another.
pub fn a_text_reads_the_same_elsewhere(from: &dyn InstanceConfig, to: &dyn InstanceConfig, text: &str) {
    let here = from.dialect().parse(&from.dialect().escape(text));
    let there = to.dialect().render(&here);
    let read = to.dialect().parse(&there).to_plain();
    let way = format!("{} to {}: {there:?}", from.platform(), to.platform());
    assert_eq!(seen(&read), seen(text), "{way}");
    nobody_is_called(to, &there);
}

/// Whatever is read on one platform can be said on another, and calls nobody there.
pub fn what_is_read_can_be_said(from: &dyn InstanceConfig, to: &dyn InstanceConfig, text: &str) -> String {
    let there = to.dialect().render(&from.dialect().parse(text));
    nobody_is_called(to, &there);
    there
}

/// A tree that was written down is read back as it is.
pub fn a_tree_reads_back(on: &dyn InstanceConfig, tree: &Markup) {
    let written = on.dialect().render(tree);
    let read = crate::seen::seen_tree(&on.dialect().parse(&written));
    assert_eq!(read, crate::seen::seen_tree(tree), "{}: {written:?}", on.platform());
}

/// A text is cut so that each part fits, calls nobody whom the whole did not, ends no code that it did not begin, and
/// nothing is lost. Returns the parts.
pub fn a_cut_loses_nothing(on: &dyn InstanceConfig, text: &str, max: usize, unit: TextUnit) -> Vec<String> {
    let parts = split(text, max, unit);
    let signs = |text: &str| -> String {
        text.chars().filter(|c| !c.is_whitespace() && *c != '\u{200b}' && *c != '`').collect()
    };
    let has_code = text.contains('`');
    let whole_is_open = without_code(text).1;
    let mut left = signs(text);
    for part in &parts {
        let told = || format!("{} of {text:?} at {max} {unit:?}: {part:?}", on.platform());
        assert!(unit.count(part) <= max, "too long: {}", told());
        assert!(!part.trim().is_empty(), "nothing: {}", told());
        assert!(whole_is_open || !without_code(part).1, "an open block of code: {}", told());
        // A block that is opened again repeats its language, and nothing else.
        left = following(&left, &signs(part)).unwrap_or_else(|| panic!("it does not follow: {}", told()));
    }
    assert!(left.is_empty(), "{} loses {left:?} of {text:?} at {max} {unit:?}", on.platform());
    if !has_code {
        assert_eq!(signs(&parts.concat()), signs(text));
    }
    parts
}

/// What is left of a text behind a part of it, which may have something of its own before it: a language.
fn following(text: &str, part: &str) -> Option<String> {
    let own = (0..=part.len().min(40)).filter(|own| part.is_char_boundary(*own));
    own.map(|own| &part[own..]).find_map(|part| text.strip_prefix(part)).map(str::to_owned)
}

/// A template is understood, or refused with the place of what is wrong; what is put into it stands there as it is, as
/// often as it was asked for.
pub fn a_template_is_filled_once(source: &str, value: &str) {
    let template = match Template::parse(source) {
        Ok(template) => template,
        Err(error) => {
            assert!(source.get(error.span.clone()).is_some(), "{source:?}: {error:?}");
            return;
        }
    };
    assert_eq!(template.source(), source);
    let mut asked = 0;
    let shortest = template.fill(|_| {
        asked += 1;
        "v".into()
    });
    if !value.is_empty() {
        let filled = template.fill(|_| value.into());
        assert_eq!(filled.len() - asked * value.len(), shortest.len() - asked, "{source:?} with {value:?}");
        assert!(asked == 0 || filled.contains(value), "{source:?} with {value:?}");
    }
}

/// Nobody is called by a text of others.
pub fn nobody_is_called(on: &dyn InstanceConfig, text: &str) {
    let called = match on.platform() {
        "rocketchat" => calls::on_rocketchat(text),
        "discord" => calls::on_discord(text),
        _ => Vec::new(),
    };
    assert!(called.is_empty(), "{} calls {called:?}: {text:?}", on.platform());
}
