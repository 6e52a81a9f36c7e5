//! A flood of callers is taken on a few at a time, and whoever stalls holds up the others only for a moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tieline_core::webhook::{WebhookHandler, WebhookRequest, WebhookResponse};
use tieline_net::{ListenerLimits, Listeners};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::listener::{Echo, mount, post, send};
use crate::peer::read_answer;

/// Longer than any test takes.
const LONG: Duration = Duration::from_mins(10);
const PATIENCE: Duration = Duration::from_mins(1);

/// Answers when it may, and remembers how many requests there were at once.
struct Counts {
    now: AtomicUsize,
    most: Arc<AtomicUsize>,
    may_answer: Arc<Semaphore>,
}

#[async_trait]
impl WebhookHandler for Counts {
    async fn handle(&self, _: &WebhookRequest) -> Option<WebhookResponse> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        self.may_answer.acquire().await.unwrap().forget();
        self.now.fetch_sub(1, Ordering::SeqCst);
        Some(WebhookResponse { close: true, ..WebhookResponse::ok() })
    }
}

#[tokio::test]
async fn a_flood_is_taken_on_a_few_at_a_time() {
    const FEW: usize = 3;
    const MANY: usize = 100;
    let listeners = Listeners::new(ListenerLimits { newcomers: FEW, newcomer_time: LONG, ..ListenerLimits::default() });
    let (most, may_answer) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
    let counts = Counts { now: AtomicUsize::new(0), most: Arc::clone(&most), may_answer: Arc::clone(&may_answer) };
    let mounted = mount(&listeners, 0, "/", counts).await;
    let mut clients = JoinSet::new();
    for _ in 0..MANY {
        let mut client = TcpStream::connect(mounted.local).await.unwrap();
        client.write_all(post("/", "{}").as_bytes()).await.unwrap();
        clients.spawn(async move { read_answer(&mut client).await.status });
    }
    while most.load(Ordering::SeqCst) < FEW {
        tokio::task::yield_now().await;
    }
    while !clients.is_empty() {
        may_answer.add_permits(1);
        assert_eq!(clients.join_next().await.unwrap().unwrap(), 200);
    }
    assert_eq!(most.load(Ordering::SeqCst), FEW);
}

#[tokio::test]
async fn those_who_stall_hold_up_the_others_for_a_moment_only() {
    let limits = ListenerLimits {
        newcomers: 1,
        newcomer_time: Duration::from_millis(20),
        head_time: LONG,
        ..Default::default()
    };
    let listeners = Listeners::new(limits);
    let mounted = mount(&listeners, 0, "/", Echo { token: "a" }).await;
    let mut stalled = Vec::new();
    for said in ["", "POST", "POST /?a HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhalf"].iter().cycle().take(12) {
        let mut client = TcpStream::connect(mounted.local).await.unwrap();
        client.write_all(said.as_bytes()).await.unwrap();
        stalled.push(client);
    }
    let answer = timeout(PATIENCE, send(mounted.local, &post("/?a", "{}"))).await.expect("its turn comes");
    assert_eq!(answer.status, 200);
}

/// Connections that stay open for further requests.
#[tokio::test]
async fn whoever_has_an_answer_is_no_newcomer() {
    let limits = ListenerLimits { newcomers: 1, newcomer_time: LONG, head_time: LONG, ..ListenerLimits::default() };
    let listeners = Listeners::new(limits);
    let mounted = mount(&listeners, 0, "/", Echo { token: "a" }).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut client = TcpStream::connect(mounted.local).await.unwrap();
        client.write_all(post("/?a", "{}").as_bytes()).await.unwrap();
        let answer = timeout(PATIENCE, read_answer(&mut client)).await.expect("its turn comes");
        assert!(!answer.head.contains("connection: close"), "{answer:?}");
        open.push(client);
    }
}

/// Whoever finds the system's queue full is dropped, and tries again after seconds that grow.
#[tokio::test]
async fn a_flood_finds_room_in_the_systems_queue() {
    /// More than tokio's own queue takes.
    const MANY: usize = 1_100;
    let limits = ListenerLimits { newcomers: 1, newcomer_time: LONG, head_time: LONG, ..ListenerLimits::default() };
    let listeners = Listeners::new(limits);
    let mounted = mount(&listeners, 0, "/", Echo { token: "a" }).await;
    // This one keeps the others waiting in the queue.
    let first = TcpStream::connect(mounted.local).await.unwrap();
    let mut waiting = Vec::new();
    for _ in 0..MANY {
        let client = timeout(PATIENCE, TcpStream::connect(mounted.local)).await.expect("the queue is full");
        waiting.push(client.unwrap());
    }
    drop(first);
}
