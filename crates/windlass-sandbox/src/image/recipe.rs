//! What an image is to be made of.

use serde::Serialize;

use super::ImageError;

/// Debian's release that images are made of when nobody says which.
pub const SUITE: &str = "bookworm";

/// What every image has: a shell and its tools (they are essential to Debian), Python, and a look at processes.
const MINIMAL: [&str; 3] = ["procps", "python3", "util-linux"];

/// What the default image has beside it. numpy, pandas and matplotlib bring scipy and sympy, and with them a third of it
/// all. npm is not among them: in Debian it is 350 packages and almost 200 MB. `--package npm` adds it.
const COMMON: [&str; 15] = [
    "ca-certificates",
    "curl",
    "gcc",
    "git",
    "less",
    "libc6-dev",
    "make",
    "nodejs",
    "python3-matplotlib",
    "python3-numpy",
    "python3-pandas",
    "python3-pip",
    "python3-requests",
    "python3-venv",
    "unzip",
];

const GIB: u64 = 1 << 30;

/// What an image is to be made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recipe {
    /// Debian's release, by its code name.
    pub suite: String,
    /// Where packages come from; `None` for where this machine's own come from.
    pub mirror: Option<String>,
    /// Packages beside those that every image has; `name` or `name=version`.
    pub packages: Vec<String>,
    /// Only what a shell and Python need.
    pub minimal: bool,
    /// With a kernel and its modules, for virtual machines.
    pub kernel: bool,
}

impl Default for Recipe {
    fn default() -> Self {
        Self { suite: SUITE.to_owned(), mirror: None, packages: Vec::new(), minimal: false, kernel: true }
    }
}

impl Recipe {
    /// What tests need, made in seconds.
    pub fn minimal() -> Self {
        Self { minimal: true, ..Self::default() }
    }

    /// No value is read as something else by a tool it is handed to.
    pub(super) fn check(&self) -> Result<(), ImageError> {
        let wrong = |what, value: &str, why| Err(ImageError::Value { what, value: value.to_owned(), why });
        let name = |text: &str, more: &str| {
            text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
                && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || more.contains(c))
        };
        if !name(&self.suite, "-") {
            return wrong("suite", &self.suite, "it is no code name of a release, like `bookworm`");
        }
        if let Some(mirror) = &self.mirror
            && (!(mirror.starts_with("https://") || mirror.starts_with("http://"))
                || mirror.contains(|c: char| c.is_whitespace() || c.is_control()))
        {
            return wrong("mirror", mirror, "it is no URL of http or https");
        }
        for package in &self.packages {
            let (called, version) = package.split_once('=').unwrap_or((package, "0"));
            let version =
                !version.is_empty() && version.chars().all(|c| c.is_ascii_alphanumeric() || "+.:~-".contains(c));
            if !(name(called, "+.-") && version) {
                return wrong("package", package, "it is neither a package's name nor NAME=VERSION");
            }
        }
        Ok(())
    }

    /// Everything that is installed beside what is essential.
    pub(super) fn include(&self) -> String {
        let common: &[&str] = if self.minimal { &[] } else { &COMMON };
        let own = self.packages.iter().map(String::as_str);
        MINIMAL.into_iter().chain(common.iter().copied()).chain(own).collect::<Vec<_>>().join(",")
    }

    /// The image's own `sources.list`. Where this machine's packages come from is nobody else's business.
    pub(super) fn sources(&self) -> Option<String> {
        self.mirror.as_ref().map(|mirror| format!("deb {mirror} {} main\n", self.suite))
    }

    /// How much room building takes, in bytes.
    pub(super) fn room(&self) -> u64 {
        if self.minimal { GIB } else { 4 * GIB }
    }
}
