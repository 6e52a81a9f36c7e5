//! A fake Rocket.Chat to try things with: type a line and Ann says it in `#general`; what others post is shown.
//!
//! `cargo run -p tieline-testkit --example chat [URL]`. With a URL, an Outgoing Webhook calls it.

#![expect(clippy::print_stdout, reason = "a program for a person at a terminal")]

use std::io;

use tieline_testkit::rocketchat::{FakeRocketChat, HookOptions, OutgoingHook, RocketChatScript, RoomKind};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

#[tokio::main]
async fn main() -> io::Result<()> {
    let server = FakeRocketChat::try_start(RocketChatScript::default()).await?;
    let (bot, ann) =
        (server.add_user("relay", "Relay", &["bot", "user"]), server.add_user("ann", "Ann Smith", &["user"]));
    server.add_room(RoomKind::Public, "GENERAL", "general");
    server.join("GENERAL", &bot);
    server.join("GENERAL", &ann);
    let hook = server.incoming_hook("#general", &bot, HookOptions::default());
    println!("server_url    {}\nuser_id       {}\nauth_token    {}", server.url(), bot.id, bot.token);
    println!("webhook_url   {}\nroom_id       GENERAL", hook.url);
    if let Some(url) = std::env::args().nth(1) {
        let token = "webhook-token".to_owned();
        server.outgoing_hook(OutgoingHook { urls: vec![url], token, ..OutgoingHook::default() });
        println!("webhook_token webhook-token");
    }
    let mut lines = BufReader::new(stdin()).lines();
    let mut changes = server.changes();
    let mut shown = 0;
    loop {
        tokio::select! {
            line = lines.next_line() => {
                let Some(line) = line? else { return Ok(()) };
                if let Err(refused) = server.try_post(&ann, "GENERAL", &line) {
                    println!("{refused}");
                }
            }
            _ = changes.changed() => {}
        }
        for message in server.messages("GENERAL").into_iter().skip(shown) {
            shown += 1;
            println!("{}: {}", message.alias.as_ref().unwrap_or(&message.user_name), message.text);
        }
    }
}
