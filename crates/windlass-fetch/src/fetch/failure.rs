//! What the model reads when a fetch does not work, and what the log keeps of it.

use std::{error::Error, io, time::Duration};

use serde_json::json;
use url::Url;
use windlass_core::{ErrorKind, ToolError, chain};
use windlass_guard::{AddressRefused, HostRefused, ResolveError};

use super::Media;

const ASK_OWNER: &str =
    "only hosts the server's owner listed under fetch.allowed_hosts can be fetched; ask them to add it";

pub(super) fn refused(refused: HostRefused) -> ToolError {
    match refused {
        HostRefused::NotAUrl(_) | HostRefused::Scheme(_) | HostRefused::UserInfo => {
            ToolError::invalid(refused.to_string()).hint("give an absolute URL such as https://docs.example.com/page")
        }
        HostRefused::Host(_) | HostRefused::Port { .. } => ToolError::denied(refused.to_string()).hint(ASK_OWNER),
        HostRefused::Address(refused) => address(&refused, "this host"),
    }
}

pub(super) fn refused_redirect(next: &Url, why: HostRefused) -> ToolError {
    let mut error = refused(why);
    error.kind = ErrorKind::Denied;
    error.message = format!("the page redirects to a place that may not be fetched: {}", error.message);
    error.detail(format!("redirect to {}", shown(next)))
}

/// The class is the model's to know; which address a name has inside the owner's network is not.
fn address(refused: &AddressRefused, what: &str) -> ToolError {
    ToolError::denied(format!("{what} is {}, which is never fetched", refused.class.describe()))
        .hint("use a public host; ranges inside the owner's network can be opened with fetch.allowed_private")
        .detail(refused)
}

pub(super) fn downgrade(next: &Url) -> ToolError {
    ToolError::denied("the page redirects from https to unencrypted http, which is not followed")
        .hint("fetch the http URL directly if that is what you want and the host is allowed")
        .detail(shown(next))
}

pub(super) fn too_many_redirects(limit: usize) -> ToolError {
    ToolError::failed(format!("gave up after {limit} redirects"))
        .hint("the site may redirect in a circle; try another URL")
}

pub(super) fn bad_location() -> ToolError {
    ToolError::failed("the server redirects to something that is no URL, or far too long for one")
}

pub(super) fn timed_out(limit: Duration) -> ToolError {
    ToolError::new(ErrorKind::TimedOut, format!("the server did not deliver the page within {limit:?}"))
        .hint("try again later, or a smaller page")
}

pub(super) fn not_text(media: &Media, length: Option<u64>) -> ToolError {
    let size = length.map_or_else(|| "of unknown size".to_owned(), |bytes| format!("of {bytes} bytes"));
    ToolError::failed(format!("the answer is {} {size}, and only text is read", media.essence))
        .hint("use method HEAD to learn about a file without its content")
        .data(json!({ "content_type": media.essence, "bytes": length }))
}

pub(super) fn binary(media: &Media, bytes: usize) -> ToolError {
    let said = if media.essence.is_empty() { "nothing about its type" } else { media.essence.as_str() };
    ToolError::failed(format!("the answer is binary data ({bytes} bytes read) although the server says {said}"))
        .data(json!({ "content_type": media.essence, "bytes": bytes }))
}

pub(super) fn encoding(encodings: &str) -> ToolError {
    ToolError::failed(format!("the answer is compressed as `{encodings}`, which was not asked for and is not read"))
}

pub(super) fn decompression(error: io::Error) -> ToolError {
    ToolError::failed("the compressed answer is damaged").detail(error)
}

/// A failure below HTTP. The guard's refusal arrives here too, wrapped by the client's layers.
pub(super) fn transport(error: &reqwest::Error, url: &Url) -> ToolError {
    let host = url.host_str().unwrap_or_default();
    match find::<ResolveError>(error) {
        Some(ResolveError::Refused(refused)) => return address(refused, &format!("an address of `{host}`")),
        Some(ResolveError::Lookup(_) | ResolveError::Empty) => {
            return ToolError::new(ErrorKind::Unavailable, format!("the host name `{host}` could not be resolved"))
                .hint("check the spelling of the host")
                .detail(chain(error));
        }
        None => {}
    }
    let message = if error.is_connect() {
        format!("could not connect to `{host}`")
    } else {
        format!("the connection to `{host}` failed before the whole answer was there")
    };
    ToolError::new(ErrorKind::Unavailable, message).hint("the site may be down; try again later").detail(chain(error))
}

fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    std::iter::successors(Some(error), |error| (*error).source()).find_map(|error| error.downcast_ref())
}

/// A URL fit for the log: its query may carry a token.
fn shown(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}
