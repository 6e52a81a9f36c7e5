//! What the fuzzer runs: each takes any bytes, and panics where a law does not hold.

use std::sync::{Arc, LazyLock};

use tieline_core::driver::{InstanceConfig, TextUnit};

use crate::{laws, platforms};

/// A target.
pub type Target = fn(&[u8]);

/// The targets with their names. The folder of a target's corpus, and its program, are named so.
pub const ALL: [(&str, Target); 9] = [
    ("rocketchat_markup", rocketchat_markup),
    ("discord_markup", discord_markup),
    ("whatsapp_markup", whatsapp_markup),
    ("rocketchat_webhook", tieline_rocketchat::fuzz::webhook),
    ("rocketchat_realtime", tieline_rocketchat::fuzz::realtime),
    ("discord_gateway", discord_gateway),
    ("whatsapp_webhook", tieline_whatsapp::fuzz::webhook),
    ("template", template),
    ("split", split),
];

/// Runs a target by its name.
pub fn run(name: &str, data: &[u8]) {
    let (_, target) = ALL.into_iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("no target {name}"));
    target(data);
}

static PLATFORMS: LazyLock<[Arc<dyn InstanceConfig>; 3]> = LazyLock::new(platforms::all);

fn rocketchat_markup(data: &[u8]) {
    markup(0, data);
}

fn discord_markup(data: &[u8]) {
    markup(1, data);
}

fn whatsapp_markup(data: &[u8]) {
    markup(2, data);
}

/// A text that was typed on one platform, and the same as plain text of anywhere.
fn markup(of: usize, data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let here = &*PLATFORMS[of];
    for there in PLATFORMS.iter() {
        let said = laws::what_is_read_can_be_said(here, &**there, &text);
        cut(&**there, &said);
    }
    // Control characters are no part of a text that a person types.
    let typed: String = text.chars().filter(|c| !c.is_control() || *c == '\n').collect();
    laws::plain_text_stays_plain(here, &typed);
    for there in PLATFORMS.iter() {
        laws::a_text_reads_the_same_elsewhere(here, &**there, &typed);
    }
}

fn cut(on: &dyn InstanceConfig, text: &str) {
    let capabilities = on.capabilities();
    for max in [40, capabilities.max_text] {
        for part in laws::a_cut_loses_nothing(on, text, max, capabilities.text_unit) {
            laws::nobody_is_called(on, &part);
        }
    }
}

fn discord_gateway(data: &[u8]) {
    tieline_discord::fuzz::compressed(data);
    tieline_discord::fuzz::gateway(data);
}

/// The template up to the first line break, the value behind it.
fn template(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (source, value) = text.split_once('\n').unwrap_or((&text, "{msg}"));
    laws::a_template_is_filled_once(source, value);
}

/// The longest part and the unit in the first two bytes, the text behind them.
fn split(data: &[u8]) {
    let [max, unit, text @ ..] = data else { return };
    let unit = [TextUnit::Utf16, TextUnit::Chars, TextUnit::Bytes][usize::from(unit % 3)];
    let text = String::from_utf8_lossy(text);
    laws::a_cut_loses_nothing(&*PLATFORMS[0], &text, 24 + usize::from(*max), unit);
}
