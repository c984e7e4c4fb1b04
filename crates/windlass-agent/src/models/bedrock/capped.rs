//! An end to what Bedrock, or whoever is at its address, may send.

use aws_sdk_bedrockruntime::{
    config::{ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeDeserializationInterceptorContextMut},
    error::BoxError,
};
use aws_smithy_types::body::SdkBody;
use http_body_util::{LengthLimitError, Limited};

use crate::models::MAX_ANSWER;

/// Cuts every answer off. The SDK has no limit of its own: a frame may say that it has 4 GiB, and is then waited for.
#[derive(Debug)]
pub(super) struct Capped;

impl Intercept for Capped {
    fn name(&self) -> &'static str {
        "Capped"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response_mut().body_mut();
        let whole = std::mem::replace(body, SdkBody::taken());
        *body = SdkBody::from_body_1_x(Limited::new(whole, MAX_ANSWER));
        Ok(())
    }
}

/// Whether it was this that ended an answer.
pub(super) fn was_capped(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut error = Some(error);
    while let Some(cause) = error {
        if cause.is::<LengthLimitError>() {
            return true;
        }
        error = cause.source();
    }
    false
}
