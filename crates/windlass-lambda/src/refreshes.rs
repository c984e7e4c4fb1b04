//! The function that refreshes the index: it serves nobody, and does its work when a schedule asks.

use std::{future::Future, time::Instant};

use lambda_http::{
    LambdaEvent,
    lambda_runtime::{Diagnostic, Runtime},
};
use serde::Deserialize;
use serde_json::Value;

use crate::{LambdaError, check_environment, extension, patience};

/// The variable that says what a function is for, where that is not to serve: `refresh`.
pub const RUNS: &str = "WINDLASS_LAMBDA_RUNS";

/// Whether this function refreshes the index, and does not serve.
///
/// # Errors
/// The variable says something else.
pub fn is_refresh() -> Result<bool, LambdaError> {
    said(std::env::var(RUNS).ok().as_deref())
}

fn said(runs: Option<&str>) -> Result<bool, LambdaError> {
    match runs {
        None | Some("") => Ok(false),
        Some("refresh") => Ok(true),
        Some(_) => Err(LambdaError::Runs),
    }
}

/// What an event asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refresh {
    /// Which collections; all where none is named.
    pub collections: Vec<String>,
    /// However much is lost.
    pub force: bool,
    /// When it has to have ended.
    pub until: Instant,
}

/// An event by hand: `{"windlass": "refresh"}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ByHand {
    windlass: String,
    #[serde(default)]
    collections: Vec<String>,
    #[serde(default)]
    force: bool,
}

impl Refresh {
    /// `None` where the event is neither a schedule's nor by hand.
    fn asked(event: Value, until: Instant) -> Option<Self> {
        if matches!(event["source"].as_str(), Some("aws.events" | "aws.scheduler")) {
            return Some(Self { collections: Vec::new(), force: false, until });
        }
        let ByHand { windlass, collections, force } = serde_json::from_value(event).ok()?;
        (windlass == "refresh").then_some(Self { collections, force, until })
    }
}

/// Why an event was not followed, as Lambda and the dead-letter queue tell it.
#[derive(Debug)]
struct Failed {
    kind: &'static str,
    message: String,
}

impl From<Failed> for Diagnostic {
    fn from(failed: Failed) -> Self {
        Self { error_type: failed.kind.to_owned(), error_message: failed.message }
    }
}

/// Does `work` for each event, until `stop`. What `work` says is the function's answer, or its error: then Lambda tries
/// again, and gives the event to the dead-letter queue in the end.
///
/// # Errors
/// Where it cannot speak with Lambda.
pub async fn refreshes<Work, Done>(work: Work, stop: impl Future<Output = ()>) -> Result<(), LambdaError>
where
    Work: Fn(Refresh) -> Done + Clone + Send + 'static,
    Done: Future<Output = Result<Value, String>> + Send,
{
    check_environment()?;
    extension::register().await;
    let handle = move |event: LambdaEvent<Value>| {
        let work = work.clone();
        async move {
            let LambdaEvent { payload, context } = event;
            let Some(asked) = Refresh::asked(payload, patience::finish_by(context.deadline)) else {
                let message = "this function refreshes the search index when a schedule of EventBridge asks, or \
                               {\"windlass\": \"refresh\"}; this event is neither";
                return Err(Failed { kind: "NotRefresh", message: message.to_owned() });
            };
            work(asked).await.map_err(|message| Failed { kind: "RefreshFailed", message })
        }
    };
    let runtime = Runtime::new(lambda_http::service_fn(handle));
    tokio::select! {
        ended = runtime.run() => ended.map_err(|error| LambdaError::Runtime(error.to_string())),
        () = stop => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schedule_and_a_hand_are_told_from_everything_else() {
        let until = Instant::now();
        let asked = |event: Value| Refresh::asked(event, until);
        let all = Refresh { collections: Vec::new(), force: false, until };
        let rule = json!({ "source": "aws.events", "detail-type": "Scheduled Event", "detail": {} });
        for event in [rule, json!({ "source": "aws.scheduler" }), json!({ "windlass": "refresh" })] {
            assert_eq!(asked(event.clone()), Some(all.clone()), "{event}");
        }
        let one = asked(json!({ "windlass": "refresh", "collections": ["docs"], "force": true })).unwrap();
        assert_eq!((one.collections, one.force), (vec!["docs".to_owned()], true));
        for event in [
            json!({}),
            json!([1]),
            json!({ "windlass": "serve" }),
            json!({ "windlass": "refresh", "forse": true }),
            json!({ "source": "aws.s3" }),
            json!({ "version": "2.0", "rawPath": "/mcp", "requestContext": { "http": { "method": "POST" } } }),
        ] {
            assert_eq!(asked(event.clone()), None, "{event}");
        }
    }

    #[test]
    fn a_function_is_for_one_thing() {
        assert!(!said(None).unwrap() && !said(Some("")).unwrap() && said(Some("refresh")).unwrap());
        assert!(matches!(said(Some("Refresh")), Err(LambdaError::Runs)));
    }
}
