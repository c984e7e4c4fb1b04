//! Who stops listening hangs up.

use std::time::Duration;

use tokio::{sync::mpsc, time::timeout};
use windlass_agent::model::Request;
use windlass_testkit::models::{Fault, Turn};

use super::bench::{PROVIDERS, asked, started, text, user};

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn dropping_the_future_hangs_up() {
    for provider in PROVIDERS {
        let silent = Turn { fault: Some(Fault::Silence { after: 900 }), ..Turn::text("word ".repeat(100)) };
        let (standin, model) = started(provider, vec![silent, Turn::text("Here.")]).await;
        let (heard, mut hears) = mpsc::unbounded_channel();
        let asker = model.clone();
        let asking = tokio::spawn(async move {
            let messages = [user(vec![text("How is it?")])];
            let request = Request { system: "", messages: &messages, tools: &[], max_tokens: 1000 };
            asker.ask(request, &mut |delta| drop(heard.send(delta))).await
        });
        // It speaks, and then it does not.
        timeout(PATIENCE, hears.recv()).await.unwrap().unwrap();
        assert!(!asking.is_finished(), "{provider}");
        asking.abort();
        timeout(PATIENCE, standin.left(1)).await.unwrap();
        assert_eq!(standin.violations(), [""; 0], "{provider}");
        // The next is not disturbed by it.
        assert!(asked(model.as_ref()).await.is_ok(), "{provider}");
    }
}

#[tokio::test]
async fn words_are_heard_while_more_are_to_come() {
    for provider in PROVIDERS {
        let silent = Turn { fault: Some(Fault::Silence { after: 900 }), ..Turn::text("word ".repeat(100)) };
        let (standin, model) = started(provider, vec![silent]).await;
        let mut count = 0;
        let messages = [user(vec![text("How is it?")])];
        let request = Request { system: "", messages: &messages, tools: &[], max_tokens: 1000 };
        let mut say = |_| count += 1;
        let unfinished = timeout(Duration::from_millis(500), model.ask(request, &mut say)).await;
        assert!(unfinished.is_err(), "{provider}: {unfinished:?}");
        assert!(count >= 2, "{provider}: {count}");
        timeout(PATIENCE, standin.left(1)).await.unwrap();
    }
}
