//! The control listener: how the relay and its instances are, who may ask, and counts that add up.

use serde_json::{Value, json};
use tieline_e2e::Relay;
use tieline_testkit::rocketchat::{Fault, Route};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::workspace::{Workspace, configuration, counts, forward};

const ROOM: &str = "GENERAL";
const TOKEN: &str = "token-of-the-control-listener";
const PATHS: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// A request with exactly these headers. Returns the status and the body.
async fn ask(relay: &Relay, request: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let mut stream = TcpStream::connect(relay.control()).await.expect("the control listener");
    let lines: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!("{request} HTTP/1.1\r\nConnection: close\r\n{}\r\n", lines.concat());
    stream.write_all(head.as_bytes()).await.expect("it listens");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("it answers");
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{answer}"));
    (status, answer.split_once("\r\n\r\n").map_or("", |(_, body)| body).to_owned())
}

async fn get(relay: &Relay, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    ask(relay, &format!("GET {path}"), headers).await
}

async fn two(global: Value) -> (Workspace, Workspace, Relay) {
    let (hq, lab) = (Workspace::start("hq", &[ROOM]).await, Workspace::start("lab", &[ROOM]).await);
    let mut written = configuration(&[&hq, &lab], &forward(&hq, &[&lab], ROOM));
    written["global"] = global;
    let relay = Relay::start(written).await;
    (hq, lab, relay)
}

#[tokio::test]
async fn it_says_how_each_instance_is() {
    let (_hq, _lab, relay) = two(json!({})).await;
    assert_eq!(relay.get("/healthz").await.map(|(status, _)| status), Some(200));
    let (status, body) = relay.get("/readyz").await.expect("an answer");
    assert_eq!(status, 200);
    let all: Value = serde_json::from_str(&body).expect("an object");
    assert_eq!(all.as_object().map(serde_json::Map::len), Some(2), "{all}");
    for instance in ["hq", "lab"] {
        assert_eq!(all[instance]["state"], "ready");
        assert!(all[instance]["since"].as_str().is_some_and(|since| since.ends_with('Z')), "{all}");
        assert!(all[instance]["error"].is_null(), "{all}");
    }
    let (status, metrics) = relay.get("/metrics").await.expect("an answer");
    assert_eq!(status, 200);
    assert!(metrics.ends_with("# EOF\n") && metrics.contains("tieline_instance_ready{instance=\"hq\"} 1"), "{metrics}");
    for (request, status) in [("GET /", 404), ("GET /metrics/", 404), ("POST /metrics", 405), ("DELETE /healthz", 405)]
    {
        let (answered, body) = ask(&relay, request, &[("Host", &relay.control()), ("Content-Length", "0")]).await;
        assert_eq!(answered, status, "{request}: {body}");
        assert!(serde_json::from_str::<Value>(&body).is_ok_and(|body| body["error"].is_string()), "{body}");
    }
}

#[tokio::test]
async fn without_a_token_only_this_machine_is_answered() {
    let (_hq, _lab, relay) = two(json!({})).await;
    let own = relay.control();
    let port = own.rsplit(':').next().expect("a port").to_owned();
    for path in PATHS {
        for host in [own.clone(), format!("localhost:{port}"), format!("[::1]:{port}"), "localhost".to_owned()] {
            assert_eq!(get(&relay, path, &[("Host", &host)]).await.0, 200, "{path} {host}");
        }
        let same = format!("http://{own}");
        assert_eq!(get(&relay, path, &[("Host", &own), ("Origin", &same)]).await.0, 200);
        for host in ["evil.example", "127.0.0.1.evil.example", "192.168.1.5:8090", "0.0.0.0"] {
            let (status, body) = get(&relay, path, &[("Host", host)]).await;
            assert_eq!(status, 403, "{path} {host}");
            assert!(body.contains("error"), "{body}");
        }
        for origin in ["https://evil.example", "null", "http://127.0.0.1:1"] {
            assert_eq!(get(&relay, path, &[("Host", &own), ("Origin", origin)]).await.0, 403, "{path} {origin}");
        }
    }
}

#[tokio::test]
async fn with_a_token_the_numbers_need_it() {
    let (_hq, _lab, relay) = two(json!({ "http": { "token": TOKEN } })).await;
    let host = ("Host", "relay.example.com");
    for path in ["/healthz", "/readyz"] {
        assert_eq!(get(&relay, path, &[host]).await.0, 200, "{path} needs none");
    }
    let right = format!("Bearer {TOKEN}");
    let (status, metrics) = get(&relay, "/metrics", &[host, ("Authorization", &right)]).await;
    assert_eq!(status, 200);
    assert!(metrics.contains("tieline_messages"));
    let almost = [&right[..right.len() - 1], &format!("{right}x"), "Bearer", "Bearer ", TOKEN, "Basic eDp5", ""];
    for wrong in almost {
        let (status, body) = get(&relay, "/metrics", &[host, ("Authorization", wrong)]).await;
        assert_eq!(status, 401, "{wrong}");
        assert!(!body.contains(TOKEN) && !body.contains("tieline_messages"), "{body}");
    }
    assert_eq!(get(&relay, "/metrics", &[host]).await.0, 401);
    assert!(!relay.log().contains(TOKEN));
}

#[tokio::test]
async fn after_a_mixed_run_the_counts_add_up() {
    let hq = Workspace::start("hq", &[ROOM, "unheard"]).await;
    let (lab, archive) = (Workspace::start("lab", &[ROOM]).await, Workspace::start("archive", &[ROOM]).await);
    let mut rules = forward(&hq, &[&lab, &archive], ROOM);
    rules[0]["filter"] = json!({ "text": { "exclude": ["^private"] } });
    let mut relay = Relay::start(configuration(&[&hq, &lab, &archive], &rules)).await;

    // Two arrive in both; two are filtered for both; one is heard by no rule.
    for text in ["one", "private one", "two", "private two"] {
        hq.say(ROOM, text).await;
    }
    hq.say("unheard", "nobody listens").await;
    relay.settled().await;
    assert_eq!(counts(&relay).await, [9, 4, 5, 0, 0, 0]);

    // Three die in one of them, one of those is dropped, one is retried in vain.
    archive.server.set_read_only(ROOM, true);
    for text in ["three", "four", "five"] {
        hq.say(ROOM, text).await;
    }
    relay.settled().await;
    assert_eq!(counts(&relay).await, [15, 7, 5, 3, 0, 0]);
    let ids: Vec<String> = relay.dead().iter().map(|letter| letter["id"].to_string()).collect();
    assert_eq!(relay.command(&["dead", "drop", &ids[0]]).0, Some(0));
    assert_eq!(counts(&relay).await, [15, 7, 5, 2, 1, 0]);
    // 1 if it died again while the command waited, else 0.
    assert!(matches!(relay.command(&["dead", "retry", &ids[1]]).0, Some(0 | 1)));
    relay.settled().await;
    assert_eq!(counts(&relay).await, [15, 7, 5, 2, 1, 0]);

    // Two are on their way, behind one that hangs, when the relay is killed.
    lab.server.faults().on(Route::SendMessage).next(1, Fault::Hang);
    hq.say(ROOM, "six").await;
    hq.say(ROOM, "seven").await;
    relay.wait_for("two more dead letters", async |relay: &Relay| relay.messages("dead").await == 4).await;
    assert_eq!(counts(&relay).await, [19, 7, 5, 4, 1, 2]);
    relay.kill9().await;
    relay.spawn();
    relay.ready().await;
    relay.settled().await;
    assert_eq!(counts(&relay).await, [19, 9, 5, 4, 1, 0]);
    assert_eq!(lab.heard(ROOM), ["one", "two", "three", "four", "five", "six", "seven"]);
}
