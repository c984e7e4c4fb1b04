//! Documents in a bucket.

use aws_sdk_s3::{Client, config::Builder};
use futures::{StreamExt, stream};
use windlass_config::settings::KnowledgeSourceSettings;
use windlass_knowledge::source::{Opened, SourceError, make};
use windlass_testkit::aws::StandIn;

use crate::{
    bench::{Bench, aws, file, paths, skipped, text},
    web::{Server, answer},
};

const BUCKET: &str = "company-documents";

fn settings(url: &str) -> KnowledgeSourceSettings {
    KnowledgeSourceSettings { s3: Some(url.parse().unwrap()), ..KnowledgeSourceSettings::default() }
}

async fn bench(endpoint: &str) -> Bench {
    let mut bench = Bench::new();
    bench.surroundings.aws = Some(aws(endpoint).await);
    bench
}

struct Bucket {
    client: Client,
    bench: Bench,
    _aws: StandIn,
}

impl Bucket {
    async fn new() -> Option<Self> {
        let stand_in = StandIn::moto().await?;
        stand_in.create_bucket(BUCKET).await;
        let bench = bench(&stand_in.endpoint()).await;
        let config = Builder::from(bench.surroundings.aws.as_ref().unwrap()).force_path_style(true).build();
        Some(Self { client: Client::from_conf(config), bench, _aws: stand_in })
    }

    async fn put(&self, key: &str, content: impl AsRef<[u8]>) {
        let body = content.as_ref().to_vec().into();
        self.client.put_object().bucket(BUCKET).key(key).body(body).send().await.unwrap();
    }

    async fn open(&self, url: &str) -> Box<dyn Opened> {
        self.bench.source(&settings(url)).open().await.unwrap()
    }
}

#[tokio::test]
async fn objects_below_a_prefix() {
    let Some(bucket) = Bucket::new().await else { return };
    bucket.put("docs/", "").await;
    bucket.put("docs/a.md", "# A").await;
    bucket.put("docs/deep/ä b+c.txt", "b").await;
    bucket.put("docs/photo.png", "x").await;
    bucket.put("docs/large.md", vec![b'x'; 100_001]).await;
    bucket.put("docs/../up.md", "x").await;
    bucket.put("docs/x//y.md", "x").await;
    bucket.put("docs/.hidden/a.md", "x").await;
    bucket.put("docs-of-others/a.md", "x").await;
    let link = Some("https://files.example.com/{path}".to_owned());
    let chosen =
        KnowledgeSourceSettings { prefix: "shared".to_owned(), link, ..settings(&format!("s3://{BUCKET}/docs")) };
    let source = bucket.bench.source(&chosen);
    assert_eq!(source.name(), format!("s3 s3://{BUCKET}/docs/"));
    let opened = source.open().await.unwrap();
    assert_eq!(paths(&*opened), ["shared/a.md", "shared/deep/ä b+c.txt"]);
    assert_eq!(skipped(&*opened), [("*.png", 1), ("key that is no path", 2), ("larger than 100000 bytes", 1)]);
    let found = file(&*opened, "shared/deep/ä b+c.txt");
    assert_eq!(found.link.as_deref(), Some("https://files.example.com/deep/%C3%A4%20b+c.txt"));
    assert!(found.date.is_some() && found.bytes == 1);
    assert_eq!(text(&*opened, "shared/deep/ä b+c.txt").await, "b");

    // A stamp changes with the object and only then; and what is not what was listed costs that object.
    let again = source.open().await.unwrap();
    assert_eq!(file(&*again, "shared/a.md"), file(&*opened, "shared/a.md"));
    bucket.put("docs/a.md", "# B").await;
    bucket.client.delete_object().bucket(BUCKET).key("docs/deep/ä b+c.txt").send().await.unwrap();
    let changed = opened.read(file(&*opened, "shared/a.md")).await.unwrap_err();
    assert!(matches!(&changed, SourceError::File(told) if told.contains("changed")), "{changed:?}");
    let deleted = opened.read(file(&*opened, "shared/deep/ä b+c.txt")).await.unwrap_err();
    assert!(matches!(&deleted, SourceError::File(told) if told.contains("deleted")), "{deleted:?}");
    let later = source.open().await.unwrap();
    assert_ne!(file(&*later, "shared/a.md").stamp, file(&*opened, "shared/a.md").stamp);
    assert_eq!(text(&*later, "shared/a.md").await, "# B");
    assert_eq!(paths(&*later), ["shared/a.md"]);
}

#[tokio::test]
async fn more_objects_than_one_answer_holds() {
    let Some(bucket) = Bucket::new().await else { return };
    let put = |number: usize| {
        let bucket = &bucket;
        async move { bucket.put(&format!("many/{number:04}.md"), "x").await }
    };
    stream::iter(0..1010).map(put).buffer_unordered(32).collect::<Vec<_>>().await;
    let opened = bucket.open(&format!("s3://{BUCKET}/many/")).await;
    assert_eq!(opened.files().len(), 1010);
    assert!(opened.files().is_sorted_by(|one, other| one.path < other.path));
    assert_eq!(bucket.open(&format!("s3://{BUCKET}")).await.files().len(), 1010);
    assert_eq!(bucket.open(&format!("s3://{BUCKET}/none/")).await.files().len(), 0);
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_not_an_empty_one() {
    let Some(bucket) = Bucket::new().await else { return };
    let error = bucket.bench.source(&settings("s3://no-such-bucket/docs/")).open().await.map(drop).unwrap_err();
    assert!(matches!(&error, SourceError::Gone(name) if name == "s3 s3://no-such-bucket/docs/"), "{error:?}");
}

#[tokio::test]
async fn what_s3_says_is_told_by_its_kind() {
    let says = async |status: u16, code: &str| {
        let body = format!("<Error><Code>{code}</Code><Message>because</Message></Error>");
        let server = Server::start(move |_| {
            let answer = answer(status, &[("content-type", "application/xml")], body.clone());
            async { answer }
        })
        .await;
        let bench = bench(&server.at("")).await;
        bench.source(&settings("s3://bucket/docs/")).open().await.map(drop).unwrap_err()
    };
    let refused = says(403, "AccessDenied").await;
    assert!(matches!(&refused, SourceError::Refused(told) if told.contains("AccessDenied because")), "{refused:?}");
    assert!(matches!(says(403, "InvalidAccessKeyId").await, SourceError::Refused(_)));
    let moved = says(301, "PermanentRedirect").await;
    assert!(matches!(&moved, SourceError::Refused(told) if told.contains("region")), "{moved:?}");
    assert!(matches!(says(404, "NoSuchBucket").await, SourceError::Gone(_)));
    assert!(matches!(says(503, "SlowDown").await, SourceError::Unreachable(_)));
    let bench = bench("http://127.0.0.1:1").await;
    let nobody = bench.source(&settings("s3://bucket/docs/")).open().await.map(drop).unwrap_err();
    assert!(matches!(nobody, SourceError::Unreachable(_)), "{nobody:?}");
}

#[tokio::test]
async fn a_list_without_an_end_is_none() {
    let body = "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>again</NextContinuationToken>\
                <Contents><Key>docs/a.md</Key><Size>1</Size><ETag>\"x\"</ETag></Contents></ListBucketResult>";
    let server = Server::start(move |_| async move { answer(200, &[("content-type", "application/xml")], body) }).await;
    let bench = bench(&server.at("")).await;
    let error = bench.source(&settings("s3://bucket/docs/")).open().await.map(drop).unwrap_err();
    assert!(matches!(error, SourceError::Unreachable(_)), "{error:?}");
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn mistakes_in_settings_are_named() {
    let bench = Bench::new();
    for url in ["https://bucket/docs/", "s3://user@bucket/docs/", "s3://bucket/docs/?x=1", "s3:docs"] {
        assert_eq!(make(&settings(url), &bench.surroundings).map(drop).unwrap_err().setting, "s3", "{url}");
    }
}
