//! What it takes to start a server of databases, whichever it is.

use std::{
    fs, io,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::Child,
    sync::mpsc,
    thread,
    time::Duration,
};

/// Copies a directory with all that is in it.
pub(crate) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    fs::set_permissions(to, fs::metadata(from)?.permissions())?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

/// Waits for the line of its log that says so, and goes on reading, so that it never waits for us.
pub(crate) fn ready(process: &mut Child, line: &str, patience: Duration) -> io::Result<()> {
    let wanted = line.to_owned();
    let log = process.stderr.take().ok_or_else(|| io::Error::other("it has no log"))?;
    let (found, answer) = mpsc::channel();
    thread::spawn(move || {
        let mut log = BufReader::new(log);
        let (mut said, mut line) = (String::new(), String::new());
        while log.read_line(&mut line).is_ok_and(|read| read > 0) {
            if line.contains(&wanted) {
                let _ = found.send(Ok(()));
                let _ = io::copy(&mut log.by_ref(), &mut io::sink());
                return;
            }
            said += &line;
            line.clear();
        }
        let _ = found.send(Err(io::Error::other(said)));
    });
    answer.recv_timeout(patience).map_err(io::Error::other)?
}
