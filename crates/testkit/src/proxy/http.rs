//! The HTTP proxy: it reads a head, and passes the rest on as it comes.

use std::io;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use url::{Position, Url};

use super::Record;

/// The longest head that is read.
const HEAD_LIMIT: usize = 64 * 1024;

/// Serves one connection: one tunnel, or one request in absolute form.
pub(super) async fn talk(record: &Record, mut client: TcpStream) -> io::Result<()> {
    let head = read_head(&mut client).await?;
    let mut lines = head.split("\r\n");
    let request = lines.next().unwrap_or_default();
    let headers: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    let mut words = request.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let tunnel = method == "CONNECT";
    let url = if tunnel { None } else { Url::parse(target).ok() };
    let address = match &url {
        Some(url) => format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(80)),
        None => target.to_owned(),
    };
    record.note(address.clone());
    if !logged_in(record, &headers) {
        let answer =
            "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n";
        return client.write_all(answer.as_bytes()).await;
    }
    if record.script.refuse || (!tunnel && url.is_none()) {
        return client.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
    }
    let Ok(mut server) = TcpStream::connect(&*address).await else {
        return client.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
    };
    if let Some(url) = url {
        server.write_all(forwarded(method, &url, &headers).as_bytes()).await?;
    } else {
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
    }
    copy_bidirectional(&mut client, &mut server).await.map(|_| ())
}

/// The head of the request as the server gets it. One request for each connection keeps every target on record.
fn forwarded(method: &str, url: &Url, headers: &[&str]) -> String {
    let mut head = format!("{method} {} HTTP/1.1\r\n", &url[Position::BeforePath..Position::AfterQuery]);
    for header in headers {
        let name = header.split(':').next().unwrap_or_default().to_ascii_lowercase();
        if !name.starts_with("proxy-") && name != "connection" {
            head.push_str(header);
            head.push_str("\r\n");
        }
    }
    head.push_str("Connection: close\r\n\r\n");
    head
}

fn logged_in(record: &Record, headers: &[&str]) -> bool {
    let Some((user, password)) = &record.script.login else { return true };
    let wanted = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    headers.iter().any(|header| {
        header
            .split_once(':')
            .is_some_and(|(name, value)| name.eq_ignore_ascii_case("proxy-authorization") && value.trim() == wanted)
    })
}

/// Reads up to the empty line, byte by byte, so that nothing of what follows is taken.
async fn read_head(client: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() > HEAD_LIMIT {
            return Err(io::Error::other("the head is too long"));
        }
        head.push(client.read_u8().await?);
    }
    String::from_utf8(head).map_err(io::Error::other)
}
