//! Whether the bucket and the table are there and let us in.

use std::{
    sync::PoisonError,
    time::{Duration, Instant},
};

use windlass_core::{Check, Health, units::Bytes};

use super::{Cloud, index, told};
use crate::entry::Handle;

/// How long an answer holds: `/ready` may be asked every second, by many.
const GOOD: Duration = Duration::from_secs(30);
const BAD: Duration = Duration::from_secs(5);
/// Whoever asks waits no longer.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) async fn check(cloud: &Cloud) -> Check {
    let fresh = |(at, check): &(Instant, Check)| {
        let holds = if check.health == Health::Ok { GOOD } else { BAD };
        (at.elapsed() < holds).then(|| check.clone())
    };
    let remembered = cloud.checked.lock().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(fresh);
    if let Some(check) = remembered {
        return check;
    }
    let check = ask(cloud).await;
    *cloud.checked.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), check.clone()));
    check
}

async fn ask(cloud: &Cloud) -> Check {
    let (bucket, table) = tokio::join!(within(bucket(cloud)), within(table(cloud)));
    let names = [("bucket", &cloud.bucket, bucket), ("table", &cloud.table, table)];
    let troubles = names.map(|(what, name, found)| found.err().map(|why| format!("{what} `{name}`: {why}")));
    let troubles: Vec<_> = troubles.into_iter().flatten().collect();
    if troubles.is_empty() {
        let waiting = Bytes(cloud.room.used() >> 20 << 20);
        let (bucket, prefix, table) = (&cloud.bucket, &cloud.prefix, &cloud.table);
        return Check::ok("store", format!("s3://{bucket}/{prefix}, table {table}, {waiting} on their way"));
    }
    Check::degraded("store", format!("{}; long output is cut, not kept", troubles.join("; ")))
}

async fn within(ask: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    match tokio::time::timeout(PATIENCE, ask).await {
        Ok(found) => found,
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}

/// Asks what is under our prefix and nowhere else: a policy may grant just that.
async fn bucket(cloud: &Cloud) -> Result<(), String> {
    let request = cloud.clients().await.s3.list_objects_v2().bucket(&cloud.bucket).prefix(&cloud.prefix).max_keys(1);
    request.send().await.map(drop).map_err(|error| told(error).to_string())
}

/// Looks for a handle that never was: asks for the one permission that every reading call needs, and no other.
async fn table(cloud: &Cloud) -> Result<(), String> {
    index::get(cloud, &Handle::new()).await.map(drop).map_err(|error| error.to_string())
}
