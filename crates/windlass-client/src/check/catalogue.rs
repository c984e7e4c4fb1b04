/// One check: what it is called and what it proves.
#[derive(Debug, Clone, Copy)]
pub struct CheckInfo {
    /// Stable name, used by `require`, in JSON and in JUnit.
    pub id: &'static str,
    /// What a pass proves.
    pub title: &'static str,
    /// Whether it applies to HTTP servers.
    pub http: bool,
    /// Whether it applies to stdio servers.
    pub stdio: bool,
}

const fn both(id: &'static str, title: &'static str) -> CheckInfo {
    CheckInfo { id, title, http: true, stdio: true }
}

const fn http(id: &'static str, title: &'static str) -> CheckInfo {
    CheckInfo { id, title, http: true, stdio: false }
}

const fn stdio(id: &'static str, title: &'static str) -> CheckInfo {
    CheckInfo { id, title, http: false, stdio: true }
}

/// Every check, in the order of the report.
pub const CATALOGUE: &[CheckInfo] = &[
    both("reach", "the server can be reached"),
    http("tls", "traffic is encrypted, or stays on this machine"),
    http("health", "a health endpoint answers (informative)"),
    http("auth.token", "the server accepts our credentials"),
    http("auth.missing", "without a token the answer is 401 with a challenge"),
    http("auth.wrong", "a wrong token is refused"),
    http("auth.metadata", "the protected resource metadata is as announced (RFC 9728)"),
    http("plain", "tools/list works without handshake or Accept header (informative)"),
    both("discover", "server/discover answers in revision 2026-07-28"),
    both("initialize.2025-11-25", "initialize negotiates revision 2025-11-25"),
    both("initialize.2025-06-18", "initialize negotiates revision 2025-06-18"),
    both("initialize.2025-03-26", "initialize negotiates revision 2025-03-26"),
    http("initialized", "the initialized notification is accepted with 202"),
    both("tools.2026-07-28", "tools/list answers in revision 2026-07-28"),
    both("tools.2025", "tools/list answers after an initialize handshake"),
    both("tools.same", "both eras list the same tools"),
    both("tools.pages", "pagination ends and repeats nothing"),
    both("tools.order", "tools/list keeps its order"),
    both("tools.schema", "tool definitions are fit for every client"),
    both("call", "a harmless tool call succeeds"),
    both("error.method", "an unknown method is error -32601"),
    both("error.tool", "an unknown tool is an error"),
    both("error.json", "malformed JSON is refused and survived"),
    http("error.version", "an unsupported revision is refused with 400"),
    http("error.headers", "headers that contradict the body are refused with 400"),
    http("guard.host", "a foreign Host header is refused (DNS rebinding)"),
    http("guard.origin", "a foreign Origin header is refused (DNS rebinding)"),
    http("http.get", "GET opens an event stream or is 405"),
    http("http.delete", "DELETE ends the session or is 405"),
    http("body.large", "a request of 5 MiB is refused or answered"),
    stdio("stdio.clean", "standard output carries nothing but messages"),
    stdio("stdio.exit", "the server leaves when its input closes"),
    both("latency", "tools/list answers quickly"),
    http("reuse", "connections are reused"),
];

pub(super) fn find(id: &str) -> Option<&'static CheckInfo> {
    CATALOGUE.iter().find(|info| info.id == id)
}
