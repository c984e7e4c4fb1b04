use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// Makes an authority, and a certificate for these names: `server.pem` and `server.key` in `at`. The path of the
/// authority, as PEM.
pub(crate) fn certify(at: &Path, names: &[&str]) -> io::Result<PathBuf> {
    let mut authority = CertificateParams::new(Vec::new()).map_err(io::Error::other)?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let authority = CertifiedIssuer::self_signed(authority, key).map_err(io::Error::other)?;
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let server = CertificateParams::new(names).map_err(io::Error::other)?;
    let server = server.signed_by(&key, &authority).map_err(io::Error::other)?;
    fs::write(at.join("server.pem"), server.pem())?;
    fs::write(at.join("server.key"), key.serialize_pem())?;
    // Programs refuse a key that others can read.
    fs::set_permissions(at.join("server.key"), PermissionsExt::from_mode(0o600))?;
    let path = at.join("ca.pem");
    fs::write(&path, authority.pem())?;
    Ok(path)
}
