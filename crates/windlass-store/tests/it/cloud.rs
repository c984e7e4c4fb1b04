//! Outputs in a bucket: what holds for a directory holds here, for stores that have nothing else in common.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use windlass_config::settings::{LimitSettings, StoreSettings};
use windlass_core::{
    Captured, ErrorKind, Health, Outputs, Principal, ToolError,
    units::{Bytes, Span},
};
use windlass_store::{Environment, Store};
use windlass_testkit::aws::StandIn;

use crate::{ask, principal};

pub const BUCKET: &str = "windlass-outputs";
pub const TABLE: &str = "windlass-handles";

/// A bucket and a table, and who else is asked on the way there.
pub struct Sky {
    pub config: SdkConfig,
    pub settings: StoreSettings,
    pub limits: LimitSettings,
    _aws: Option<StandIn>,
}

impl Sky {
    /// With a bucket and a table in `aws`.
    pub async fn over(aws: StandIn) -> Self {
        aws.create_bucket(BUCKET).await;
        aws.create_table(TABLE, "handle").await;
        let endpoint = aws.endpoint();
        Self { _aws: Some(aws), ..Self::at(&endpoint).await }
    }

    /// Whatever answers at `endpoint`.
    pub async fn at(endpoint: &str) -> Self {
        let credentials = aws_sdk_s3::config::Credentials::new("test", "test", None, None, "test");
        let config = aws_config::defaults(BehaviorVersion::latest())
            .endpoint_url(endpoint)
            .region(Region::from_static("us-east-1"))
            .credentials_provider(credentials)
            .load()
            .await;
        let settings = StoreSettings {
            bucket: Some(BUCKET.to_owned()),
            table: Some(TABLE.to_owned()),
            ttl: Span(Duration::from_secs(3600)),
            ..StoreSettings::default()
        };
        let limits = LimitSettings { output: Bytes(4096), spill: Bytes(64 << 20), ..LimitSettings::default() };
        Self { config, settings, limits, _aws: None }
    }

    pub fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.config).force_path_style(true).build();
        aws_sdk_s3::Client::from_conf(config)
    }

    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.config)
    }

    /// A replica: shares nothing with another one but the bucket and the table. `temp` is its own.
    pub fn open(&self, temp: &std::path::Path) -> Store {
        let environment =
            Environment { xdg_state_home: None, home: None, temp: temp.into(), aws: Some(self.config.clone()) };
        Store::open(&self.settings, &self.limits, &environment).unwrap()
    }

    /// A replica that may write nowhere.
    pub fn open_nowhere(&self) -> Store {
        self.open("/proc/nowhere".as_ref())
    }

    pub async fn names(&self) -> Vec<String> {
        let listed = self.s3().list_objects_v2().bucket(BUCKET).send().await.unwrap();
        listed.contents().iter().map(|object| object.key().unwrap().to_owned()).collect()
    }
}

pub async fn keep(store: &Store, owner: &Principal, bytes: &[u8]) -> Captured {
    let mut sink = store.open(owner, "stdout");
    bytes.chunks(64 << 10).for_each(|piece| sink.write(piece));
    sink.finish().await
}

pub async fn read(store: &Store, who: &Principal, arguments: Value) -> Result<Value, ToolError> {
    Ok(ask(store, who, "read_output", arguments).await?.structured.unwrap())
}

pub async fn pages(store: &Store, who: &Principal, handle: &str) -> String {
    let (mut whole, mut offset) = (String::new(), 0);
    loop {
        let page = read(store, who, json!({"handle": handle, "offset": offset})).await.unwrap();
        whole.push_str(page["text"].as_str().unwrap());
        match page["next_offset"].as_u64() {
            Some(next) => offset = next,
            None => return whole,
        }
    }
}

async fn refusal(store: &Store, who: &str, handle: &str) -> String {
    let error = read(store, &principal(who), json!({"handle": handle})).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    format!("{} {:?} {:?}", error.for_model(), error.detail, error.data)
}

/// Everything that must hold, over whatever stands in for AWS.
async fn holds(aws: StandIn) {
    let sky = Sky::over(aws).await;
    let temps = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [one, other] = [&temps[0], &temps[1]].map(|temp| sky.open(temp.path()));
    let alice = principal("key:alice");
    for store in [&one, &other] {
        let check = store_ready(store).await;
        assert_eq!((check.health, check.name.as_str()), (Health::Ok, "store"), "{}", check.detail);
    }

    // One kept it, the other serves it: all of it, to the byte.
    let text: String = (1..=3000).map(|line| format!("line {line} of text, é and 😀\n")).collect();
    let captured = keep(&one, &alice, text.as_bytes()).await;
    assert!(captured.truncated && !captured.text.contains("were kept"), "{}", captured.text);
    let handle = captured.handle.unwrap();
    assert_eq!(pages(&other, &alice, &handle).await, text);
    let page = read(&other, &alice, json!({"handle": handle, "from_line": 2999, "lines": 1})).await.unwrap();
    assert_eq!(page["text"], "line 2999 of text, é and 😀\n");
    let pattern = json!({"handle": handle, "pattern": "^line (7|2998) "});
    let found = ask(&other, &alice, "search_output", pattern).await.unwrap().structured.unwrap();
    assert_eq!((&found["rows"][0]["line"], &found["rows"][1]["line"]), (&json!(7), &json!(2998)), "{found}");
    assert_eq!(found["matches"], 2);

    // To anybody else it is one that never was.
    let invented = refusal(&other, "key:mallory", &format!("out_{}", "0".repeat(32))).await;
    for handle in [&handle, "../../other/secret", &format!("{handle}/000000"), &format!("{handle}\n")] {
        assert_eq!(refusal(&other, "key:mallory", handle).await, invented, "{handle}");
    }

    // The names say nothing of whose it is, and are all under the prefix.
    assert_eq!(sky.names().await, [format!("outputs/{handle}/000000")]);

    // It ends when its time has come, also while AWS has not yet removed it.
    let key = AttributeValue::S(handle.clone());
    let expire = sky.dynamodb().update_item().table_name(TABLE).key("handle", key);
    let past = AttributeValue::N("1700000000".to_owned());
    let expire = expire.update_expression("SET expires = :past").expression_attribute_values(":past", past);
    expire.send().await.unwrap();
    assert_eq!(refusal(&one, "key:alice", &handle).await, invented);
}

pub async fn store_ready(store: &Store) -> windlass_core::Check {
    let store = store.clone();
    tokio::task::spawn_blocking(move || store.ready()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_without_a_common_disk_serve_each_others_handles() {
    let Some(aws) = StandIn::ministack().await else { return };
    holds(aws).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_over_another_s3() {
    let Some(aws) = StandIn::moto().await else { return };
    holds(aws).await;
}

#[tokio::test]
async fn several_parts_are_one_output() {
    let Some(aws) = StandIn::ministack().await else { return };
    let sky = Sky::over(aws).await;
    let store = sky.open_nowhere();
    let owner = Principal::local();
    // Longer than two parts, and no line ends where a part does.
    let text: String = (0..1_000_000).map(|line| format!("{line:08}\n")).collect();
    let captured = keep(&store, &owner, text.as_bytes()).await;
    let handle = captured.handle.unwrap();
    assert_eq!(sky.names().await.len(), 3);
    for line in [0_u64, 466_032, 466_033, 466_034, 932_067, 999_999] {
        let page = read(&store, &owner, json!({"handle": handle, "offset": line * 9, "lines": 1})).await.unwrap();
        assert_eq!(page["text"], format!("{line:08}\n"), "around a seam");
    }
    let pattern = json!({"handle": handle, "pattern": "^(00466033|00932067|00999999)$"});
    let found = ask(&store, &owner, "search_output", pattern).await.unwrap().structured.unwrap();
    assert_eq!((&found["matches"], &found["more"]), (&json!(3), &json!(false)), "{found}");
}

#[tokio::test]
async fn an_output_that_is_given_up_is_nobodys() {
    let Some(aws) = StandIn::ministack().await else { return };
    let sky = Sky::over(aws).await;
    let temp = tempfile::tempdir().unwrap();
    let store = sky.open(temp.path());
    let mut sink = store.open(&Principal::local(), "stdout");
    sink.write(&vec![b'x'; 5 << 20]);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while sky.names().await.is_empty() {
        assert!(tokio::time::Instant::now() < deadline, "the first part goes while the rest still comes");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let name = sky.names().await.remove(0);
    let handle = name.split('/').nth(1).unwrap();
    let unknown = read(&store, &Principal::local(), json!({"handle": handle})).await.unwrap_err();
    assert_eq!(unknown.kind, ErrorKind::NotFound);
    drop(sink);
    let unknown = read(&store, &Principal::local(), json!({"handle": handle})).await.unwrap_err();
    assert_eq!(unknown.kind, ErrorKind::NotFound);
    let left = walk(temp.path());
    assert!(left.is_empty(), "{left:?} stays on the disk");
}

fn walk(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = directory.read_dir().unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
