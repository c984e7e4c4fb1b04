//! windlass.yaml and the environment, resolved to checked settings before a port opens.
//!
//! Layers, each over the one before: defaults, the seeds' variables, windlass.yaml, `WINDLASS_*`, the command line. All
//! are put into one tree whose every node knows where it came from ([`Origin`]); the tree is then read into [`Settings`]
//! and checked, so an error can name its line whichever layer it came from.

#![forbid(unsafe_code)]

mod check;
mod de;
mod env;
mod error;
mod exposure;
mod keys;
mod layers;
mod load;
mod mask;
mod node;
mod object;
mod reference;
mod secret;
mod seeds;
mod show;
mod suggest;
mod tool_files;
mod watch;
mod yaml;

pub mod import;
pub mod names;
pub mod settings;

pub use env::{Env, ProcessEnv, Variables};
pub use error::{ConfigError, ConfigErrors, Notice};
pub use exposure::{exposure, is_loopback};
pub use keys::schema;
pub use load::{Loaded, Override, Reloader, Sources, load};
pub use node::Origin;
pub use object::{ObjectError, ObjectUrl, Sha256Sum};
pub use reference::{reference, template};
pub use secret::{SecretError, SecretRef};
pub use seeds::SeedCommands;
pub use settings::Settings;
pub use show::{Format, show};
pub use watch::{Change, WatchError, Watcher, watch};
