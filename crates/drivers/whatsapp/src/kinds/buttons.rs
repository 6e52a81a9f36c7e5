//! Messages of businesses with buttons and lists to choose from, and what was chosen.

use serde_json::Value;
use tieline_core::compose::one_line;
use tieline_core::markup::{Block, Markup, Span};

use crate::fields::{list, text};
use crate::kinds::Said;
use crate::markup::parse;
use crate::unwrap::Inner;

/// How many choices are shown.
const SHOWN: usize = 50;

/// The text with its choices. `None`: it is none of these kinds, or says nothing.
pub(super) fn said(message: &Inner<'_>) -> Option<Said> {
    let content = message.content;
    let blocks = match message.kind {
        "buttonsMessage" => {
            let choices =
                list(content, "buttons").iter().filter_map(|button| at(button, &["buttonText", "displayText"]));
            offered(
                &[text(content, "text"), text(content, "headerText")],
                text(content, "contentText"),
                choices,
                text(content, "footerText"),
            )
        }
        "listMessage" => {
            let rows = list(content, "sections").iter().flat_map(|section| list(section, "rows"));
            let choices = rows.filter_map(|row| text(row, "title"));
            offered(&[text(content, "title")], text(content, "description"), choices, text(content, "footerText"))
        }
        "interactiveMessage" => {
            let buttons = content.get("nativeFlowMessage").map_or(&[][..], |flow| list(flow, "buttons"));
            let choices = buttons.iter().filter_map(|button| {
                let parameters: Value = serde_json::from_str(&text(button, "buttonParamsJson")?).ok()?;
                text(&parameters, "display_text")
            });
            let title = [at(content, &["header", "title"]), at(content, &["header", "subtitle"])];
            offered(&title, at(content, &["body", "text"]), choices, at(content, &["footer", "text"]))
        }
        "templateMessage" => {
            let template = ["hydratedTemplate", "hydratedFourRowTemplate"].iter().find_map(|key| content.get(*key))?;
            let choices = list(template, "hydratedButtons").iter().filter_map(|button| {
                let kinds = ["quickReplyButton", "urlButton", "callButton"];
                kinds.iter().find_map(|kind| at(button, &[kind, "displayText"]))
            });
            let title = [text(template, "hydratedTitleText")];
            offered(&title, text(template, "hydratedContentText"), choices, text(template, "hydratedFooterText"))
        }
        "buttonsResponseMessage" | "templateButtonReplyMessage" => chosen(text(content, "selectedDisplayText")),
        "listResponseMessage" => chosen(text(content, "title")),
        "interactiveResponseMessage" => chosen(at(content, &["body", "text"])),
        _ => return None,
    };
    (!blocks.is_empty()).then(|| Said { text: Markup { blocks }, ..Said::default() })
}

fn at(value: &Value, path: &[&str]) -> Option<String> {
    let (last, before) = path.split_last()?;
    let within = before.iter().try_fold(value, |value, key| value.get(*key))?;
    text(within, last)
}

fn offered(
    titles: &[Option<String>],
    body: Option<String>,
    choices: impl Iterator<Item = String>,
    footer: Option<String>,
) -> Vec<Block> {
    let titles = titles
        .iter()
        .flatten()
        .map(|title| Block::Line(vec![Span::Bold(vec![Span::Text(one_line(title).into_owned())])]));
    let mut blocks: Vec<Block> = titles.collect();
    blocks.extend(body.map(|body| parse(&body).blocks).into_iter().flatten());
    blocks.extend(
        choices.take(SHOWN).map(|choice| Block::Item("-".to_owned(), vec![Span::Text(one_line(&choice).into_owned())])),
    );
    blocks
        .extend(footer.map(|footer| Block::Line(vec![Span::Italic(vec![Span::Text(one_line(&footer).into_owned())])])));
    blocks
}

fn chosen(choice: Option<String>) -> Vec<Block> {
    choice.map(|choice| Markup::plain(&one_line(&choice)).blocks).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crate::kinds::tests::{payload, plain};
    use serde_json::json;

    #[test]
    fn choices_are_a_list() {
        let buttons = json!({ "buttonsMessage": {
            "contentText": "Which *one*?", "footerText": "Shop", "headerText": "Order",
            "buttons": [{ "buttonText": { "displayText": "A" } }, { "buttonText": { "displayText": "B" } }, {}],
        } });
        assert_eq!(plain(&buttons), "Order\nWhich one?\n- A\n- B\nShop");
        let listed = json!({ "listMessage": {
            "title": "Menu", "description": "Choose", "sections": [{ "rows": [{ "title": "A" }] }, { "rows": [{ "title": "B" }] }],
        } });
        assert_eq!(plain(&listed), "Menu\nChoose\n- A\n- B");
        let interactive = json!({ "viewOnceMessage": { "message": { "interactiveMessage": {
            "header": { "title": "T" }, "body": { "text": "B" }, "footer": { "text": "F" },
            "nativeFlowMessage": { "buttons": [{ "name": "quick_reply", "buttonParamsJson": "{\"display_text\":\"Yes\"}" }, { "buttonParamsJson": "{" }] },
        } } } });
        assert_eq!(plain(&interactive), "T\nB\n- Yes\nF");
        let template = json!({ "templateMessage": { "hydratedTemplate": {
            "hydratedContentText": "Your code", "hydratedButtons": [{ "urlButton": { "displayText": "Open", "url": "x" } }],
        } } });
        assert_eq!(plain(&template), "Your code\n- Open");
    }

    #[test]
    fn a_choice_is_a_text() {
        for (kind, content) in [
            ("buttonsResponseMessage", json!({ "selectedDisplayText": "*A*" })),
            ("templateButtonReplyMessage", json!({ "selectedDisplayText": "*A*" })),
            ("listResponseMessage", json!({ "title": "*A*" })),
            ("interactiveResponseMessage", json!({ "body": { "text": "*A*" } })),
        ] {
            assert_eq!(plain(&json!({ kind: content })), "*A*", "{kind}");
        }
        let empty = payload(&json!({ "buttonsMessage": {} }), &json!({ "content": "summary" }));
        assert_eq!(crate::kinds::said(&empty).expect("said").text.to_plain(), "summary");
    }
}
