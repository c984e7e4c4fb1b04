//! Where a server with pgvector is.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Where Debian's packages put what belongs to an extension: below a directory for each version.
const EXTENSIONS: &str = "/usr/share/postgresql";

/// The programs of a server that has it: Debian's, else the one that `tests/postgres/setup.sh` installs.
pub(super) fn programs() -> Option<PathBuf> {
    let packaged = super::debian().into_iter().find(|(version, place)| {
        let control = format!("{EXTENSIONS}/{version}/extension/vector.control");
        Path::new(&control).is_file() && super::has_all(place)
    });
    if let Some((_, place)) = packaged {
        return Some(place);
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/postgres/setup.sh");
    let why = match Command::new(script).output() {
        Ok(output) if output.status.success() => {
            return Some(String::from_utf8_lossy(&output.stdout).trim_end().into());
        }
        Ok(output) => format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim_end()),
        Err(error) => error.to_string(),
    };
    crate::skip("PostgreSQL with pgvector", &why);
    None
}

#[cfg(test)]
mod tests {
    use super::super::Server;

    #[test]
    fn a_server_with_vectors_measures_them() {
        let Some(server) = Server::start_with_vectors() else { return };
        let said = server.sql("postgres", "create extension vector; select '[1,0]'::vector <=> '[0,1]'");
        assert_eq!(said, "1");
    }
}
