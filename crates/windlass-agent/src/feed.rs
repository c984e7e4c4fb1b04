//! What whoever watches a run is told, in order.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    approval::{Approval, Decision},
    budget::{Money, Spent},
    conversation::Content,
    model::{Stop, Usage},
    step::{Compacted, End},
};

/// Something to be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// One more than that of the notice before. Who missed some knows which.
    pub number: u64,
    /// When: milliseconds since 1970.
    pub at: u64,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum What {
    /// The model is asked.
    Asking {
        /// For the how manieth time since a person said something.
        turn: u32,
    },
    /// It says more.
    Text {
        /// What.
        text: String,
    },
    /// It begins to write a call.
    Writing {
        /// Of the tool use.
        id: String,
        /// Which tool.
        tool: String,
    },
    /// It has answered.
    Replied {
        /// Why it stopped.
        stop: Stop,
        /// What this answer used.
        usage: Usage,
        /// What was spent since a person said something.
        cost: Money,
    },
    /// It is asked too often, and will be asked again.
    Waiting {
        /// After so many milliseconds.
        millis: u64,
    },
    /// Older parts of the conversation were left out.
    Compacted {
        /// What.
        #[serde(flatten)]
        what: Compacted,
    },
    /// A call needs a person's word.
    ApprovalAsked {
        /// For what.
        #[serde(flatten)]
        approval: Approval,
    },
    /// It was given.
    ApprovalGiven {
        /// To which.
        approval: String,
        /// What.
        #[serde(flatten)]
        decision: Decision,
    },
    /// A tool is called.
    Calling {
        /// Of the tool use.
        id: String,
        /// Which.
        tool: String,
        /// Whose it is.
        source: String,
        /// With what.
        arguments: Map<String, Value>,
    },
    /// It says how far it is.
    Progress {
        /// Of the tool use.
        id: String,
        /// How far.
        #[serde(flatten)]
        progress: crate::tools::Progress,
    },
    /// It has answered.
    Called {
        /// Of the tool use.
        id: String,
        /// Which.
        tool: String,
        /// What.
        content: Vec<Content>,
        /// Whether it failed.
        is_error: bool,
        /// How long it took.
        millis: u64,
        /// How much it said.
        bytes: u64,
    },
    /// It is over.
    Ended {
        /// Why.
        #[serde(flatten)]
        end: End,
        /// The same, for a person.
        explanation: String,
        /// What the model said last.
        answer: String,
        /// What was spent since a person said something.
        spent: Spent,
    },
}

/// Where notices go.
pub struct Feed<'a> {
    next: AtomicU64,
    sink: &'a (dyn Fn(Notice) + Send + Sync),
}

impl<'a> Feed<'a> {
    /// Notices go to `sink`, numbered from `next` on.
    pub fn new(next: u64, sink: &'a (dyn Fn(Notice) + Send + Sync)) -> Self {
        Self { next: AtomicU64::new(next), sink }
    }

    /// The number of the next notice.
    pub fn next(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    /// A run tells from one task, so that the order of numbers is the order of calls.
    pub(crate) fn tell(&self, at: u64, what: What) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        (self.sink)(Notice { number, at, what });
    }
}
