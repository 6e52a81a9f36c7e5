//! The load: Outgoing Webhooks as Rocket.Chat sends them, over connections that stay open.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::sink::Sink;

/// Messages are numbered through all loads of this process, so that no two share an id.
static NUMBER: AtomicU64 = AtomicU64::new(0);

pub(crate) struct Load {
    connections: Vec<SendRequest<Full<Bytes>>>,
    rooms: usize,
}

async fn post(connection: &mut SendRequest<Full<Bytes>>, number: u64, rooms: usize) -> Result<Instant> {
    let room = number as usize % rooms;
    let body = format!(
        r#"{{"token":"bench-token","bot":false,"channel_id":"ROOM{room}","channel_name":"room{room}","message_id":"bench{number}","timestamp":"2026-03-01T10:00:00.000Z","user_id":"u9","user_name":"ann","text":"bench {number} is a line of ordinary length, as people write them","siteUrl":"https://chat.example.com"}}"#
    );
    let request = Request::post("/rocketchat/webhook")
        .header("host", "127.0.0.1")
        .header("content-type", "application/json")
        .body(Full::from(body))?;
    connection.ready().await.context("the connection is closed")?;
    let sent = Instant::now();
    let response = connection.send_request(request).await.context("a webhook was not answered")?;
    ensure!(response.status() == 200, "a webhook was answered {}", response.status());
    response.into_body().collect().await?;
    Ok(sent)
}

impl Load {
    pub(crate) async fn connect(port: u16, connections: usize, rooms: usize) -> Result<Self> {
        let mut open = Vec::new();
        for _ in 0..connections {
            let stream = TcpStream::connect(("127.0.0.1", port)).await?;
            stream.set_nodelay(true)?;
            let (sender, connection) = handshake(TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            open.push(sender);
        }
        Ok(Self { connections: open, rooms })
    }

    /// Sends so many messages as fast as they are answered. Returns how long each answer took.
    pub(crate) async fn flood(self, messages: usize) -> Result<Vec<Duration>> {
        let left = Arc::new(AtomicU64::new(messages as u64));
        let mut workers = Vec::new();
        for mut connection in self.connections {
            let (left, rooms) = (Arc::clone(&left), self.rooms);
            workers.push(tokio::spawn(async move {
                let mut answers = Vec::new();
                let take = || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
                while take().is_ok() {
                    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
                    let sent = post(&mut connection, number, rooms).await?;
                    answers.push(sent.elapsed());
                }
                anyhow::Ok(answers)
            }));
        }
        let mut answers = Vec::new();
        for worker in workers {
            answers.extend(worker.await??);
        }
        Ok(answers)
    }

    /// Sends at a steady rate, whether or not the last is answered. Returns how long each took to the sink.
    pub(crate) async fn pace(self, rate: usize, seconds: usize, sink: &Sink) -> Result<Vec<Duration>> {
        let connections = self.connections.len();
        let mut workers = Vec::new();
        let began = Instant::now() + Duration::from_millis(50);
        for (index, mut connection) in self.connections.into_iter().enumerate() {
            let rooms = self.rooms;
            workers.push(tokio::spawn(async move {
                let mut sent = Vec::new();
                for turn in (index..rate * seconds).step_by(connections) {
                    let due = began + Duration::from_secs_f64(turn as f64 / rate as f64);
                    tokio::time::sleep_until(due.into()).await;
                    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
                    sent.push((number, post(&mut connection, number, rooms).await?));
                }
                anyhow::Ok(sent)
            }));
        }
        let mut took = Vec::new();
        for worker in workers {
            for (number, sent) in worker.await?? {
                took.push(sink.arrival(number).await.duration_since(sent));
            }
        }
        Ok(took)
    }
}
