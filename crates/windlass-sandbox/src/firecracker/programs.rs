//! Firecracker's own programs: that they are the right ones, and the same from then on.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{self, Seek},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use sha2::{Digest, Sha256};
use tokio::{io::AsyncReadExt, process::Command};

use crate::backend::{BackendError, find};

/// What the program is called where we put it, and so where the jailer does.
pub(super) const FIRECRACKER: &str = "firecracker";
/// Before it, a copy of a stored machine could not reach its host any longer, nor be reached.
const OLDEST: Version = Version(1, 16, 1);
/// How long a program may take to say its version.
const SAY: Duration = Duration::from_secs(10);
/// Between two attempts to start it.
const BUSY: Duration = Duration::from_millis(5);
/// As much as is read of what it says.
const SAID: u64 = 4096;
/// Where to get them.
const HINT: &str = "take `firecracker` and `jailer` from one release of github.com/firecracker-microvm/firecracker, 1.16.1 or \
                    newer, and put them on PATH or name them in `sandbox.firecracker` and `sandbox.jailer`";

/// The programs of a release of Firecracker, and what there has to be besides.
#[derive(Debug, Clone)]
pub struct Programs {
    /// The program that runs a machine.
    pub firecracker: PathBuf,
    /// The program that starts it.
    pub jailer: PathBuf,
    /// The only SHA-256 that the first may have, in hexadecimal.
    pub firecracker_sha256: Option<String>,
    /// The only one that the second may have.
    pub jailer_sha256: Option<String>,
    /// The device of KVM.
    pub kvm: PathBuf,
}

impl Programs {
    /// Those that are named, or those on PATH.
    pub fn find(firecracker: Option<PathBuf>, jailer: Option<PathBuf>) -> Result<Self, BackendError> {
        let program = |named: Option<PathBuf>, name: &str| {
            named.or_else(|| find(name)).ok_or_else(|| BackendError::Missing {
                what: format!("there is no program `{name}` on PATH"),
                hint: HINT.into(),
            })
        };
        Ok(Self {
            firecracker: program(firecracker, FIRECRACKER)?,
            jailer: program(jailer, "jailer")?,
            firecracker_sha256: None,
            jailer_sha256: None,
            kvm: "/dev/kvm".into(),
        })
    }

    /// Copies them below `directory`, where nobody else can change them, and looks at the copies.
    pub(super) async fn check(&self, directory: &Path) -> Result<Checked, BackendError> {
        let firecracker = directory.join(FIRECRACKER);
        let jailer = directory.join("jailer");
        let (program, pinned, to) = (self.firecracker.clone(), self.firecracker_sha256.clone(), firecracker.clone());
        let (other, other_pinned, other_to) = (self.jailer.clone(), self.jailer_sha256.clone(), jailer.clone());
        let copying = tokio::task::spawn_blocking(move || {
            copy(&program, pinned.as_deref(), &to, "sandbox.firecracker_sha256")?;
            copy(&other, other_pinned.as_deref(), &other_to, "sandbox.jailer_sha256")
        });
        copying.await.map_err(|error| BackendError::Ended(error.to_string()))??;
        let version = version(&firecracker, &self.firecracker, "Firecracker v").await?;
        let others = self::version(&jailer, &self.jailer, "Jailer v").await?;
        let missing = |what: String| BackendError::Missing { what, hint: HINT.into() };
        if version < OLDEST {
            return Err(missing(format!("{} is Firecracker {version}, and too old", self.firecracker.display())));
        }
        if others != version {
            let path = self.jailer.display();
            return Err(missing(format!("{path} is the jailer of Firecracker {others}, and Firecracker is {version}")));
        }
        let pinned = self.firecracker_sha256.is_some() && self.jailer_sha256.is_some();
        Ok(Checked { firecracker, jailer, version, pinned })
    }
}

/// Programs that were looked at.
#[derive(Debug)]
pub(super) struct Checked {
    pub firecracker: PathBuf,
    pub jailer: PathBuf,
    pub version: Version,
    pinned: bool,
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.version, if self.pinned { "pinned" } else { "NOT PINNED by its SHA-256" })
    }
}

/// A release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(pub u64, pub u64, pub u64);

impl Version {
    /// Reads `1.16.1`, and `1.17.0-dev` as `1.17.0`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split(['-', '+']).next()?.split('.').map(|number| number.parse().ok());
        let version = Self(numbers.next()??, numbers.next()??, numbers.next()??);
        numbers.next().is_none().then_some(version)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// Copies a program that only root may change, and compares its SHA-256.
fn copy(program: &Path, pinned: Option<&str>, to: &Path, setting: &str) -> Result<(), BackendError> {
    let doing = || BackendError::io(format!("copying {}", program.display()));
    let copying = || -> io::Result<String> {
        let mut copy = OpenOptions::new().read(true).write(true).create_new(true).mode(0o500).open(to)?;
        io::copy(&mut File::open(program)?, &mut copy)?;
        copy.rewind()?;
        let mut hash = Sha256::new();
        io::copy(&mut copy, &mut hash)?;
        Ok(hex::encode(hash.finalize()))
    };
    let found = copying().map_err(doing())?;
    match pinned {
        Some(pinned) if !pinned.eq_ignore_ascii_case(&found) => Err(BackendError::Missing {
            what: format!("{} is not the program that `{setting}` names: its SHA-256 is {found}", program.display()),
            hint: format!("put the right program there, or that SHA-256 into `{setting}` if you trust this one"),
        }),
        _ => Ok(()),
    }
}

/// What a program says it is.
async fn version(program: &Path, original: &Path, before: &str) -> Result<Version, BackendError> {
    let doing = || BackendError::io(format!("asking {} for its version", original.display()));
    let mut asking = Command::new(program);
    asking.arg("--version").env_clear().current_dir("/").kill_on_drop(true);
    asking.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut said = Vec::new();
    let answering = async {
        let mut child = loop {
            match asking.spawn() {
                // A child of another thread has not yet let go of the file that was just written.
                Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => tokio::time::sleep(BUSY).await,
                spawned => break spawned?,
            }
        };
        if let Some(output) = child.stdout.take() {
            output.take(SAID).read_to_end(&mut said).await?;
        }
        Ok(())
    };
    let late = |_| Err(io::Error::from(io::ErrorKind::TimedOut));
    tokio::time::timeout(SAY, answering).await.unwrap_or_else(late).map_err(doing())?;
    let said = String::from_utf8_lossy(&said);
    let found = said.lines().find_map(|line| Version::parse(line.strip_prefix(before)?.trim()));
    found.ok_or_else(|| BackendError::Missing {
        what: format!("{} does not say that it is `{}…`", original.display(), before),
        hint: HINT.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        let parse = Version::parse;
        assert_eq!(parse("1.16.1"), Some(Version(1, 16, 1)));
        assert_eq!(parse("1.17.0-dev"), Some(Version(1, 17, 0)));
        for nonsense in ["", "1", "1.16", "1.16.x", "1.16.1.2", "v1.16.1"] {
            assert_eq!(parse(nonsense), None, "{nonsense}");
        }
        assert!(OLDEST > Version(1, 16, 0) && OLDEST > Version(1, 9, 99) && OLDEST < Version(2, 0, 0));
    }
}
