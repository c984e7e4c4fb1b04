use reqwest::header::{ACCEPT_LANGUAGE, HeaderMap, HeaderValue};
use windlass_core::ErrorKind;
use windlass_fetch::Request;

use crate::server::{Answers, Server, redirect, response};

#[tokio::test]
async fn are_followed_and_told() {
    let server = Server::new(|path| match path {
        "/a" => redirect("b?x=1"),
        "/b?x=1" => redirect("/c"),
        _ => response("200 OK", "Content-Type: text/plain\r\n", "arrived"),
    })
    .await;
    let fetched = server.fetcher().fetch(Request::get(server.url("/a#top"))).await.unwrap();
    assert_eq!((fetched.text.as_str(), fetched.url.path()), ("arrived", "/c"));
    let way: Vec<_> = fetched.redirects.iter().map(|url| url.path()).collect();
    assert_eq!(way, ["/a", "/b"]);
}

#[tokio::test]
async fn each_target_is_judged_like_the_first() {
    for (location, said) in [
        ("http://169.254.169.254/latest/meta-data/", "not on the list"),
        ("http://169.254.170.2/v2/credentials", "not on the list"),
        ("//169.254.169.254/", "not on the list"),
        ("http://2852039166/", "not on the list"),
        ("http://[::ffff:169.254.169.254]/", "not on the list"),
        ("http://127.0.0.1:1/", "port 1"),
        ("file:///etc/passwd", "`file:` URLs"),
        ("http://user:pw@evil.example/", "user name"),
        ("http://evil.example/", "not on the list"),
        ("http://[", "no URL"),
    ] {
        let server = Server::new(move |_| redirect(location)).await;
        let error = server.fetcher().fetch(Request::get(server.url("/"))).await.unwrap_err();
        assert!(error.message.contains(said), "{location}: {error}");
        assert_eq!(server.count(), 1, "{location}");
    }
}

#[tokio::test]
async fn a_listed_name_that_leads_to_metadata_is_refused_on_the_second_hop() {
    let port_of = |server: &Server| server.address.port();
    let server = Server::new(|path| redirect(&format!("http://inner.test:{}/creds", &path[1..]))).await;
    let fetcher = server.fetcher_with(Answers::new(&[&["127.0.0.1"], &["169.254.169.254"]]));
    let url = format!("http://outer.test:{0}/{0}", port_of(&server));
    let error = fetcher.fetch(Request::get(url)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied);
    assert_eq!(
        error.for_model(),
        "an address of `inner.test` is an address that hands out credentials, which is never fetched\n\
         hint: use a public host; ranges inside the owner's network can be opened with fetch.allowed_private"
    );
}

#[tokio::test]
async fn a_location_longer_than_any_url_is_refused() {
    let server = Server::new(|_| redirect(&format!("/{}", "a".repeat(5000)))).await;
    let error = server.fetcher().fetch(Request::get(server.url("/"))).await.unwrap_err();
    assert_eq!(error.message, "the server redirects to something that is no URL, or far too long for one");
}

#[tokio::test]
async fn a_circle_ends() {
    let server = Server::new(|_| redirect("/again")).await;
    let error = server.fetcher().fetch(Request::get(server.url("/"))).await.unwrap_err();
    assert_eq!(error.message, "gave up after 3 redirects");
    assert_eq!(server.count(), 4);
}

#[tokio::test]
async fn headers_of_the_caller_stay_with_the_first_host() {
    let server = Server::new(|path| match path {
        "/out" => redirect("http://other.test:PORT/in"),
        "/same" => redirect("/in"),
        _ => response("200 OK", "Content-Type: text/plain\r\n", "ok"),
    })
    .await;
    let port = server.address.port();
    let elsewhere = Server::new(move |_| redirect(&format!("http://other.test:{port}/in"))).await;
    let mut settings = server.settings();
    settings.allowed_hosts.push(elsewhere.address.to_string());
    let fetcher =
        windlass_fetch::Fetcher::with_resolver(&settings, std::sync::Arc::new(Answers::new(&[&["127.0.0.1"]])))
            .unwrap();
    let headers = HeaderMap::from_iter([(ACCEPT_LANGUAGE, HeaderValue::from_static("tlh"))]);
    for url in [elsewhere.url("/"), server.url("/same")] {
        fetcher.fetch(Request { headers: headers.clone(), ..Request::get(url) }).await.unwrap();
    }
    let had_it = |head: &String| head.contains("accept-language: tlh");
    assert!(elsewhere.requests.lock().unwrap().iter().all(had_it));
    let seen: Vec<bool> = server.requests.lock().unwrap().iter().map(had_it).collect();
    assert_eq!(seen, [false, true, true]);
    let all: String = server.requests.lock().unwrap().join("");
    for never in ["referer", "cookie", "authorization"] {
        assert!(!all.to_lowercase().contains(never), "{all}");
    }
}
