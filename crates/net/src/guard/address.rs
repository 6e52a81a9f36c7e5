//! Which addresses are public.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address belongs to the public Internet, so that a stranger may make us fetch from it.
///
/// Not public is what the IANA registries of special-purpose addresses (RFC 6890 and its successors) list as not
/// globally reachable, all multicast, and the address of Azure's host service, which only looks public. IPv6 addresses
/// that carry an IPv4 one (mapped, NAT64) are as public as that one; tunnels (6to4, Teredo) never are.
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let octets = ip.octets();
    // This network, private use, loopback, link-local (with the clouds' metadata).
    let local = matches!(
        octets,
        [0 | 10 | 127, ..] | [169, 254, ..] | [172, 16..=31, ..] | [192, 168, ..]
            // Shared between a provider and its customers.
            | [100, 64..=127, ..]
            // What every machine in Azure can ask about itself.
            | [168, 63, 129, 16]
    );
    // Protocol assignments, documentation, the old relays of 6to4, benchmarks; multicast, reserved, broadcast.
    let special = matches!(
        octets,
        [192, 0, 0 | 2, _]
            | [192, 88, 99, _]
            | [198, 18 | 19, ..]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
            | [224..=255, ..]
    );
    !(local || special)
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    match ip.segments() {
        // ::ffff:0:0/96 mapped, 64:ff9b::/96 NAT64.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
            is_public_v4(Ipv4Addr::new(a, b, c, d))
        }
        // Protocol assignments with Teredo, documentation, 6to4, documentation again.
        [0x2001, 0..=0x01ff | 0x0db8, ..] | [0x2002, ..] | [0x3fff, 0..=0x0fff, ..] => false,
        // Only this part of the address space is given out as global unicast.
        [first, ..] => (0x2000..=0x3fff).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn public(ip: &str) -> bool {
        is_public(ip.parse().unwrap())
    }

    #[test]
    fn public_addresses() {
        for ip in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450:4001::1",
            "2001:200::1",
            "2001:4860:4860::8888",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
        ] {
            assert!(public(ip), "{ip}");
        }
    }

    #[test]
    fn addresses_that_are_not() {
        for ip in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.0",
            "100.127.255.255",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.255",
            "168.63.129.16",
            "169.254.0.1",
            "169.254.169.254",
            "172.16.0.0",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!public(ip), "{ip}");
        }
    }

    proptest! {
        /// What the standard library knows to be special is special to us too.
        #[test]
        fn no_less_strict_than_the_standard_library(bits in any::<u32>()) {
            let ip = Ipv4Addr::from(bits);
            let special = ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_multicast()
                || ip.is_broadcast() || ip.is_documentation() || ip.is_unspecified();
            prop_assert!(!(special && is_public(ip.into())));
        }

        #[test]
        fn an_address_is_as_public_mapped_as_plain(bits in any::<u32>()) {
            let ip = Ipv4Addr::from(bits);
            prop_assert_eq!(is_public(ip.to_ipv6_mapped().into()), is_public(ip.into()));
        }

        #[test]
        fn local_ipv6_is_never_public(bits in any::<u128>()) {
            let ip = Ipv6Addr::from(bits);
            let special = ip.is_loopback() || ip.is_multicast() || ip.is_unique_local() || ip.is_unicast_link_local();
            prop_assert!(!(special && is_public(ip.into())));
        }
    }
}
