//! One address that is posted to over and over, as a hook is.
//!
//! reqwest takes each request through layers that such a post does not need: it parses the address three times, is ready
//! to follow redirects and to repeat, and clones what it sends for both. That is more work than all the rest of the way
//! through HTTP. So where no proxy stands in between, hyper's connections are used without it ([`straight`]); what they
//! do not know, a proxy or credentials within the URL, goes through the [`client`](mod@crate::client). Both keep the same
//! promises, and the tests hold both against the same misbehaving servers.
//!
//! [`straight`]: crate::straight

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use tieline_core::secret::Secret;
use url::Url;

use crate::client::{ClientError, ClientSettings, client};
use crate::failure::{Transport, describe, outcome};
use crate::straight::Straight;

/// An answer, read whole, whatever its status.
#[derive(Debug, Clone)]
pub struct Answered {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unanswered {
    /// It did not come, or not whole.
    Lost {
        /// Whether the request may have arrived.
        outcome: Transport,
        /// What happened, for people. No address and no secret is in it.
        why: String,
    },
    /// It is longer than what the caller wants to read.
    TooLong,
}

impl Unanswered {
    fn lost(error: &reqwest::Error) -> Self {
        Self::Lost { outcome: outcome(error), why: describe(error) }
    }
}

/// An address to post to. It keeps its connections open, as the client does.
#[derive(Debug)]
pub struct Endpoint {
    way: Way,
}

#[derive(Debug)]
enum Way {
    Straight(Box<Straight>),
    Layered(reqwest::Client, Secret),
}

impl Endpoint {
    /// Makes ready for posts to a URL. The settings hold as they do for the [`client`](fn@crate::client::client).
    pub fn new(url: &Secret, settings: &ClientSettings) -> Result<Self, ClientError> {
        let parsed = Url::parse(url.reveal()).map_err(|error| ClientError::Build(error.to_string()))?;
        let way = match Straight::to(&parsed, settings)? {
            Some(straight) => Way::Straight(Box::new(straight)),
            None => Way::Layered(client(settings)?, url.clone()),
        };
        Ok(Self { way })
    }

    /// Posts a JSON text and reads the answer, of at most so many bytes.
    pub async fn post_json(&self, json: Vec<u8>, limit: usize) -> Result<Answered, Unanswered> {
        match &self.way {
            Way::Straight(straight) => straight.post(Bytes::from(json), limit).await,
            Way::Layered(client, url) => {
                let request = client.post(url.reveal()).header(CONTENT_TYPE, "application/json").body(json);
                read_whole(request.send().await.map_err(|error| Unanswered::lost(&error))?, limit).await
            }
        }
    }
}

/// Reads an answer that the [`client`](mod@crate::client) got, if it is not longer than so many bytes.
pub async fn read_whole(mut response: reqwest::Response, limit: usize) -> Result<Answered, Unanswered> {
    let status = response.status();
    let headers = std::mem::take(response.headers_mut());
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(Unanswered::TooLong);
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Unanswered::lost(&error))? {
        if body.len() + chunk.len() > limit {
            return Err(Unanswered::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answered { status, headers, body })
}
