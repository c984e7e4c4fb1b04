//! Whether a model may be asked at all is known at start, with what to change.

use windlass_agent::models::{Provider, open};
use windlass_core::SecretString;
use windlass_testkit::models::{Fault, ModelStandin, Script, Turn};

use super::bench::{PROFILE, PROVIDERS, model, started, told};

#[tokio::test]
async fn a_check_costs_no_turn_and_finds_what_lasts() {
    for provider in PROVIDERS {
        let (standin, model) = started(provider, vec![Turn::fault(Fault::AccessDenied), Turn::text("Here.")]).await;
        assert!(model.check().await.is_err(), "{provider}");
        assert!(model.check().await.is_ok(), "{provider}");
        assert_eq!((standin.said(), standin.violations()), (1, vec![]), "{provider}");
    }
}

#[tokio::test]
async fn a_plain_id_of_bedrock_is_told_its_profile() {
    let standin =
        ModelStandin::start(vec![Turn::fault(Fault::OnDemand), Turn::fault(Fault::AccessDenied)]).await.unwrap();
    let seed = "anthropic.claude-sonnet-4-5-20250929-v1:0";
    let plain = model(Provider::Bedrock, &standin, |choice| choice.id = seed.to_owned()).await;
    insta::assert_snapshot!(told(&plain.check().await.unwrap_err()), @r#"Refused("Bedrock does not run anthropic.claude-sonnet-4-5-20250929-v1:0 on demand in us-east-1, but only through an inference profile: use its id, such as us.anthropic.claude-sonnet-4-5-20250929-v1:0, which `aws bedrock list-inference-profiles --region us-east-1` lists, and let IAM allow bedrock:InvokeModelWithResponseStream on both the profile and the foundation model (ValidationException: Invocation of model ID anthropic.claude-sonnet-4-5-20250929-v1:0 with on-demand throughput isn’t supported. Retry your request with the ID or ARN of an inference profile that contains this model.)")"#);
    let profile = model(Provider::Bedrock, &standin, |choice| choice.id = PROFILE.to_owned()).await;
    insta::assert_snapshot!(told(&profile.check().await.unwrap_err()), @r#"Refused("these credentials may not ask us.anthropic.claude-sonnet-4-5-20250929-v1:0 of Bedrock in us-east-1: let IAM allow bedrock:InvokeModelWithResponseStream on both arn:aws:bedrock:us-east-1:*:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0 and arn:aws:bedrock:*::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0, and see in the Bedrock console of us-east-1 whether the account may use the model (AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/agent/i-0 is not authorized to perform: bedrock:InvokeModelWithResponseStream on resource: arn:aws:bedrock:us-east-2::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0 because no identity-based policy allows the bedrock:InvokeModelWithResponseStream action)")"#);
    assert_eq!(standin.violations(), [""; 0]);
}

#[tokio::test]
async fn a_model_that_is_not_there_is_named_beside_those_that_are() {
    let models = ["llama3.2:latest", "qwen3:8b"].map(str::to_owned).to_vec();
    let standin = ModelStandin::start(Script { models, ..Script::default() }).await.unwrap();
    let openai = async |id: &str| model(Provider::Openai, &standin, |choice| choice.id = id.to_owned()).await;
    assert!(openai("qwen3:8b").await.check().await.is_ok());
    assert!(openai("llama3.2").await.check().await.is_ok());
    insta::assert_snapshot!(told(&openai("qwen3").await.check().await.unwrap_err()), @r#"Refused("the service at 127.0.0.1 has no model qwen3: it has llama3.2:latest, qwen3:8b")"#);
    let anthropic = model(Provider::Anthropic, &standin, |choice| choice.id = "claude-none".to_owned()).await;
    insta::assert_snapshot!(told(&anthropic.check().await.unwrap_err()), @r#"Refused("the service at 127.0.0.1 has no claude-none, or nothing at this address: check the model's id and url (404: model: claude-none)")"#);
}

#[tokio::test]
async fn a_wrong_key_is_found_and_not_repeated() {
    let script = Script { key: Some("another".to_owned()), ..Script::default() };
    let standin = ModelStandin::start(script).await.unwrap();
    for provider in [Provider::Anthropic, Provider::Openai] {
        let wrong = model(provider, &standin, |_| {}).await;
        let error = told(&wrong.check().await.unwrap_err());
        assert!(error.contains("does not take the key") && error.contains("***"), "{error}");
        assert!(!error.contains("THE KEY ITSELF"), "{error}");
        let right = model(provider, &standin, |choice| choice.key = Some(SecretString::from("another"))).await;
        assert!(right.check().await.is_ok());
    }
}

#[tokio::test]
async fn bedrock_is_signed_or_has_a_key() {
    let standin = ModelStandin::start(vec![Turn::text("a"), Turn::text("b")]).await.unwrap();
    let signed = model(Provider::Bedrock, &standin, |_| {}).await;
    let with_key = model(Provider::Bedrock, &standin, |choice| choice.key = Some(SecretString::from("k"))).await;
    for model in [signed, with_key] {
        super::bench::asked(model.as_ref()).await.unwrap();
    }
    let credentials: Vec<String> = standin.asked().into_iter().map(|asked| asked.credential).collect();
    assert_eq!(credentials, ["AWS4-HMAC-SHA256", "Bearer"]);
    assert_eq!(standin.asked()[0].model, PROFILE);
}

#[tokio::test]
async fn bedrock_needs_a_region() {
    let mut choice = windlass_agent::models::Choice::new(Provider::Bedrock, PROFILE);
    let config = aws_config::SdkConfig::builder().behavior_version(aws_config::BehaviorVersion::latest()).build();
    choice.aws = Some(config);
    let error = open(choice.clone()).await.map(drop).unwrap_err().to_string();
    insta::assert_snapshot!(error, @"region: Bedrock is asked in a region: set it here, or as AWS_REGION, such as us-east-1");
    choice.id = "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-x".to_owned();
    assert!(open(choice).await.is_ok());
}
