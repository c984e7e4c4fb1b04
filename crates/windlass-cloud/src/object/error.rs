//! Why a file cannot be had.

use std::{io, path::PathBuf};

use windlass_config::Sha256Sum;

/// A file that cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("{url}: {problem}")]
pub struct PullError {
    /// From where, without what is secret in it.
    pub url: String,
    /// What is wrong.
    pub problem: PullProblem,
}

/// What is wrong with a file, or with fetching it.
#[derive(Debug, thiserror::Error)]
pub enum PullProblem {
    /// There is no such object.
    #[error("there is no such file")]
    Missing,
    /// There is no such bucket.
    #[error("there is no such bucket")]
    NoBucket,
    /// It may not be read.
    #[error("it may not be read ({0})")]
    Denied(String),
    /// There are no credentials, or they are not accepted.
    #[error("there are no usable AWS credentials ({0})")]
    Credentials(String),
    /// It lies in an archive.
    #[error("it is archived, and has to be restored first")]
    Archived,
    /// The connection broke, again and again.
    #[error("{}", broken(.why, *.done, *.total))]
    Broken {
        /// What the last try said.
        why: String,
        /// Bytes that are there.
        done: u64,
        /// Bytes of the whole; 0 where nobody answered.
        total: u64,
    },
    /// It was another one each time.
    #[error("it changes while it is fetched, again and again")]
    Restless,
    /// Nobody says how long it is.
    #[error("the server does not say how long it is")]
    NoLength,
    /// Nobody says what it must be.
    #[error("nothing says what it has to be: S3 has no SHA-256 sum of the whole of it")]
    NoSum,
    /// It is not the file that was wanted.
    #[error("it is not the file it should be: its SHA-256 sum is {found}, not {wanted}")]
    WrongSum {
        /// What it should be.
        wanted: Sha256Sum,
        /// What it is.
        found: Sha256Sum,
    },
    /// There is not enough room.
    #[error("{} MiB are needed in {}, and {} MiB are free", .needed.div_ceil(1 << 20), .place.display(), .free >> 20)]
    Room {
        /// Bytes that are missing of it.
        needed: u64,
        /// Bytes that are free.
        free: u64,
        /// Where.
        place: PathBuf,
    },
    /// It could not be written.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
    /// Something else was answered.
    #[error("it could not be fetched ({0})")]
    Failed(String),
}

fn broken(why: &str, done: u64, total: u64) -> String {
    match total {
        0 => format!("nobody could be reached there ({why})"),
        _ => format!("the connection broke, with {} of {} MiB there ({why})", done >> 20, total >> 20),
    }
}

impl PullProblem {
    pub(super) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing: doing.into(), source }
    }
}

impl PullError {
    /// Whether it may work later, although nothing was changed here.
    pub fn may_pass(&self) -> bool {
        match self.problem {
            PullProblem::WrongSum { .. } | PullProblem::NoSum | PullProblem::NoLength => false,
            PullProblem::Missing
            | PullProblem::NoBucket
            | PullProblem::Denied(_)
            | PullProblem::Credentials(_)
            | PullProblem::Archived
            | PullProblem::Broken { .. }
            | PullProblem::Restless
            | PullProblem::Room { .. }
            | PullProblem::Io { .. }
            | PullProblem::Failed(_) => true,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match &self.problem {
            PullProblem::Missing => "compare the address with where the file was put; capitals count",
            PullProblem::NoBucket => "compare the bucket's name with `aws s3 ls`",
            PullProblem::Denied(_) if !self.url.starts_with("s3:") => {
                "a signed address lasts only so long: make a new one (`aws s3 presign`)"
            }
            PullProblem::Denied(_) => {
                "these credentials need s3:GetObject on it, and kms:Decrypt where it is encrypted with a key of its own; \
                 who may not list the bucket is told the same of an object that is not there"
            }
            PullProblem::Credentials(_) => {
                "give the task or instance a role, or set AWS_PROFILE; credentials that have expired have to be renewed. \
                 What is public, or signed (`aws s3 presign`), is had by its https:// address without any"
            }
            PullProblem::Archived => "`aws s3api restore-object` brings it back; or put it into another storage class",
            PullProblem::Broken { total: 0, .. } => {
                "is there a way there from here (a proxy, NAT, an endpoint for S3)? AWS_ENDPOINT_URL_S3, if set, must be \
                 right"
            }
            PullProblem::Broken { .. } => "try again: it goes on where it stopped",
            PullProblem::Restless => "give each version of the file a name of its own",
            PullProblem::NoLength => "take it from a server that sends Content-Length, or from S3",
            PullProblem::NoSum => {
                "say it yourself (--sha256): `sha256sum FILE` where the file was made; or upload it with `aws s3api \
                 put-object --checksum-algorithm SHA256`, which S3 verifies. Of what was uploaded in parts, and of web \
                 servers, only you can say it"
            }
            PullProblem::WrongSum { .. } => {
                "nothing was kept of it. Was another file put there, or is the sum that of another version?"
            }
            PullProblem::Room { .. } => "make room, or put it on another disk; what is there already is not lost",
            PullProblem::Io { .. } => "this user must be able to write where it is to be",
            PullProblem::Failed(_) => "try again; if it stays, ask whoever runs the server with the text above",
        }
    }
}
