//! The copy of a repository that is kept between refreshes, so that the next one fetches only what is new.

use std::{
    fs::{self, DirBuilder, File, TryLockError},
    io,
    os::unix::fs::DirBuilderExt,
    path::Path,
    time::Duration,
};

use gix::{ObjectId, Repository, create, open::Options};
use url::Url;
use windlass_index::Hash;

use super::{
    fetch::{NoFetch, Order},
    open::{self, Keeper},
    tree::{NoList, Wanted, list},
};
use crate::source::{Opened, SourceError};

/// Each fetch adds a pack. With more, the copy is made anew.
const MAX_PACKS: usize = 40;
/// Larger objects are not unpacked.
const MAX_OBJECT: u64 = 1 << 30;
const PRIVATE: &str = "private-";
/// Nobody reads a copy for so long: who made it was killed.
const ABANDONED: Duration = Duration::from_secs(24 * 3600);

/// The name of the copy of a repository.
pub(super) fn key(url: &Url, branch: Option<&str>, subfolder: &str) -> String {
    let hash = Hash::of(format!("{url}\0{}\0{subfolder}", branch.unwrap_or_default())).to_string();
    hash[..24].to_owned()
}

/// A repository on this machine, and the commit that is wanted of it.
pub(super) fn local(path: &Path, branch: Option<&str>, name: &str) -> Result<(Repository, ObjectId), SourceError> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(SourceError::Gone(name.to_owned())),
        Err(error) => return Err(SourceError::Refused(format!("{name} cannot be read: {error}"))),
        Ok(_) => {}
    }
    let refused = |error: gix::Error| SourceError::Refused(format!("{name} is not a repository: {error}"));
    let repository = gix::open_opts(path, options()).map_err(refused)?;
    let commit = match branch {
        Some(branch) => match repository.try_find_reference(&format!("refs/heads/{branch}")).map_err(refused)? {
            Some(reference) => reference.into_fully_peeled_id().map_err(refused)?.detach(),
            None => return Err(SourceError::Gone(format!("the branch {branch} of {name}"))),
        },
        None => match repository.head().map_err(refused)?.try_into_peeled_id().map_err(refused)? {
            Some(commit) => commit.detach(),
            None => return Err(SourceError::Gone(format!("a first commit of {name}"))),
        },
    };
    Ok((repository, commit))
}

/// Nothing but the repository's own configuration, and nothing of that which would run something.
fn options() -> Options {
    Options::isolated().config_overrides([format!("gitoxide.objects.allocLimit={MAX_OBJECT}")])
}

/// What `order` asks for, from the copy in `directory`, which is brought up to date first.
///
/// Whoever has the copy has it alone until nothing is read from it any more. Others make one for themselves meanwhile.
pub(super) fn refreshed(directory: &Path, order: &Order<'_>, wanted: &Wanted) -> Result<Box<dyn Opened>, SourceError> {
    let failed = |error: io::Error| {
        SourceError::Unreachable(format!("the copy of {} in {}: {error}", order.name, directory.display()))
    };
    DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
    let lock = File::create(directory.join("lock")).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => {
            sweep(directory);
            let place = directory.join("copy");
            let known = place.exists();
            match attempt(&place, order, wanted, || Box::new(lock.try_clone().ok())) {
                // A copy that is damaged, or that somebody was killed over, costs a fetch.
                Err(NoFetch::Copy(why)) if known => {
                    tracing::info!(source = order.name, why, "the copy of the repository is made anew");
                    fs::remove_dir_all(&place).map_err(failed)?;
                    attempt(&place, order, wanted, || Box::new(lock.try_clone().ok()))
                }
                done => done,
            }
        }
        Err(TryLockError::WouldBlock) => {
            let own = tempfile::Builder::new().prefix(PRIVATE).tempdir_in(directory).map_err(failed)?;
            let place = own.path().join("copy");
            attempt(&place, order, wanted, || Box::new(own))
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    .map_err(|error| match error {
        NoFetch::Source(error) => error,
        NoFetch::Copy(why) => SourceError::Unreachable(format!("{}: {why}", order.name)),
    })
}

fn attempt(
    place: &Path,
    order: &Order<'_>,
    wanted: &Wanted,
    keeper: impl FnOnce() -> Keeper,
) -> Result<Box<dyn Opened>, NoFetch> {
    let copy = |error: gix::Error| NoFetch::Copy(error.to_string());
    if packs(place) > MAX_PACKS {
        fs::remove_dir_all(place).map_err(|error| NoFetch::Copy(error.to_string()))?;
    }
    let repository = match place.exists() {
        true => gix::open_opts(place, options()).map_err(copy)?,
        false => {
            let made =
                gix::ThreadSafeRepository::init_opts(place, create::Kind::Bare, create::Options::default(), options());
            made.map_err(copy)?.to_thread_local()
        }
    };
    let commit = order.fetch(&repository)?;
    match list(&repository, commit, wanted, order.stop) {
        Ok(listed) => Ok(open::opened(repository, commit, wanted.place.clone(), listed, Some(keeper()))),
        Err(NoList::Source(error)) => Err(NoFetch::Source(error)),
        Err(NoList::Damaged(why)) => Err(NoFetch::Copy(why)),
    }
}

fn packs(place: &Path) -> usize {
    let entries = fs::read_dir(place.join("objects/pack")).into_iter().flatten().flatten();
    entries.filter(|entry| entry.path().extension().is_some_and(|extension| extension == "pack")).count()
}

/// Takes away what was left by those who were killed.
fn sweep(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(PRIVATE);
        let age = entry.metadata().and_then(|metadata| metadata.modified()).ok().and_then(|at| at.elapsed().ok());
        if ours && age.is_some_and(|age| age > ABANDONED) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
