//! Outputs in S3, cut into parts, with what is known of each in a DynamoDB item: for functions and replicas that have no
//! directory in common.

mod index;
mod keeper;
mod parts;
mod ready;
mod spool;

pub(crate) use spool::probe;

use std::{
    future::Future,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use aws_sdk_dynamodb as dynamodb;
use aws_sdk_s3 as s3;
use s3::{
    config::{retry::RetryConfig, timeout::TimeoutConfig},
    error::ProvideErrorMetadata,
};
use tokio::{
    runtime,
    sync::{OnceCell, Semaphore},
};
use windlass_cloud::SdkConfig;
use windlass_config::settings::StoreSettings;
use windlass_core::Check;

use crate::{
    entry::{Entry, Handle},
    shelf::{Keeper, Kept, Shelf},
};
use keeper::CloudKeeper;
use parts::Parts;
use spool::Room;

/// Uploads at a time, of all calls together: each holds one part in memory.
const UPLOADS: usize = 6;
/// How long nothing more is sent after AWS could not be reached: else every call would wait for it anew.
const REST: Duration = Duration::from_secs(10);
/// Connecting, one attempt at one request, and all attempts.
const CONNECT: Duration = Duration::from_secs(2);
const ATTEMPT: Duration = Duration::from_secs(15);
const OPERATION: Duration = Duration::from_secs(40);

/// Keeps outputs in a bucket: `PREFIX HANDLE/000000` and on, found by the item of that handle.
pub(crate) struct Cloud {
    bucket: String,
    table: String,
    prefix: String,
    config: Option<SdkConfig>,
    /// Made at the first use, so that a server that is starting waits for nobody.
    clients: OnceCell<Clients>,
    /// Where parts wait for their upload.
    directory: Option<PathBuf>,
    room: Arc<Room>,
    uploads: Semaphore,
    failed: Mutex<Option<Instant>>,
    checked: Mutex<Option<(Instant, Check)>>,
}

pub(crate) struct Clients {
    s3: s3::Client,
    dynamodb: dynamodb::Client,
}

impl Cloud {
    /// `directory` is one we may write to; without one, little is held in memory. Asks AWS for nothing yet.
    pub(crate) fn new(
        settings: &StoreSettings,
        (bucket, table): (&str, &str),
        directory: Option<PathBuf>,
        config: Option<SdkConfig>,
    ) -> Self {
        let room = match directory {
            Some(_) => Room::new(settings.max_bytes.0),
            None => Room::in_memory(),
        };
        Self {
            bucket: bucket.to_owned(),
            table: table.to_owned(),
            prefix: settings.prefix.clone(),
            config,
            clients: OnceCell::new(),
            directory,
            room: Arc::new(room),
            uploads: Semaphore::new(UPLOADS),
            failed: Mutex::default(),
            checked: Mutex::default(),
        }
    }

    async fn clients(&self) -> &Clients {
        let connect = async {
            match &self.config {
                Some(config) => Clients::new(config),
                None => Clients::new(&windlass_cloud::config().await),
            }
        };
        self.clients.get_or_init(|| connect).await
    }

    /// The object that holds part `number` of an output. A handle is nothing but digits, so it leads nowhere else.
    fn key(&self, handle: &Handle, number: u64) -> String {
        format!("{}{}/{number:06}", self.prefix, handle.as_str())
    }

    fn failed(&self) {
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn rests(&self) -> bool {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|at| at.elapsed() < REST)
    }
}

impl Shelf for Arc<Cloud> {
    fn begin(&self, handle: &Handle, _entry: &Entry) -> io::Result<Box<dyn Keeper>> {
        if self.rests() {
            return Err(io::Error::other("AWS could not be reached a moment ago"));
        }
        Ok(Box::new(CloudKeeper::new(self.clone(), handle.clone())?))
    }

    fn find(&self, handle: &Handle) -> io::Result<Option<Kept>> {
        let found = wait(index::get(self, handle))??;
        let parts = |(entry, part)| Kept { source: Box::new(Parts::new(self.clone(), handle.clone(), part)), entry };
        Ok(found.map(parts))
    }

    fn sweep(&self) {
        // Items are removed by their time to live, objects by the bucket's lifecycle rules.
    }

    fn largest(&self) -> u64 {
        u64::MAX
    }

    fn directory(&self) -> Option<&Path> {
        self.directory.as_deref()
    }

    fn ready(&self) -> Check {
        match wait(ready::check(self)) {
            Ok(check) => check,
            Err(error) => Check::degraded("store", error.to_string()),
        }
    }
}

impl Clients {
    fn new(config: &SdkConfig) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT)
            .operation_attempt_timeout(ATTEMPT)
            .operation_timeout(OPERATION)
            .build();
        let retries = RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(100));
        let s3 =
            windlass_cloud::s3_config(config).timeout_config(timeouts.clone()).retry_config(retries.clone()).build();
        let dynamodb = dynamodb::config::Builder::from(config).timeout_config(timeouts).retry_config(retries).build();
        Self { s3: s3::Client::from_conf(s3), dynamodb: dynamodb::Client::from_conf(dynamodb) }
    }
}

/// Waits for AWS on a thread that may block: outputs are read on such.
fn wait<T>(future: impl Future<Output = T>) -> io::Result<T> {
    let runtime = runtime::Handle::try_current().map_err(io::Error::other)?;
    Ok(runtime.block_on(future))
}

/// What an SDK's error says, on one line: AWS's own words, or what kept us from hearing them.
fn told<E: std::error::Error + ProvideErrorMetadata>(error: E) -> io::Error {
    if let Some(code) = error.code() {
        return io::Error::other(format!("{code}: {}", error.message().unwrap_or("no more was said")));
    }
    let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    io::Error::other(causes.map(ToString::to_string).collect::<Vec<_>>().join(": "))
}
