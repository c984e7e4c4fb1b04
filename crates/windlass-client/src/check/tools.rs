//! What a server does with its tools, whatever the transport and the era.

use std::{collections::HashSet, time::Duration};

use serde_json::{Value, json};

use super::{
    CheckOptions,
    protocol::{METHOD_NOT_FOUND, Outcome, Peer},
    recorder::{Recorder, Verdict, fail, pass, skip, warn},
    report::Latency,
    schema,
};
use crate::text::count;

/// A server that needs more pages than this does not end.
const MOST_PAGES: usize = 100;

/// The tools of a server.
pub(super) struct Listing {
    pub(super) tools: Vec<Value>,
    first: Value,
    pages: usize,
    /// What is wrong with the pagination.
    flaw: Option<String>,
    pub(super) took: Duration,
}

impl Listing {
    pub(super) fn names(&self) -> Vec<&str> {
        self.tools.iter().map(name_of).collect()
    }
}

/// Lists all tools, following cursors.
pub(super) async fn list(peer: &mut impl Peer) -> Result<Listing, (String, Duration)> {
    let mut listing = Listing { tools: Vec::new(), first: Value::Null, pages: 0, flaw: None, took: Duration::ZERO };
    let mut cursor: Option<String> = None;
    let mut seen = HashSet::new();
    loop {
        let params = cursor.as_ref().map_or_else(|| json!({}), |cursor| json!({ "cursor": cursor }));
        let reply = peer.request("tools/list", params).await;
        listing.took += reply.took;
        let page = match (reply.result(), listing.pages) {
            (Ok(page), _) => page,
            (Err(what), 0) => return Err((what, listing.took)),
            (Err(what), pages) => {
                listing.flaw = Some(format!("page {} is {what}", pages + 1));
                break;
            }
        };
        let Some(tools) = page.get("tools").and_then(Value::as_array) else {
            return Err(("a result without an array `tools`".into(), listing.took));
        };
        listing.tools.extend(tools.iter().cloned());
        if listing.pages == 0 {
            listing.first = page.clone();
        }
        listing.pages += 1;
        match page.get("nextCursor") {
            None | Some(Value::Null) => break,
            Some(Value::String(next)) if !seen.insert(next.clone()) => {
                listing.flaw = Some("a cursor comes back a second time: the list never ends".into());
                break;
            }
            Some(Value::String(_)) if listing.pages == MOST_PAGES => {
                listing.flaw = Some(format!("more than {MOST_PAGES} pages"));
                break;
            }
            Some(Value::String(next)) => cursor = Some(next.clone()),
            Some(other) => {
                listing.flaw = Some(format!("nextCursor is {other}, not a string"));
                break;
            }
        }
    }
    Ok(listing)
}

/// Judges the first page in the stateless revision, whose results carry more.
pub(super) fn modern_page(listing: &Listing) -> Verdict {
    let missing: Vec<&str> =
        ["resultType", "ttlMs", "cacheScope"].into_iter().filter(|field| listing.first.get(*field).is_none()).collect();
    if missing.is_empty() {
        pass(count(listing.tools.len(), "tool"))
    } else {
        warn(
            format!("{}, but the result has no {}", count(listing.tools.len(), "tool"), missing.join(", ")),
            "revision 2026-07-28 requires these fields; clients cannot cache without them",
        )
    }
}

/// Everything that one working era is enough to judge.
pub(super) async fn judge(peer: &mut impl Peer, listing: &Listing, options: &CheckOptions, recorder: &mut Recorder) {
    recorder.server.tools = Some(listing.tools.len());
    recorder.add("tools.pages", pages(listing), listing.took);
    recorder.add("tools.schema", definitions(&listing.tools), Duration::ZERO);
    match list(peer).await {
        Ok(again) => recorder.add("tools.order", order(listing, &again), again.took),
        Err((what, took)) => recorder.add("tools.order", fail(format!("the second tools/list is {what}"), ""), took),
    }
    call(peer, listing, options, recorder).await;
    unknown_method(peer, recorder).await;
    unknown_tool(peer, recorder).await;
}

fn pages(listing: &Listing) -> Verdict {
    let hint = "hand out each cursor once, and none on the last page";
    let mut seen = HashSet::new();
    let twice = listing.names().into_iter().find(|name| !seen.insert(*name));
    match (&listing.flaw, twice) {
        (Some(flaw), _) => fail(flaw.clone(), hint),
        (None, Some(name)) if listing.pages > 1 => fail(format!("`{name}` is on more than one page"), hint),
        _ => pass(format!("{} on {}", count(listing.tools.len(), "tool"), count(listing.pages, "page"))),
    }
}

fn order(first: &Listing, second: &Listing) -> Verdict {
    if first.names() == second.names() {
        pass("the same twice")
    } else {
        warn("two lists differ", "sort the tools: a changing list defeats every prompt cache")
    }
}

fn definitions(tools: &[Value]) -> Verdict {
    let problems = schema::lint(tools);
    if problems.is_empty() {
        return pass(format!("{} well formed", count(tools.len(), "definition")));
    }
    let fatal = problems.iter().any(|problem| problem.fatal);
    let mut shown: Vec<&str> =
        problems.iter().filter(|problem| problem.fatal == fatal).map(|problem| problem.text.as_str()).collect();
    let more = shown.len().saturating_sub(4);
    shown.truncate(4);
    let mut detail = shown.join("; ");
    if more > 0 {
        detail.push_str(&format!("; and {more} more"));
    }
    if fatal {
        fail(detail, "one definition that a provider refuses costs the client all tools")
    } else {
        warn(detail, "")
    }
}

/// The tool to call without being asked: one that says it only reads and needs no argument.
fn harmless(tools: &[Value]) -> Result<(String, Value), &'static str> {
    let hint = |tool: &Value, name: &str| tool.get("annotations").and_then(|hints| hints.get(name)?.as_bool());
    let needs_nothing = |tool: &Value| {
        let required = tool.pointer("/inputSchema/required").and_then(Value::as_array);
        required.is_none_or(Vec::is_empty)
    };
    let reads = |tool: &&Value| hint(tool, "readOnlyHint") == Some(true) && hint(tool, "destructiveHint") != Some(true);
    if tools.is_empty() {
        return Err("the server lists no tools");
    }
    if !tools.iter().any(|tool| reads(&tool)) {
        return Err("no tool is annotated readOnlyHint; name one to call");
    }
    // Fewest properties first: "nothing is required" is also said of tools that want one of several arguments.
    let properties = |tool: &&Value| {
        tool.pointer("/inputSchema/properties").and_then(Value::as_object).map_or(0, serde_json::Map::len)
    };
    tools
        .iter()
        .filter(reads)
        .filter(|tool| needs_nothing(tool))
        .min_by_key(properties)
        .map(|tool| (name_of(tool).to_owned(), json!({})))
        .ok_or("every read-only tool requires arguments; name one to call, with its arguments")
}

async fn call(peer: &mut impl Peer, listing: &Listing, options: &CheckOptions, recorder: &mut Recorder) {
    let named = options.call.is_some();
    let (name, arguments) = match options.call.clone().map_or_else(|| harmless(&listing.tools), Ok) {
        Ok(chosen) => chosen,
        Err(reason) => return recorder.add("call", skip(reason), Duration::ZERO),
    };
    let Some(tool) = listing.tools.iter().find(|tool| name_of(tool) == name) else {
        let hint = "see the names with `windlass tools`";
        return recorder.add("call", fail(format!("there is no tool `{name}`"), hint), Duration::ZERO);
    };
    let reply = peer.request("tools/call", json!({ "name": name, "arguments": arguments })).await;
    let verdict = match reply.result() {
        Err(what) => fail(format!("`{name}` answers with {what}"), ""),
        Ok(result) => called(&name, tool, result, named),
    };
    if verdict.status == super::report::Status::Pass {
        recorder.latency("tools/call", &[reply.took]);
    }
    recorder.add("call", verdict, reply.took);
}

fn called(name: &str, tool: &Value, result: &Value, named: bool) -> Verdict {
    let first_text = result.pointer("/content/0/text").and_then(Value::as_str).unwrap_or_default();
    if result.get("resultType").and_then(Value::as_str).is_some_and(|kind| kind != "complete") {
        return skip(format!("`{name}` wants more input or runs as a task"));
    }
    if result.get("isError").and_then(Value::as_bool) == Some(true) {
        let detail = format!("`{name}` reports an error: {first_text}");
        // A tool nobody chose may have its reasons; one that was named was named to work.
        return if named { fail(detail, "") } else { warn(detail, "name a tool that works without arguments") };
    }
    if !result.get("content").is_some_and(Value::is_array) {
        return fail(format!("the result of `{name}` has no array `content`"), "");
    }
    if tool.get("outputSchema").is_some() && result.get("structuredContent").is_none() {
        let hint = "a tool with an outputSchema returns structuredContent";
        return fail(format!("`{name}` declares an outputSchema and returns no structuredContent"), hint);
    }
    pass(format!("called `{name}`"))
}

async fn unknown_method(peer: &mut impl Peer, recorder: &mut Recorder) {
    let reply = peer.request("windlass/no-such-method", json!({})).await;
    let verdict = match &reply.outcome {
        Outcome::Error { code: METHOD_NOT_FOUND, .. } => pass("error -32601"),
        other => fail(other.describe(), "answer methods you do not know with error -32601"),
    };
    recorder.add("error.method", verdict, reply.took);
}

async fn unknown_tool(peer: &mut impl Peer, recorder: &mut Recorder) {
    let params = json!({ "name": "windlass_no_such_tool", "arguments": {} });
    let reply = peer.request("tools/call", params).await;
    let hint = "answer unknown tools with error -32602";
    let verdict = match &reply.outcome {
        Outcome::Error { code: -32602, .. } => pass("error -32602"),
        Outcome::Error { code, .. } => warn(format!("error {code}"), hint),
        Outcome::Result(result) if result.get("isError").and_then(Value::as_bool) == Some(true) => {
            pass("a result with isError")
        }
        other => fail(other.describe(), hint),
    };
    recorder.add("error.tool", verdict, reply.took);
}

/// Measures tools/list. Gives the local ports seen, for the judgement of connection reuse.
pub(super) async fn measure(peer: &mut impl Peer, samples: usize, near: bool, recorder: &mut Recorder) -> Vec<u16> {
    let mut spans = Vec::new();
    let mut ports = Vec::new();
    for sample in 0..samples {
        let reply = peer.request("tools/list", json!({})).await;
        ports.extend(reply.port);
        if let Err(what) = reply.result() {
            let verdict = fail(format!("request {} of {samples} got {what}", sample + 1), "");
            recorder.add("latency", verdict, spans.iter().sum());
            return Vec::new();
        }
        spans.push(reply.took);
    }
    let took = spans.iter().sum();
    recorder.latency("tools/list", &spans);
    let verdict = match Latency::of(&spans) {
        None => skip("no samples were asked for"),
        // The fingerprint of Nagle's algorithm meeting delayed acknowledgements.
        Some(l) if near && (38.0..55.0).contains(&l.p50) => warn(
            format!("half of all requests take {:.0} ms or more on this very machine", l.p50),
            "set TCP_NODELAY on accepted connections, or answer with JSON instead of a stream",
        ),
        Some(l) if l.p99 > 2000.0 => warn(format!("p99 is {:.0} ms", l.p99), "clients give up on slow lists"),
        Some(l) => pass(format!("p50 {:.1} ms, p99 {:.1} ms", l.p50, l.p99)),
    };
    recorder.add("latency", verdict, took);
    ports
}

pub(super) fn name_of(tool: &Value) -> &str {
    tool.get("name").and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_harmless_tool_is_called() {
        let tool = |name: &str, hints: Value, required: Value| json!({ "name": name, "annotations": hints, "inputSchema": { "type": "object", "required": required } });
        let reads = json!({ "readOnlyHint": true });
        for (tools, expected) in [
            (vec![], Err(())),
            (vec![json!({ "name": "delete_all", "inputSchema": { "type": "object" } })], Err(())),
            (vec![tool("w", json!({ "readOnlyHint": false }), json!([]))], Err(())),
            (vec![tool("lies", json!({ "readOnlyHint": true, "destructiveHint": true }), json!([]))], Err(())),
            (vec![tool("text", json!({ "readOnlyHint": "true" }), json!([]))], Err(())),
            (vec![tool("r", reads.clone(), json!(["q"]))], Err(())),
            (vec![tool("w", json!({}), json!([])), tool("r", reads, json!([]))], Ok("r")),
        ] {
            let found = harmless(&tools);
            assert_eq!(found.as_ref().map(|(name, _)| name.as_str()).map_err(|_| ()), expected, "{tools:?}");
        }
    }
}
