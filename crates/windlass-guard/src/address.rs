use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::GuardSettingError;

/// What an address is, as far as reaching it is a question. Everything but [`AddressClass::Public`] is refused by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressClass {
    /// An ordinary address of the internet.
    Public,
    /// This machine: 127.0.0.0/8, `::1`.
    Loopback,
    /// A network of the owner's: RFC 1918, unique local IPv6.
    Private,
    /// Carrier-grade NAT, 100.64.0.0/10; clouds use it inside.
    Shared,
    /// The cable: 169.254.0.0/16, `fe80::/10`.
    LinkLocal,
    /// Hands out credentials: instance metadata, task and pod roles.
    Metadata,
    /// Multicast or broadcast.
    Multicast,
    /// `0.0.0.0/8`, `::`; many systems take it for loopback.
    Unspecified,
    /// For books and benchmarks, never on the internet.
    Documentation,
    /// A tunnel that would carry the packet to an address of its own choice: 6to4, Teredo, local-use NAT64, ISATAP.
    Tunnel,
    /// Everything else that is not ordinary.
    Reserved,
}

impl AddressClass {
    /// How a refusal names it, to read after "is".
    pub fn describe(self) -> &'static str {
        match self {
            Self::Public => "a public address",
            Self::Loopback => "a loopback address",
            Self::Private => "a private address",
            Self::Shared => "an address of a carrier's or cloud's inside (100.64.0.0/10)",
            Self::LinkLocal => "a link-local address",
            Self::Metadata => "an address that hands out credentials",
            Self::Multicast => "a multicast or broadcast address",
            Self::Unspecified => "an unspecified address",
            Self::Documentation => "an address reserved for documentation or benchmarks",
            Self::Tunnel => "an address of a tunnel",
            Self::Reserved => "a reserved address",
        }
    }

    /// Whether an owner can open it with `allowed_private`. Metadata is not among them: its credentials are the server's
    /// own, and no page is worth those.
    fn can_be_allowed(self) -> bool {
        matches!(self, Self::Loopback | Self::Private | Self::Shared)
    }
}

/// Says what an address is. An address that carries another one inside is as bad as what it carries.
pub fn classify(address: IpAddr) -> AddressClass {
    match unwrapped(address) {
        IpAddr::V4(v4) => classify_v4(v4),
        IpAddr::V6(v6) => classify_v6(v6),
    }
}

/// The IPv4 address that a packet to `address` would really go to: through the mapped form, or a NAT64 gateway on the
/// well-known prefix. Networks without IPv4 need the latter, so it is judged by its content and not refused as a tunnel.
fn unwrapped(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    if let Some(v4) = v6.to_ipv4_mapped() {
        return IpAddr::V4(v4);
    }
    match v6.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => IpAddr::V4(v4_from(high, low)),
        _ => address,
    }
}

fn v4_from(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))
}

fn classify_v4(address: Ipv4Addr) -> AddressClass {
    use AddressClass::*;
    match address.octets() {
        // EC2 and most other clouds; ECS task roles; EKS pod identity.
        [169, 254, 169, 254] | [169, 254, 170, 2] | [169, 254, 170, 23] => Metadata,
        // Alibaba Cloud, Oracle Cloud, Azure's wire server: metadata on addresses that look ordinary.
        [100, 100, 100, 200] | [192, 0, 0, 192] | [168, 63, 129, 16] => Metadata,
        [0, ..] => Unspecified,
        [127, ..] => Loopback,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Private,
        [100, 64..=127, ..] => Shared,
        [169, 254, ..] => LinkLocal,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] | [198, 18..=19, ..] => Documentation,
        [192, 88, 99, _] => Tunnel,
        [192, 0, 0, _] => Reserved,
        [224..=239, ..] | [255, 255, 255, 255] => Multicast,
        [240..=255, ..] => Reserved,
        _ => Public,
    }
}

fn classify_v6(address: Ipv6Addr) -> AddressClass {
    use AddressClass::*;
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => Loopback,
        // AWS keeps its local services there (metadata ::254, pod identity ::23); Google's metadata server.
        [0xfd00, 0xec2, ..] | [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254] => Metadata,
        // IPv4-compatible: dead for decades, still parsed by some stacks.
        [0, 0, 0, 0, 0, 0, high, low] => no_better_than_reserved(classify_v4(v4_from(high, low))),
        [0x64, 0xff9b, ..] | [0x2002, ..] | [0x2001, 0, ..] => Tunnel,
        // ISATAP, under any prefix.
        [_, _, _, _, 0 | 0x200, 0x5efe, _, _] => Tunnel,
        [0xfe80..=0xfebf, ..] => LinkLocal,
        [0xfc00..=0xfdff, ..] => Private,
        [0xff00..=0xffff, ..] => Multicast,
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] | [0x2001, 2, 0, ..] => Documentation,
        [0x2001, 1..=0x1ff, ..] => Reserved,
        [0x2000..=0x3fff, ..] => Public,
        _ => Reserved,
    }
}

fn no_better_than_reserved(class: AddressClass) -> AddressClass {
    if class == AddressClass::Public || class.can_be_allowed() { AddressClass::Reserved } else { class }
}

/// Decides which addresses may be connected to.
#[derive(Debug, Clone, Default)]
pub struct AddressGuard {
    allowed: Vec<IpNet>,
}

/// An address that may not be connected to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{address} is {}", .class.describe())]
pub struct AddressRefused {
    /// The address as it was given.
    pub address: IpAddr,
    /// What it is.
    pub class: AddressClass,
}

impl AddressGuard {
    /// A guard that also lets through the private, shared and loopback addresses within `ranges` (CIDR or one address) of
    /// `setting`.
    /// A range that lies in link-local space is an error: it could never have an effect.
    pub fn new<S: AsRef<str>>(setting: &'static str, ranges: &[S]) -> Result<Self, GuardSettingError> {
        let allowed = ranges.iter().map(|range| parse_range(setting, range.as_ref())).collect::<Result<_, _>>()?;
        Ok(Self { allowed })
    }

    /// Whether `address` may be connected to.
    pub fn check(&self, address: IpAddr) -> Result<(), AddressRefused> {
        let class = classify(address);
        let real = unwrapped(address);
        let allowed = class == AddressClass::Public
            || (class.can_be_allowed() && self.allowed.iter().any(|range| range.contains(&real)));
        if allowed { Ok(()) } else { Err(AddressRefused { address, class }) }
    }
}

fn parse_range(setting: &'static str, text: &str) -> Result<IpNet, GuardSettingError> {
    let error = |why: &str| GuardSettingError { setting, value: text.into(), why: why.into() };
    let range: IpNet = text
        .parse()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| error("it is not an address range such as 10.1.0.0/16"))?;
    match classify(range.network()) {
        AddressClass::LinkLocal | AddressClass::Metadata => {
            Err(error("link-local and credential addresses are refused whatever is set"))
        }
        _ => Ok(range),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(addresses: &[&str], expected: AddressClass) {
        for address in addresses {
            assert_eq!(classify(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn every_class_has_its_addresses() {
        use AddressClass::*;
        check(&["1.1.1.1", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "198.20.0.1"], Public);
        check(&["2606:4700::1111", "2a00::1", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"], Public);
        check(&["127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "64:ff9b::127.0.0.1"], Loopback);
        check(&["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fdff::1"], Private);
        check(&["::ffff:10.0.0.1", "64:ff9b::a00:1"], Private);
        check(&["100.64.0.1", "100.127.255.255"], Shared);
        check(&["169.254.0.1", "169.254.169.253", "fe80::1", "febf::1", "::ffff:169.254.1.1"], LinkLocal);
        check(&["169.254.169.254", "169.254.170.2", "169.254.170.23", "fd00:ec2::254", "fd00:ec2::23"], Metadata);
        check(&["::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "::169.254.169.254", "fd20:ce::254"], Metadata);
        check(&["100.100.100.200", "192.0.0.192", "168.63.129.16"], Metadata);
        check(&["224.0.0.1", "239.255.255.255", "255.255.255.255", "ff02::1"], Multicast);
        check(&["0.0.0.0", "0.1.2.3", "::", "::ffff:0.0.0.0"], Unspecified);
        check(&["192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "198.19.255.255"], Documentation);
        check(&["2001:db8::1", "3fff::1", "2001:2::1"], Documentation);
        check(&["2002:7f00:1::1", "2002:a9fe:a9fe::", "2001:0:1::1", "64:ff9b:1::1", "192.88.99.1"], Tunnel);
        check(&["2606:4700::5efe:a00:1", "2606:4700::200:5efe:a00:1"], Tunnel);
        check(&["240.0.0.1", "192.0.0.1", "::127.0.0.1", "::8.8.8.8", "100::1", "fec0::1", "4000::1"], Reserved);
    }

    #[test]
    fn an_owner_opens_private_ranges_and_nothing_worse() {
        let guard = AddressGuard::new("", &["127.0.0.0/8", "10.1.0.0/16", "fd12::/16", "0.0.0.0/0", "::/0"]).unwrap();
        for open in ["127.0.0.1", "10.1.2.3", "::ffff:10.1.2.3", "fd12::1", "::1", "8.8.8.8", "100.64.0.1"] {
            assert_eq!(guard.check(open.parse().unwrap()), Ok(()), "{open}");
        }
        for shut in [
            "169.254.169.254",
            "169.254.1.1",
            "fe80::1",
            "fd00:ec2::254",
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "2002:a00:1::1",
        ] {
            assert!(guard.check(shut.parse().unwrap()).is_err(), "{shut}");
        }
        let narrow = AddressGuard::new("", &["10.1.0.0/16"]).unwrap();
        for shut in ["10.2.0.1", "127.0.0.1", "::ffff:10.2.0.1", "fd12::1"] {
            assert!(narrow.check(shut.parse().unwrap()).is_err(), "{shut}");
        }
    }

    #[test]
    fn ranges_that_mean_nothing_are_refused() {
        for range in ["", "10.0.0.0/33", "intranet", "169.254.0.0/16", "169.254.170.2", "fe80::/10", "fd00:ec2::/32"] {
            assert!(AddressGuard::new("", &[range]).is_err(), "{range}");
        }
    }
}
