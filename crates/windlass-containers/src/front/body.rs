//! Bodies that stream through.

use std::{
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::routes::{InFlight, Routes};

/// What a client is answered with: a release's answer, or words of the front's own.
pub(super) enum Answer {
    /// Passed through.
    Forwarded(Passing),
    /// The front's own.
    Own(Full<Bytes>),
}

/// A body on its way, which keeps its release from having drained until it ends.
pub(super) struct Passing {
    body: Incoming,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Streams of events may end anywhere: their clients come again. Anything else must be seen to be incomplete.
    events: bool,
    done: bool,
    routes: Arc<Routes>,
    _place: InFlight,
}

/// The release was given up on while it answered.
#[derive(Debug, thiserror::Error)]
#[error("cut off: the release that answered had no more time")]
struct CutOff;

impl Passing {
    pub fn new(body: Incoming, events: bool, place: InFlight, routes: Arc<Routes>) -> Self {
        let cut = Box::pin(place.0.cut.clone().cancelled_owned());
        Self { body, cut, events, done: false, routes, _place: place }
    }

    fn end(&mut self, failed: bool) {
        if !std::mem::replace(&mut self.done, true) {
            let counter = if failed { &self.routes.failed } else { &self.routes.served };
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        // Its end may never have been asked for: an empty body, or a client that has left.
        self.end(false);
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Body for Answer {
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        let passing = match self.get_mut() {
            Self::Own(body) => return Pin::new(body).poll_frame(context).map_err(|never| match never {}),
            Self::Forwarded(passing) => passing,
        };
        if passing.cut.as_mut().poll(context).is_ready() {
            passing.end(true);
            return Poll::Ready(if passing.events { None } else { Some(Err(CutOff.into())) });
        }
        let frame = Pin::new(&mut passing.body).poll_frame(context);
        match &frame {
            Poll::Ready(None) => passing.end(false),
            Poll::Ready(Some(Err(_))) => passing.end(true),
            _ => {}
        }
        frame.map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Own(body) => body.is_end_stream(),
            Self::Forwarded(passing) => passing.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Own(body) => body.size_hint(),
            Self::Forwarded(passing) => passing.body.size_hint(),
        }
    }
}
