//! What an account refuses, each with one clear error and the next step, and nothing half-made forgotten.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use windlass_testkit::aws::{FakeAws, query_error};

use super::{sky::Sky, yard::Yard};

const SETTINGS: &str = "  target: lambda\n  region: us-east-1\n  variables: { queries: {}, s3_path_style: true }\n";

/// Refused with these words, a next step, and within one screen.
fn refused(yard: &Yard, variables: &[(&str, &str)], arguments: &[&str], words: &[&str]) {
    let mut command = yard.command(arguments);
    command.envs(variables.iter().copied());
    let output = command.output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "{told}");
    for words in words {
        assert!(told.contains(words), "`{words}` is not in: {told}");
    }
    assert_eq!(told.matches("\nhint: ").count() + usize::from(told.starts_with("hint: ")), 1, "{told}");
    assert!(told.lines().count() < 60 && !told.contains("panicked"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_in_vain_is_told_why() {
    let Some(sky) = Sky::new("what an account refuses").await else { return };
    let yard = &sky.yard;
    yard.configure(SETTINGS);
    yard.commit("first");
    for phase in ["check", "build"] {
        yard.done(&[phase]);
    }

    refused(yard, &[("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "")], &[], &["no AWS credentials", "log in"]);
    refused(yard, &[("AWS_ENDPOINT_URL", "http://127.0.0.1:1")], &[], &["AWS cannot be reached", "region's name"]);
    let expired = FakeAws::start(|_| Some(query_error(403, "ExpiredToken", "The security token is expired"))).await;
    let expired = expired.unwrap();
    let at = |aws: &FakeAws| aws.environment().swap_remove(0).1;
    refused(yard, &[("AWS_ENDPOINT_URL", &at(&expired))], &[], &["have expired", "aws sso login"]);
    let unknown = FakeAws::start(|_| Some(query_error(403, "InvalidClientTokenId", "The token is invalid"))).await;
    refused(yard, &[("AWS_ENDPOINT_URL", &at(&unknown.unwrap()))], &[], &["does not accept the credentials"]);
    refused(yard, &[], &["--set", "deploy.account=210987654321"], &["not 210987654321", "deploy.account"]);
    // No such place: its name does not resolve.
    let nowhere = &[("AWS_ENDPOINT_URL", "http://sts.us-nowhere-1.invalid")];
    refused(yard, nowhere, &["--set", "deploy.region=us-nowhere-1"], &["cannot be reached", "region's name"]);

    let taken = FakeAws::before(sky.stand_in.address(), |asked| {
        (asked.service == "s3" && asked.method == "HEAD").then(|| (403, String::new()))
    });
    let taken = taken.await.unwrap();
    refused(yard, &[("AWS_ENDPOINT_URL", &at(&taken))], &[], &["somebody else's", "deploy.state_bucket"]);

    // A quota that is used up in the middle of the stack: what was made until then is known, so that the same command
    // goes on from there, and removing removes it.
    let full = Arc::new(AtomicBool::new(true));
    let is_full = full.clone();
    let aws = FakeAws::before(sky.stand_in.address(), move |asked| {
        let making = asked.method == "POST" && asked.path.ends_with("/functions");
        let answer = r#"{"Type":"User","Message":"Code storage limit exceeded."}"#;
        (making && is_full.load(Ordering::Relaxed)).then(|| (400, answer.to_owned()))
    });
    let aws = aws.await.unwrap();
    refused(yard, &[("AWS_ENDPOINT_URL", &at(&aws))], &[], &["Code storage limit exceeded"]);
    full.store(false, Ordering::Relaxed);
    let summary = yard.json(&[]);
    assert_eq!(Yard::broken(&summary), Vec::<String>::new());
    sky.removed().await;
}
