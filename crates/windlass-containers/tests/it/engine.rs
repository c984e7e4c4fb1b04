//! Containers, from an image on disk to nothing left.

use std::{fs, net::TcpListener, os::unix::fs::MetadataExt, time::Duration};

use secrecy::SecretString;
use windlass_containers::engine::{Engine, EngineError, Kind, LABEL_DEPLOY, NetworkSpec, Publish, Status};

use crate::real::{IMAGE, Real, unique};

/// One GET, once the server listens.
pub async fn get(address: std::net::SocketAddr, path: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        let attempt = async {
            let mut stream = tokio::net::TcpStream::connect(address).await?;
            let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await?;
            let mut text = String::new();
            stream.read_to_string(&mut text).await?;
            Ok::<_, std::io::Error>(text)
        };
        match attempt.await {
            Ok(text) if text.starts_with("HTTP/1.1 ") => {
                return text.split_once("\r\n\r\n").unwrap().1.to_owned();
            }
            other => assert!(tokio::time::Instant::now() < deadline, "{address}{path}: {other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_container_from_start_to_removal() {
    let Some(real) = Real::new().await else { return };
    let engine = &real.engine;
    assert_eq!(engine.kind(), Kind::Podman);
    let mut spec = real.spec("abc1234");
    spec.memory = Some(128 << 20);
    spec.milli_cpus = Some(500);
    let odd = r#"  "two" 'words' #not $HOME \n =end "#;
    spec.environment.insert("ODD".into(), odd.to_owned().into());
    let control = engine.control_directory(&real.directory.path().join("shared")).unwrap();
    spec.mounts = vec![control.mount("/shared")];
    spec.user = control.user;
    let container = engine.run(&spec).await.unwrap();
    let address = container.published[&8080];
    assert!(address.ip().is_loopback());
    assert_eq!(get(address, "/health").await, r#"{"status":"healthy","release":"abc1234"}"#);
    assert_eq!(get(address, "/environment").await, odd);
    assert_eq!(get(address, "/write").await, "root: Read-only file system (os error 30); tmp: ok; shared: ok");
    let shared = fs::metadata(&control.path).unwrap();
    assert_eq!((shared.mode() & 0o777, shared.uid()), (0o700, control.user.uid), "nobody else gets near");
    assert_eq!(fs::read_to_string(control.path.join("file")).unwrap(), "x");
    let limits = get(address, "/limits").await;
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    assert!(files.contains(&engine.limits().open_files.unwrap().to_string()), "{files}");

    let listed = engine.list(LABEL_DEPLOY, "test").await.unwrap();
    assert_eq!(listed.iter().map(|found| found.name.as_str()).collect::<Vec<_>>(), [spec.name.as_str()]);
    assert_eq!(listed[0].label("windlass.release"), Some("abc1234"));
    assert!(engine.list(LABEL_DEPLOY, "other").await.unwrap().is_empty());
    assert!(engine.logs(&spec.name).await.unwrap().stderr.contains("listening"));

    let began = std::time::Instant::now();
    assert_eq!(engine.stop(&spec.name, Duration::from_secs(10)).await.unwrap(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(9), "it ended by itself");
    let ended = engine.inspect(&spec.name).await.unwrap().unwrap();
    assert_eq!((ended.status, ended.exit_code), (Status::Exited, Some(0)));
    let again = engine.start(&spec.name).await.unwrap();
    get(again.published[&8080], "/health").await;
    let followed = async {
        let mut lines = engine.follow_logs(&spec.name, 100).unwrap();
        let mut seen = 0;
        while let Some(line) = lines.next().await {
            seen += usize::from(line.text == "listening");
        }
        seen
    };
    let (seen, stopped) = tokio::join!(followed, async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        engine.signal(&spec.name, "TERM").await.unwrap();
        engine.wait(&spec.name, Duration::from_secs(10)).await.unwrap()
    });
    assert_eq!((seen, stopped), (2, 0), "both runs' lines, and an end with the container's");
    engine.remove(&spec.name).await.unwrap();
    engine.remove(&spec.name).await.unwrap();
    assert!(engine.inspect(&spec.name).await.unwrap().is_none());
    assert_eq!(engine.stop(&spec.name, Duration::ZERO).await.unwrap(), None);
    engine.remove_image(IMAGE).await.unwrap();
    engine.remove_image(IMAGE).await.unwrap();
    assert_eq!(engine.image(IMAGE).await.unwrap(), None);
}

#[tokio::test]
async fn each_failure_has_its_kind_and_leaves_nothing() {
    let Some(real) = Real::new().await else { return };
    let engine = &real.engine;
    let first = engine.run(&real.spec("one")).await.unwrap();

    let mut same = real.spec("two");
    same.name = first.name.clone();
    let error = engine.run(&same).await.unwrap_err();
    assert!(matches!(&error, EngineError::NameTaken { id, .. } if *id == first.id), "{error}");
    assert_eq!(engine.inspect(&first.name).await.unwrap().unwrap().status, Status::Running, "the other one stays");

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut taken = real.spec("two");
    taken.publish = vec![Publish { port: 8080, address: listener.local_addr().unwrap() }];
    let error = engine.run(&taken).await.unwrap_err();
    assert!(
        matches!(error, EngineError::PortTaken { address } if address == listener.local_addr().unwrap()),
        "{error}"
    );
    assert!(engine.inspect(&taken.name).await.unwrap().is_none());

    let mut missing = real.spec("two");
    missing.image = "localhost/windlass-test:none".into();
    let error = engine.run(&missing).await.unwrap_err();
    assert!(matches!(error, EngineError::ImageMissing { .. }), "{error}");

    let mut failing = real.spec("two");
    failing.mounts = vec![windlass_containers::engine::Mount {
        source: real.directory.path().join("absent"),
        target: "/absent".into(),
        writable: false,
    }];
    failing.environment.insert("SECRET".into(), "swordfish".to_owned().into());
    let error = engine.run(&failing).await.unwrap_err();
    assert!(matches!(error, EngineError::Failed { .. }), "{error}");
    assert!(!format!("{error} {error:?} {}", error.hint()).contains("swordfish"));
    assert!(engine.inspect(&failing.name).await.unwrap().is_none());

    let mut lines = real.spec("two");
    lines.environment.insert("PEM".into(), "a\nLD_PRELOAD=b".to_owned().into());
    assert!(matches!(engine.run(&lines).await.unwrap_err(), EngineError::InvalidSpec(_)));
    let mut named = real.spec("two");
    named.image = "--privileged".into();
    assert!(matches!(engine.run(&named).await.unwrap_err(), EngineError::InvalidSpec(_)));

    assert_eq!(engine.list(LABEL_DEPLOY, "test").await.unwrap().len(), 1);
    let error = engine.remove_image(IMAGE).await.unwrap_err();
    assert!(matches!(error, EngineError::Failed { .. }), "an image in use stays: {error}");
    assert!(matches!(engine.start("windlass-test-none").await, Err(EngineError::NoSuchContainer { .. })));
}

#[tokio::test]
async fn secrets_stand_on_no_command_line() {
    let Some(real) = Real::new().await else { return };
    let secret = unique("secret");
    let mut spec = real.spec("one");
    spec.environment.insert("TOKEN".into(), SecretString::from(secret.clone()));
    assert!(!format!("{spec:?}").contains(&secret));
    let done = tokio_util::sync::CancellationToken::new();
    let watch = {
        let (done, secret) = (done.clone(), secret.clone());
        tokio::task::spawn_blocking(move || {
            let mut looks = 0;
            while !done.is_cancelled() {
                let found = windlass_testkit::process::with_command_line(&secret).unwrap();
                assert!(found.is_empty(), "{found:?}");
                looks += 1;
            }
            looks
        })
    };
    let container = real.engine.run(&spec).await.unwrap();
    get(container.published[&8080], "/health").await;
    assert!(windlass_testkit::process::with_command_line(&secret).unwrap().is_empty());
    done.cancel();
    assert!(watch.await.unwrap() > 10, "looked while it was started");
    let left = fs::read_dir(std::env::temp_dir()).unwrap().filter_map(Result::ok);
    let left = left.filter(|entry| entry.file_name().to_string_lossy().starts_with("windlass-run-"));
    let ours = left
        .filter(|entry| fs::read_to_string(entry.path().join("environment")).is_ok_and(|text| text.contains(&secret)));
    assert_eq!(ours.count(), 0, "the file is gone");
}

#[tokio::test]
async fn containers_of_a_network_find_each_other_by_name() {
    let Some(real) = Real::new().await else { return };
    let engine = &real.engine;
    let network = NetworkSpec { name: unique("network"), labels: Default::default(), internal: false };
    assert!(engine.create_network(&network).await.unwrap());
    assert!(!engine.create_network(&network).await.unwrap(), "it is there already");
    let (mut one, mut two) = (real.spec("one"), real.spec("two"));
    (one.network, two.network) = (Some(network.name.clone()), Some(network.name.clone()));
    one.publish.clear();
    let started = engine.run(&one).await.unwrap();
    let container = engine.run(&two).await.unwrap();
    get(started.address(8080).unwrap(), "/health").await;
    // The network's name server is told of a container after it started (podman's reads its names anew on a
    // signal), so a name is awaited as a server that starts is.
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        let answer = get(container.published[&8080], &format!("/peer/{}", one.name)).await;
        if answer.contains(r#""release":"one""#) {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{answer}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for container in engine.list(LABEL_DEPLOY, "test").await.unwrap() {
        engine.remove(&container.id).await.unwrap();
    }
    engine.remove_network(&network.name).await.unwrap();
    engine.remove_network(&network.name).await.unwrap();
}

#[tokio::test]
async fn an_image_that_is_not_what_it_says_is_refused() {
    let Some(real) = Real::new().await else { return };
    let engine = &real.engine;
    let blobs = real.layout.join("blobs/sha256");
    let mut files: Vec<_> = fs::read_dir(&blobs).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort_by_key(|path| fs::metadata(path).unwrap().len());
    for path in files {
        let good = fs::read(&path).unwrap();
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 1;
        fs::write(&path, bad).unwrap();
        let error = engine.load(&real.layout, "localhost/windlass-test:bad").await.unwrap_err();
        assert!(matches!(error, EngineError::Layout { .. }), "{error}");
        fs::write(&path, &good[1..]).unwrap();
        let error = engine.load(&real.layout, "localhost/windlass-test:bad").await.unwrap_err();
        assert!(matches!(error, EngineError::Layout { .. }), "{error}");
        assert_eq!(engine.image("localhost/windlass-test:bad").await.unwrap(), None);
        fs::write(&path, good).unwrap();
    }
    let index = real.layout.join("index.json");
    let text = fs::read_to_string(&index).unwrap();
    for (from, to) in [("sha256:", "sha256:../../"), ("sha256:", "sha512:")] {
        fs::write(&index, text.replace(from, to)).unwrap();
        let error = engine.load(&real.layout, "localhost/windlass-test:bad").await.unwrap_err();
        assert!(error.to_string().contains("is no SHA-256 digest"), "{error}");
    }
}

#[tokio::test]
async fn a_directory_that_is_somebody_elses_is_not_shared() {
    let Some(real) = Real::new().await else { return };
    let place = real.directory.path();
    let link = place.join("link");
    std::os::unix::fs::symlink("/etc", &link).unwrap();
    let file = place.join("file");
    fs::write(&file, "").unwrap();
    for path in [link, file] {
        assert!(real.engine.control_directory(&path).is_err(), "{}", path.display());
    }
    assert_eq!(fs::metadata("/etc").unwrap().mode() & 0o777, 0o755);
    if rustix::process::geteuid().is_root() {
        let strange = place.join("strange");
        fs::create_dir(&strange).unwrap();
        std::os::unix::fs::chown(&strange, Some(1234), None).unwrap();
        assert!(matches!(real.engine.control_directory(&strange), Err(EngineError::InvalidSpec(_))));
    }
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_named() {
    let error = Engine::find(Some("windlass-no-such-engine")).await.unwrap_err();
    assert!(matches!(&error, EngineError::NotInstalled { looked } if looked.contains("windlass-no-such-engine")));
    assert!(error.hint().contains("install podman"));
}
