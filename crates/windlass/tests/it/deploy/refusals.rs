//! What an account refuses, each with one clear error and the next step.

use windlass_testkit::aws::{FakeAws, query_error};

use super::sky::{self, Sky};

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_in_vain_is_told_why() {
    let Some(sky) = Sky::new("what an account refuses").await else { return };
    let yard = &sky.yard;
    yard.configure(sky::LAMBDA);
    yard.commit("first");
    for phase in ["check", "build"] {
        yard.done(&[phase]);
    }

    yard.refused_with(
        &[("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "")],
        &[],
        &["no AWS credentials", "log in"],
    );
    yard.refused_with(&[("AWS_ENDPOINT_URL", "http://127.0.0.1:1")], &[], &["AWS cannot be reached", "region's name"]);
    let expired = FakeAws::start(|_| Some(query_error(403, "ExpiredToken", "The security token is expired"))).await;
    let expired = expired.unwrap();
    let at = |aws: &FakeAws| aws.environment().swap_remove(0).1;
    yard.refused_with(&[("AWS_ENDPOINT_URL", &at(&expired))], &[], &["have expired", "aws sso login"]);
    let unknown = FakeAws::start(|_| Some(query_error(403, "InvalidClientTokenId", "The token is invalid"))).await;
    yard.refused_with(&[("AWS_ENDPOINT_URL", &at(&unknown.unwrap()))], &[], &["does not accept the credentials"]);
    yard.refused_with(&[], &["--set", "deploy.account=210987654321"], &["not 210987654321", "deploy.account"]);
    // No such place: its name does not resolve.
    let nowhere = &[("AWS_ENDPOINT_URL", "http://sts.us-nowhere-1.invalid")];
    yard.refused_with(nowhere, &["--set", "deploy.region=us-nowhere-1"], &["cannot be reached", "region's name"]);

    let taken = FakeAws::before(sky.stand_in.address(), |asked| {
        (asked.service == "s3" && asked.method == "HEAD").then(|| (403, String::new()))
    });
    let taken = taken.await.unwrap();
    yard.refused_with(&[("AWS_ENDPOINT_URL", &at(&taken))], &[], &["somebody else's", "deploy.state_bucket"]);
}
