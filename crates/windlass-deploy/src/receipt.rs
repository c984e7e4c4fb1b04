//! What a phase leaves behind for the next one.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};
use sha2::{Digest, Sha256};

use crate::{DeployError, Kind, Phase, Proof, Version, seal::Seal, shelf::write_whole};

/// The proof that a phase was done, and what came out of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Receipt {
    /// The phase.
    pub phase: Phase,
    /// The release.
    pub version: Version,
    /// A digest of everything the phase took in. Another one: run again.
    pub inputs: String,
    /// What the next phase needs to know.
    pub output: Value,
    /// What was asked for, with figures.
    pub checks: Vec<Proof>,
    /// When it began, RFC 3339.
    pub started: String,
    /// How long it took.
    pub milliseconds: u64,
    /// The program that did it.
    pub program: String,
}

impl Receipt {
    /// What came out, in its type.
    pub fn output<T: DeserializeOwned>(&self) -> Result<T, DeployError> {
        serde_json::from_value(self.output.clone()).map_err(|error| {
            let message = format!("the receipt of {} was written by another version of windlass", self.phase);
            let hint = format!("run `windlass deploy {}` again", self.phase);
            DeployError::new(Kind::Receipt, message).hint(hint).detail(error.to_string())
        })
    }

    /// Names the result, not the run: doing the same again leaves what follows fresh.
    pub fn identity(&self) -> String {
        digest(&(self.phase, &self.version, &self.inputs, &self.output))
    }
}

/// A digest of anything that can be written as JSON.
pub(crate) fn digest(of: &impl Serialize) -> String {
    // Writing a value of our own types as JSON does not fail; if it ever did, nothing would be fresh.
    let text = serde_json::to_vec(of).unwrap_or_default();
    hex::encode(Sha256::digest(text))
}

/// As it lies on disk: the seal is of the receipt's exact text.
#[derive(Serialize, Deserialize)]
struct Sealed {
    receipt: Box<RawValue>,
    seal: String,
}

/// The receipts of one version: `.windlass/receipts/VERSION/PHASE.json`.
pub struct Receipts {
    directory: PathBuf,
    seal: Seal,
}

impl Receipts {
    pub(crate) fn new(state: &Path, version: &Version, seal: Seal) -> Self {
        Self { directory: state.join("receipts").join(version.as_str()), seal }
    }

    /// Where they lie, and what is kept for debugging beside them.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    fn path(&self, phase: Phase) -> PathBuf {
        self.directory.join(format!("{phase}.json"))
    }

    /// The receipt of `phase`, if there is one. One that somebody changed is an error.
    pub fn read(&self, phase: Phase) -> Result<Option<Receipt>, DeployError> {
        let path = self.path(phase);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(DeployError::file("the receipt", &path, &error)),
        };
        let sealed = serde_json::from_str::<Sealed>(&text).ok();
        let sealed = sealed.filter(|sealed| self.seal.holds(sealed.receipt.get(), &sealed.seal));
        let receipt = sealed.and_then(|sealed| serde_json::from_str::<Receipt>(sealed.receipt.get()).ok());
        // A sealed receipt in another's place is as false as a changed one.
        let here = self.directory.file_name().is_some_and(|name| {
            receipt.as_ref().is_some_and(|receipt| receipt.phase == phase && name == receipt.version.as_str())
        });
        receipt.filter(|_| here).map(Some).ok_or_else(|| {
            let message = format!("{} is not as windlass wrote it, or was written by another user", path.display());
            DeployError::new(Kind::Receipt, message)
                .hint(format!("find out who changed it; then remove it and run `windlass deploy {phase}`"))
        })
    }

    /// Writes a receipt, whole or not at all.
    pub fn write(&self, receipt: &Receipt) -> Result<(), DeployError> {
        let path = self.path(receipt.phase);
        let write = || -> io::Result<()> {
            let receipt = RawValue::from_string(serde_json::to_string(receipt)?)?;
            let seal = self.seal.of(receipt.get());
            let mut text = serde_json::to_vec(&Sealed { receipt, seal })?;
            text.push(b'\n');
            write_whole(&path, &text)
        };
        write().map_err(|error| DeployError::file("the receipt", &path, &error))
    }

    /// Keeps what a failed phase found, where people look and no phase does.
    pub fn keep_failed(&self, receipt: &Receipt) -> Result<(), DeployError> {
        let path = self.directory.join(format!("{}.failed.json", receipt.phase));
        let text = serde_json::to_vec_pretty(receipt).map_err(io::Error::from);
        text.and_then(|text| write_whole(&path, &text))
            .map_err(|error| DeployError::file("the findings", &path, &error))
    }

    /// Removes the receipt of `phase` and of those after it: they are of something that is no more.
    pub fn forget(&self, phase: Phase) -> Result<(), DeployError> {
        for phase in Phase::ALL.into_iter().filter(|later| *later >= phase) {
            let path = self.path(phase);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(DeployError::file("the receipt", &path, &error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipts(directory: &Path, version: &str) -> Receipts {
        let seal = Seal::at(&directory.join("key")).unwrap();
        Receipts::new(directory, &version.parse().unwrap(), seal)
    }

    fn receipt(version: &str) -> Receipt {
        Receipt {
            phase: Phase::Build,
            version: version.parse().unwrap(),
            inputs: "i".into(),
            output: serde_json::json!({ "digest": "sha256:aa" }),
            checks: vec![Proof::new("starts", "within 30 s", true).measured("0.8 s")],
            started: "2026-01-01T00:00:00Z".into(),
            milliseconds: 5,
            program: "0".into(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let receipts = receipts(directory.path(), "abc");
        assert!(receipts.read(Phase::Build).unwrap().is_none());
        receipts.write(&receipt("abc")).unwrap();
        let read = receipts.read(Phase::Build).unwrap().unwrap();
        assert_eq!(read.identity(), receipt("abc").identity());
        assert_eq!(read.checks, receipt("abc").checks);
        receipts.forget(Phase::Check).unwrap();
        assert!(receipts.read(Phase::Build).unwrap().is_none());
    }

    #[test]
    fn a_changed_receipt_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let receipts = receipts(directory.path(), "abc");
        receipts.write(&receipt("abc")).unwrap();
        let path = receipts.path(Phase::Build);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("sha256:aa", "sha256:bb")).unwrap();
        let error = receipts.read(Phase::Build).unwrap_err();
        assert_eq!(error.kind, Kind::Receipt);
        assert!(error.hint.unwrap().contains("windlass deploy build"));
    }

    #[test]
    fn a_receipt_of_another_version_or_phase_is_a_stranger() {
        let directory = tempfile::tempdir().unwrap();
        let (one, two) = (receipts(directory.path(), "one"), receipts(directory.path(), "two"));
        one.write(&receipt("one")).unwrap();
        fs::create_dir_all(two.directory()).unwrap();
        fs::copy(one.path(Phase::Build), two.path(Phase::Build)).unwrap();
        assert!(two.read(Phase::Build).is_err());
        fs::copy(one.path(Phase::Build), one.path(Phase::Push)).unwrap();
        assert!(one.read(Phase::Push).is_err());
    }
}
