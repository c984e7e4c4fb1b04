//! No provider can make us keep without an end what it sends.

use windlass_agent::{model::ModelError, models::Provider};
use windlass_testkit::models::{Fault, Turn};

use super::bench::{PROVIDERS, asked, started};

async fn told(provider: Provider, fault: Fault) -> String {
    let (standin, model) = started(provider, vec![Turn::fault(fault)]).await;
    let error = asked(model.as_ref()).await.unwrap_err();
    standin.left(1).await;
    match error {
        ModelError::Protocol(told) => told,
        other => panic!("{provider} {fault:?}: {other:?}"),
    }
}

#[tokio::test]
async fn an_event_has_an_end() {
    for provider in PROVIDERS {
        let told = told(provider, Fault::EndlessEvent).await;
        let bytes = if provider == Provider::Bedrock { 64 << 20 } else { 8 << 20 };
        assert!(told.contains(&format!("more than {bytes} bytes")), "{provider}: {told}");
    }
}

#[tokio::test]
async fn an_answer_has_an_end() {
    for provider in PROVIDERS {
        let told = told(provider, Fault::EndlessAnswer).await;
        assert!(told.contains(&format!("more than {} bytes", 64 << 20)), "{provider}: {told}");
    }
}
