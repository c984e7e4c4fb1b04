use std::{fs::File, io, io::Read, path::Path};

/// Reads a growing file line by line.
pub(super) struct Tail {
    file: File,
    partial: Vec<u8>,
}

impl Tail {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { file: File::open(path)?, partial: Vec::new() })
    }

    /// Hands out the lines that are complete by now.
    pub(super) fn lines(&mut self, on_line: &mut (dyn FnMut(&str) + Send)) {
        let from = self.partial.len();
        if let Err(error) = self.file.read_to_end(&mut self.partial) {
            tracing::debug!(%error, "output of Terraform");
        }
        let Some(end) = self.partial[from..].iter().rposition(|byte| *byte == b'\n') else { return };
        let rest = self.partial.split_off(from + end + 1);
        let complete = std::mem::replace(&mut self.partial, rest);
        String::from_utf8_lossy(&complete).lines().for_each(on_line);
    }

    /// Hands out what has no end of line.
    pub(super) fn rest(&mut self, on_line: &mut (dyn FnMut(&str) + Send)) {
        let rest = std::mem::take(&mut self.partial);
        if !rest.is_empty() {
            on_line(&String::from_utf8_lossy(&rest));
        }
    }
}
