//! The SOCKS5 proxy (RFC 1928, and RFC 1929 for user and password). It knows CONNECT only.

use std::io;
use std::net::{IpAddr, Ipv6Addr};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;

use super::Record;

const VERSION: u8 = 5;
const NO_LOGIN: u8 = 0;
const PASSWORD: u8 = 2;
const NONE_FITS: u8 = 0xff;
const GRANTED: u8 = 0;
const NOT_ALLOWED: u8 = 2;
const UNREACHABLE: u8 = 4;

/// Serves one connection.
pub(super) async fn talk(record: &Record, mut client: TcpStream) -> io::Result<()> {
    if !greet(record, &mut client).await? {
        return Ok(());
    }
    let [_, _, _, kind] = read::<4>(&mut client).await?;
    let host = match kind {
        1 => IpAddr::from(read::<4>(&mut client).await?).to_string(),
        4 => format!("[{}]", Ipv6Addr::from(read::<16>(&mut client).await?)),
        _ => text(&mut client).await?,
    };
    let address = format!("{host}:{}", client.read_u16().await?);
    record.note(address.clone());
    if record.script.refuse {
        return answer(&mut client, NOT_ALLOWED).await;
    }
    let Ok(mut server) = TcpStream::connect(&*address).await else {
        return answer(&mut client, UNREACHABLE).await;
    };
    answer(&mut client, GRANTED).await?;
    copy_bidirectional(&mut client, &mut server).await.map(|_| ())
}

/// Agrees on how to log in, and does it.
async fn greet(record: &Record, client: &mut TcpStream) -> io::Result<bool> {
    let [version, count] = read::<2>(client).await?;
    if version != VERSION {
        return Err(io::Error::other("the client does not speak SOCKS5"));
    }
    let mut methods = vec![0; usize::from(count)];
    client.read_exact(&mut methods).await?;
    let method = if record.script.login.is_some() { PASSWORD } else { NO_LOGIN };
    if !methods.contains(&method) {
        client.write_all(&[VERSION, NONE_FITS]).await?;
        return Ok(false);
    }
    client.write_all(&[VERSION, method]).await?;
    let Some((user, password)) = &record.script.login else { return Ok(true) };
    client.read_u8().await?;
    let given = (text(client).await?, text(client).await?);
    let right = given == (user.clone(), password.clone());
    client.write_all(&[1, u8::from(!right)]).await?;
    Ok(right)
}

async fn answer(client: &mut TcpStream, code: u8) -> io::Result<()> {
    client.write_all(&[VERSION, code, 0, 1, 0, 0, 0, 0, 0, 0]).await
}

async fn read<const N: usize>(client: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    client.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// A text with its length in front.
async fn text(client: &mut TcpStream) -> io::Result<String> {
    let mut bytes = vec![0; usize::from(client.read_u8().await?)];
    client.read_exact(&mut bytes).await?;
    String::from_utf8(bytes).map_err(io::Error::other)
}
