//! What a program needs of a system, for an image that is made from nothing.

use std::{collections::BTreeMap, sync::LazyLock};

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::spec::{HOME, USER};

/// Where programs look for authorities first.
const AUTHORITIES: &str = "etc/ssl/certs/ca-certificates.crt";

/// Mozilla's authorities as PEM. Sorted by their bytes, so that the order in which a release of the crate has them does
/// not make another image.
static BUNDLE: LazyLock<String> = LazyLock::new(|| {
    let mut certificates: Vec<&[u8]> =
        webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(|certificate| certificate.as_ref()).collect();
    certificates.sort_unstable();
    certificates.dedup();
    certificates.into_iter().map(pem).collect()
});

fn pem(certificate: &[u8]) -> String {
    let text = STANDARD.encode(certificate);
    let lines: Vec<&str> = (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

/// The authorities as PEM.
pub(crate) fn bundle() -> &'static str {
    &BUNDLE
}

/// Directories, and the permission bits each has.
pub(crate) fn directories() -> BTreeMap<&'static str, u32> {
    BTreeMap::from([("etc", 0o755), ("etc/ssl", 0o755), ("etc/ssl/certs", 0o755), (HOME, 0o755), ("tmp", 0o1777)])
}

/// Files, and their bytes.
pub(crate) fn files() -> BTreeMap<&'static str, String> {
    let user = format!("windlass:x:{USER}:{USER}:Windlass:/{HOME}:/sbin/nologin\n");
    BTreeMap::from([
        ("etc/group", format!("root:x:0:\nwindlass:x:{USER}:\n")),
        // Without it a static glibc may load whatever the host names there.
        ("etc/nsswitch.conf", "hosts: files dns\n".to_owned()),
        ("etc/passwd", format!("root:x:0:0:root:/:/sbin/nologin\n{user}")),
        (AUTHORITIES, bundle().to_owned()),
    ])
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::{CertificateDer, pem::PemObject};

    use super::*;

    #[test]
    fn the_bundle_reads_back_as_what_was_put_in() {
        let read: Vec<_> = CertificateDer::pem_slice_iter(bundle().as_bytes()).map(Result::unwrap).collect();
        let mut expected = webpki_root_certs::TLS_SERVER_ROOT_CERTS.to_vec();
        expected.sort_by(|one, other| one.as_ref().cmp(other.as_ref()));
        assert!(expected.len() > 100);
        assert_eq!(read, expected);
        assert!(bundle().lines().all(|line| line.len() <= 64));
    }
}
