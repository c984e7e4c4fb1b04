//! What `SHOW GRANTS` says, line by line.

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Grant {
    /// `GRANT SELECT, INSERT (a) ON shop.* TO ...`.
    Rights {
        /// In capital letters, without their columns.
        rights: Vec<String>,
        /// As the line has it.
        on: String,
        /// Whether they can be given to others.
        giving: bool,
    },
    /// `GRANT a, b TO ...`.
    Roles(Vec<Role>),
    /// Something that gives nothing.
    Nothing,
}

/// A role somebody may take.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Role {
    pub(super) name: String,
    /// MySQL's have one.
    pub(super) host: Option<String>,
}

/// `None` of what is not understood.
pub(super) fn parse(line: &str) -> Option<Grant> {
    let tokens = tokens(line)?;
    match tokens.as_slice() {
        [first, rest @ ..] if first.is("GRANT") => grant(rest),
        // Which of one's roles are taken at first; all of them are looked at. What MySQL takes back of a wider right
        // (`REVOKE INSERT ON mysql.* FROM ...`) is not subtracted: then it is said to be able to do more than it can.
        [first, second, third, ..] if first.is("SET") && second.is("DEFAULT") && third.is("ROLE") => {
            Some(Grant::Nothing)
        }
        [first, ..] if first.is("REVOKE") => Some(Grant::Nothing),
        _ => None,
    }
}

fn grant(tokens: &[Token]) -> Option<Grant> {
    let to = tokens.iter().position(|token| token.is("TO"))?;
    let (given, rest) = tokens.split_at(to);
    // Behind who it is given to.
    rest.get(1)?;
    match given.iter().position(|token| token.is("ON")) {
        Some(on) => {
            let (rights, object) = given.split_at(on);
            let object = object.get(1..).filter(|object| !object.is_empty())?;
            let giving = rest.windows(2).any(|pair| pair[0].is("GRANT") && pair[1].is("OPTION"));
            Some(Grant::Rights { rights: names(rights)?, on: written(object), giving })
        }
        None => given.split(|token| token.is_sign(',')).map(role).collect::<Option<_>>().map(Grant::Roles),
    }
}

/// Words up to a comma, and lists of columns in parentheses that may follow.
fn names(tokens: &[Token]) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let (mut name, mut depth) = (String::new(), 0_usize);
    for token in tokens {
        match token {
            Token::Sign('(') => depth += 1,
            Token::Sign(')') => depth = depth.checked_sub(1)?,
            _ if depth > 0 => (),
            Token::Sign(',') => names.push(std::mem::take(&mut name)),
            Token::Word(word) => {
                if !name.is_empty() {
                    name.push(' ');
                }
                name.push_str(&word.to_ascii_uppercase());
            }
            Token::Quoted(..) | Token::Sign(_) => return None,
        }
    }
    names.push(name);
    (depth == 0 && names.iter().all(|name| !name.is_empty())).then_some(names)
}

fn role(tokens: &[Token]) -> Option<Role> {
    let name = |token: &Token| match token {
        Token::Word(name) | Token::Quoted(_, name) => Some(name.clone()),
        Token::Sign(_) => None,
    };
    match tokens {
        [role] => Some(Role { name: name(role)?, host: None }),
        [role, Token::Sign('@'), host] => Some(Role { name: name(role)?, host: Some(name(host)?) }),
        _ => None,
    }
}

fn written(tokens: &[Token]) -> String {
    let mut text = String::new();
    let mut word = false;
    for token in tokens {
        let is_word = matches!(token, Token::Word(_));
        if is_word && word {
            text.push(' ');
        }
        match token {
            Token::Word(part) => text.push_str(part),
            Token::Quoted(quote, part) => {
                // `PROCEDURE `a`.`b``
                if word {
                    text.push(' ');
                }
                text.push(*quote);
                text.push_str(&part.replace(*quote, &format!("{quote}{quote}")));
                text.push(*quote);
            }
            Token::Sign(sign) => text.push(*sign),
        }
        word = is_word;
    }
    text
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    /// By what it was quoted, and what was.
    Quoted(char, String),
    Sign(char),
}

impl Token {
    fn is(&self, word: &str) -> bool {
        matches!(self, Self::Word(found) if found.eq_ignore_ascii_case(word))
    }

    fn is_sign(&self, sign: char) -> bool {
        *self == Self::Sign(sign)
    }
}

fn tokens(line: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = line.chars().peekable();
    while let Some(&next) = rest.peek() {
        match next {
            '`' | '\'' | '"' => {
                rest.next();
                let mut text = String::new();
                loop {
                    match rest.next()? {
                        part if part != next => text.push(part),
                        // One within is there twice.
                        _ => match rest.next_if_eq(&next) {
                            Some(quote) => text.push(quote),
                            None => break,
                        },
                    }
                }
                tokens.push(Token::Quoted(next, text));
            }
            _ if next.is_whitespace() => {
                rest.next();
            }
            _ if is_word(next) => {
                let mut word = String::new();
                while let Some(next) = rest.next_if(|&next| is_word(next)) {
                    word.push(next);
                }
                tokens.push(Token::Word(word));
            }
            _ => {
                rest.next();
                tokens.push(Token::Sign(next));
            }
        }
    }
    Some(tokens)
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '$')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Option<(&str, &str, bool)>) {
        let expected = expected.map(|(rights, on, giving)| Grant::Rights {
            rights: rights.split(", ").map(str::to_owned).collect(),
            on: on.to_owned(),
            giving,
        });
        assert_eq!(parse(line), expected, "{line}");
    }

    #[test]
    fn rights_are_told_from_columns_objects_and_who_has_them() {
        check("GRANT SELECT ON `shop`.* TO `reader`@`%`", Some(("SELECT", "`shop`.*", false)));
        check(
            "GRANT USAGE ON *.* TO `u`@`h` IDENTIFIED BY PASSWORD '*81F5 ON TO' REQUIRE SSL WITH GRANT OPTION \
             MAX_QUERIES_PER_HOUR 7",
            Some(("USAGE", "*.*", true)),
        );
        check(
            "GRANT SELECT (a, `b)`), INSERT (`c, DELETE`), CREATE TEMPORARY TABLES ON `a``b ON`.`c TO` TO 'd'@'e'",
            Some(("SELECT, INSERT, CREATE TEMPORARY TABLES", "`a``b ON`.`c TO`", false)),
        );
        check("GRANT EXECUTE ON PROCEDURE `a`.`b` TO `c`@`%`", Some(("EXECUTE", "PROCEDURE `a`.`b`", false)));
        check("GRANT PROXY ON ''@'%' TO 'root'@'localhost' WITH GRANT OPTION", Some(("PROXY", "''@'%'", true)));
        check("grant select on *.* to `WITH GRANT OPTION`@`%`", Some(("SELECT", "*.*", false)));
    }

    #[test]
    fn roles_are_told_from_rights() {
        let role = |name: &str, host: Option<&str>| Role { name: name.to_owned(), host: host.map(str::to_owned) };
        let roles = |line| parse(line).unwrap();
        assert_eq!(roles("GRANT `a b` TO `u`@`h` WITH ADMIN OPTION"), Grant::Roles(vec![role("a b", None)]));
        assert_eq!(
            roles("GRANT `a`@`%`,`b``c`@`h` TO `u`@`%`"),
            Grant::Roles(vec![role("a", Some("%")), role("b`c", Some("h"))])
        );
        assert_eq!(roles("SET DEFAULT ROLE `a` FOR `u`@`h`"), Grant::Nothing);
    }

    #[test]
    fn what_is_not_understood_is_nothing() {
        for line in [
            "",
            "GRANT",
            "GRANT SELECT",
            "GRANT SELECT ON `a`.* TO",
            "GRANT SELECT ON TO `u`",
            "GRANT SELECT, ON a TO u",
            "GRANT SELECT (a ON b TO u",
            "GRANT SELECT ON `a TO u",
            "GRANT `SELECT` ON a TO u",
            "ALLOW SELECT ON a TO u",
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}
