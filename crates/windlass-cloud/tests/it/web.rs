use std::fs;

use windlass_cloud::object::{Object, PullProblem};

use crate::{Place, begin, noise, pull, sum, until, wires::Web};

const ETAG: Option<&str> = Some("\"one\"");

fn object(url: &str) -> Object {
    Object::new(url.parse().unwrap())
}

#[tokio::test]
async fn the_whole_file_and_only_once() {
    let bytes = noise(1, 3_000_001);
    let (web, url) = Web::serving(&bytes, ETAG).await;
    let place = Place::new();
    let last = std::sync::Mutex::new((0, 0));
    let told = |progress: windlass_cloud::object::Progress| *last.lock().unwrap() = (progress.done, progress.total);
    let pulled = object(&url).pull(sum(&bytes), &place.file(), &told).await.unwrap();
    assert!(pulled.fetched && pulled.bytes == 3_000_001, "{pulled:?}");
    assert_eq!(*last.lock().unwrap(), (3_000_001, 3_000_001));
    place.holds(&bytes);
    assert!(!pull(&object(&url), sum(&bytes), &place.file()).await.unwrap().fetched);
    assert_eq!(web.asked().len(), 1);
    // Another one in its place is replaced.
    fs::write(place.file(), "old").unwrap();
    assert!(pull(&object(&url), sum(&bytes), &place.file()).await.unwrap().fetched);
    place.holds(&bytes);
}

#[tokio::test]
async fn a_broken_connection_is_gone_on_from() {
    let bytes = noise(2, 2_500_000);
    let (web, url) = Web::serving(&bytes, ETAG).await;
    web.change(|file| file.cut = 1_000_000);
    let place = Place::new();
    pull(&object(&url), sum(&bytes), &place.file()).await.unwrap();
    place.holds(&bytes);
    let ranges: Vec<String> = web
        .asked()
        .iter()
        .flat_map(|head| head.lines().find(|line| line.starts_with("range")).map(str::to_owned))
        .collect();
    assert_eq!(ranges, ["range: bytes=1000000-", "range: bytes=2000000-"]);
}

#[tokio::test]
async fn what_another_one_began_is_gone_on_from_also_under_another_signature() {
    let bytes = noise(3, 4_000_000);
    let (web, url) = Web::serving(&bytes, ETAG).await;
    let place = Place::new();
    begin(&object(&url), sum(&bytes), &place.file(), 2_500_000).await;
    let note = fs::read_to_string(place.file().with_extension("ext4.part.json")).unwrap();
    assert!(!note.contains("hunter2"), "{note}");
    pull(&object(&format!("{url}&renewed=1")), sum(&bytes), &place.file()).await.unwrap();
    place.holds(&bytes);
    assert!(web.asked()[1].contains("range: bytes=2"), "{:?}", web.asked());
}

#[tokio::test]
async fn a_file_that_changed_is_begun_anew() {
    let (old, new) = (noise(4, 4_000_000), noise(5, 4_000_000));
    let (web, url) = Web::serving(&old, ETAG).await;
    let place = Place::new();
    begin(&object(&url), sum(&new), &place.file(), 2_500_000).await;
    web.change(|file| (file.bytes, file.etag) = (new.clone(), Some("\"two\"")));
    pull(&object(&url), sum(&new), &place.file()).await.unwrap();
    place.holds(&new);

    // And so is one that no tag tells from another.
    let (_web, url) = Web::serving(&new, None).await;
    let place = Place::new();
    begin(&object(&url), sum(&new), &place.file(), 2_500_000).await;
    pull(&object(&url), sum(&new), &place.file()).await.unwrap();
    place.holds(&new);
}

#[tokio::test]
async fn a_wrong_sum_leaves_nothing() {
    let bytes = noise(6, 1_500_000);
    let (web, url) = Web::serving(&bytes, ETAG).await;
    let place = Place::new();
    let error = pull(&object(&url), sum(b"another"), &place.file()).await.unwrap_err();
    assert!(matches!(error.problem, PullProblem::WrongSum { found, .. } if found == sum(&bytes)), "{error}");
    assert!(!error.may_pass() && !error.to_string().contains("hunter2"), "{error}");
    assert_eq!((place.names(), web.asked().len()), (Vec::new(), 1));
}

/// Others may write where the file is to be, `/tmp` say.
#[tokio::test]
async fn a_link_in_its_way_is_not_followed() {
    let bytes = noise(9, 100_000);
    let (_web, url) = Web::serving(&bytes, ETAG).await;
    for end in ["lock", "part", "part.json"] {
        let place = Place::new();
        let victim = place.0.path().join("victim");
        fs::write(&victim, "precious").unwrap();
        fs::create_dir(place.file().parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(&victim, place.file().with_extension(format!("ext4.{end}"))).unwrap();
        let _ = pull(&object(&url), sum(&bytes), &place.file()).await;
        assert_eq!(fs::read_to_string(&victim).unwrap(), "precious", "{end}");
    }
}

#[tokio::test]
async fn what_was_damaged_since_is_fetched_again() {
    let bytes = noise(7, 4_000_000);
    let (web, url) = Web::serving(&bytes, ETAG).await;
    let place = Place::new();
    begin(&object(&url), sum(&bytes), &place.file(), 2_500_000).await;
    // The write that was under way ends, and then a power cut, say.
    until(|| !place.names().contains(&"root.ext4.lock".to_owned())).await;
    let part = place.file().with_extension("ext4.part");
    let length = fs::metadata(&part).unwrap().len() as usize;
    fs::write(&part, vec![0; length]).unwrap();
    pull(&object(&url), sum(&bytes), &place.file()).await.unwrap();
    place.holds(&bytes);
    assert_eq!(web.asked().len(), 3, "a part, the rest, and all of it");
}

#[tokio::test]
async fn two_at_once_fetch_once() {
    let bytes = noise(8, 3_000_000);
    let (web, url) = Web::serving(&bytes, ETAG).await;
    let place = Place::new();
    let (object, file, wanted) = (object(&url), place.file(), sum(&bytes));
    let (one, other) = tokio::join!(pull(&object, wanted, &file), pull(&object, wanted, &file));
    assert_ne!(one.unwrap().fetched, other.unwrap().fetched);
    assert_eq!(web.asked().len(), 1);
    place.holds(&bytes);
}

#[tokio::test]
async fn what_is_refused_says_why_and_leaves_nothing() {
    let (web, url) = Web::serving(b"x", ETAG).await;
    let place = Place::new();
    for (answer, told) in [
        ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", "there is no such file"),
        ("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n", "it may not be read (403 Forbidden)"),
        ("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", "the server does not say how long it is"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 1152921504606846976\r\n\r\n", "1099511627776 MiB are needed in "),
        (
            "HTTP/1.1 302 Found\r\nlocation: http://example.com/x\r\ncontent-length: 0\r\n\r\n",
            "an address that is not https",
        ),
    ] {
        web.change(|file| file.instead = Some(answer.to_owned()));
        let error = pull(&object(&url), sum(b"x"), &place.file()).await.unwrap_err();
        let text = format!("{error} {}", error.hint());
        assert!(text.contains(told) && !text.contains("hunter2"), "{text}");
        assert_eq!(place.names(), Vec::<String>::new(), "{told}");
    }
    let error = object(&url).verified_sum().await.unwrap_err();
    assert!(matches!(error.problem, PullProblem::NoSum), "{error}");
}
