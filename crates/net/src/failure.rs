//! What an error of the HTTP client means, for people and for a send.

use std::error::Error;
use std::io;

use rustls::CertificateError;

use crate::straight::Unresolved;

/// Whether a request may have had an effect, though no answer to it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// The server never saw the request: no connection came about, or it was closed before the first byte was written.
    /// It may be sent again.
    NotSent,
    /// The request, or a part of it, was written and no whole answer came back. Only the platform can tell.
    Unknown,
}

/// Whether the request may have arrived, where no whole answer is there.
///
/// An answer with a bad status is no error of the transport; judge its status and body instead. That goes also for a
/// proxy that cannot reach a plain `http` server: it answers for it, usually with 502 to 504. For `https` the proxy's
/// refusal is an error here, and [`Transport::NotSent`].
pub fn outcome(error: &reqwest::Error) -> Transport {
    // Connecting includes the name, the proxy and TLS. A request that cannot even be built was not sent either.
    if error.is_connect() || error.is_builder() {
        return Transport::NotSent;
    }
    // hyper cancels a request only if it can hand it back unstarted.
    let unstarted =
        chain(error).any(|cause| cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled));
    if unstarted { Transport::NotSent } else { Transport::Unknown }
}

/// What happened, in a short sentence for people, without any address: `connection refused`.
///
/// What reqwest itself prints contains the whole URL, and with it the token of a hook. This never does.
pub fn describe(error: &reqwest::Error) -> String {
    if let Some(status) = error.status() {
        return format!("answered {status}");
    }
    if error.is_timeout() {
        return if error.is_connect() { "timed out while connecting" } else { "timed out without an answer" }
            .to_owned();
    }
    if error.is_dns() {
        return format!("the host name cannot be resolved ({})", innermost(error));
    }
    if let Some(sentence) = sentence(error) {
        return sentence;
    }
    let what = if error.is_builder() {
        "the request cannot be built"
    } else if error.is_connect() {
        "cannot connect"
    } else if error.is_decode() || error.is_body() {
        "the answer cannot be read"
    } else if error.is_redirect() {
        return "redirected too often".to_owned();
    } else {
        "the request failed"
    };
    let why = innermost(error);
    if why.is_empty() { what.to_owned() } else { format!("{what}: {why}") }
}

/// The same for an error that is not of the HTTP client. It must not print an address by itself.
pub(crate) fn describe_other(error: &(dyn Error + 'static)) -> String {
    sentence(error).unwrap_or_else(|| causes(error).last().map(ToString::to_string).unwrap_or_default())
}

/// The same, with what failed, where there is no sentence of ours for it.
pub(crate) fn words(error: &(dyn Error + 'static), what: &str) -> String {
    let why = || causes(error).last().map(ToString::to_string).unwrap_or_default();
    sentence(error).unwrap_or_else(|| format!("{what}: {}", why()))
}

/// What happened, if it is something that we have words for.
fn sentence(error: &(dyn Error + 'static)) -> Option<String> {
    causes(error).find_map(|cause| {
        if let Some(name) = cause.downcast_ref::<Unresolved>() {
            return Some(format!("the host name cannot be resolved ({name})"));
        }
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return Some(format!("TLS: {}", tls_sentence(tls)));
        }
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            return io_sentence(io.kind()).map(str::to_owned);
        }
        let closed = cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_incomplete_message);
        closed.then(|| "the connection was closed before the answer was complete".to_owned())
    })
}

fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    causes(error)
}

/// An error and its causes, outermost first.
///
/// An [`io::Error`] that wraps another error leaves that one out of its `source`, so it is looked for inside.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |cause| {
        // The closure is handed a reference to the reference; this takes the inner one, which lives long enough.
        let cause: &(dyn Error + 'static) = *cause;
        match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => cause.source(),
        }
    })
}

/// The words of the innermost cause. Errors of reqwest print URLs; those below it do not know them.
fn innermost(error: &reqwest::Error) -> String {
    chain(error).filter(|cause| !cause.is::<reqwest::Error>()).last().map(ToString::to_string).unwrap_or_default()
}

fn io_sentence(kind: io::ErrorKind) -> Option<&'static str> {
    Some(match kind {
        io::ErrorKind::ConnectionRefused => "connection refused",
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => "the connection was reset",
        io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => "the connection was closed",
        io::ErrorKind::HostUnreachable => "the host cannot be reached",
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::NetworkDown => "the network cannot be reached",
        io::ErrorKind::TimedOut => "timed out",
        _ => return None,
    })
}

fn tls_sentence(error: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(why) = error else { return error.to_string() };
    match why {
        CertificateError::UnknownIssuer => {
            "the certificate is signed by a CA that this machine does not trust; install \
             that CA in the system, or name a file with it in SSL_CERT_FILE"
                .to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "the certificate has expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the certificate is not valid yet; is this machine's clock right?".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the certificate is for another host name".to_owned()
        }
        CertificateError::Revoked => "the certificate was revoked".to_owned(),
        other => format!("the certificate is not accepted: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ca_of_the_operator_gets_advice() {
        let advice = tls_sentence(&rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer));
        assert!(advice.contains("SSL_CERT_FILE"), "{advice}");
        let expired = tls_sentence(&rustls::Error::InvalidCertificate(CertificateError::Expired));
        assert_eq!(expired, "the certificate has expired");
    }
}
