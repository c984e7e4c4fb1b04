//! Documents in a directory.

use std::{fs, os::unix::fs::symlink, time::Duration};

use rustix::{
    fs::{CWD, FileType, Mode, mknodat},
    process::Uid,
};
use windlass_config::settings::KnowledgeSourceSettings;
use windlass_knowledge::source::{File, Opened, SourceError, make};

use crate::bench::{Bench, file, paths, skipped, text};

fn settings() -> KnowledgeSourceSettings {
    KnowledgeSourceSettings { folder: Some("docs".into()), ..KnowledgeSourceSettings::default() }
}

async fn open(bench: &Bench, settings: &KnowledgeSourceSettings) -> Box<dyn Opened> {
    bench.source(settings).open().await.unwrap()
}

async fn refused(opened: &dyn Opened, file: &File) -> String {
    let read = tokio::time::timeout(Duration::from_secs(10), opened.read(file)).await.expect("it must not wait");
    match read {
        Err(SourceError::File(told)) => told,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_a_document_is_found_and_the_rest_is_counted() {
    let bench = Bench::new();
    bench.write("docs/a.md", "# A");
    bench.write("docs/deep/er/b.txt", "b");
    bench.write("docs/deep/photo.PNG", "\u{89}PNG");
    bench.write("docs/movie.mkv", "x");
    bench.write("docs/other.mkv", "x");
    bench.write("docs/.hidden.md", "x");
    bench.write("docs/.git/HEAD", "ref: refs/heads/main");
    bench.write("docs/.gitignore", "build/\n*.tmp.md\n");
    bench.write("docs/build/c.md", "x");
    bench.write("docs/d.tmp.md", "x");
    bench.write("docs/large.md", vec![b'x'; 100_001]);
    bench.write("docs/data", [0, 1, 2, 255, 254]);
    let settings = KnowledgeSourceSettings {
        prefix: "handbook".to_owned(),
        link: Some("https://wiki.example.com/{path}".to_owned()),
        ..settings()
    };
    let source = bench.source(&settings);
    assert_eq!(source.name(), "folder docs");
    let opened = source.open().await.unwrap();
    assert_eq!(paths(&*opened), ["handbook/a.md", "handbook/deep/er/b.txt"]);
    assert_eq!(skipped(&*opened), [("*.mkv", 2), ("*.png", 1), ("larger than 100000 bytes", 1), ("no extension", 1)]);
    assert_eq!(opened.at(), "");
    assert_eq!(text(&*opened, "handbook/deep/er/b.txt").await, "b");
    let found = file(&*opened, "handbook/a.md");
    assert_eq!((found.bytes, found.link.as_deref()), (3, Some("https://wiki.example.com/a.md")));
    assert!(found.date.is_some());
}

#[tokio::test]
async fn globs_choose() {
    let bench = Bench::new();
    for path in ["docs/a.md", "docs/a.txt", "docs/drafts/b.md", "docs/x/y/c.md"] {
        bench.write(path, "x");
    }
    let chosen = KnowledgeSourceSettings {
        include: vec!["**/*.md".to_owned()],
        exclude: vec!["drafts/**".to_owned()],
        ..settings()
    };
    assert_eq!(paths(&*open(&bench, &chosen).await), ["a.md", "x/y/c.md"]);
    let top = KnowledgeSourceSettings { include: vec!["*.md".to_owned()], ..settings() };
    assert_eq!(paths(&*open(&bench, &top).await), ["a.md"]);
}

#[tokio::test]
async fn a_stamp_changes_with_the_file_and_only_then() {
    let bench = Bench::new();
    bench.write("docs/a.md", "one");
    let stamp = async || file(&*open(&bench, &settings()).await, "a.md").stamp.clone();
    let first = stamp().await;
    assert_eq!(stamp().await, first);
    // As editors save: another file takes the name, with the same size and even the same time.
    let modified = fs::metadata(bench.path().join("docs/a.md")).unwrap().modified().unwrap();
    bench.write("docs/new", "two");
    fs::File::options().write(true).open(bench.path().join("docs/new")).unwrap().set_modified(modified).unwrap();
    fs::rename(bench.path().join("docs/new"), bench.path().join("docs/a.md")).unwrap();
    assert_ne!(stamp().await, first);
}

#[tokio::test]
async fn no_link_leads_out() {
    let bench = Bench::new();
    bench.write("secret/key.md", "s3cret");
    bench.write("docs/a.md", "inside");
    bench.write("docs/sub/b.md", "inside too");
    let docs = bench.path().join("docs");
    symlink("../secret/key.md", docs.join("out.md")).unwrap();
    symlink(bench.path().join("secret/key.md"), docs.join("absolute.md")).unwrap();
    symlink("../secret", docs.join("out")).unwrap();
    symlink("nowhere.md", docs.join("broken.md")).unwrap();
    symlink("loop.md", docs.join("loop.md")).unwrap();
    symlink("sub", docs.join("again")).unwrap();
    symlink("sub/b.md", docs.join("inside.md")).unwrap();
    let opened = open(&bench, &settings()).await;
    assert_eq!(paths(&*opened), ["a.md", "inside.md", "sub/b.md"]);
    assert_eq!(text(&*opened, "inside.md").await, "inside too");
    let counted: u64 = opened.skipped().iter().filter(|(why, _)| why.starts_with("link")).map(|(_, count)| count).sum();
    // A link to a directory that leads out has no name that would be a document's.
    assert!(counted >= 5, "{:?}", opened.skipped());

    // Links that come between the list and the reading.
    fs::remove_file(docs.join("a.md")).unwrap();
    symlink("../secret/key.md", docs.join("a.md")).unwrap();
    refused(&*opened, file(&*opened, "a.md")).await;
    fs::remove_dir_all(docs.join("sub")).unwrap();
    fs::create_dir(bench.path().join("secret/sub")).unwrap();
    bench.write("secret/sub/b.md", "s3cret");
    symlink("../secret/sub", docs.join("sub")).unwrap();
    refused(&*opened, file(&*opened, "sub/b.md")).await;

    // And paths that no list had.
    let own = File { path: "../secret/key.md".to_owned(), ..file(&*opened, "a.md").clone() };
    refused(&*opened, &own).await;
}

#[tokio::test]
async fn what_is_no_file_is_never_waited_for() {
    let bench = Bench::new();
    bench.write("docs/a.md", "x");
    bench.write("docs/b.md", "x");
    let docs = bench.path().join("docs");
    let pipe = |name: &str| mknodat(CWD, docs.join(name), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    pipe("pipe.md");
    let _socket = std::os::unix::net::UnixListener::bind(docs.join("socket.md")).unwrap();
    let opened = open(&bench, &settings()).await;
    assert_eq!(paths(&*opened), ["a.md", "b.md"]);
    assert_eq!(skipped(&*opened), [("not a regular file", 2)]);
    // One that comes later.
    fs::remove_file(docs.join("a.md")).unwrap();
    pipe("a.md");
    let told = refused(&*opened, file(&*opened, "a.md")).await;
    assert!(told.contains("not a regular file"), "{told}");
    assert_eq!(text(&*opened, "b.md").await, "x");
}

#[tokio::test]
async fn a_file_that_is_not_what_was_listed_costs_that_file() {
    let bench = Bench::new();
    for name in ["written.md", "gone.md", "grown.md", "same.md"] {
        bench.write(&format!("docs/{name}"), "x");
    }
    let opened = open(&bench, &settings()).await;
    bench.write("docs/written.md", "other");
    fs::remove_file(bench.path().join("docs/gone.md")).unwrap();
    bench.write("docs/grown.md", vec![b'x'; 200_000]);
    for name in ["written.md", "gone.md", "grown.md"] {
        let told = refused(&*opened, file(&*opened, name)).await;
        assert!(told.starts_with(name), "{told}");
    }
    assert_eq!(text(&*opened, "same.md").await, "x");
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_not_an_empty_one() {
    let bench = Bench::new();
    let source = bench.source(&settings());
    assert!(matches!(source.open().await, Err(SourceError::Gone(name)) if name == "folder docs"));
    bench.write("docs", "a file");
    assert!(matches!(source.open().await, Err(SourceError::Refused(_))));
    fs::remove_file(bench.path().join("docs")).unwrap();
    fs::create_dir(bench.path().join("docs")).unwrap();
    assert_eq!(paths(&*source.open().await.unwrap()), [] as [&str; 0]);
}

/// Another user in a thread of its own: identities belong to threads, and those it starts have the same.
fn as_somebody(work: impl Future<Output = ()> + Send + 'static) {
    let thread = std::thread::spawn(|| {
        if rustix::process::geteuid().is_root() {
            rustix::thread::set_thread_res_uid(None::<Uid>, Uid::from_raw(65534), None::<Uid>).unwrap();
        }
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work);
    });
    thread.join().unwrap();
}

#[test]
fn what_may_not_be_read_is_said() {
    use std::os::unix::fs::PermissionsExt;

    let bench = Bench::new();
    bench.write("docs/a.md", "x");
    bench.write("docs/closed/b.md", "x");
    bench.write("docs/c.md", "x");
    let mode = |path: &str, mode: u32| {
        fs::set_permissions(bench.path().join(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("", 0o755);
    mode("docs/closed", 0o000);
    mode("docs/c.md", 0o000);
    let source = bench.source(&settings());
    let some = source.clone();
    as_somebody(async move {
        let opened = some.open().await.unwrap();
        assert_eq!(paths(&*opened), ["a.md", "c.md"]);
        assert_eq!(skipped(&*opened), [("unreadable directory", 1)]);
        assert!(refused(&*opened, file(&*opened, "c.md")).await.contains("c.md cannot be read"));
    });
    mode("docs", 0o000);
    as_somebody(async move {
        let error = source.open().await.map(drop).unwrap_err();
        assert!(matches!(&error, SourceError::Refused(told) if told.contains("folder docs")), "{error:?}");
    });
    mode("docs", 0o755);
    mode("docs/closed", 0o755);
}

#[tokio::test]
async fn mistakes_in_settings_are_named() {
    let bench = Bench::new();
    let wrong = |change: fn(&mut KnowledgeSourceSettings)| {
        let mut settings = settings();
        change(&mut settings);
        make(&settings, &bench.surroundings).map(drop).unwrap_err().setting
    };
    assert_eq!(wrong(|settings| settings.folder = None), "sources");
    assert_eq!(wrong(|settings| settings.git = Some("x".to_owned())), "sources");
    assert_eq!(wrong(|settings| settings.branch = Some("main".to_owned())), "branch");
    assert_eq!(wrong(|settings| settings.token = Some("env:TOKEN".to_owned())), "token");
    assert_eq!(wrong(|settings| settings.include = vec!["{".to_owned()]), "include");
    assert_eq!(wrong(|settings| settings.link = Some("https://x".to_owned())), "link");
}
