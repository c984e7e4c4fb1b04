//! The lines that end in an account, against what stands in for AWS: `windlass deploy` as it drives the real one.

use super::{calls::Calls, sky::Sky, yard::Yard};

#[tokio::test(flavor = "multi_thread")]
async fn lambda_is_deployed_replaced_taken_back_and_removed() {
    let Some(mut sky) = Sky::new("the line on Lambda").await else { return };
    // Saved queries are beyond the stand-in.
    let settings = "  target: lambda\n  region: us-east-1\n  variables: { queries: {}, s3_path_style: true }\n";
    sky.yard.configure(settings);
    let yard = &sky.yard;
    let first = yard.commit("first");
    let summary = yard.json(&[]);
    assert_eq!(summary["version"], first.as_str());
    assert_eq!(Yard::broken(&summary), Vec::<String>::new());
    let endpoint = summary["endpoint"].as_str().unwrap().to_owned();
    assert!(endpoint.contains(".execute-api.localhost:"), "{endpoint}");

    // Another, under calls: none fails, and both have answered.
    let token = yard.done(&["token"]).trim().to_owned();
    let calls = Calls::start(endpoint.clone(), token.clone());
    let second = yard.commit("second");
    yard.done(&[]);
    let seen = calls.finish();
    assert!(seen.failed.is_empty(), "{:#?}", seen.failed);
    assert!(seen.releases.contains_key(&first) && seen.releases.contains_key(&second), "{seen:?}");

    // One that does not start there: the alias is not moved.
    sky.yard.ship_what_breaks_where("AWS_LAMBDA_RUNTIME_API");
    sky.yard.configure(settings);
    let yard = &sky.yard;
    let calls = Calls::start(endpoint.clone(), token.clone());
    let third = yard.commit("third");
    let told = yard.refused(&[]);
    let seen = calls.finish();
    assert!(seen.failed.is_empty(), "{:#?}", seen.failed);
    assert_eq!(seen.releases.keys().collect::<Vec<_>>(), [&second], "{told}");
    assert!(told.contains(&third) && told.contains(&format!("release {second} takes the requests")), "{told}");

    let back = yard.json(&["rollback"]);
    assert_eq!(back["version"], first.as_str());
    assert_eq!(yard.json(&["status"])["running"]["version"], first.as_str());
    sky.removed().await;
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

    let back = yard.json(&["rollback"]);
    assert_eq!(back["version"], first.as_str());
    sky.removed().await;
}
