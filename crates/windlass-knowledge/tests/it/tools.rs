//! The tools as a model sees them.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use windlass_core::{
    Call, CancellationToken, Deadline, ErrorKind, Health, NoOutputs, Output, Principal, Reply, ToolError, Toolset, mcp,
};
use windlass_knowledge::{
    Collections, KnowledgeToolset,
    collections::{Options, Parts, Wish},
};
use windlass_testkit::{Silent, schema_lint};

use crate::{
    bench::Bench,
    parts::{Counting, Faulty, Shelf, index},
};

/// Collections with their tools.
struct Room {
    _bench: Bench,
    collections: Arc<Collections>,
    toolset: KnowledgeToolset,
    embedder: Arc<Counting>,
    shelves: Vec<Shelf>,
    indexes: Vec<Faulty>,
}

impl Room {
    /// Collections of these names, each with an empty shelf.
    fn new(names: &[(&str, &str)], options: Options) -> Self {
        let bench = Bench::new();
        let embedder = Arc::new(Counting::new(&bench));
        let shelves: Vec<Shelf> = names.iter().map(|(name, _)| Shelf::new(&format!("shelf {name}"))).collect();
        let indexes: Vec<Faulty> =
            names.iter().map(|(name, _)| Faulty::new(index(&bench.path().join("index").join(name)))).collect();
        let parts = names.iter().enumerate().map(|(at, (name, about))| Parts {
            name: (*name).to_owned(),
            description: (*about).to_owned(),
            index: Arc::new(indexes[at].clone()),
            sources: vec![Arc::new(shelves[at].clone())],
        });
        let collections = Arc::new(Collections::new(parts.collect(), embedder.clone(), options));
        let toolset = KnowledgeToolset::new(collections.clone());
        Self { _bench: bench, collections, toolset, embedder, shelves, indexes }
    }

    async fn refresh(&self) {
        for collection in self.collections.all() {
            self.collections.refresh(collection, &Wish::default(), &|_| {}).await.unwrap();
        }
    }

    async fn call(&self, tool: &str, arguments: Value) -> Result<Output, ToolError> {
        let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
        let call = Call {
            id: "1".into(),
            principal: Arc::new(Principal::local()),
            tool: tool.into(),
            arguments,
            meta: mcp::RequestMetaObject::default(),
            deadline: Deadline::after(Duration::from_secs(60)),
            cancel: CancellationToken::new(),
            client: Arc::new(Silent),
            outputs: Arc::new(NoOutputs),
            resume: None,
        };
        match self.toolset.call(call).await? {
            Reply::Done(output) => {
                self.fits(tool, &output);
                Ok(output)
            }
            other => panic!("{other:?}"),
        }
    }

    /// Checks the answer against what the tool promises.
    fn fits(&self, tool: &str, output: &Output) {
        let spec = self.toolset.tools().into_iter().find(|spec| spec.tool.name == tool).unwrap();
        let schema = Value::Object(spec.tool.output_schema.as_deref().unwrap().clone());
        check(&schema, output.structured.as_ref().unwrap(), tool);
    }

    async fn text(&self, tool: &str, arguments: Value) -> String {
        text(&self.call(tool, arguments).await.unwrap()).to_owned()
    }

    /// The answer as text and as data, without times.
    async fn shown(&self, tool: &str, arguments: Value) -> String {
        let output = self.call(tool, arguments).await.unwrap();
        let structured = serde_json::to_string_pretty(&output.structured).unwrap();
        without_times(&format!("{}\n---\n{structured}", text(&output)))
    }

    async fn error(&self, tool: &str, arguments: Value) -> String {
        let error = self.call(tool, arguments).await.unwrap_err();
        format!("{}: {}", error.kind.as_str(), error.for_model())
    }
}

/// Types, required fields and no others, as far as these schemas go.
fn check(schema: &Value, value: &Value, place: &str) {
    match schema["type"].as_str().unwrap() {
        "object" => {
            let fields = value.as_object().unwrap_or_else(|| panic!("{place}: {value}"));
            for name in schema["required"].as_array().into_iter().flatten() {
                assert!(fields.contains_key(name.as_str().unwrap()), "{place} lacks {name}");
            }
            for (name, value) in fields {
                let property = &schema["properties"][name];
                assert!(property.is_object(), "{place} has {name}");
                check(property, value, &format!("{place}.{name}"));
            }
        }
        "array" => value.as_array().unwrap().iter().for_each(|item| check(&schema["items"], item, place)),
        "string" => assert!(value.is_string(), "{place}: {value}"),
        "integer" => assert!(value.is_u64(), "{place}: {value}"),
        "boolean" => assert!(value.is_boolean(), "{place}: {value}"),
        other => panic!("{place} is {other}"),
    }
}

fn text(output: &Output) -> &str {
    &output.content[0].as_text().unwrap().text
}

fn without_times(text: &str) -> String {
    let time = regex::Regex::new(r"\d{4}-\d\d-\d\dT[\d:.]+Z").unwrap();
    time.replace_all(text, "TIME").into_owned()
}

const VPN: &str = "---\ntitle: Getting into the VPN\ntags: [vpn, network]\ndate: 2026-01-31\n---\n# Getting into the VPN\n\nEverybody gets a token on the first day.\n\n## Linux\n\nInstall `wireguard-tools` and import the profile of the portal.\n\n## Windows\n\nThe client is installed already.\n";

/// One collection of four documents.
async fn handbook() -> Room {
    let room = Room::new(&[("handbook", "How we work")], Options::default());
    room.shelves[0]
        .at("c0ffee", "https://gitlab.example.com/acme/handbook/-/blob/c0ffee")
        .write("guides/vpn.md", VPN)
        .write(
            "guides/wifi.md",
            "# Wi-Fi\n\nThe password hangs in the kitchen.\n\n## Guests\n\nGuests have their own network.\n",
        )
        .write("hr/holidays.md", "# Holidays\n\nEverybody has thirty days.\n\n## Linux\n\nThe penguin has none.\n")
        .write("tools/token.py", "def token(name):\n    \"\"\"Makes a token.\"\"\"\n    return name[::-1]\n");
    room.shelves[0].skip("unknown .xyz", 3);
    room.refresh().await;
    room
}

#[tokio::test]
async fn definitions() {
    let room = Room::new(&[("handbook", "How we work"), ("engineering", "")], Options::default());
    let tools = room.toolset.tools();
    let complaints: Vec<String> = tools.iter().flat_map(|spec| schema_lint(&spec.tool)).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
    let shown: Vec<Value> = tools.iter().map(|spec| json!({ "tool": spec.tool, "aliases": spec.aliases })).collect();
    insta::assert_json_snapshot!(shown);
}

#[tokio::test]
async fn many_long_descriptions_still_make_short_tools() {
    let long = "all about it ".repeat(100);
    let names: Vec<String> = (0..40).map(|n| format!("collection-{n}")).collect();
    let parts: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), long.as_str())).collect();
    let room = Room::new(&parts, Options::default());
    let complaints: Vec<String> = room.toolset.tools().iter().flat_map(|spec| schema_lint(&spec.tool)).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
    assert!(Room::new(&[], Options::default()).toolset.tools().is_empty());
}

#[tokio::test]
async fn a_search() {
    let room = handbook().await;
    insta::assert_snapshot!(
        room.shown("search_documents", json!({ "query": "import the wireguard profile on Linux", "limit": 2 })).await
    );
}

#[tokio::test]
async fn a_search_that_finds_nothing_says_what_to_try() {
    let room = handbook().await;
    room.embedder.set_fails(true);
    insta::assert_snapshot!(room.text("search_documents", json!({ "query": "zeppelin" })).await, @r"
    nothing found in `handbook`
    try other words: fewer of them, synonyms, or the exact name of what you look for; list_documents shows what there is
    note: found by words alone: what makes vectors does not answer now
    ");
    let arguments = json!({ "query": "token", "tags": ["vpn", "other"] });
    insta::assert_snapshot!(room.text("search_documents", arguments).await, @r"
    nothing found in `handbook`
    try without `path`, `languages`, `tags`, `since` and `until`, or with other words; list_documents shows what there is
    note: found by words alone: what makes vectors does not answer now
    ");
}

#[tokio::test]
async fn the_arguments_of_the_former_tools_work() {
    let room = handbook().await;
    let results = async |arguments: Value| {
        let output = room.call("search_documents", arguments).await.unwrap();
        output.structured.unwrap()["results"].as_array().unwrap().len()
    };
    assert_eq!(results(json!({ "query": "token", "n_results": 1, "rag_setup": "handbook" })).await, 1);
    assert_eq!(results(json!({ "query": "token", "num_results": 1 })).await, 1);
    assert_eq!(results(json!({ "query": "token", "limit": 2, "num_results": 1 })).await, 2);
    let section =
        room.text("read_document", json!({ "section_path": "guides/vpn.md#windows", "rag_setup": "handbook" })).await;
    assert!(section.contains("The client is installed already.") && !section.contains("wireguard"), "{section}");
    let section = room.text("read_document", json!({ "section_path": "Guests" })).await;
    assert!(section.contains("guides/wifi.md, lines 5-7") && section.contains("their own network"), "{section}");
    room.text("list_documents", json!({ "rag_setup": "handbook" })).await;
    room.text("recent_changes", json!({ "rag_setup": "handbook" })).await;
}

#[tokio::test]
async fn a_document() {
    let room = handbook().await;
    insta::assert_snapshot!(room.shown("read_document", json!({ "path": "guides/vpn.md" })).await);
}

#[tokio::test]
async fn parts_of_a_document() {
    let room = handbook().await;
    let lines = |text: &str| text.split_once("\n\n").unwrap().1.to_owned();
    let read = async |arguments: Value| lines(&room.text("read_document", arguments).await);
    let linux = "    10\t## Linux\n    11\t\n    12\tInstall `wireguard-tools` and import the profile of the portal.\n";
    for arguments in [
        json!({ "path": "guides/vpn.md", "section": "Linux" }),
        json!({ "path": "guides/vpn.md", "section": "#linux", "collection": "handbook" }),
        json!({ "path": "guides/vpn.md#linux" }),
        json!({ "path": "guides/vpn.md#L10-L12" }),
        json!({ "path": "/guides/vpn.md", "first_line": 10, "last_line": 12 }),
        json!({ "path": "./guides/vpn.md#L1", "first_line": 10, "last_line": 12 }),
        json!({ "path": "doc://handbook/guides/vpn.md#L10-L12" }),
    ] {
        assert_eq!(read(arguments.clone()).await, linux, "{arguments}");
    }
    assert_eq!(read(json!({ "path": "guides/vpn.md#" })).await.lines().count(), 16);
    assert_eq!(read(json!({ "path": "guides/vpn.md#L6" })).await, "     6\t# Getting into the VPN\n");
    assert_eq!(
        read(json!({ "path": "guides/vpn.md", "first_line": 16 })).await,
        "    16\tThe client is installed already.\n"
    );
    let cut = room
        .call("read_document", json!({ "path": "guides/vpn.md", "first_line": 10, "last_line": 999 }))
        .await
        .unwrap();
    let told = cut.structured.unwrap();
    assert_eq!((&told["citation"], &told["last_line"]), (&json!("guides/vpn.md#L10-L16"), &json!(16)));
    assert_eq!(
        told["link"],
        json!("https://gitlab.example.com/acme/handbook/-/blob/c0ffee/guides/vpn.md?plain=1#L10-16")
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_told_with_what_can() {
    let room = handbook().await;
    let mut told = String::new();
    for arguments in [
        json!({}),
        json!({ "path": "guides/vpm.md" }),
        json!({ "path": "vpn.md#Linux" }),
        json!({ "path": "zeppelin" }),
        json!({ "path": "guides/vpn.md", "section": "Linus" }),
        json!({ "path": "guides/vpn.md", "section": "Zeppelins" }),
        json!({ "path": "guides/vpn.md", "first_line": 99 }),
        json!({ "path": "guides/vpn.md", "first_line": 9, "last_line": 3 }),
        json!({ "path": "guides/vpn.md", "collection": "handbok" }),
        json!({ "section": "Linux" }),
        json!({ "section": "Zeppelins" }),
        json!({ "section_path": "Zeppelins" }),
        json!({ "path": "tools/token.py", "section": "x" }),
    ] {
        told.push_str(&format!(
            "{arguments}\n  {}\n",
            room.error("read_document", arguments.clone()).await.replace('\n', "\n  ")
        ));
    }
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn collections_and_documents_and_changes() {
    let room = handbook().await;
    insta::assert_snapshot!("collections", room.shown("list_collections", json!({})).await);
    insta::assert_snapshot!("documents", room.shown("list_documents", json!({ "limit": 2 })).await);
    room.shelves[0].rename("hr/holidays.md", "people/holidays.md");
    room.shelves[0].remove("tools/token.py");
    room.refresh().await;
    insta::assert_snapshot!("changes", room.shown("recent_changes", json!({ "limit": 3 })).await);
}

#[tokio::test]
async fn documents_come_page_by_page() {
    let room = Room::new(&[("a", ""), ("b", ""), ("c", "")], Options::default());
    for (at, shelf) in room.shelves.iter().enumerate() {
        for n in 0..5 {
            shelf.write(&format!("{n}.md"), format!("Document {n} of shelf {at}.\n"));
        }
    }
    room.refresh().await;
    for limit in [1, 4, 5, 7, 15, 20] {
        let (mut seen, mut after) = (Vec::new(), None::<String>);
        loop {
            let mut arguments = json!({ "limit": limit });
            if let Some(after) = &after {
                arguments["after"] = json!(after);
            }
            let answer = room.call("list_documents", arguments).await.unwrap().structured.unwrap();
            let documents = answer["documents"].as_array().unwrap();
            assert!(documents.len() <= limit && !documents.is_empty());
            seen.extend(
                documents
                    .iter()
                    .map(|one| format!("{}:{}", one["collection"].as_str().unwrap(), one["path"].as_str().unwrap())),
            );
            match answer["next"].as_str() {
                Some(next) => after = Some(next.to_owned()),
                None => break,
            }
        }
        let all: Vec<String> =
            ["a", "b", "c"].iter().flat_map(|name| (0..5).map(move |n| format!("{name}:{n}.md"))).collect();
        assert_eq!(seen, all, "{limit}");
    }
    let one = room.call("list_documents", json!({ "collection": "b", "after": "3.md" })).await.unwrap();
    assert!(text(&one).starts_with("b: 4.md"), "{}", text(&one));
    let error = room.error("list_documents", json!({ "after": "3.md" })).await;
    assert!(error.contains("say `collection` too"), "{error}");
}

#[tokio::test]
async fn arguments_that_mean_nothing_are_refused() {
    let room = handbook().await;
    let mut told = String::new();
    for (tool, arguments) in [
        ("search_documents", json!({ "query": "  " })),
        ("search_documents", json!({ "query": "x".repeat(5000) })),
        ("search_documents", json!({ "query": "x", "collections": ["handbook", "nowhere"] })),
        ("search_documents", json!({ "query": "x", "since": "yesterday" })),
        ("search_documents", json!({ "query": "x", "since": "2026-02-01", "until": "2026-01-01" })),
        ("list_documents", json!({ "collection": "nowhere" })),
        ("list_documents", json!({ "until": "2026-02-30" })),
        ("recent_changes", json!({ "since": "last week" })),
        ("no_such_tool", json!({})),
    ] {
        told.push_str(&format!("{tool}: {}\n", room.error(tool, arguments).await.replace('\n', "\n  ")));
    }
    insta::assert_snapshot!(told);
    let glob = room.call("search_documents", json!({ "query": "x", "path": "a[" })).await.unwrap_err();
    assert_eq!(glob.kind, ErrorKind::InvalidArguments);
    assert!(room.text("list_documents", json!({ "tags": ["none"] })).await.starts_with("no documents; none match"));
    assert!(
        room.text("list_documents", json!({ "after": "zzz" })).await.starts_with("no documents; there are no more")
    );
    assert!(room.text("recent_changes", json!({ "since": "2999-01-01" })).await.starts_with("no changes since then"));
}

#[tokio::test]
async fn a_path_in_two_collections_needs_a_collection() {
    let room = Room::new(&[("a", ""), ("b", "")], Options::default());
    room.shelves[0].write("same.md", "# A\n\nOf a.\n").write("only-a.md", "# Only\n\nIn a.\n");
    room.shelves[1].write("same.md", "# B\n\nOf b.\n");
    room.refresh().await;
    let error = room.error("read_document", json!({ "path": "same.md" })).await;
    insta::assert_snapshot!(error, @r"
    invalid_arguments: `same.md` is in several collections
    hint: say a `collection`: `a`, `b`
    ");
    assert!(room.text("read_document", json!({ "path": "same.md", "collection": "b" })).await.contains("Of b."));
    assert!(room.text("read_document", json!({ "path": "doc://a/same.md" })).await.contains("Of a."));
    assert!(room.text("read_document", json!({ "path": "only-a.md" })).await.contains("In a."));
}

#[tokio::test]
async fn what_is_not_there_yet_says_so() {
    let room = Room::new(&[("handbook", ""), ("other", "")], Options::default());
    room.shelves[0].write("a.md", "Apples.\n");
    let error = room.call("search_documents", json!({ "query": "x", "collections": ["handbook"] })).await.unwrap_err();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::Unavailable, "the collection `handbook` has not been made yet")
    );
    room.embedder.hold();
    let handbook = room.collections.get("handbook").unwrap().clone();
    let refreshing = {
        let (collections, handbook) = (room.collections.clone(), handbook.clone());
        tokio::spawn(async move { collections.refresh(&handbook, &Wish::default(), &|_| {}).await })
    };
    while room.shelves[0].reads().is_empty() {
        tokio::task::yield_now().await;
    }
    let error = room.call("search_documents", json!({ "query": "x", "collections": ["handbook"] })).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.message.starts_with("the collection `handbook` is being made, "), "{}", error.message);
    let listed = room.text("list_collections", json!({})).await;
    assert!(
        listed.contains("handbook: being made, ") && listed.contains("other: it has not been made yet"),
        "{listed}"
    );
    assert_eq!(handbook.progress().map(|progress| progress.total), Some(1));
    room.embedder.let_through();
    refreshing.await.unwrap().unwrap();
    let found = room.text("search_documents", json!({ "query": "apples" })).await;
    assert!(found.contains("1 result in `handbook`"), "{found}");
    assert!(found.contains("note: the collection `other` has not been made yet"), "{found}");
    assert_eq!(handbook.progress(), None);
}

#[tokio::test]
async fn readiness_by_collection() {
    let room = Room::new(&[("handbook", "")], Options::default());
    let ready = async || room.toolset.ready().await.remove(0);
    let check = ready().await;
    assert_eq!((check.name.as_str(), check.health), ("knowledge.handbook", Health::Failed));
    assert_eq!(check.detail, "no index yet: run `windlass knowledge refresh`");
    let handbook = room.collections.get("handbook").unwrap();
    room.shelves[0].set_gone(true);
    room.collections.refresh(handbook, &Wish::default(), &|_| {}).await.unwrap_err();
    assert_eq!(ready().await.detail, "no index: shelf handbook: shelf handbook is not there");
    room.shelves[0].set_gone(false);
    room.shelves[0].write("a.md", "Apples.\n");
    room.refresh().await;
    let check = ready().await;
    assert_eq!((check.health, check.detail.as_str()), (Health::Ok, "1 document, refreshed just now"));
    room.shelves[0].set_gone(true);
    room.collections.refresh(handbook, &Wish::default(), &|_| {}).await.unwrap_err();
    let check = ready().await;
    assert_eq!(check.health, Health::Degraded);
    assert!(check.detail.starts_with("1 document, refreshed just now; the last refresh failed: shelf handbook"));
}

#[tokio::test]
async fn an_index_that_fails_is_told_without_its_reasons() {
    let room = handbook().await;
    room.indexes[0].fail_after(0);
    for (tool, arguments) in [
        ("search_documents", json!({ "query": "token" })),
        ("read_document", json!({ "path": "guides/vpn.md" })),
        ("list_documents", json!({})),
    ] {
        let error = room.call(tool, arguments).await.unwrap_err();
        assert_eq!(
            (error.kind, error.message.as_str()),
            (ErrorKind::Unavailable, "the collection `handbook` cannot be read now")
        );
        assert!(error.detail.unwrap().contains("fails"));
    }
    room.indexes[0].fail_after(usize::MAX);
    room.text("search_documents", json!({ "query": "token" })).await;
}

#[tokio::test]
async fn a_long_document_goes_through_the_outputs() {
    let room = handbook().await;
    let long: String = (0..60_000).map(|n| format!("Line {n} of a long document.\n")).collect();
    room.shelves[0].write("long.txt", long);
    room.refresh().await;
    let output = room.call("read_document", json!({ "path": "long.txt" })).await.unwrap();
    let told = output.structured.as_ref().unwrap();
    assert_eq!((&told["truncated"], &told["lines"]), (&json!(true), &json!(60_000)));
    let part = room.text("read_document", json!({ "path": "long.txt", "first_line": 59_999 })).await;
    assert!(
        part.ends_with(" 59999\tLine 59998 of a long document.\n 60000\tLine 59999 of a long document.\n"),
        "{part}"
    );
}

#[tokio::test]
async fn documents_are_resources() {
    let room = handbook().await;
    room.shelves[0].write("größe/50% #1?.md", "# Sizes\n\nAll of them.\n");
    room.refresh().await;
    let (library, who) = (room.toolset.library().unwrap(), Principal::local());
    let resources = library.resources(&who).await.unwrap();
    let uris: Vec<_> = resources.iter().map(|resource| resource.uri.as_str()).collect();
    assert_eq!(uris[1], "doc://handbook/guides/vpn.md");
    assert_eq!((uris.len(), uris[0]), (5, "doc://handbook/gr%C3%B6%C3%9Fe/50%25%20%231%3F.md"));
    let mut read = library.read(&who, uris[0]).await.unwrap().unwrap();
    let mcp::ResourceContents::TextResourceContents { text, mime_type, .. } = read.remove(0) else { panic!("no text") };
    assert_eq!((text.as_str(), mime_type.as_deref()), ("# Sizes\n\nAll of them.\n", Some("text/markdown")));
    for other in
        ["doc://handbook/none.md", "doc://nowhere/guides/vpn.md", "sql://a/b/c", "doc://handbook/../../etc/passwd"]
    {
        assert!(library.read(&who, other).await.unwrap().is_none(), "{other}");
    }
    assert_eq!(library.resource_templates(&who).await.unwrap()[0].uri_template, "doc://{collection}/{+path}");
    let complete = async |argument: &str, value: &str| {
        let reference = mcp::Reference::for_resource("doc://{collection}/{+path}");
        let request = mcp::CompleteRequestParams::new(reference, mcp::ArgumentInfo::new(argument, value));
        library.complete(&who, &request).await.unwrap().unwrap().values
    };
    assert_eq!(complete("collection", "ha").await, ["handbook"]);
    assert_eq!(complete("path", "guides/").await, ["guides/vpn.md", "guides/wifi.md"]);
    assert_eq!(complete("path", "guides/vpn.md").await, ["guides/vpn.md"]);
    assert_eq!(complete("path", "").await.len(), 5);
    assert!(complete("path", "zz").await.is_empty());
}
