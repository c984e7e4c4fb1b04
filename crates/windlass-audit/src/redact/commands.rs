//! Secrets in argument vectors, where name and value are two elements.

/// The option of `program` whose value is a password although its name does not say so.
fn option(program: &str) -> &'static [&'static str] {
    match program {
        "sshpass" => &["-p"],
        "curl" => &["-u", "-U", "--user", "--proxy-user"],
        "redis-cli" => &["-a"],
        _ => &[],
    }
}

/// The name of a program without its directory; `None` for what cannot be one.
pub(super) fn program(text: &str) -> Option<&str> {
    let name = text.rsplit('/').next()?;
    (!name.is_empty() && !name.contains(char::is_whitespace)).then_some(name)
}

/// Whether the element after `element` is a secret.
pub(super) fn announces_secret(program: Option<&str>, element: &str, is_secret_name: impl Fn(&str) -> bool) -> bool {
    let flag = element.starts_with('-') && !element.contains(['=', ' ']);
    flag && (program.is_some_and(|program| option(program).contains(&element)) || is_secret_name(element))
}

/// `element` up to where a secret begins that is glued to its option: `mysql -pSECRET`, `curl --user=me:SECRET`.
pub(super) fn glued<'a>(program: Option<&str>, element: &'a str) -> Option<&'a str> {
    let program = program?;
    let database = program.starts_with("mysql") || program.starts_with("mariadb");
    let options = if database { &["-p"] } else { option(program) };
    options.iter().find_map(|option| {
        let rest = element.strip_prefix(option)?;
        let long = option.starts_with("--");
        let begins = option.len() + usize::from(long);
        (!rest.is_empty() && (!long || rest.starts_with('='))).then(|| &element[..begins])
    })
}
