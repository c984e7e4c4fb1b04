//! What Firecracker does beside what every backend does.

use std::{
    io,
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use windlass_config::settings::EgressSettings;
use windlass_core::{AuditEvent, AuditSink};
use windlass_guard::Resolver;
use windlass_sandbox::{
    backend::{BackendError, Isolation, Spec},
    egress::Egress,
};

use super::{places, places_with};
use crate::{
    place::{PATIENCE, SPEC, bash, prefix, text},
    used::{settled, used},
};

#[tokio::test(flavor = "multi_thread")]
async fn it_says_what_it_is() {
    for place in places("firecracker, about").await {
        let about = place.backend.about();
        assert_eq!((about.name, about.isolation), ("firecracker", Isolation::Vm));
        assert!(about.protections["around it"].contains("the jailer"), "{:?}", about.protections);
        assert!(about.protections["version"].ends_with("NOT PINNED by its SHA-256"), "{:?}", about.protections);
        // As they are called when they belong to somebody: the jailer takes no underscore.
        let machine = place.backend.create(&format!("sbx_{:032x}", rand::random::<u128>()), &SPEC).await.unwrap();
        assert!(matches!(machine.store().await, Err(BackendError::Unable)));
        machine.destroy().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_copy_has_files_a_clock_and_randomness_of_its_own() {
    for place in places("firecracker, copies").await {
        let mut told = Vec::new();
        let machines = [place.machine(&SPEC).await, place.machine(&SPEC).await];
        for machine in &machines {
            // What stands in has no randomness of its own, and leaves what it is given where it is seen.
            let line =
                "date +%s; cat /renewed 2>/dev/null | base64; head -c 16 /dev/urandom | base64; cat own; echo x > own";
            let said = text(&bash(machine.guest(), line, PATIENCE).await);
            assert!(said.contains("No such file"), "{said}");
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
            let clock: u64 = said.lines().next().unwrap().parse().unwrap();
            assert!(now.abs_diff(clock) < 10, "its clock is {clock}, and it is {now}");
            told.push(said.lines().skip(1).map(str::to_owned).collect::<Vec<_>>());
        }
        assert!(told[0][0].len() > 16 && told[0][0] != told[1][0] && told[0][1] != told[1][1], "{told:?}");
        for machine in machines {
            machine.destroy().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_start_says_why_and_leaves_nothing() {
    for place in places("firecracker, failed starts").await {
        place.machine(&SPEC).await.destroy().await;
        let before = used(place.directory.path());
        let sizes = [Spec { memory: 64 << 10, ..SPEC }, Spec { vcpus: 33, ..SPEC }, Spec { disk: 1 << 10, ..SPEC }];
        for (size, why) in sizes.iter().zip(["memory size", "number of vCPUs", "mke2fs"]) {
            let created = place.backend.create(&format!("{}-odd", prefix()), size).await;
            let error = windlass_core::chain(&created.err().expect("it started"));
            assert!(error.contains(why), "{error}");
            settled(place.directory.path(), &before).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_given_up_while_it_starts_leaves_nothing() {
    for place in places("firecracker, given up").await {
        place.machine(&SPEC).await.destroy().await;
        let before = used(place.directory.path());
        for within in [0, 1, 3, 10, 30, 60] {
            let id = format!("{}-{:016x}", prefix(), rand::random::<u64>());
            let _ = tokio::time::timeout(Duration::from_millis(within), place.backend.create(&id, &SPEC)).await;
        }
        settled(place.directory.path(), &before).await;
    }
}

struct Nowhere;

#[async_trait]
impl Resolver for Nowhere {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        Err(io::ErrorKind::NotFound.into())
    }
}

impl AuditSink for Nowhere {
    fn record(&self, _: AuditEvent) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_may_reach_is_asked_of_the_server() {
    let settings =
        EgressSettings { allow: vec!["listed.test".into()], presets: Vec::new(), allowed_private: Vec::new() };
    let egress = Egress::new(&settings, Arc::new(Nowhere), Arc::new(Nowhere)).unwrap();
    for place in places_with("firecracker, egress", egress).await {
        let machine = place.machine(&SPEC).await;
        let port = machine.proxy().unwrap();
        let ask = |host: &str| {
            format!(
                "exec 3<>/dev/tcp/127.0.0.1/{port}; printf 'GET http://{host}/ HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n' >&3; head -1 <&3"
            )
        };
        let said = text(&bash(machine.guest(), &ask("other.test"), PATIENCE).await);
        assert!(said.starts_with("HTTP/1.1 403"), "{said}");
        let said = text(&bash(machine.guest(), &ask("listed.test"), PATIENCE).await);
        assert!(said.starts_with("HTTP/1.1 502"), "{said}");
        machine.destroy().await;
    }
}
