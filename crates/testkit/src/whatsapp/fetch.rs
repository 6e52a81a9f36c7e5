//! Where the addon gets the bytes of a `url` from: Baileys' `getStream`.

use std::path::Path;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use url::Url;

use super::media::FakeMedia;
use crate::written::Writing;

/// How many redirects are followed.
const REDIRECTS: usize = 20;

/// Node takes base64 with and without padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Gets the bytes and keeps them at `path`. The error is what the addon would answer as `detail`.
pub(crate) async fn get_stream(url: &str, path: &Path, mime: &str) -> Result<FakeMedia, String> {
    if let Some(data) = url.strip_prefix("data:") {
        let encoded = data.split_once(',').map_or("", |(_, encoded)| encoded);
        // Node skips what is not base64.
        let clean: Vec<u8> = encoded.bytes().filter(|b| b.is_ascii_alphanumeric() || b"+/=".contains(b)).collect();
        let bytes = LENIENT.decode(clean).map_err(|error| error.to_string())?;
        return FakeMedia::keep(path.to_owned(), mime, &bytes).map_err(|error| error.to_string());
    }
    if url.starts_with("http://") || url.starts_with("https://") {
        return download(url, path, mime).await;
    }
    Err(format!("ENOENT: no such file or directory, open '{url}'"))
}

async fn download(url: &str, path: &Path, mime: &str) -> Result<FakeMedia, String> {
    let mut at = Url::parse(url).map_err(|error| format!("Invalid URL: {error}"))?;
    for _ in 0..=REDIRECTS {
        let failed = |why: String| format!("fetch failed: {why}");
        if at.scheme() != "http" {
            return Err(failed("the fake speaks http:// only".to_owned()));
        }
        let host = at.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let port = at.port_or_known_default().unwrap_or(80);
        let stream = TcpStream::connect((host.as_str(), port)).await.map_err(|error| failed(error.to_string()))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| failed(error.to_string()))?;
        let driving = tokio::spawn(connection);
        let request = Request::get(&at[url::Position::BeforePath..url::Position::AfterQuery])
            .header(header::HOST, format!("{host}:{port}"))
            .body(Empty::<Bytes>::new())
            .map_err(|error| failed(error.to_string()))?;
        let response = sender.send_request(request).await.map_err(|error| failed(error.to_string()))?;
        let status = response.status();
        if status.is_redirection() {
            let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
            at =
                location.and_then(|location| at.join(location).ok()).ok_or_else(|| failed("no Location".to_owned()))?;
            driving.abort();
            continue;
        }
        if !status.is_success() {
            driving.abort();
            return Err(format!("Failed to fetch stream from {url}: {status}"));
        }
        let mut file = Writing::at(path).await.map_err(|error| error.to_string())?;
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| failed(error.to_string()))?;
            if let Some(chunk) = frame.data_ref() {
                file.write(chunk).await.map_err(|error| error.to_string())?;
            }
        }
        driving.abort();
        return file.done().await.map(|bytes| FakeMedia::of(bytes, mime)).map_err(|error| error.to_string());
    }
    Err("fetch failed: redirect count exceeded".to_owned())
}
