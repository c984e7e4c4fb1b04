//! Documents in a git repository: git itself makes it and serves it.

use std::{fs, time::Duration};

use windlass_config::settings::KnowledgeSourceSettings;
use windlass_knowledge::source::{Opened, SourceError, make};

use crate::{
    bench::{Bench, TOKEN, file, paths, skipped, text},
    repository::{Host, Repository, backend},
    web::{Server, answer},
};

fn settings(url: &str) -> KnowledgeSourceSettings {
    KnowledgeSourceSettings { git: Some(url.to_owned()), ..KnowledgeSourceSettings::default() }
}

fn with_token(url: &str) -> KnowledgeSourceSettings {
    KnowledgeSourceSettings { token: Some("env:TOKEN".to_owned()), ..settings(url) }
}

async fn open(bench: &Bench, settings: &KnowledgeSourceSettings) -> Box<dyn Opened> {
    bench.source(settings).open().await.unwrap()
}

async fn fails(bench: &Bench, settings: &KnowledgeSourceSettings) -> SourceError {
    let error = bench.source(settings).open().await.map(drop).unwrap_err();
    assert!(!error.to_string().contains("5ecr3t") && !error.to_string().contains("wr0ng"), "{error}");
    assert!(!format!("{error:?}").contains("5ecr3t"), "{error:?}");
    error
}

/// Bytes that do not get smaller.
fn noise(bytes: usize) -> String {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut text = String::with_capacity(bytes);
    while text.len() < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        text.push(char::from(b'a' + (state % 26) as u8));
    }
    text
}

#[tokio::test]
async fn the_files_of_the_newest_commit() {
    let Some(repository) = Repository::new("the_files_of_the_newest_commit") else { return };
    repository.write("README.md", "# One");
    repository.write("docs/ä b.md", "two");
    repository.write("docs/logo.png", "x");
    repository.write("docs/large.md", noise(100_001));
    repository.write("docs/lfs.md", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n");
    repository.write(".github/hidden.md", "x");
    std::os::unix::fs::symlink("README.md", repository.work().join("link.md")).unwrap();
    repository.publish();
    let module = repository.git(&["rev-parse", "HEAD"]);
    repository.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{module},module")]);
    repository.git(&["commit", "--quiet", "--message=module"]);
    repository.git(&["push", "--quiet", "../served.git", "HEAD"]);
    let commit = repository.git(&["rev-parse", "HEAD"]);

    let host = Host::of(&repository, Some(&format!("oauth2:{TOKEN}"))).await;
    let bench = Bench::new();
    let settings = KnowledgeSourceSettings {
        prefix: "handbook".to_owned(),
        link: Some("https://example.com/{commit}/{path}".to_owned()),
        ..with_token(&host.url())
    };
    let source = bench.source(&settings);
    assert_eq!(source.name(), format!("git {}", host.url()));
    let opened = source.open().await.unwrap();
    assert_eq!(opened.at(), commit);
    assert_eq!(paths(&*opened), ["handbook/README.md", "handbook/docs/lfs.md", "handbook/docs/ä b.md"]);
    assert_eq!(skipped(&*opened), [("*.png", 1), ("larger than 100000 bytes", 1), ("link", 1), ("submodule", 1)]);
    let found = file(&*opened, "handbook/docs/ä b.md");
    assert_eq!(found.stamp, repository.git(&["rev-parse", "HEAD:docs/ä b.md"]));
    assert_eq!(found.bytes, 3);
    assert_eq!(found.date.unwrap().to_string(), "2026-03-02");
    assert_eq!(found.link.as_deref().unwrap(), format!("https://example.com/{commit}/docs/%C3%A4%20b.md"));
    assert_eq!(text(&*opened, "handbook/docs/ä b.md").await, "two");
    let error = opened.read(file(&*opened, "handbook/docs/lfs.md")).await.unwrap_err();
    assert!(matches!(&error, SourceError::File(told) if told.contains("Git LFS")), "{error:?}");
    // Every request had the token, and nothing was asked twice for want of it.
    assert!(host.server.asked().iter().all(|asked| asked.header("authorization").is_some()));
}

#[tokio::test]
async fn a_branch_and_a_subfolder() {
    let Some(repository) = Repository::new("a_branch_and_a_subfolder") else { return };
    let host = Host::of(&repository, None).await;
    let bench = Bench::new();
    let error = fails(&bench, &settings(&host.url())).await;
    assert!(matches!(&error, SourceError::Gone(told) if told.starts_with("a first commit of git")), "{error:?}");
    repository.write("a.md", "main");
    repository.publish();
    repository.git(&["checkout", "--quiet", "-b", "release/1.0"]);
    repository.write("docs/guide/b.md", "release");
    repository.write("docs/c.txt", "release");
    let commit = repository.publish();
    let wanted = |branch: &str, subfolder: &str| KnowledgeSourceSettings {
        branch: Some(branch.to_owned()),
        subfolder: Some(subfolder.to_owned()),
        ..settings(&host.url())
    };
    let opened = open(&bench, &wanted("release/1.0", "/docs/")).await;
    assert_eq!((opened.at(), paths(&*opened)), (commit.as_str(), vec!["c.txt", "guide/b.md"]));
    assert_eq!(text(&*opened, "guide/b.md").await, "release");
    assert_eq!(paths(&*open(&bench, &settings(&host.url())).await), ["a.md"]);
    for (branch, subfolder, missing) in [
        ("release/2.0", "docs", "the branch release/2.0 of git"),
        ("main", "docs", "the directory docs of git"),
        ("release/1.0", "docs/c.txt", "the directory docs/c.txt of git"),
    ] {
        let error = fails(&bench, &wanted(branch, subfolder)).await;
        assert!(matches!(&error, SourceError::Gone(told) if told.starts_with(missing)), "{error:?}");
    }
}

#[tokio::test]
async fn the_next_refresh_fetches_only_what_is_new() {
    let Some(repository) = Repository::new("the_next_refresh_fetches_only_what_is_new") else { return };
    repository.write("large.md", noise(90_000));
    repository.write("old.md", noise(90_000));
    repository.publish();
    repository.write("large.md", format!("{}!", noise(90_000)));
    repository.publish();
    let host = Host::of(&repository, None).await;
    let (bench, settings) = (Bench::new(), settings(&host.url()));
    let first = open(&bench, &settings).await;
    let whole = host.sent();
    // Letters of chance take five bits each.
    assert!(whole > 50_000, "{whole}");
    drop(first);

    repository.write("new.md", "new");
    let commit = repository.publish();
    let opened = open(&bench, &settings).await;
    assert_eq!(opened.at(), commit);
    assert_eq!(paths(&*opened), ["large.md", "new.md", "old.md"]);
    assert_eq!(text(&*opened, "new.md").await, "new");
    assert_eq!(text(&*opened, "large.md").await, format!("{}!", noise(90_000)));
    let more = host.sent();
    assert!(more < 3_000, "{more} bytes for one small file");
    drop(opened);

    // Nothing new, and then another history altogether.
    assert_eq!(open(&bench, &settings).await.at(), commit);
    assert!(host.sent() < 1_000);
    repository.git(&["checkout", "--quiet", "--orphan", "other"]);
    repository.git(&["rm", "--quiet", "-r", "--force", "."]);
    repository.write("other.md", "other");
    repository.git(&["add", "--all"]);
    repository.git(&["commit", "--quiet", "--message=other"]);
    repository.git(&["push", "--quiet", "--force", "../served.git", "HEAD:main"]);
    let opened = open(&bench, &settings).await;
    assert_eq!((paths(&*opened), text(&*opened, "other.md").await), (vec!["other.md"], "other".to_owned()));
}

#[tokio::test]
async fn who_may_not_read_it_is_told_so() {
    let Some(repository) = Repository::new("who_may_not_read_it_is_told_so") else { return };
    repository.write("a.md", "x");
    repository.publish();
    let host = Host::of(&repository, Some(&format!("oauth2:{TOKEN}"))).await;
    let bench = Bench::new();
    let told = |error: SourceError| match error {
        SourceError::Refused(told) => told,
        other => panic!("{other:?}"),
    };
    assert!(told(fails(&bench, &settings(&host.url())).await).contains("set `token`"));
    let token =
        |reference: &str| KnowledgeSourceSettings { token: Some(reference.to_owned()), ..settings(&host.url()) };
    assert!(told(fails(&bench, &token("env:WRONG")).await).contains("does not accept the token"));
    let unset = told(fails(&bench, &token("env:UNSET")).await);
    assert!(unset.contains("UNSET is not set"), "{unset}");
    // Where somebody wrote the token itself into the settings.
    let given = told(fails(&bench, &token(TOKEN)).await);
    assert!(given.contains("must name a secret"), "{given}");
    assert!(matches!(fails(&bench, &with_token(&host.server.at("/other.git"))).await, SourceError::Gone(_)));
    // Another user's token says whose it is.
    let own = Host::of(&repository, Some("deploy-1:t0ken")).await;
    bench.write("token", "deploy-1:t0ken\n");
    let from_file = KnowledgeSourceSettings { token: Some("file:token".to_owned()), ..settings(&own.url()) };
    assert_eq!(paths(&*open(&bench, &from_file).await), ["a.md"]);
}

#[tokio::test]
async fn a_token_never_follows_to_another_host() {
    let Some(repository) = Repository::new("a_token_never_follows_to_another_host") else { return };
    repository.write("a.md", "x");
    repository.publish();
    let thief = Server::start(|_| async { answer(200, &[], "thanks") }).await;
    let there = thief.at("/served.git/info/refs?service=git-upload-pack");
    let host = Server::start(move |_| {
        let answer = answer(302, &[("location", &there)], "");
        async { answer }
    })
    .await;
    let bench = Bench::new();
    let error = fails(&bench, &with_token(&host.at("/served.git"))).await;
    assert!(matches!(&error, SourceError::Refused(told) if told.contains("127.0.0.1")), "{error:?}");
    assert_eq!(thief.asked().len(), 0);

    // Within a host it is followed: repositories are renamed.
    let root = repository.served().parent().unwrap().to_owned();
    let host = Server::start(move |asked| {
        let root = root.clone();
        async move {
            match asked.path.strip_prefix("/old/") {
                Some(rest) => {
                    let there = format!("/served.git/{}?{}", &rest["name.git/".len()..], asked.query);
                    answer(301, &[("location", &there)], "")
                }
                None => backend(&root, &asked).await,
            }
        }
    })
    .await;
    let opened = open(&bench, &with_token(&host.at("/old/name.git"))).await;
    assert_eq!(text(&*opened, "a.md").await, "x");
    assert!(host.asked().iter().filter(|asked| asked.method == "POST").all(|asked| asked.path.starts_with("/served")));

    // But not for ever.
    let host =
        Server::start(
            |asked| async move { answer(302, &[("location", &format!("{}?{}", asked.path, asked.query))], "") },
        )
        .await;
    assert!(matches!(fails(&bench, &with_token(&host.at("/x.git"))).await, SourceError::Unreachable(_)));
    assert!(host.asked().len() < 10);
}

#[tokio::test]
async fn what_was_left_by_the_killed_is_no_obstacle() {
    let Some(repository) = Repository::new("what_was_left_by_the_killed_is_no_obstacle") else { return };
    repository.write("a.md", noise(50_000));
    repository.publish();
    let host = Host::of(&repository, None).await;
    let (bench, settings) = (Bench::new(), settings(&host.url()));
    drop(open(&bench, &settings).await);
    let key = fs::read_dir(bench.path().join("cache/git")).unwrap().next().unwrap().unwrap().path();
    let copy = key.join("copy");

    // Locks of a process that is no more.
    repository.write("b.md", "b");
    repository.publish();
    for lock in ["refs/heads/fetched.lock", "shallow.lock", "packed-refs.lock"] {
        fs::write(copy.join(lock), "").unwrap();
    }
    assert_eq!(paths(&*open(&bench, &settings).await), ["a.md", "b.md"]);

    // Packs that are cut, and objects that are gone.
    let packs = || fs::read_dir(copy.join("objects/pack")).unwrap().map(|entry| entry.unwrap().path());
    for pack in packs().filter(|path| path.extension().is_some_and(|extension| extension == "pack")) {
        let mut permissions = fs::metadata(&pack).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o600);
        fs::set_permissions(&pack, permissions).unwrap();
        fs::File::options().write(true).open(&pack).unwrap().set_len(100).unwrap();
    }
    let opened = open(&bench, &settings).await;
    assert_eq!(text(&*opened, "a.md").await, noise(50_000));
    drop(opened);
    packs().for_each(|path| fs::remove_file(path).unwrap());
    let opened = open(&bench, &settings).await;
    assert_eq!(text(&*opened, "a.md").await, noise(50_000));
    drop(opened);
    fs::write(copy.join("config"), "[core\n").unwrap();
    assert_eq!(paths(&*open(&bench, &settings).await), ["a.md", "b.md"]);
}

#[tokio::test]
async fn two_at_once_do_not_wait_for_each_other() {
    let Some(repository) = Repository::new("two_at_once_do_not_wait_for_each_other") else { return };
    repository.write("a.md", "one");
    repository.publish();
    let host = Host::of(&repository, None).await;
    let (bench, settings) = (Bench::new(), settings(&host.url()));
    let first = open(&bench, &settings).await;
    repository.write("a.md", "two");
    repository.publish();
    let second = open(&bench, &settings).await;
    assert_eq!(text(&*first, "a.md").await, "one");
    assert_eq!(text(&*second, "a.md").await, "two");
    assert_ne!(first.at(), second.at());
    drop((first, second));
    let key = fs::read_dir(bench.path().join("cache/git")).unwrap().next().unwrap().unwrap().path();
    let mut left: Vec<_> = fs::read_dir(key).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["copy", "lock"]);
}

#[tokio::test]
async fn many_packs_are_one_again() {
    let Some(repository) = Repository::new("many_packs_are_one_again") else { return };
    repository.write("a.md", "x");
    repository.publish();
    let host = Host::of(&repository, None).await;
    let (bench, settings) = (Bench::new(), settings(&host.url()));
    drop(open(&bench, &settings).await);
    let key = fs::read_dir(bench.path().join("cache/git")).unwrap().next().unwrap().unwrap().path();
    let packs = key.join("copy/objects/pack");
    (0..60).for_each(|number| fs::write(packs.join(format!("pack-{number}.pack")), "").unwrap());
    assert_eq!(paths(&*open(&bench, &settings).await), ["a.md"]);
    assert!(fs::read_dir(packs).unwrap().count() < 10);
}

#[tokio::test]
async fn who_does_not_speak_git_is_unreachable() {
    let bench = Bench::new();
    let page = Server::start(|_| async { answer(200, &[("content-type", "text/html")], "<h1>Sign in</h1>") }).await;
    assert!(matches!(fails(&bench, &with_token(&page.at("/a.git"))).await, SourceError::Unreachable(_)));
    let broken = Server::start(|_| async { answer(503, &[], "") }).await;
    let error = fails(&bench, &with_token(&broken.at("/a.git"))).await;
    assert!(matches!(&error, SourceError::Unreachable(told) if told.contains("503")), "{error:?}");
    let port = windlass_testkit::free_port().unwrap();
    let error = fails(&bench, &with_token(&format!("http://127.0.0.1:{port}/a.git"))).await;
    assert!(matches!(error, SourceError::Unreachable(_)), "{error:?}");
}

#[tokio::test]
async fn nobody_waits_so_nothing_is_fetched() {
    let bench = Bench::new();
    let (asked, mut was_asked) = tokio::sync::mpsc::unbounded_channel();
    let host = Server::start(move |_| {
        // Lives as long as the request does.
        let (left, gone) = tokio::sync::oneshot::channel::<()>();
        asked.send(gone).unwrap();
        async move {
            let _left = left;
            std::future::pending().await
        }
    })
    .await;
    let source = bench.source(&settings(&host.at("/a.git")));
    let mut opening = Box::pin(async move { source.open().await.map(drop) });
    let gone = tokio::select! {
        gone = was_asked.recv() => gone.unwrap(),
        done = &mut opening => panic!("{done:?}"),
    };
    drop(opening);
    let ended = tokio::time::timeout(Duration::from_secs(10), gone).await;
    assert!(ended.expect("the request must end with who waits for it").is_err());
}

#[tokio::test]
async fn a_repository_of_this_machine() {
    let Some(repository) = Repository::new("a_repository_of_this_machine") else { return };
    let bench = Bench::new();
    let (work, served) = (repository.work(), repository.served());
    let (work, served) = (work.to_str().unwrap(), served.to_str().unwrap());
    let error = fails(&bench, &settings(work)).await;
    assert!(matches!(&error, SourceError::Gone(told) if told.starts_with("a first commit of git")), "{error:?}");
    repository.write("a.md", "x");
    let commit = repository.publish();
    repository.write("not-committed.md", "x");
    for place in [work.to_owned(), served.to_owned(), format!("file://{served}")] {
        let opened = open(&bench, &settings(&place)).await;
        assert_eq!((opened.at(), paths(&*opened)), (commit.as_str(), vec!["a.md"]), "{place}");
        assert_eq!(text(&*opened, "a.md").await, "x");
    }
    let branch = KnowledgeSourceSettings { branch: Some("other".to_owned()), ..settings(served) };
    assert!(matches!(fails(&bench, &branch).await, SourceError::Gone(_)));
    assert!(matches!(fails(&bench, &settings("nowhere")).await, SourceError::Gone(_)));
    bench.write("plain/a.md", "x");
    assert!(matches!(fails(&bench, &settings("plain")).await, SourceError::Refused(_)));
}

#[tokio::test]
async fn a_tree_that_holds_itself_many_times_has_an_end() {
    let Some(repository) = Repository::new("a_tree_that_holds_itself_many_times_has_an_end") else { return };
    let blob = repository.git_with(&["hash-object", "-w", "--stdin"], "x");
    let mut entries: String = (0..10).map(|number| format!("100644 blob {blob}\t{number}.md\n")).collect();
    for _ in 0..10 {
        let tree = repository.git_with(&["mktree"], &entries);
        entries = (0..10).map(|number| format!("040000 tree {tree}\t{number}\n")).collect();
    }
    let tree = repository.git_with(&["mktree"], &entries);
    let commit = repository.git(&["commit-tree", &tree, "-m", "bomb"]);
    repository.git(&["update-ref", "refs/heads/main", &commit]);
    let error = fails(&Bench::new(), &settings(repository.work().to_str().unwrap())).await;
    assert!(matches!(&error, SourceError::Refused(told) if told.contains("more than")), "{error:?}");
}

#[tokio::test]
async fn mistakes_in_settings_are_named() {
    let bench = Bench::new();
    let wrong = |settings: KnowledgeSourceSettings| {
        let error = make(&settings, &bench.surroundings).map(drop).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
        error.setting
    };
    assert_eq!(wrong(settings("git@github.com:a/b.git")), "git");
    assert_eq!(wrong(settings("https://me:hunter2@example.com/a.git")), "git");
    assert_eq!(wrong(with_token("http://example.com/a.git")), "git");
    assert_eq!(wrong(with_token("/srv/a.git")), "token");
    let branch = KnowledgeSourceSettings { branch: Some("a:b".to_owned()), ..settings("/srv/a.git") };
    assert_eq!(wrong(branch), "branch");
    let subfolder = KnowledgeSourceSettings { subfolder: Some("../x".to_owned()), ..settings("/srv/a.git") };
    assert_eq!(wrong(subfolder), "subfolder");
}
