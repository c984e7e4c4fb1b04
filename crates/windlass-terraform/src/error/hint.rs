use super::ErrorKind;

/// The next step for each kind.
pub(super) fn hint(kind: &ErrorKind) -> String {
    match kind {
        ErrorKind::NotInstalled { named: Some(_) } => {
            "let WINDLASS_TERRAFORM name terraform or tofu, or unset it to have PATH searched".into()
        }
        ErrorKind::NotInstalled { named: None } => {
            "install Terraform 1.5 or newer, or OpenTofu, or let WINDLASS_TERRAFORM name the program".into()
        }
        ErrorKind::Broken { program, .. } => format!("see what `{} version -json` says", program.display()),
        ErrorKind::TooOld { .. } => "update it, or let WINDLASS_TERRAFORM name a newer one".into(),
        ErrorKind::ProviderUnavailable { .. } => {
            "the registry must be reachable, or WINDLASS_TERRAFORM_MIRROR name a directory made by `terraform providers mirror`"
                .into()
        }
        ErrorKind::NoCredentials => {
            "run `aws sso login` or `aws configure`, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY".into()
        }
        ErrorKind::CredentialsRejected { code } if code == "SignatureDoesNotMatch" => {
            "check AWS_SECRET_ACCESS_KEY, and this machine's clock".into()
        }
        ErrorKind::CredentialsRejected { .. } => {
            "check with `aws sts get-caller-identity`; temporary keys need AWS_SESSION_TOKEN as well".into()
        }
        ErrorKind::ExpiredToken => "sign in again (`aws sso login`), then run the same command; it continues".into(),
        ErrorKind::AccessDenied { action: Some(action) } => {
            format!("allow {action} to the role that deploys, or use another AWS_PROFILE")
        }
        ErrorKind::AccessDenied { action: None } => {
            "see the policies of the role that deploys, or use another AWS_PROFILE".into()
        }
        ErrorKind::WrongRegion { .. } => {
            "set the region to one that is enabled for the account, and where the state bucket is".into()
        }
        ErrorKind::QuotaExceeded { .. } => {
            "ask for more under Service Quotas, or remove what is not used; then run the same command, it continues".into()
        }
        ErrorKind::NoCapacity { .. } => "try again later, or another instance type, availability zone or region".into(),
        ErrorKind::NameTaken { .. } => {
            "choose another name, or remove what has it; if it is left from a deploy of yours, `terraform import` it".into()
        }
        ErrorKind::Unreachable { .. } => "check the network, HTTPS_PROXY and AWS_ENDPOINT_URL".into(),
        ErrorKind::StateLocked { id, .. } => {
            let id = id.as_deref().unwrap_or("ID");
            format!("wait for that run to end; if it is dead, `terraform force-unlock {id}`")
        }
        ErrorKind::Invalid { variable: Some(variable), .. } => format!("correct {variable} in the settings"),
        ErrorKind::Invalid { variable: None, .. } => "correct the configuration that was ejected, or eject it anew".into(),
        ErrorKind::Cancelled { .. } => "run the same command again; it continues from the state that was saved".into(),
        ErrorKind::Files { .. } => "the directory must be writable and have space".into(),
        ErrorKind::Other { .. } => "the log in the working directory has all that Terraform said".into(),
    }
}
