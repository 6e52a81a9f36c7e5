//! Somebody types a configured token: it is not sent, and nothing that people read shows it.

use serde_json::{Value, json};
use tieline_e2e::Relay;

use crate::workspace::{Workspace, configuration, counts, forward};

const ROOM: &str = "GENERAL";
/// Too short to be looked for: it is a word that people use.
const SHORT: &str = "letmein";

#[tokio::test]
async fn a_token_that_somebody_types_goes_nowhere_and_is_shown_nowhere() {
    let (hq, lab) = (Workspace::start("hq", &[ROOM]).await, Workspace::start("lab", &[ROOM]).await);
    let side = Workspace::start("side", &[ROOM]).await;
    let hook = side.incoming(ROOM);
    let mut written = configuration(&[&hq, &lab], &forward(&hq, &[&lab, &side], ROOM));
    written["rocketchat"]["side"] = side.settings_by(&hook);
    written["rocketchat"]["side"]["webhook_token"] = json!(SHORT);
    written["global"]["log"] = json!({ "level": "trace" });
    let mut relay = Relay::start(written).await;

    let hook_token = hook.url.rsplit('/').next().expect("a token").to_owned();
    let secrets = [lab.bot.token.clone(), hq.bot.token.clone(), hq.webhook_token(), hook_token];
    for secret in &secrets {
        hq.say(ROOM, &format!("do not tell anybody: {secret}!")).await;
    }
    // Formatting does not hide it.
    hq.say(ROOM, &format!("neither so: *{}*{}", &secrets[0][..9], &secrets[0][9..])).await;
    hq.say(ROOM, &format!("the password is {SHORT}, a secret")).await;
    relay.settled().await;

    for target in [&lab, &side] {
        assert_eq!(target.heard(ROOM), [format!("the password is {SHORT}, a secret")]);
    }
    assert_eq!(counts(&relay).await, [12, 2, 0, 10, 0, 0]);

    let letters = relay.dead();
    assert_eq!(letters.len(), 10);
    for letter in &letters {
        let reason = letter["reason"].as_str().expect("a reason");
        assert!(reason.contains("secret_guard"), "{reason}");
        assert!(letter["text"].as_str().is_some_and(|text| text.contains("•••")), "{letter}");
    }
    let first = letters[0]["id"].to_string();
    let trace = letters[0]["trace"].as_str().expect("a trace id").to_owned();
    let mut shown = vec![relay.log(), Value::Array(letters).to_string()];
    let (_, metrics) = relay.get("/metrics").await.expect("an answer");
    let (_, ready) = relay.get("/readyz").await.expect("an answer");
    shown.extend([metrics, ready]);
    let looks: [&[&str]; 5] = [
        &["dead", "list"],
        &["dead", "show", &first],
        &["dead", "show", &first, "--json"],
        &["trace", &trace],
        &["trace", &trace, "--json"],
    ];
    for running in [true, false] {
        for look in looks {
            let (code, out, err) = relay.command(look);
            assert_eq!(code, Some(0), "{look:?}: {err}");
            assert!(out.contains("•••"), "running: {running}, {look:?} shows nothing of the text: {out}");
            shown.extend([out, err]);
        }
        if running {
            assert_eq!(relay.terminate().await, Some(0));
        }
    }
    shown.push(relay.log());
    for secret in &secrets {
        let teller = shown.iter().find(|text| text.contains(secret.as_str()));
        assert!(teller.is_none(), "{secret} is shown in\n{}", teller.map_or("", String::as_str));
    }
}

#[tokio::test]
async fn without_the_guard_it_is_sent_and_still_not_shown() {
    let (hq, lab) = (Workspace::start("hq", &[ROOM]).await, Workspace::start("lab", &[ROOM]).await);
    let mut written = configuration(&[&hq, &lab], &forward(&hq, &[&lab], ROOM));
    written["global"]["secret_guard"] = json!(false);
    written["global"]["log"] = json!({ "level": "trace" });
    let mut relay = Relay::start(written).await;
    let text = format!("as they wanted it: {}", hq.webhook_token());
    hq.say(ROOM, &text).await;
    relay.settled().await;
    assert_eq!(lab.heard(ROOM), [text]);
    assert!(!relay.log().contains(&hq.webhook_token()), "{}", relay.log());
}
