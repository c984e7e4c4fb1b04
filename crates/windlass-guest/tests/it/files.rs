//! Files and directories.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use windlass_guest::{
    client::{ClientError, Command},
    protocol::{EntryKind, ErrorKind, ReadRequest, WriteMode, WriteRequest},
};

use crate::guest::{Guest, LONG, PLENTY, sh};

fn reading(path: &Path) -> ReadRequest {
    ReadRequest { path: path.into(), offset: 0, length: None }
}

fn writing(path: &Path) -> WriteRequest {
    WriteRequest { path: path.into(), mode: WriteMode::Replace, permissions: None, owner: None, parents: false }
}

async fn put(guest: &Guest, request: WriteRequest, data: &[u8]) -> Result<u64, ClientError> {
    let mut writer = guest.client().write_file(request, LONG).await?;
    writer.write(Bytes::copy_from_slice(data)).await?;
    writer.finish().await
}

fn kind<T: std::fmt::Debug>(result: Result<T, ClientError>) -> ErrorKind {
    match result {
        Err(ClientError::Guest(error)) => error.kind,
        other => panic!("{other:?}"),
    }
}

/// 64 MB that are different everywhere.
fn big() -> Bytes {
    let mut state = 1_u64;
    let words = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_le_bytes()
    });
    words.take(8 * 1024 * 1024).flatten().collect()
}

#[tokio::test]
async fn sixty_four_megabytes_survive_both_ways() {
    let guest = Guest::start().await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("big");
    let data = big();
    let sum = Sha256::digest(&data);
    let mut writer = guest.client().write_file(writing(&path), LONG).await.unwrap();
    writer.write(data.clone()).await.unwrap();
    assert_eq!(writer.finish().await.unwrap(), data.len() as u64);
    assert_eq!(Sha256::digest(fs::read(&path).unwrap()), sum);

    let mut reader = guest.client().read_file(reading(&path), LONG).await.unwrap();
    assert_eq!(reader.metadata().size, data.len() as u64);
    let mut read = Sha256::new();
    while let Some(bytes) = reader.next().await.unwrap() {
        read.update(&bytes);
    }
    assert_eq!(read.finalize(), sum);

    let mut running = guest.client().exec(Command::new("cat").arg(path.as_path()), LONG).await.unwrap();
    let mut stdout = running.take_stdout().unwrap();
    let mut said = Sha256::new();
    while let Some(bytes) = stdout.next().await.unwrap() {
        said.update(&bytes);
    }
    assert_eq!(said.finalize(), sum);

    let mut running = guest.client().exec(Command::new("sha256sum").stdin(), LONG).await.unwrap();
    let mut stdin = running.take_stdin().unwrap();
    assert!(stdin.write(data).await);
    drop(stdin);
    let done = running.collect(PLENTY, LONG).await.unwrap();
    assert!(done.stdout.starts_with(hex::encode(sum).as_bytes()));
}

#[tokio::test]
async fn a_part_of_a_file_is_that_part() {
    let guest = Guest::start().await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, "0123456789").unwrap();
    for (offset, length, expected) in
        [(0, None, "0123456789"), (3, Some(4), "3456"), (8, Some(100), "89"), (50, None, ""), (0, Some(0), "")]
    {
        let request = ReadRequest { path: path.as_path().into(), offset, length };
        let reader = guest.client().read_file(request, LONG).await.unwrap();
        assert_eq!(reader.read_all(PLENTY).await.unwrap(), expected, "{offset} {length:?}");
    }
    let reader = guest.client().read_file(reading(&path), LONG).await.unwrap();
    assert_eq!(reader.read_all(9).await, Err(ClientError::TooLarge));
    let reader = guest.client().read_file(reading(Path::new("/proc/uptime")), LONG).await.unwrap();
    assert!(!reader.read_all(PLENTY).await.unwrap().is_empty(), "a file that does not say its size");
    // What the kernel tells the guest of itself is for nobody else.
    for path in ["/proc/self/maps", "/proc/thread-self/status", "/proc/self/../self/stat"] {
        let refused = guest.client().read_file(reading(Path::new(path)), LONG).await;
        assert_eq!(kind(refused.map(drop)), ErrorKind::Permission, "{path}");
    }
}

#[tokio::test]
async fn a_file_is_replaced_whole_or_not_at_all() {
    let guest = Guest::start().await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, "before").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let mut writer = guest.client().write_file(writing(&path), LONG).await.unwrap();
    writer.write(vec![b'x'; 500_000]).await.unwrap();
    drop(writer);
    guest.client().ping(LONG).await.unwrap();
    let alone = || fs::read_dir(dir.path()).unwrap().count() == 1;
    assert!(crate::guest::eventually(alone).await, "nothing is left of it");
    assert_eq!(fs::read(&path).unwrap(), b"before");
    assert_eq!(put(&guest, writing(&path), b"after").await.unwrap(), 5);
    assert_eq!(fs::read(&path).unwrap(), b"after");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    let link = dir.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    put(&guest, writing(&link), b"through").await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"through");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
}

#[tokio::test]
async fn the_ways_to_write_differ() {
    let guest = Guest::start().await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/b/file");
    assert_eq!(kind(put(&guest, writing(&path), b"x").await), ErrorKind::NotFound);
    let request = WriteRequest { parents: true, permissions: Some(0o700), mode: WriteMode::Create, ..writing(&path) };
    put(&guest, request.clone(), b"new").await.unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(kind(put(&guest, request, b"again").await), ErrorKind::Exists);
    put(&guest, WriteRequest { mode: WriteMode::Append, ..writing(&path) }, b"er").await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"newer");
    put(&guest, writing(&dir.path().join("empty")), b"").await.unwrap();
    assert_eq!(fs::read(dir.path().join("empty")).unwrap(), b"");
}

#[tokio::test]
async fn errors_have_kinds() {
    let guest = Guest::start().await;
    let dir = tempfile::tempdir().unwrap();
    let (file, fifo) = (dir.path().join("file"), dir.path().join("fifo"));
    fs::write(&file, "").unwrap();
    guest.run(Command::new("mkfifo").arg(fifo.as_path())).await.unwrap();
    let client = guest.client();
    let read = async |path: &Path| kind(client.read_file(reading(path), LONG).await);
    assert_eq!(read(Path::new("/no/such")).await, ErrorKind::NotFound);
    assert_eq!(read(dir.path()).await, ErrorKind::IsDirectory);
    assert_eq!(read(&file.join("below")).await, ErrorKind::NotDirectory);
    assert_eq!(read(&fifo).await, ErrorKind::NotRegular);
    assert_eq!(read(Path::new("/dev/zero")).await, ErrorKind::NotRegular);
    assert_eq!(kind(put(&guest, writing(dir.path()), b"").await), ErrorKind::IsDirectory);
    assert_eq!(kind(put(&guest, writing(&fifo), b"").await), ErrorKind::NotRegular);
    assert_eq!(kind(client.remove(dir.path(), false, LONG).await), ErrorKind::NotEmpty);
    assert_eq!(kind(client.list(file.as_path(), 10, LONG).await), ErrorKind::NotDirectory);
    assert_eq!(kind(client.stat("/no/such", LONG).await), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_full_disk_is_told() {
    let guest = Guest::start().await;
    let dir = tempfile::tempdir().unwrap();
    let mounted = guest.run(sh("mount -t tmpfs -o size=1m none .").cwd(dir.path())).await.unwrap();
    if !mounted.exit.success() {
        return;
    }
    let path = dir.path().join("file");
    let big = vec![0; 4 << 20];
    let full = put(&guest, writing(&path), &big).await;
    let left = fs::read_dir(dir.path()).unwrap().count();
    guest.run(Command::new("umount").arg(dir.path())).await.unwrap();
    assert_eq!(kind(full), ErrorKind::NoSpace);
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_directory_is_listed_in_order_and_within_bounds() {
    let guest = Guest::start().await;
    let dir = tempfile::tempdir().unwrap();
    for number in (0..50).rev() {
        fs::write(dir.path().join(format!("{number:02}")), vec![b'x'; number]).unwrap();
    }
    fs::create_dir(dir.path().join("é dir")).unwrap();
    let odd = std::ffi::OsStr::from_bytes(b"\xff\xfe");
    use std::os::unix::ffi::OsStrExt;
    std::os::unix::fs::symlink("nowhere", dir.path().join(odd)).unwrap();
    let listing = guest.client().list(dir.path(), 100, LONG).await.unwrap();
    assert_eq!((listing.total, listing.truncated, listing.entries.len()), (52, false, 52));
    assert_eq!((listing.entries[7].name.to_text().as_str(), listing.entries[7].size), ("07", 7));
    assert_eq!(listing.entries[50].kind, EntryKind::Directory);
    assert_eq!((listing.entries[51].kind, listing.entries[51].name.as_os_str()), (EntryKind::Symlink, odd));
    let target = guest.client().stat(dir.path().join(odd), LONG).await.unwrap().target;
    assert_eq!(target, Some("nowhere".into()));
    let few = guest.client().list(dir.path(), 3, LONG).await.unwrap();
    assert_eq!((few.total, few.truncated, few.entries.len()), (52, true, 3));
    assert_eq!(few.entries[2].name.to_text(), "02");
    guest.client().remove(dir.path().join("é dir"), false, LONG).await.unwrap();
    guest.client().make_dir(dir.path().join("x/y"), Some(0o700), LONG).await.unwrap();
    guest.client().remove(dir.path().join("x"), true, LONG).await.unwrap();
    assert!(!dir.path().join("x").exists());
}

#[tokio::test]
async fn a_directory_of_long_names_does_not_burst_a_frame() {
    let guest = Guest::start().await;
    let dir = tempfile::tempdir().unwrap();
    for number in 0..1500 {
        fs::write(dir.path().join(format!("{number:04}{}", "\u{1}".repeat(250))), "").unwrap();
    }
    let listing = guest.client().list(dir.path(), 10_000, LONG).await.unwrap();
    assert_eq!((listing.total, listing.truncated), (1500, true));
    assert!(listing.entries.len() > 100);
}

#[tokio::test]
async fn use_is_told() {
    let guest = Guest::start().await;
    let usage = guest.client().usage("/", LONG).await.unwrap();
    assert!(usage.memory_total_bytes >= usage.memory_available_bytes && usage.memory_available_bytes > 0);
    assert!(usage.disk_total_bytes >= usage.disk_free_bytes && usage.processes > 1 && usage.uptime_ms > 0);
    assert_eq!(kind(guest.client().usage("/no/such", LONG).await), ErrorKind::NotFound);
}
