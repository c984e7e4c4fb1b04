//! `windlass sandbox ...`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum SandboxCommand {
    /// The root file system of sandboxes, and a kernel for virtual machines
    #[command(subcommand)]
    Image(SandboxImageCommand),
}

#[derive(Debug, Subcommand)]
pub enum SandboxImageCommand {
    /// Make one of Debian's packages, without a container engine
    Build(SandboxImageArgs),
    /// Fetch a root file system from S3 or the web, and go on where a former try stopped
    Pull(SandboxPullArgs),
    /// What an image is made of
    Show {
        /// The image [default: the one in this user's cache]
        directory: Option<PathBuf>,
        /// Read every file and compare it with its sum
        #[arg(long)]
        verify: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub struct SandboxPullArgs {
    /// s3://BUCKET/KEY or https://...
    pub url: String,
    /// Where to; another file there is replaced when the new one is whole [default: in this user's cache]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// What `sha256sum` has to print for it [default: what S3 verified when it was uploaded, if it did]
    #[arg(long, value_name = "HEX")]
    pub sha256: Option<String>,
}

#[derive(Debug, Args)]
pub struct SandboxImageArgs {
    /// Where to; an image that is there is replaced when the new one is whole [default: in this user's cache]
    #[arg(long, value_name = "DIRECTORY")]
    pub out: Option<PathBuf>,
    /// Debian's release
    #[arg(long, default_value = windlass_sandbox::image::SUITE)]
    pub suite: String,
    /// Where packages come from [default: from where this machine's own do]
    #[arg(long, value_name = "URL")]
    pub mirror: Option<String>,
    /// A package beside the usual ones, NAME or NAME=VERSION; may be repeated
    #[arg(long = "package", value_name = "NAME")]
    pub packages: Vec<String>,
    /// Only a shell, its tools and Python
    #[arg(long)]
    pub minimal: bool,
    /// No kernel: for sandboxes that are no virtual machines
    #[arg(long)]
    pub no_kernel: bool,
    /// The guest of virtual machines, a program without libraries, to lie beside the kernel [default: none; windlass
    /// itself is the guest where it needs no library]
    #[arg(long, value_name = "FILE")]
    pub guest: Option<PathBuf>,
}
