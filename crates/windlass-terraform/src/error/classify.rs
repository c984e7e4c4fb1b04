//! From what Terraform and AWS say to a kind. All comparisons with their texts are in this file.

use std::sync::LazyLock;

use regex::Regex;

use super::{Diagnostic, Error, ErrorKind};

/// How AWS's own codes are to be understood. A code that is not here is [`ErrorKind::Other`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Expired,
    Rejected,
    Denied,
    Region,
    Quota,
    Capacity,
    Taken,
    /// Where something was being made; elsewhere it means that another change is under way.
    TakenIfNew,
}

const CODES: &[(&str, Meaning)] = &[
    ("ExpiredToken", Meaning::Expired),
    ("ExpiredTokenException", Meaning::Expired),
    ("RequestExpired", Meaning::Expired),
    ("AuthFailure", Meaning::Rejected),
    ("IncompleteSignature", Meaning::Rejected),
    ("InvalidAccessKeyId", Meaning::Rejected),
    ("InvalidClientTokenId", Meaning::Rejected),
    ("InvalidSignatureException", Meaning::Rejected),
    ("MissingAuthenticationToken", Meaning::Rejected),
    ("MissingAuthenticationTokenException", Meaning::Rejected),
    ("SignatureDoesNotMatch", Meaning::Rejected),
    ("UnrecognizedClientException", Meaning::Rejected),
    ("AccessDenied", Meaning::Denied),
    ("AccessDeniedException", Meaning::Denied),
    ("AuthorizationError", Meaning::Denied),
    ("ForbiddenException", Meaning::Denied),
    ("NotAuthorized", Meaning::Denied),
    ("UnauthorizedOperation", Meaning::Denied),
    ("WAFInvalidPermissionPolicyException", Meaning::Denied),
    ("AuthorizationHeaderMalformed", Meaning::Region),
    ("IllegalLocationConstraintException", Meaning::Region),
    ("OptInRequired", Meaning::Region),
    ("PermanentRedirect", Meaning::Region),
    ("AddressLimitExceeded", Meaning::Quota),
    ("InstanceLimitExceeded", Meaning::Quota),
    ("LimitExceeded", Meaning::Quota),
    ("LimitExceededException", Meaning::Quota),
    ("MaxSpotInstanceCountExceeded", Meaning::Quota),
    ("NatGatewayLimitExceeded", Meaning::Quota),
    ("PolicyLengthExceeded", Meaning::Quota),
    ("ResourceLimitExceeded", Meaning::Quota),
    ("ServiceQuotaExceededException", Meaning::Quota),
    ("TooManyBuckets", Meaning::Quota),
    ("TooManyLoadBalancers", Meaning::Quota),
    ("TooManyTargetGroups", Meaning::Quota),
    ("VcpuLimitExceeded", Meaning::Quota),
    ("VpcLimitExceeded", Meaning::Quota),
    ("WAFLimitsExceededException", Meaning::Quota),
    ("InsufficientHostCapacity", Meaning::Capacity),
    ("InsufficientInstanceCapacity", Meaning::Capacity),
    ("SpotMaxPriceTooLow", Meaning::Capacity),
    ("AlreadyExistsException", Meaning::Taken),
    ("BucketAlreadyExists", Meaning::Taken),
    ("BucketAlreadyOwnedByYou", Meaning::Taken),
    ("DuplicateLoadBalancerName", Meaning::Taken),
    ("DuplicateTargetGroupName", Meaning::Taken),
    ("EntityAlreadyExists", Meaning::Taken),
    ("InvalidGroup.Duplicate", Meaning::Taken),
    ("NamespaceAlreadyExists", Meaning::Taken),
    ("RepositoryAlreadyExistsException", Meaning::Taken),
    ("ResourceAlreadyExistsException", Meaning::Taken),
    ("ResourceConflictException", Meaning::TakenIfNew),
    ("ResourceExistsException", Meaning::Taken),
    ("ResourceInUseException", Meaning::TakenIfNew),
    ("WAFDuplicateItemException", Meaning::Taken),
];

/// What the SDK writes before the message, with the code as its own token: `api error CODE: ...`. Where the service
/// models the error there is no such token, but its type: `..., EntityAlreadyExists: ...`.
static CODE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"api error ([A-Za-z][\w.]+)|StatusCode: \d{3}, RequestID: [^,]*, (?:HostID: [^,]*, )?([A-Z][\w.]+)\s*:")
        .ok()
});
static ACTION: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"not authorized to perform: ([\w-]+:\w+)").ok());
/// How Terraform itself names a variable whose value is missing or of another type.
static VARIABLE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"input variable "([\w-]+)"|not suitable for var\.([\w-]+)"#).ok());
static STATUS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"StatusCode: (\d{3})\b").ok());

/// Words of Terraform and the provider where there is no code.
const NO_CREDENTIALS: [&str; 4] = [
    "No valid credential sources found",
    "failed to refresh cached credentials, no EC2 IMDS role found",
    "failed to get shared config profile",
    "no valid credential sources for",
];
const EXPIRED_SESSION: [&str; 3] =
    ["SSO session has expired or is invalid", "refresh cached SSO token failed", "cached SSO token is expired"];
const NO_PROVIDER: [&str; 5] = [
    "Failed to query available provider packages",
    "Failed to install provider",
    "Could not retrieve the list of available versions for provider",
    "Failed to resolve provider packages",
    "Invalid provider registry host",
];
const UNREACHABLE: [&str; 8] = [
    "connection refused",
    "connection reset by peer",
    "i/o timeout",
    "no such host",
    "network is unreachable",
    "no route to host",
    "proxyconnect tcp",
    "TLS handshake timeout",
];
const WRONG_REGION: [&str; 3] = ["Invalid AWS Region", "invalid AWS Region", "Invalid region value"];

/// The kind of a failed run. Of several errors the first that has a kind decides; it is put first.
pub(crate) fn classify(mut diagnostics: Vec<Diagnostic>, otherwise: &str) -> Error {
    let found = diagnostics.iter().enumerate().find_map(|(index, diagnostic)| Some((index, kind(diagnostic)?)));
    if let Some((index, kind)) = found {
        diagnostics[..=index].rotate_right(1);
        return Error::new(kind, diagnostics);
    }
    let problem = diagnostics.first().map_or_else(|| first_lines(otherwise), |first| first_lines(&first.text()));
    Error::new(ErrorKind::Other { problem }, diagnostics)
}

pub(super) fn kind(diagnostic: &Diagnostic) -> Option<ErrorKind> {
    let text = diagnostic.text();
    let says = |words: &[&str]| words.iter().any(|words| text.contains(words));
    let problem = || message(&text);
    if diagnostic.summary.contains("state lock") {
        let lock = |field: &str| after(&text, field);
        return Some(ErrorKind::StateLocked { who: lock("Who:"), id: lock("ID:"), since: lock("Created:") });
    }
    if says(&NO_PROVIDER) {
        return Some(ErrorKind::ProviderUnavailable { problem: problem() });
    }
    if let Some((code, meaning)) = meaning(&text) {
        return meant(meaning, code, diagnostic, problem());
    }
    if says(&EXPIRED_SESSION) {
        return Some(ErrorKind::ExpiredToken);
    }
    if says(&WRONG_REGION) {
        return Some(ErrorKind::WrongRegion { problem: problem() });
    }
    if says(&UNREACHABLE) {
        // The request and why it was not sent come last.
        let cause = problem().split("request send failed, ").last().map(str::to_owned).unwrap_or_default();
        return Some(ErrorKind::Unreachable { problem: cause });
    }
    if says(&NO_CREDENTIALS) {
        return Some(ErrorKind::NoCredentials);
    }
    invalid(diagnostic)
}

fn meant(meaning: Meaning, code: String, diagnostic: &Diagnostic, problem: String) -> Option<ErrorKind> {
    Some(match meaning {
        Meaning::Expired => ErrorKind::ExpiredToken,
        Meaning::Rejected => ErrorKind::CredentialsRejected { code },
        Meaning::Denied => ErrorKind::AccessDenied { action: capture(&ACTION, &diagnostic.text()) },
        Meaning::Region => ErrorKind::WrongRegion { problem },
        Meaning::Quota => ErrorKind::QuotaExceeded { code, problem },
        Meaning::Capacity => ErrorKind::NoCapacity { code, problem },
        Meaning::TakenIfNew if !diagnostic.summary.starts_with("creating ") => return None,
        Meaning::Taken | Meaning::TakenIfNew => {
            ErrorKind::NameTaken { code, address: diagnostic.address.clone(), problem }
        }
    })
}

/// A refused variable, or a configuration that Terraform cannot read. Only Terraform's own errors have a place in a
/// file and no resource.
fn invalid(diagnostic: &Diagnostic) -> Option<ErrorKind> {
    let own = diagnostic.address.is_none() && diagnostic.place.is_some();
    let variable = diagnostic.variable.clone().or_else(|| capture(&VARIABLE, &diagnostic.detail));
    let problem = match &variable {
        // The text goes on to say where the rule stands, or how to give a value: neither is how it is done here.
        Some(_) if !diagnostic.detail.is_empty() => {
            let detail = diagnostic.detail.split("\n\nThis was checked").next().unwrap_or_default();
            detail.split(" Use a -var").next().unwrap_or_default().to_owned()
        }
        _ => first_lines(&diagnostic.text()),
    };
    own.then_some(ErrorKind::Invalid { variable, problem })
}

fn meaning(text: &str) -> Option<(String, Meaning)> {
    let captures = CODE.as_ref()?.captures_iter(text);
    let codes = captures.filter_map(|found| found.get(1).or_else(|| found.get(2))).map(|code| code.as_str());
    let known =
        |code: &str| CODES.iter().find(|(known, _)| *known == code).map(|(_, meaning)| (code.to_owned(), *meaning));
    // A HEAD request has no body and so no code: then the status is all there is.
    let by_status = || match capture(&STATUS, text)?.as_str() {
        "403" => Some(("Forbidden".to_owned(), Meaning::Denied)),
        "301" => Some(("PermanentRedirect".to_owned(), Meaning::Region)),
        _ => None,
    };
    codes.filter_map(known).next().or_else(by_status)
}

fn capture(pattern: &LazyLock<Option<Regex>>, text: &str) -> Option<String> {
    let found = pattern.as_ref()?.captures(text)?;
    found.iter().skip(1).flatten().next().map(|group| group.as_str().to_owned())
}

/// What follows `field` on its line.
fn after(text: &str, field: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.trim().strip_prefix(field))?;
    Some(line.trim().to_owned()).filter(|value| !value.is_empty())
}

/// What AWS says, after its code; else the end of the chain of causes, which is where the cause is.
fn message(text: &str) -> String {
    let line = text.lines().find(|line| line.contains("StatusCode:")).unwrap_or(text);
    let code = CODE.as_ref().and_then(|pattern| pattern.find_iter(line).last());
    let said = code.map(|code| first_lines(line[code.end()..].trim_start_matches([':', ' '])));
    match said {
        // S3 says no more than the code; what was being done comes before the account of the request.
        Some(nothing) if nothing.is_empty() => first_lines(line.split(": operation error").next().unwrap_or(line)),
        Some(said) => said,
        None => first_lines(text),
    }
}

fn first_lines(text: &str) -> String {
    const LINES: usize = 6;
    text.lines().map(str::trim_end).filter(|line| !line.is_empty()).take(LINES).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
