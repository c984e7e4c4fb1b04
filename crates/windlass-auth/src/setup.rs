use std::fmt;

/// One thing wrong with the `auth` settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetupError {
    /// Where: `auth.keys[0].hash`, or a file.
    pub place: String,
    /// What is wrong. Never holds a credential.
    pub message: String,
    /// What to write instead.
    pub hint: &'static str,
}

impl SetupError {
    pub(crate) fn new(place: impl Into<String>, message: impl Into<String>, hint: &'static str) -> Self {
        Self { place: place.into(), message: message.into(), hint }
    }
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n  hint: {}", self.place, self.message, self.hint)
    }
}

/// Everything wrong with the `auth` settings, not only the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetupErrors(pub Vec<SetupError>);

impl fmt::Display for SetupErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, error) in self.0.iter().enumerate() {
            if n > 0 {
                writeln!(f)?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for SetupErrors {}
