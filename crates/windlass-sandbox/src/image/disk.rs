//! A tree as an ext4 file system.
//!
//! mke2fs copies the directory; what it takes from the machine (owners, where root does not build, and times that cannot
//! be set) debugfs writes again. So the bytes depend on the tree alone.

use std::{collections::HashMap, fmt::Write as _, fs, path::Path};

use super::{
    ImageError,
    tools::{Tools, command, last, run},
    tree::{Item, Kind, Tree},
};

const BLOCK: u64 = 4096;
const INODE: u64 = 256;

/// Said outright, so that the defaults of a machine do not matter: no journal, for nothing is ever written to it.
const FEATURES: &str = "none,64bit,dir_index,dir_nlink,ext_attr,extent,extra_isize,filetype,flex_bg,huge_file,large_file,\
                        metadata_csum,sparse_super";

/// Makes the file system image `disk` of the tree in `root`.
pub(super) async fn make(
    tools: &Tools,
    tree: &Tree,
    root: &Path,
    disk: &Path,
    scratch: &Path,
) -> Result<(), ImageError> {
    let (blocks, inodes) = size(&tree.items);
    let time = tree.newest.to_string();
    let id = uuid(&tree.sha256);
    let mut making = command(&tools.mke2fs, scratch);
    making.env("MKE2FS_CONFIG", "/dev/null").env("E2FSPROGS_FAKE_TIME", &time).env("SOURCE_DATE_EPOCH", &time);
    making.args(["-q", "-F", "-t", "ext4", "-L", "sandbox", "-m", "0", "-O", FEATURES]);
    making.args(["-b", &BLOCK.to_string(), "-I", &INODE.to_string(), "-N", &inodes.to_string(), "-U", &id]);
    making.arg("-E").arg(format!("hash_seed={id},root_owner=0:0,lazy_itable_init=1,nodiscard"));
    making.arg("-d").arg(root).arg(disk).arg(blocks.to_string());
    run(making, "making the file system").await?;

    let script = scratch.join("times");
    fs::write(&script, corrections(&tree.items)).map_err(ImageError::io("writing down the times"))?;
    let mut correcting = command(&tools.debugfs, scratch);
    correcting.env("E2FSPROGS_FAKE_TIME", &time).env("SOURCE_DATE_EPOCH", &time);
    correcting.arg("-w").arg("-f").arg(&script).arg(disk);
    // What it could not do it says, and then it goes on.
    let said = run(correcting, "setting owners and times").await?.errors;
    let complaints = String::from_utf8_lossy(&said);
    match complaints.lines().any(|line| !line.starts_with("debugfs ")) {
        true => Err(ImageError::Tool {
            tool: "debugfs".into(),
            doing: "setting owners and times",
            status: "it went on".into(),
            said: last(&said),
        }),
        false => Ok(()),
    }
}

/// How many blocks and inodes the tree takes, with a little room.
fn size(items: &[Item]) -> (u64, u64) {
    let mut names: HashMap<&str, u64> = HashMap::new();
    for item in items {
        let (above, name) = item.path.rsplit_once('/').unwrap_or(("", &item.path));
        *names.entry(above).or_default() += 8 + (name.len() as u64).next_multiple_of(4);
    }
    let blocks = |item: &Item| match &item.kind {
        Kind::File(size) => size.div_ceil(BLOCK),
        // An entry does not go over the end of a block.
        Kind::Directory => names.get(item.path.as_str()).map_or(1, |bytes| bytes.div_ceil(BLOCK - 280)),
        Kind::Symlink(target) => u64::from(target.len() >= 60),
        Kind::Link(_) => 0,
    };
    let data: u64 = items.iter().map(blocks).sum();
    let inodes = items.len() as u64 + 64;
    let whole = data + (inodes * INODE).div_ceil(BLOCK);
    (whole + whole / 20 + 512, inodes)
}

/// What debugfs is told of every file.
fn corrections(items: &[Item]) -> String {
    let mut script = String::new();
    for item in items.iter().filter(|item| !matches!(item.kind, Kind::Link(_))) {
        let path = item.path.replace('"', "\"\"");
        let (user, group) = item.owner;
        for (field, value) in [("uid", user), ("gid", group)] {
            let _ = writeln!(script, "sif \"/{path}\" {field} {value}");
        }
        for field in ["atime", "ctime", "mtime", "crtime"] {
            let _ = writeln!(script, "sif \"/{path}\" {field} @{}", item.time);
        }
    }
    script
}

/// An identity that depends on what is in it.
fn uuid(sha256: &str) -> String {
    let at = |from: usize, to: usize| sha256.get(from..to).unwrap_or("0000");
    // Version 8: whatever its maker pleases.
    format!("{}-{}-8{}-8{}-{}", at(0, 8), at(8, 12), at(13, 16), at(17, 20), at(20, 32))
}
