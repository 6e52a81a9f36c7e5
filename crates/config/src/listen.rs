//! Who listens where, and who is in whose way.

use std::net::IpAddr;
use std::sync::Arc;

use tieline_core::driver::InstanceConfig;
use tieline_core::problem::Problem;
use tieline_core::webhook::ListenAt;

use crate::document::Documents;
use crate::findings::{At, Findings};

/// Host and port of the control listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostPort {
    /// Host name or address, without the brackets of IPv6.
    pub(crate) host: String,
    /// The port; 0 lets the system choose.
    pub(crate) port: u16,
}

impl HostPort {
    /// Understands `host:port`, an IPv6 address in brackets.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let host = match host.strip_prefix('[') {
            Some(rest) => rest.strip_suffix(']').filter(|host| host.parse::<std::net::Ipv6Addr>().is_ok())?,
            None => Some(host).filter(|host| !host.is_empty() && !host.contains([':', '/', ' ', '@']))?,
        };
        let port = Some(port).filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()?;
        Some(Self { host: host.to_owned(), port })
    }

    /// Whether only this machine can reach it.
    pub(crate) fn is_loopback(&self) -> bool {
        address(&self.host).is_some_and(|address| address.is_loopback())
    }
}

fn address(host: &str) -> Option<IpAddr> {
    if host.eq_ignore_ascii_case("localhost") { Some(IpAddr::from([127, 0, 0, 1])) } else { host.parse().ok() }
}

/// Whether two listeners that are not the same cannot both be opened. Port 0 is never in anybody's way.
fn collide(one: (&str, u16), other: (&str, u16)) -> bool {
    if one.1 != other.1 || one.1 == 0 {
        return false;
    }
    match (address(one.0), address(other.0)) {
        (Some(one), Some(other)) => one == other || one.is_unspecified() || other.is_unspecified(),
        (one, other) => [one, other].into_iter().flatten().any(|address| address.is_unspecified()),
    }
}

/// An instance and the place of its settings.
pub(crate) struct Listening<'a> {
    pub(crate) platform: &'a str,
    pub(crate) instance: &'a Arc<dyn InstanceConfig>,
    pub(crate) at: ListenAt,
}

/// Finds instances that are in each other's way, or in that of the control listener.
pub(crate) fn check(control: &HostPort, listening: &[Listening<'_>], documents: &Documents, findings: &mut Findings) {
    for (index, this) in listening.iter().enumerate() {
        let (platform, id) = (At::Root, this.instance.id());
        let platform = platform.key(this.platform);
        let settings = platform.key(id.as_str());
        let ListenAt { host, port, path } = &this.at;
        let place = settings.key("listen_port");
        if (host == &control.host && *port == control.port && *port != 0)
            || collide((host, *port), (&control.host, control.port))
        {
            let problem = Problem::error(format!("{host}:{port} is the control listener's, by `global.http.listen`"))
                .help("give one of the two another port");
            findings.add(&place, problem);
        }
        let earlier = listening[..index].iter().find_map(|other| {
            let same_listener = other.at.host == *host && other.at.port == *port && *port != 0;
            if same_listener {
                let taken = other.at.path == *path;
                let other_id = other.instance.id();
                match (this.instance.told_apart_by(), other.instance.told_apart_by()) {
                    (Some(own), Some(others)) => (taken && own == others).then(|| {
                        let message = format!(
                            "nothing tells requests for `{id}` from those for `{other_id}`, which listens at \
                                {host}:{port}{path} too"
                        );
                        (other, message, "give one of the two another `listen_path`, `session_id` or `webhook_token`")
                    }),
                    _ => taken.then(|| {
                        let message = format!("{host}:{port}{path} is already where `{other_id}` listens");
                        (other, message, "give this instance a `listen_path` of its own")
                    }),
                }
            } else {
                collide((host, *port), (&other.at.host, other.at.port)).then(|| {
                    let (id, taken) = (other.instance.id(), &other.at.host);
                    let message =
                        format!("port {port} is already taken by `{id}`, which listens on {taken}, not on {host}");
                    (other, message, "write the same `listen_host` for both, or give one another port")
                })
            }
        });
        if let Some((other, message, help)) = earlier {
            let platform = At::Root;
            let platform = platform.key(other.platform);
            let there = documents.place(&platform.key(other.instance.id().as_str()).steps());
            let help = there
                .map_or_else(|| help.to_owned(), |there| format!("{help}; `{}` is at {there}", other.instance.id()));
            findings.add(&place, Problem::error(message).help(help));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_port_are_understood() {
        let read = |text| HostPort::parse(text).map(|at| (at.host, at.port));
        assert_eq!(read("127.0.0.1:8090"), Some(("127.0.0.1".into(), 8090)));
        assert_eq!(read("[::1]:0"), Some(("::1".into(), 0)));
        assert_eq!(read("chat.example.com:80"), Some(("chat.example.com".into(), 80)));
        for wrong in ["", "8090", ":8090", "h:", "h:99999", "h:+1", "::1:80", "http://h:80", "[h]:80", "h:80/x"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert!(HostPort::parse("localhost:1").unwrap().is_loopback());
        assert!(HostPort::parse("127.8.0.1:1").unwrap().is_loopback());
        assert!(!HostPort::parse("0.0.0.0:1").unwrap().is_loopback());
    }

    #[test]
    fn a_listener_on_every_address_is_in_the_way_of_one_on_a_single_address() {
        assert!(collide(("0.0.0.0", 80), ("127.0.0.1", 80)));
        assert!(collide(("localhost", 80), ("127.0.0.1", 80)));
        assert!(!collide(("127.0.0.1", 80), ("127.0.0.2", 80)));
        assert!(!collide(("0.0.0.0", 0), ("0.0.0.0", 0)));
        assert!(!collide(("0.0.0.0", 80), ("0.0.0.0", 81)));
    }
}
