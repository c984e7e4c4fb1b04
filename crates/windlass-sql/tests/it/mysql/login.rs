use std::time::Duration;

use windlass_config::settings::TlsMode;
use windlass_core::SecretString;
use windlass_sql::engine::{Access, Address, Engine, EngineError, Rights, Tls, mysql::Mysql};
use windlass_testkit::mariadb::Server;

use super::{LIMIT, OWNER, READER, ROOT, address, cell, connect, read, shop};

async fn try_connect(address: Address, password: &str) -> Result<(), EngineError> {
    let password = SecretString::from(password);
    Mysql::new(address).unwrap().connect(Some(&password), Access::Read).await.map(drop)
}

/// What a login could do whose rights are these.
async fn rights(server: &Server, user: &str) -> Rights {
    let rights = connect(server, user, Access::Read).await.rights().await.unwrap();
    assert!(rights.server.starts_with("MariaDB 1"), "{}", rights.server);
    rights
}

#[tokio::test]
async fn who_can_only_read_is_told_from_who_can_more() {
    let Some(server) = shop() else { return };
    let reader = rights(&server, READER).await;
    assert_eq!((&reader.beyond_reading[..], reader.unproved), (&[][..], None));
    assert_eq!(rights(&server, OWNER).await.beyond_reading, ["may do everything on `shop`.* (ALL PRIVILEGES)"]);
    assert_eq!(
        rights(&server, ROOT).await.beyond_reading,
        ["is a superuser (ALL PRIVILEGES on *.*)", "may give its rights on *.* to others (GRANT OPTION)"]
    );
    server.sql(
        "shop",
        "CREATE PROCEDURE p() SELECT 1; CREATE ROLE inner_role; GRANT FILE ON *.* TO inner_role; \
         CREATE ROLE `outer ``role`; GRANT inner_role TO `outer ``role`",
    );
    let harmless = ["SHOW VIEW ON shop.*", "PROCESS ON *.*", "SELECT (id) ON shop.goods", "SHOW DATABASES ON *.*"];
    for right in harmless {
        server.sql("shop", &format!("GRANT {right} TO {READER}@'127.0.0.1'"));
    }
    assert_eq!(rights(&server, READER).await.beyond_reading, [""; 0]);
    let cases = [
        ("INSERT, DELETE ON shop.goods", "may INSERT, DELETE on `shop`.`goods`"),
        ("UPDATE (name) ON shop.goods", "may UPDATE on `shop`.`goods`"),
        ("FILE ON *.*", "may read and write files of the server (FILE)"),
        ("SUPER ON *.*", "is a superuser (SUPER)"),
        ("EXECUTE ON PROCEDURE shop.p", "may run stored routines, which may write (EXECUTE on PROCEDURE `shop`.`p`)"),
        ("CREATE TEMPORARY TABLES, LOCK TABLES ON shop.*", "may CREATE TEMPORARY TABLES, LOCK TABLES on `shop`.*"),
        ("CREATE USER ON *.*", "may make and change users (CREATE USER)"),
        ("REPLICATION SLAVE ON *.*", "may REPLICATION SLAVE on *.*"),
    ];
    for (right, words) in cases {
        server.sql("shop", &format!("GRANT {right} TO {READER}@'127.0.0.1'"));
        assert_eq!(rights(&server, READER).await.beyond_reading, [words], "{right}");
        server.sql("shop", &format!("REVOKE {right} FROM {READER}@'127.0.0.1'"));
    }
    // Roles that it could take, and what they could take, though it has taken none.
    server.sql("shop", &format!("GRANT `outer ``role` TO {READER}@'127.0.0.1'"));
    let found = rights(&server, READER).await;
    assert_eq!(found.beyond_reading, ["may read and write files of the server (FILE) as `outer ``role`"]);
    assert_eq!(found.unproved, None);
    server.sql("shop", &format!("REVOKE `outer ``role` FROM {READER}@'127.0.0.1'"));
    // What everybody may do.
    server.sql("shop", "GRANT INSERT ON shop.goods TO PUBLIC");
    assert_eq!(rights(&server, READER).await.beyond_reading, ["may INSERT on `shop`.`goods`"]);
}

#[tokio::test]
async fn why_nobody_gets_in_is_told() {
    let Some(mut server) = shop() else { return };
    let refused = |result: Result<(), EngineError>| {
        assert!(matches!(result, Err(EngineError::LoginRefused(_))), "{result:?}");
    };
    refused(try_connect(address(&server, READER), "wrong").await);
    refused(try_connect(address(&server, "nobody"), server.password()).await);
    let elsewhere = |name: &str| Address { database: Some(name.to_owned()), ..address(&server, ROOT) };
    refused(try_connect(elsewhere("nowhere"), server.password()).await);
    refused(
        try_connect(Address { database: Some("mysql".to_owned()), ..address(&server, READER) }, server.password())
            .await,
    );
    server.sql("mysql", &format!("ALTER USER {READER}@'127.0.0.1' WITH MAX_USER_CONNECTIONS 1"));
    let held = connect(&server, READER, Access::Read).await;
    let full = try_connect(address(&server, READER), server.password()).await;
    assert!(matches!(full, Err(EngineError::Full(_))), "{full:?}");
    drop(held);
    let (gone, password) = (address(&server, ROOT), server.password().to_owned());
    let mut connection = connect(&server, ROOT, Access::Read).await;
    server.stop();
    let lost = read(&mut connection, "SELECT 1").await;
    assert!(matches!(lost, Err(EngineError::Lost(_))), "{lost:?}");
    assert!(!connection.is_usable());
    let unreachable = try_connect(gone.clone(), &password).await;
    assert!(matches!(unreachable, Err(EngineError::Unreachable(_))), "{unreachable:?}");
    server.start_again();
    try_connect(gone, &password).await.unwrap();
}

#[tokio::test]
async fn a_statement_that_the_server_dies_under_is_lost() {
    let Some(mut server) = shop() else { return };
    let mut connection = connect(&server, READER, Access::Read).await;
    let running = tokio::spawn(async move { read(&mut connection, "SELECT SLEEP(30)").await.map(drop) });
    while !server.sql("mysql", "SHOW PROCESSLIST").contains("SLEEP") {
        tokio::task::yield_now().await;
    }
    server.stop();
    let lost = running.await.unwrap();
    assert!(matches!(lost, Err(EngineError::Lost(_))), "{lost:?}");
}

#[tokio::test]
async fn who_answers_nothing_is_not_waited_for() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = Address {
        host: "127.0.0.1".to_owned(),
        port: listener.local_addr().unwrap().port(),
        connect_timeout: Duration::from_millis(200),
        ..Address::default()
    };
    let silent = try_connect(address, "").await;
    assert_eq!(silent, Err(EngineError::Unreachable("no answer within 0.2 s".to_owned())));
}

#[tokio::test]
async fn the_unix_socket_is_a_way_in_by_its_name_or_its_directory() {
    let Some(server) = shop() else { return };
    for path in [server.socket(), server.directory().to_owned()] {
        let host = path.display().to_string();
        let address = Address { host, user: Some(ROOT.to_owned()), connect_timeout: LIMIT, ..Address::default() };
        let mut connection = Mysql::new(address).unwrap().connect(None, Access::Read).await.unwrap();
        assert_eq!(cell(&mut connection, "SELECT USER()").await, "root@localhost");
    }
}

/// How a server whose certificate is for `name` is reached as `host`, with this much checked.
async fn cipher(server: &Server, host: &str, mode: TlsMode, ca: bool) -> Result<String, EngineError> {
    let address = Address {
        host: host.to_owned(),
        port: server.port(),
        user: Some(ROOT.to_owned()),
        tls: Tls { mode: Some(mode), ca: ca.then(|| server.ca().unwrap().to_owned()) },
        connect_timeout: LIMIT,
        ..Address::default()
    };
    let password = SecretString::from(server.password());
    let engine = Mysql::new(address).unwrap();
    let mut connection = engine.connect(Some(&password), Access::Read).await?;
    // The second is made with what the first has learned; so is the one that kills.
    drop(engine.connect(Some(&password), Access::Read).await?);
    let seen = read(&mut connection, "SHOW SESSION STATUS LIKE 'Ssl_version'").await?;
    Ok(seen.rows[0][1].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn as_much_is_checked_of_the_server_as_is_asked_for() {
    let Some(server) = Server::start_tls("db.example") else { return };
    let ip = "127.0.0.1";
    assert_eq!(cipher(&server, ip, TlsMode::Disable, false).await.unwrap(), "");
    for mode in [TlsMode::Prefer, TlsMode::Require] {
        assert_eq!(cipher(&server, ip, mode, false).await.unwrap(), "TLSv1.3");
    }
    // A trusted authority, another name.
    assert_eq!(cipher(&server, ip, TlsMode::VerifyCa, true).await.unwrap(), "TLSv1.3");
    let unreachable = |result: Result<String, EngineError>| {
        assert!(matches!(result, Err(EngineError::Unreachable(_))), "{result:?}");
    };
    unreachable(cipher(&server, ip, TlsMode::VerifyFull, true).await);
    // Nobody's authority.
    unreachable(cipher(&server, ip, TlsMode::VerifyCa, false).await);
    unreachable(cipher(&server, ip, TlsMode::VerifyFull, false).await);
    let named = Server::start_tls("localhost").unwrap();
    assert_eq!(cipher(&named, "localhost", TlsMode::VerifyFull, true).await.unwrap(), "TLSv1.3");
    // Another authority of the same name.
    let mut other = Tls { mode: Some(TlsMode::VerifyCa), ca: server.ca().map(Into::into) };
    for mode in [TlsMode::VerifyCa, TlsMode::VerifyFull] {
        other.mode = Some(mode);
        let stranger = Address { tls: other.clone(), host: "localhost".to_owned(), ..address(&named, ROOT) };
        let result = try_connect(stranger, named.password()).await;
        assert!(matches!(result, Err(EngineError::Unreachable(_))), "{result:?}");
    }
}

#[tokio::test]
async fn a_server_without_encryption_is_refused_where_it_has_to_have_it() {
    let Some(server) = shop() else { return };
    assert_eq!(cipher(&server, "127.0.0.1", TlsMode::Prefer, false).await.unwrap(), "");
    for mode in [TlsMode::Require, TlsMode::VerifyCa, TlsMode::VerifyFull] {
        let result = cipher(&server, "127.0.0.1", mode, false).await;
        assert!(matches!(result, Err(EngineError::Unreachable(_))), "{mode:?}: {result:?}");
    }
}
