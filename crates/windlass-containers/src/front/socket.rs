//! The socket a front is told things over.

use std::{
    io::{Error, ErrorKind},
    os::unix::{fs::PermissionsExt, net::UnixStream},
    path::Path,
};

use tokio::net::UnixListener;

/// Listens at `path`, with mode 0600 from the first moment on. What an earlier front left there is replaced; a front that
/// still listens is not.
///
/// The mode is the whole access control: whoever may open the socket decides where every request goes. Put it into a
/// directory of mode 0700 ([`crate::engine::Engine::control_directory`] makes one).
pub fn bind_control(path: &Path) -> std::io::Result<UnixListener> {
    if UnixStream::connect(path).is_ok() {
        return Err(Error::new(ErrorKind::AddrInUse, format!("another front listens on {}", path.display())));
    }
    let directory = path.parent().unwrap_or(Path::new("."));
    // Under another name until its mode is right, then moved: nobody meets it in between.
    let made = tempfile::Builder::new().prefix(".front-").make_in(directory, |temporary| {
        let listener = UnixListener::bind(temporary)?;
        std::fs::set_permissions(temporary, std::fs::Permissions::from_mode(0o600))?;
        Ok(listener)
    })?;
    let (listener, temporary) = made.into_parts();
    temporary.persist(path).map_err(|error| error.error)?;
    Ok(listener)
}
