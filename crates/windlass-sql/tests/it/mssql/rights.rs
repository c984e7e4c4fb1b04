use windlass_sql::engine::{Access, EngineError};

use super::{
    connect,
    standin::{Answer, Request, StandIn},
    tokens::{self, columns, done, error, int, nvarchar, row, texts},
};

/// Says what server it is, and answers every other question for which a word of its text is given.
async fn server(edition: i32, answers: &'static [(&'static str, &'static [&'static [&'static str]])]) -> StandIn {
    StandIn::start(move |request| {
        let Request::Execute { text, .. } = request else { panic!() };
        if text.contains("EngineEdition") {
            let heads = [("version", tokens::NVARCHAR), ("edition", tokens::INT)];
            return Answer::Tokens(
                [columns(&heads), row(&[nvarchar("16.0.4095"), int(edition)]), done(0x10, 1)].concat(),
            );
        }
        let found = answers.iter().find(|(word, _)| text.contains(word)).map_or(&[][..], |(_, rows)| rows);
        let names = ["a", "b", "c"];
        Answer::Tokens(texts(&names[..found.first().map_or(1, |row| row.len())], found))
    })
    .await
}

#[tokio::test]
async fn a_login_that_can_only_read_is_proved_to() {
    let server = server(3, &[]).await;
    let mut connection = connect(&server, Access::Read).await.unwrap();
    let rights = connection.rights().await.unwrap();
    assert_eq!(rights.server, "SQL Server 16.0.4095");
    assert_eq!((rights.beyond_reading, rights.unproved), (vec![], None));
    assert!(connection.is_usable());
    let asked = server.executed().join("\n");
    for word in [
        "IS_SRVROLEMEMBER",
        "IS_ROLEMEMBER",
        "fn_my_permissions(NULL, N'SERVER')",
        "fn_my_permissions(NULL, N'DATABASE')",
        "N'SCHEMA'",
        "N'OBJECT'",
        "N'IMPERSONATE'",
        "xp_cmdshell",
        "HAS_DBACCESS",
    ] {
        assert!(asked.contains(word), "{word}");
    }
    assert!(!asked.contains('{'), "nothing is left to fill in");
}

#[tokio::test]
async fn everything_beyond_reading_is_listed() {
    let server = server(
        3,
        &[
            ("IS_SRVROLEMEMBER", &[&["sysadmin"]]),
            ("IS_ROLEMEMBER", &[&["db_owner"], &["db_datawriter"]]),
            ("N'DATABASE') AS p", &[&["EXECUTE"]]),
            ("N'SCHEMA'", &[&["INSERT", "sales"]]),
            ("sys.objects", &[&["UPDATE", "dbo", "orders"]]),
            ("N'USER'", &[&["dbo"]]),
            ("sys.databases AS d CROSS JOIN", &[&["DELETE", "archive"]]),
            ("xp_cmdshell", &[&["master.sys.xp_cmdshell"]]),
        ],
    )
    .await;
    let mut connection = connect(&server, Access::Read).await.unwrap();
    let rights = connection.rights().await.unwrap();
    let expected = [
        "is a member of the server role sysadmin",
        "is a member of the database role db_owner",
        "is a member of the database role db_datawriter",
        "may EXECUTE in the database",
        "may INSERT in the schema sales",
        "may UPDATE on dbo.orders",
        "may IMPERSONATE the user dbo",
        "may DELETE in the database archive",
        "may EXECUTE master.sys.xp_cmdshell",
    ];
    assert_eq!(rights.beyond_reading, expected);
}

#[tokio::test]
async fn what_was_not_looked_at_leaves_it_unproved() {
    let server = server(3, &[("HAS_DBACCESS", &[&["archive"], &["payroll"]])]).await;
    let mut connection = connect(&server, Access::Read).await.unwrap();
    let rights = connection.rights().await.unwrap();
    let why = "it may also enter other databases (archive, payroll), whose objects were not looked at";
    assert_eq!((rights.beyond_reading, rights.unproved.as_deref()), (vec![], Some(why)));
}

#[tokio::test]
async fn a_server_that_does_not_tell_leaves_it_unproved() {
    let server = StandIn::start(|request| {
        let Request::Execute { text, .. } = request else { panic!() };
        Answer::Tokens(match text.contains("N'SCHEMA'") {
            true => [error(297, 16, "The user does not have permission to perform this action."), done(2, 0)].concat(),
            false => texts(&["a"], &[]),
        })
    })
    .await;
    let mut connection = connect(&server, Access::Read).await.unwrap();
    let rights = connection.rights().await.unwrap();
    let why = "the server did not tell its rights: The user does not have permission to perform this action.";
    assert_eq!(rights.unproved.as_deref(), Some(why));
    assert!(connection.is_usable());
}

#[tokio::test]
async fn a_database_of_azure_is_not_asked_about_its_server() {
    let server = server(5, &[("IS_ROLEMEMBER", &[&["db_datawriter"]])]).await;
    let mut connection = connect(&server, Access::Read).await.unwrap();
    let rights = connection.rights().await.unwrap();
    assert_eq!(rights.beyond_reading, ["is a member of the database role db_datawriter"]);
    let asked = server.executed().join("\n");
    assert!(asked.contains("N'OBJECT'") && !asked.contains("IS_SRVROLEMEMBER") && !asked.contains("sys.databases"));
}

#[tokio::test]
async fn a_broken_connection_proves_nothing() {
    let server = StandIn::start(|_| Answer::Close(Vec::new())).await;
    let mut connection = connect(&server, Access::Read).await.unwrap();
    assert!(matches!(connection.rights().await, Err(EngineError::Lost(_))));
    assert!(!connection.is_usable());
}
