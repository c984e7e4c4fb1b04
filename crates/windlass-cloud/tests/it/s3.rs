use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig, profile::ProfileFileCredentialsProvider};
use aws_sdk_s3::{Client, config::Credentials, primitives::ByteStream, types::ChecksumAlgorithm};
use windlass_cloud::object::{Object, PullProblem};
use windlass_testkit::aws::StandIn;

use crate::{
    Place, begin, noise, pull, sum, until,
    wires::{Scissors, Web},
};

const BUCKET: &str = "sandbox-images";
const KEY: &str = "debian/root file.ext4";

fn config(endpoint: &str) -> ConfigLoader {
    aws_config::defaults(BehaviorVersion::latest()).endpoint_url(endpoint).region(Region::from_static("us-east-1"))
}

async fn signed(endpoint: &str) -> SdkConfig {
    config(endpoint).credentials_provider(Credentials::new("test", "test", None, None, "test")).load().await
}

/// S3 behind a proxy that cuts.
struct Sky {
    scissors: Scissors,
    config: SdkConfig,
    client: Client,
    _aws: StandIn,
}

impl Sky {
    async fn over(aws: StandIn) -> Self {
        aws.create_bucket(BUCKET).await;
        let scissors = Scissors::before(aws.address()).await;
        // Uploads go past the proxy.
        let direct = aws_sdk_s3::config::Builder::from(&signed(&aws.endpoint()).await).force_path_style(true).build();
        let config = signed(&format!("http://{}", scissors.address)).await;
        Self { scissors, config, client: Client::from_conf(direct), _aws: aws }
    }

    async fn put(&self, bytes: &[u8]) {
        let body = ByteStream::from(bytes.to_vec());
        self.client.put_object().bucket(BUCKET).key(KEY).body(body).send().await.unwrap();
    }

    fn object(&self) -> Object {
        self.at(BUCKET, KEY)
    }

    fn at(&self, bucket: &str, key: &str) -> Object {
        Object::new(format!("s3://{bucket}/{key}").parse().unwrap()).with_config(self.config.clone())
    }
}

/// Everything that must hold, over whatever stands in for AWS.
async fn holds(aws: StandIn) {
    let sky = Sky::over(aws).await;
    whole(&sky).await;
    broken(&sky).await;
    changed(&sky).await;
    wrong(&sky).await;
    together(&sky).await;
    refused(&sky).await;
    signed_address(&sky).await;
}

async fn whole(sky: &Sky) {
    let (bytes, place) = (noise(10, 3_000_001), Place::new());
    sky.put(&bytes).await;
    let pulled = pull(&sky.object(), sum(&bytes), &place.file()).await.unwrap();
    assert!(pulled.fetched && pulled.bytes == 3_000_001, "{pulled:?}");
    place.holds(&bytes);
    let asked = sky.scissors.connections();
    assert!(!pull(&sky.object(), sum(&bytes), &place.file()).await.unwrap().fetched);
    assert_eq!(sky.scissors.connections(), asked);
}

async fn broken(sky: &Sky) {
    let (bytes, place) = (noise(11, 4_000_000), Place::new());
    sky.put(&bytes).await;
    let before = sky.scissors.passed();
    sky.scissors.cut_after(1_500_000);
    pull(&sky.object(), sum(&bytes), &place.file()).await.unwrap();
    place.holds(&bytes);
    let passed = sky.scissors.passed() - before;
    assert!(passed < 4_100_000, "{passed} bytes for 4000000");

    // An answer that breaks off before it says anything.
    let place = Place::new();
    let before = sky.scissors.passed();
    sky.scissors.cut_after(20);
    let mended = async {
        until(|| sky.scissors.passed() > before).await;
        sky.scissors.cut_after(u64::MAX);
    };
    let (object, file) = (sky.object(), place.file());
    let (pulled, ()) = tokio::join!(pull(&object, sum(&bytes), &file), mended);
    assert!(pulled.unwrap().fetched);
    place.holds(&bytes);

    // The same, and somebody else goes on.
    let place = Place::new();
    sky.scissors.cut_after(u64::MAX);
    begin(&sky.object(), sum(&bytes), &place.file(), 2_500_000).await;
    let before = sky.scissors.passed();
    pull(&sky.object(), sum(&bytes), &place.file()).await.unwrap();
    place.holds(&bytes);
    let passed = sky.scissors.passed() - before;
    assert!(passed < 2_500_000, "{passed} bytes for the rest");
}

async fn changed(sky: &Sky) {
    let (old, new, place) = (noise(12, 4_000_000), noise(13, 4_000_000), Place::new());
    sky.put(&old).await;
    begin(&sky.object(), sum(&new), &place.file(), 2_500_000).await;
    sky.put(&new).await;
    pull(&sky.object(), sum(&new), &place.file()).await.unwrap();
    place.holds(&new);
}

async fn wrong(sky: &Sky) {
    let (bytes, place) = (noise(14, 1_500_000), Place::new());
    sky.put(&bytes).await;
    let error = pull(&sky.object(), sum(b"another"), &place.file()).await.unwrap_err();
    assert!(matches!(error.problem, PullProblem::WrongSum { .. }), "{error}");
    assert_eq!(place.names(), Vec::<String>::new());
}

async fn together(sky: &Sky) {
    let (bytes, place) = (noise(15, 3_000_000), Place::new());
    sky.put(&bytes).await;
    let before = sky.scissors.passed();
    let (object, file, wanted) = (sky.object(), place.file(), sum(&bytes));
    let (one, other) = tokio::join!(pull(&object, wanted, &file), pull(&object, wanted, &file));
    assert_ne!(one.unwrap().fetched, other.unwrap().fetched);
    assert!(sky.scissors.passed() - before < 3_100_000);
    place.holds(&bytes);
}

async fn refused(sky: &Sky) {
    let place = Place::new();
    let error = pull(&sky.at(BUCKET, "no/such/key"), sum(b""), &place.file()).await.unwrap_err();
    assert!(matches!(error.problem, PullProblem::Missing), "{error}");
    let error = pull(&sky.at("no-such-bucket-here", KEY), sum(b""), &place.file()).await.unwrap_err();
    assert!(matches!(error.problem, PullProblem::NoBucket), "{error}");
    let nobody = ProfileFileCredentialsProvider::builder().profile_name("nobody-of-this-name").build();
    let nobody = config(&format!("http://{}", sky.scissors.address)).credentials_provider(nobody).load().await;
    let nobody = Object::new(format!("s3://{BUCKET}/{KEY}").parse().unwrap()).with_config(nobody);
    let error = pull(&nobody, sum(b""), &place.file()).await.unwrap_err();
    assert!(matches!(error.problem, PullProblem::Credentials(_)), "{error}");
    assert!(error.hint().contains("AWS_PROFILE"));
    assert_eq!(place.names(), Vec::<String>::new());
}

/// The same object by way of the web.
async fn signed_address(sky: &Sky) {
    let (bytes, place) = (noise(16, 3_000_000), Place::new());
    sky.put(&bytes).await;
    let client = aws_sdk_s3::config::Builder::from(&sky.config).force_path_style(true).build();
    let day = aws_sdk_s3::presigning::PresigningConfig::expires_in(std::time::Duration::from_secs(86400)).unwrap();
    let request = Client::from_conf(client).get_object().bucket(BUCKET).key(KEY).presigned(day).await.unwrap();
    let before = sky.scissors.passed();
    sky.scissors.cut_after(1_000_000);
    pull(&Object::new(request.uri().parse().unwrap()), sum(&bytes), &place.file()).await.unwrap();
    sky.scissors.cut_after(u64::MAX);
    place.holds(&bytes);
    let passed = sky.scissors.passed() - before;
    assert!(passed < 3_100_000, "{passed} bytes for 3000000");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_ministack() {
    if let Some(aws) = StandIn::ministack().await {
        holds(aws).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_moto() {
    if let Some(aws) = StandIn::moto().await {
        holds(aws).await;
    }
}

/// A bucket is where S3 says it is, whatever region is set.
#[tokio::test]
async fn a_bucket_of_another_region() {
    let (bytes, place) = (noise(18, 100_000), Place::new());
    let (web, url) = Web::serving(&bytes, Some("\"one\"")).await;
    web.change(|file| file.region = Some("eu-central-1"));
    let config = signed(url.split("/images").next().unwrap()).await;
    let object = Object::new(format!("s3://{BUCKET}/{KEY}").parse().unwrap()).with_config(config);
    pull(&object, sum(&bytes), &place.file()).await.unwrap();
    place.holds(&bytes);
    assert_eq!(web.asked().len(), 2);
}

/// What S3 computed when the object came counts where nobody says more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sum_that_s3_verified() {
    for aws in [StandIn::ministack().await, StandIn::moto().await] {
        let Some(aws) = aws else { return };
        let sky = Sky::over(aws).await;
        let bytes = noise(17, 100_000);
        sky.put(&bytes).await;
        let error = sky.object().verified_sum().await.unwrap_err();
        assert!(matches!(error.problem, PullProblem::NoSum) && error.hint().contains("--sha256"), "{error}");
        let put = sky.client.put_object().bucket(BUCKET).key(KEY).checksum_algorithm(ChecksumAlgorithm::Sha256);
        put.body(ByteStream::from(bytes.clone())).send().await.unwrap();
        assert_eq!(sky.object().verified_sum().await.unwrap(), sum(&bytes));
        let error = sky.at(BUCKET, "no/such/key").verified_sum().await.unwrap_err();
        assert!(matches!(error.problem, PullProblem::Missing), "{error}");
    }
}
