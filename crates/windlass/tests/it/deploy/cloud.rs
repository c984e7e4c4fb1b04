//! The lines that end in an account, against what stands in for AWS: `windlass deploy` as it drives the real one.

use std::{
    fs,
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use windlass_testkit::{aws::FakeAws, free_port, registry::TestRegistry};

use super::{
    calls::Calls,
    sky::{LAMBDA, Sky},
    yard::{Yard, wait_for},
};
use crate::house::{self, WINDLASS};

#[tokio::test(flavor = "multi_thread")]
async fn lambda_is_deployed_replaced_taken_back_and_removed() {
    let Some(mut sky) = Sky::new("the line on Lambda").await else { return };
    sky.yard.configure(LAMBDA);
    let yard = &sky.yard;
    let first = yard.commit("first");
    half_made_is_known(&sky).await;
    let summary = yard.json(&[]);
    assert_eq!(summary["version"], first.as_str());
    assert_eq!(Yard::broken(&summary), Vec::<String>::new());
    let endpoint = summary["endpoint"].as_str().unwrap().to_owned();
    assert!(endpoint.contains(".execute-api.localhost:"), "{endpoint}");

    // Another, under calls: none fails, and both have answered.
    let token = yard.done(&["token"]).trim().to_owned();
    let calls = Calls::start(endpoint.clone(), token.clone());
    let second = yard.commit("second");
    for phase in ["check", "build"] {
        yard.done(&[phase]);
    }
    let changes = &yard.json(&["--plan"])["changes"];
    let resources = changes["resources"].as_array().unwrap();
    assert!(resources.iter().any(|one| one == "change  module.function.aws_lambda_function.function"), "{changes:#}");
    assert!(!resources.iter().any(|one| one.as_str().unwrap().starts_with("remove")), "{changes:#}");
    yard.done(&[]);
    let seen = calls.finish();
    assert!(seen.failed.is_empty(), "{:#?}", seen.failed);
    assert!(seen.releases.contains_key(&first) && seen.releases.contains_key(&second), "{seen:?}");

    // One that does not start there: the alias is not moved.
    if house::long() {
        sky.yard.ship_what_breaks_where("AWS_LAMBDA_RUNTIME_API");
        sky.yard.configure(LAMBDA);
        let calls = Calls::start(endpoint.clone(), token.clone());
        let third = sky.yard.commit("third");
        let told = sky.yard.refused(&[]);
        let seen = calls.finish();
        assert!(seen.failed.is_empty(), "{:#?}", seen.failed);
        assert_eq!(seen.releases.keys().collect::<Vec<_>>(), [&second], "{told}");
        assert!(told.contains(&third) && told.contains(&format!("release {second} takes the requests")), "{told}");
    }

    let yard = &sky.yard;
    let back = yard.json(&["rollback"]);
    assert_eq!(back["version"], first.as_str());
    assert_eq!(yard.json(&["status"])["running"]["version"], first.as_str());
    sky.removed().await;
}

/// What stops in the middle of the stack: what was made until then is known, so that the same command goes on from there,
/// and removing removes it.
async fn half_made_is_known(sky: &Sky) {
    // A first run on another machine was killed when it had made the bucket: it is taken over.
    sky.stand_in.create_bucket(&format!("{}-windlass-000000000000-us-east-1", sky.yard.name)).await;
    // A quota that is used up.
    let aws = FakeAws::before(sky.stand_in.address(), |asked| {
        let making = asked.method == "POST" && asked.path.ends_with("/functions");
        making.then(|| (400, r#"{"Type":"User","Message":"Code storage limit exceeded."}"#.to_owned()))
    });
    let aws = aws.await.unwrap();
    let endpoint = aws.environment().swap_remove(0);
    let words = ["Code storage limit exceeded", "there is no earlier release"];
    sky.yard.refused_with(&[(&endpoint.0, &endpoint.1)], &[], &words);
    // Killed: Terraform saves its state and ends too.
    let mut child = sky.yard.start(&[]);
    wait_for(&mut child, "deploy  module.");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn ecs_is_deployed_replaced_taken_back_and_removed() {
    let Some(mut sky) = Sky::with_engine("the line on ECS").await else { return };
    let address = sky.stand_in.address();
    let endpoint = format!("http://{}.alb.localhost:{}/", sky.yard.name, address.port());
    // Scaling, composite alarms and saved queries are beyond the stand-in.
    let variables = "{ queries: {}, autoscaling: null, composite_alarm: false }";
    let settings = format!(
        "  target: ecs\n  region: us-east-1\n  endpoint: {endpoint}\n  patience: 3m\n  \
         registry: {{ host: \"{address}\", plain_http: true }}\n  variables: {variables}\n"
    );
    sky.yard.configure(&settings);
    let yard = &sky.yard;
    let first = yard.commit("first");
    let summary = yard.json(&[]);
    assert_eq!(summary["version"], first.as_str());
    assert_eq!(Yard::broken(&summary), Vec::<String>::new());

    // Another, under load.
    let token = yard.done(&["token"]).trim().to_owned();
    let calls = Calls::start(endpoint.clone(), token.clone());
    let second = yard.commit("second");
    yard.done(&[]);
    let seen = calls.finish();
    assert!(seen.failed.is_empty(), "{:#?}", seen.failed);
    assert!(seen.releases.contains_key(&first) && seen.releases.contains_key(&second), "{seen:?}");

    // One that crashes as a task: the circuit breaker puts the former one back, and the line says so.
    sky.yard.ship_what_breaks_where("ECS_CONTAINER_METADATA_URI_V4");
    sky.yard.configure(&settings);
    let yard = &sky.yard;
    let calls = Calls::start(endpoint.clone(), token.clone());
    let third = yard.commit("third");
    let told = yard.refused(&[]);
    let seen = calls.finish();
    assert_eq!(seen.releases.keys().collect::<Vec<_>>(), [&second], "{told}");
    assert!(told.contains(&third) && told.contains(&format!("release {second} takes the requests")), "{told}");
    assert_eq!(yard.json(&["status"])["running"]["version"], second.as_str());

    if house::long() {
        let back = yard.json(&["rollback"]);
        assert_eq!(back["version"], first.as_str());
    }
    sky.removed().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the machine is not there: a server of this test answers in its place"]
async fn ec2_is_told_what_to_run_stopped_started_and_removed() {
    let test = "the line on EC2";
    let Some(mut sky) = Sky::without_machines(test).await else { return };
    let Some(registry) = TestRegistry::secure(test) else { return };
    sky.yard.set("REGISTRY_PASSWORD", &registry.password);
    let yard = &sky.yard;
    let port = free_port().unwrap();
    yard.configure(&format!(
        "  target: ec2\n  region: us-east-1\n  endpoint: http://127.0.0.1:{port}/\n  \
         registry: {{ host: {:?}, username: {}, password: env:REGISTRY_PASSWORD, ca: {:?} }}\n  \
         variables: {{ queries: {{}}, spot: false, kvm: false, instance_type: m7i.large, allowed_cidrs: [10.0.0.0/8] }}\n",
        registry.host,
        registry.username,
        registry.ca.as_ref().unwrap(),
    ));
    let first = yard.commit("first");
    for phase in ["check", "build", "push"] {
        yard.done(&[phase]);
    }
    let token = yard.done(&["token"]).trim().to_owned();
    let empty = yard.beside("run");
    let machine = Command::new(WINDLASS)
        .args(["serve", "--transport", "http", "--port", &port.to_string()])
        .envs([("WINDLASS_SERVER_RELEASE", first.as_str()), ("WINDLASS_AUTH_TOKEN", &token)])
        .env("HOME", &empty)
        .current_dir(&empty)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _machine = Ended(machine);
    yard.done(&["deploy"]);
    let receipt: Value = serde_json::from_slice(&fs::read(yard.receipt(&first, "deploy")).unwrap()).unwrap();
    let facts = &receipt["receipt"]["output"]["facts"];
    let pushed: Value = serde_json::from_slice(&fs::read(yard.receipt(&first, "push")).unwrap()).unwrap();
    assert_eq!(facts["image"], pushed["receipt"]["output"]["image"]);
    // What the agent on the machine does.
    sky.stand_in.put_log(facts["log_group"].as_str().unwrap(), "a line").await;
    yard.done(&["verify"]);
    let running = &yard.json(&["status"])["running"];
    assert_eq!((&running["version"], &running["digest"]), (&first.as_str().into(), &facts["image"]));
    assert!(yard.done(&["logs"]).contains("a line"));
    assert!(yard.done(&["stop"]).contains("stopped"));
    assert!(yard.done(&["start"]).contains("started"));
    sky.removed().await;
}

/// A program that ends with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
