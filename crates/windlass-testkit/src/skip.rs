use std::{fs::OpenOptions, io::Write, path::PathBuf};

/// Says loudly that this machine cannot show something, and notes it in `skips.log` of the target directory, which
/// `make test` lists at its end: a skip must never look like a pass.
pub fn skip(what: &str, why: &str) {
    eprintln!("SKIPPED: {what}: {why}");
    let noted = log().and_then(|path| OpenOptions::new().create(true).append(true).open(path));
    if let Err(error) = noted.and_then(|mut log| writeln!(log, "{what}: {why}")) {
        eprintln!("and it could not be noted: {error}");
    }
}

/// Beside the profile's directory: test binaries are `TARGET/PROFILE/deps/NAME`.
fn log() -> std::io::Result<PathBuf> {
    let binary = std::env::current_exe()?;
    let target = binary.ancestors().nth(3).ok_or_else(|| std::io::Error::other("not run from a target directory"))?;
    Ok(target.join("skips.log"))
}
