//! What goes wrong, and what is said of it.

use std::collections::BTreeMap;

use windlass_agent::{model::ModelError, models::Provider};
use windlass_testkit::models::{Fault, Turn};

use super::bench::{KEY, PROVIDERS, asked, model, started, told};

/// What an ask with this fault is told, by provider. Everything is asked once.
async fn all(fault: Fault) -> BTreeMap<String, ModelError> {
    let mut all = BTreeMap::new();
    for provider in PROVIDERS {
        let (standin, model) = started(provider, vec![Turn::fault(fault), Turn::text("Here.")]).await;
        let error = asked(model.as_ref()).await.unwrap_err();
        assert_eq!(standin.violations(), [""; 0], "{provider} {fault:?}");
        assert_eq!(standin.said(), 1, "{provider} {fault:?}");
        assert!(!format!("{error} {error:?}").contains(KEY), "{provider} {fault:?}: {error:?}");
        // And it can be asked again.
        assert!(asked(model.as_ref()).await.is_ok(), "{provider} {fault:?}");
        all.insert(provider.to_string(), error);
    }
    all
}

async fn texts(fault: Fault) -> String {
    let lines = all(fault).await.into_iter().map(|(provider, error)| format!("{provider}: {}", told(&error)));
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn throttling_says_when_to_come_back() {
    for (_, error) in all(Fault::Throttle { retry_after: Some(7) }).await {
        assert_eq!(format!("{error:?}"), "Throttled(Some(7s))");
    }
    for fault in [Fault::Throttle { retry_after: None }, Fault::Overloaded, Fault::OverloadedInTheMiddle] {
        for (provider, error) in all(fault).await {
            assert!(matches!(error, ModelError::Throttled(None)), "{provider} {fault:?}: {error:?}");
        }
    }
}

#[tokio::test]
async fn a_conversation_that_is_too_long_is_known_as_such() {
    for (provider, error) in all(Fault::ContextFull).await {
        assert!(matches!(error, ModelError::ContextFull), "{provider}: {error:?}");
    }
}

#[tokio::test]
async fn trouble_of_the_provider_may_pass() {
    insta::assert_snapshot!(texts(Fault::ServerError).await, @r#"
    anthropic: Unreachable("the service at 127.0.0.1 has trouble of its own (500: Internal server error)")
    bedrock: Unreachable("us.anthropic.claude-sonnet-4-5-20250929-v1:0 of Bedrock in us-east-1 has trouble of its own (InternalServerException: The system encountered an unexpected error during processing. Try your request again.)")
    openai: Unreachable("the service at 127.0.0.1 has trouble of its own (500: The server had an error while processing your request.)")
    "#);
}

#[tokio::test]
async fn what_has_to_be_changed_is_said() {
    insta::assert_snapshot!(texts(Fault::BadKey).await, @r#"
    anthropic: Refused("the service at 127.0.0.1 does not take the key: set the key of this model anew (401: invalid x-api-key: ***)")
    bedrock: Refused("Bedrock in us-east-1 does not take these credentials: renew them, and look at the clock of this machine (UnrecognizedClientException: The security token included in the request is invalid.)")
    openai: Refused("the service at 127.0.0.1 does not take the key: set the key of this model anew (401: Incorrect API key provided: ***. You can find your API key at https://example.com.)")
    "#);
    insta::assert_snapshot!(texts(Fault::AccessDenied).await, @r#"
    anthropic: Refused("the service at 127.0.0.1 does not let this key use m-1: allow it there, or take another model (403: Your API key does not have permission to use the specified resource.)")
    bedrock: Refused("these credentials may not ask us.anthropic.claude-sonnet-4-5-20250929-v1:0 of Bedrock in us-east-1: let IAM allow bedrock:InvokeModelWithResponseStream on both arn:aws:bedrock:us-east-1:*:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0 and arn:aws:bedrock:*::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0, and see in the Bedrock console of us-east-1 whether the account may use the model (AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/agent/i-0 is not authorized to perform: bedrock:InvokeModelWithResponseStream on resource: arn:aws:bedrock:us-east-2::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0 because no identity-based policy allows the bedrock:InvokeModelWithResponseStream action)")
    openai: Refused("the service at 127.0.0.1 does not let this key use m-1: allow it there, or take another model (403: Project `proj_1` does not have access to model `m-1`)")
    "#);
    insta::assert_snapshot!(texts(Fault::OnDemand).await, @r#"
    anthropic: Refused("the service at 127.0.0.1 has no m-1, or nothing at this address: check the model's id and url (404: model: m-1)")
    bedrock: Refused("Bedrock does not run us.anthropic.claude-sonnet-4-5-20250929-v1:0 on demand in us-east-1, but only through an inference profile: use its id, such as us.anthropic.claude-sonnet-4-5-20250929-v1:0, which `aws bedrock list-inference-profiles --region us-east-1` lists, and let IAM allow bedrock:InvokeModelWithResponseStream on both the profile and the foundation model (ValidationException: Invocation of model ID us.anthropic.claude-sonnet-4-5-20250929-v1:0 with on-demand throughput isn’t supported. Retry your request with the ID or ARN of an inference profile that contains this model.)")
    openai: Refused("the service at 127.0.0.1 has no m-1, or nothing at this address: check the model's id and url (404: The model `m-1` does not exist or you do not have access to it.)")
    "#);
    insta::assert_snapshot!(texts(Fault::UnknownModel).await, @r#"
    anthropic: Refused("the service at 127.0.0.1 has no m-1, or nothing at this address: check the model's id and url (404: model: m-1)")
    bedrock: Refused("Bedrock knows no us.anthropic.claude-sonnet-4-5-20250929-v1:0 in us-east-1: check the id and the region with `aws bedrock list-foundation-models --region us-east-1` and `aws bedrock list-inference-profiles --region us-east-1` (ValidationException: The provided model identifier is invalid.)")
    openai: Refused("the service at 127.0.0.1 has no m-1, or nothing at this address: check the model's id and url (404: The model `m-1` does not exist or you do not have access to it.)")
    "#);
    insta::assert_snapshot!(texts(Fault::NoCredit).await, @r#"
    anthropic: Refused("the service at 127.0.0.1 wants to be paid first: look at the account's credit and limits (400: Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.)")
    bedrock: Refused("these credentials may not ask us.anthropic.claude-sonnet-4-5-20250929-v1:0 of Bedrock in us-east-1: let IAM allow bedrock:InvokeModelWithResponseStream on both arn:aws:bedrock:us-east-1:*:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0 and arn:aws:bedrock:*::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0, and see in the Bedrock console of us-east-1 whether the account may use the model (AccessDeniedException: Model access is denied due to INVALID_PAYMENT_INSTRUMENT:A valid payment instrument must be provided.)")
    openai: Refused("the service at 127.0.0.1 wants to be paid first: look at the account's credit and limits (429: You exceeded your current quota, please check your plan and billing details.)")
    "#);
    insta::assert_snapshot!(texts(Fault::BadRequest).await, @r#"
    anthropic: Refused("the service at 127.0.0.1 refuses the request: change what it names (400: max_tokens: 100000 > 8192, which is the maximum allowed number of output tokens for this model)")
    bedrock: Refused("us.anthropic.claude-sonnet-4-5-20250929-v1:0 of Bedrock in us-east-1 refuses the request: change what it names (ValidationException: The maximum tokens you requested exceeds the model limit of 4096. Try again with a maximum tokens value that is lower than 4096.)")
    openai: Refused("the service at 127.0.0.1 refuses the request: change what it names (400: max_tokens is too large: 100000. This model supports at most 16384 completion tokens.)")
    "#);
}

#[tokio::test]
async fn what_is_no_answer_is_none() {
    insta::assert_snapshot!(texts(Fault::Garbage).await, @r#"
    anthropic: Protocol("the service at 127.0.0.1 sends an event that is not what it should be (line 1 column 38)")
    bedrock: Protocol("us.anthropic.claude-sonnet-4-5-20250929-v1:0 of Bedrock in us-east-1 sends what is no event of Bedrock: response error: message checksum 0x3DC33BFB didn't match expected checksum 0x3DC33BFA")
    openai: Protocol("the service at 127.0.0.1 sends an event that is not what it should be (line 1 column 31)")
    "#);
    insta::assert_snapshot!(texts(Fault::Page).await, @r#"
    anthropic: Refused("the service at 127.0.0.1 answers with text/html and not with a stream of events: check the url")
    bedrock: Protocol("us.anthropic.claude-sonnet-4-5-20250929-v1:0 of Bedrock in us-east-1 sends what is no event of Bedrock: response error: unexpected end of stream")
    openai: Refused("the service at 127.0.0.1 answers with text/html and not with a stream of events: check the url")
    "#);
}

#[tokio::test]
async fn a_line_that_is_cut_anywhere_is_no_answer() {
    for provider in PROVIDERS {
        for after in [0, 1, 11, 12, 13, 60, 150, 300] {
            let turns = vec![Turn { fault: Some(Fault::HangUp { after }), ..Turn::text("A few words of an answer.") }];
            let (standin, model) = started(provider, turns).await;
            let error = asked(model.as_ref()).await.unwrap_err();
            assert!(matches!(error, ModelError::Unreachable(_)), "{provider} {after}: {error:?}");
            assert_eq!(standin.said(), 1, "{provider} {after}");
        }
    }
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    for provider in PROVIDERS {
        let (standin, _) = started(provider, Vec::<Turn>::new()).await;
        let port = windlass_testkit::free_port().unwrap();
        let model = model(provider, &standin, |choice| {
            choice.base_url = Some(format!("http://127.0.0.1:{port}").parse().unwrap());
        })
        .await;
        for error in [asked(model.as_ref()).await.map(drop), model.check().await] {
            let Err(ModelError::Unreachable(told)) = error else { panic!("{provider}: {error:?}") };
            assert!(told.to_lowercase().contains("refused"), "{told}");
        }
    }
}

#[tokio::test]
async fn bedrock_without_credentials_was_never_asked() {
    let (standin, _) = started(Provider::Bedrock, vec![Turn::text("Here.")]).await;
    let config = aws_config::SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(aws_config::Region::from_static("eu-central-1"))
        .build();
    let model = model(Provider::Bedrock, &standin, |choice| choice.aws = Some(config)).await;
    let error = asked(model.as_ref()).await.unwrap_err();
    assert_eq!(standin.said(), 0);
    insta::assert_snapshot!(told(&error), @r#"Refused("us.anthropic.claude-sonnet-4-5-20250929-v1:0 of Bedrock in eu-central-1 cannot be asked: there are no usable AWS credentials (dispatch failure: other: failed to select an auth scheme to sign the request with. \"sigv4\" wasn't a valid option because there was no identity resolver for it. \"httpBearerAuth\" wasn't a valid option because there was no identity resolver for it. Be sure to set an identity, such as credentials, auth token, or other identity type that is required for this service. If you intended to make an unaut...); give this process a role, AWS_PROFILE, or a key of Bedrock as AWS_BEARER_TOKEN_BEDROCK")"#);
}
