//! How much memory the relay takes: measured and told, never asserted. `just bench-memory` runs it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tieline_e2e::{Relay, note};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::addon::{Addon, bridge};
use crate::outgoing_call::{insist, payload};
use crate::workspace::{Workspace, configuration};

/// How long the process is left alone before its idle memory is read.
const REST: Duration = Duration::from_millis(500);

fn names(rooms: usize) -> Vec<String> {
    (0..rooms).map(|room| format!("ROOM{room}")).collect()
}

/// A workspace leading into another, room by room, and the relay between them.
async fn stage(rooms: usize) -> (Workspace, Workspace, Relay) {
    let names = names(rooms);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let source = Workspace::start("source", &names).await;
    let target = Workspace::start("target", &names).await;
    let rule = |name: &&str| {
        json!({
            "id": name, "from": { "source": { "room_id": name } }, "to": { "target": { "room_id": name } },
            "msg": { "rc_alias": "{user}" },
        })
    };
    let rules: Value = names.iter().map(rule).collect();
    let relay = Relay::start(configuration(&[&source, &target], &rules)).await;
    tokio::time::sleep(REST).await;
    (source, target, relay)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: just bench-memory"]
async fn twenty_files_at_once() {
    const FILES: usize = 20;
    const SIZE: usize = 50_000_000;
    let (source, target, relay) = stage(FILES).await;
    let idle = relay.resident_mib();
    relay.forget_peak();
    // All are in place before the relay hears of the first.
    source.server.set_enabled(&source.outgoing, false);
    let mut posted = Vec::new();
    for (number, room) in names(FILES).iter().enumerate() {
        let bytes = vec![number as u8; SIZE];
        let file = source.server.post_file(&source.ann, room, "film.bin", "application/octet-stream", &bytes, "");
        posted.push(file.expect("Ann may do that"));
    }
    let mut calls = JoinSet::new();
    for message in &posted {
        let call = payload(&source.webhook_token(), &message.room, &source.ann, &message.id, "");
        let listener = source.listener();
        calls.spawn(async move { insist(&listener, &call).await });
    }
    calls.join_all().await;
    let mut changes = target.server.changes();
    for message in &posted {
        let copy = loop {
            // Large uploads take longer than the fake's own patience on a busy machine.
            match target.copies(&message.room).pop() {
                Some(copy) => break copy,
                None => changes.changed().await.expect("the server lives"),
            }
        };
        assert_eq!(copy.files[0].sha256, message.files[0].sha256, "{}", message.room);
    }
    note(format_args!("idle: {idle:.1} MiB resident"));
    note(format_args!("{FILES} files of {SIZE} bytes at once: peak {:.1} MiB", relay.peak_mib()));
    tokio::time::sleep(REST).await;
    note(format_args!("afterwards: {:.1} MiB", relay.resident_mib()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: just bench-memory"]
async fn stalled_connections_with_large_bodies() {
    const CONNECTIONS: usize = 200;
    const DECLARED: usize = 10 * 1024 * 1024;
    const SENT: usize = 10_000_000;
    let (source, _target, relay) = stage(1).await;
    let idle = relay.resident_mib();
    relay.forget_peak();
    let listener = source.listener();
    let address = listener.trim_start_matches("http://").split('/').next().unwrap_or_default().to_owned();
    let mut stalled = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let address = address.clone();
        stalled.spawn(async move {
            let mut stream = TcpStream::connect(&address).await.expect("the relay listens");
            let head = format!("POST /source HTTP/1.1\r\nhost: {address}\r\ncontent-length: {DECLARED}\r\n\r\n");
            let piece = vec![b' '; 64 * 1024];
            let said = async {
                stream.write_all(head.as_bytes()).await?;
                for _ in 0..SENT / piece.len() {
                    stream.write_all(&piece).await?;
                }
                std::io::Result::Ok(())
            };
            // The relay may refuse it on the way.
            let refused = said.await.is_err();
            let mut answer = Vec::new();
            let cut_off = stream.read_to_end(&mut answer).await.is_err();
            (refused, cut_off, String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned())
        });
    }
    let mut answers = std::collections::BTreeMap::new();
    while let Some(ended) = stalled.join_next().await {
        let (refused, cut_off, answer) = ended.expect("the test's own task");
        let how = format!("{answer:?}, refused in the middle: {refused}, reset: {cut_off}");
        *answers.entry(how).or_insert(0) += 1;
    }
    tokio::time::sleep(REST).await;
    note(format_args!("idle: {idle:.1} MiB resident"));
    note(format_args!("{CONNECTIONS} connections stalled after {SENT} bytes each: peak {:.1} MiB", relay.peak_mib()));
    note(format_args!("afterwards: {:.1} MiB", relay.resident_mib()));
    note(format_args!("they ended so: {answers:#?}"));
}

/// One call as the addon makes it: on a connection of its own, which the other side has to close. Returns the status line.
async fn call_of_the_addon(address: String, body: String) -> String {
    let mut stream = TcpStream::connect(&address).await.expect("the relay listens");
    let head = format!(
        "POST /whatsapp/webhook HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         X-Webhook-Token: token-of-the-webhook\r\nHost: {address}\r\nConnection: keep-alive\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.expect("the relay reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("the relay answers and closes");
    answer.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: just bench-memory"]
async fn floods_of_webhooks() {
    const FLOODS: usize = 3;
    const COUNT: usize = 2_000;
    for relayed in [false, true] {
        let (desk, addon) = (Workspace::start("desk", &["DESK"]).await, Addon::start().await);
        let mut configuration = bridge(&desk, &addon);
        if !relayed {
            // What nobody takes is kept by its id.
            configuration["rules"].as_array_mut().expect("a list").remove(0);
        }
        let mut relay = Relay::start(configuration).await;
        let first = addon.say("the first").await;
        let call = addon.server.wait_for_webhook(|call| call.id == first).await;
        let address = call.url.trim_start_matches("http://").split('/').next().unwrap_or_default().to_owned();
        tokio::time::sleep(REST).await;
        note(format_args!("relayed: {relayed}; idle: {:.1} MiB resident", relay.resident_mib()));
        for flood in 1..=FLOODS {
            relay.forget_peak();
            let began = Instant::now();
            let mut calls = JoinSet::new();
            for number in 0..COUNT {
                let id = format!("FLOOD{flood}N{number}");
                let body = call.body.to_string().replace(&first, &id).replace("the first", &id);
                calls.spawn(call_of_the_addon(address.clone(), body));
            }
            let answers = calls.join_all().await;
            let ended = began.elapsed();
            let taken = answers.iter().filter(|answer| *answer == "HTTP/1.1 200 OK").count();
            relay.settled().await;
            tokio::time::sleep(REST).await;
            note(format_args!(
                "flood {flood}: {taken} of {COUNT} taken within {ended:.1?}, peak {:.1} MiB, afterwards {:.1} MiB",
                relay.peak_mib(),
                relay.resident_mib(),
            ));
        }
    }
}
