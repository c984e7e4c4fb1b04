use serde_json::json;
use windlass_sql::engine::{Access, EngineError};
use windlass_testkit::mariadb::Server;

use super::{OWNER, READER, ROOT, cell, connect, read, shop, write};

/// More to attack: tables of engines without transactions, routines with side effects, a sequence.
fn shop_with_more() -> Option<Server> {
    let server = shop()?;
    server.sql(
        "shop",
        "CREATE TABLE old(id INT) ENGINE=MyISAM; INSERT INTO old VALUES (1);
         CREATE TABLE plain(id INT) ENGINE=Aria; INSERT INTO plain VALUES (1);
         CREATE TABLE fast(id INT) ENGINE=MEMORY; INSERT INTO fast VALUES (1);
         CREATE SEQUENCE numbers",
    );
    server.sql(
        "shop",
        "DELIMITER //\n\
         CREATE FUNCTION sly() RETURNS INT MODIFIES SQL DATA BEGIN DELETE FROM goods; RETURN 1; END//\n\
         CREATE PROCEDURE away() BEGIN COMMIT; SET SESSION TRANSACTION READ WRITE; DELETE FROM goods; END//",
    );
    Some(server)
}

/// All that must not change.
fn state(server: &Server) -> String {
    server.sql(
        "shop",
        "CHECKSUM TABLE goods, old, plain, fast EXTENDED; SHOW TABLES; SELECT next_not_cached_value FROM numbers; \
         SELECT user, host, authentication_string FROM mysql.user ORDER BY 1, 2; \
         SELECT @@GLOBAL.max_connections, @@GLOBAL.tx_read_only, @@GLOBAL.read_only, @@GLOBAL.general_log; \
         SHOW DATABASES; SELECT routine_name FROM information_schema.routines WHERE routine_schema='shop'",
    )
}

/// What is refused before it runs, or by the read-only transaction: each as it would be tried.
fn writing(directory: &str) -> Vec<String> {
    let statements = [
        // Ending the transaction.
        "COMMIT",
        "COMMIT AND CHAIN",
        "ROLLBACK",
        "BEGIN",
        "START TRANSACTION READ WRITE",
        "SET TRANSACTION READ WRITE",
        "SET SESSION TRANSACTION READ WRITE",
        "SET SESSION tx_read_only=0",
        "SET @@SESSION.tx_read_only=0, autocommit=1",
        "XA START 'x'",
        // Two in one.
        "SELECT 1; DELETE FROM goods",
        "COMMIT; DELETE FROM goods",
        "SELECT 1;\nDELETE FROM goods;",
        "DELIMITER //\nDELETE FROM goods//",
        // One that has many in it.
        "BEGIN NOT ATOMIC COMMIT; SET SESSION TRANSACTION READ WRITE; DELETE FROM goods; END",
        "IF 1 THEN COMMIT; DELETE FROM goods; END IF",
        "CALL away()",
        "EXECUTE IMMEDIATE 'DELETE FROM goods'",
        "PREPARE a FROM 'DELETE FROM goods'",
        // Plain, in comments, in disguise.
        "DELETE FROM goods",
        "/*!50000 DELETE FROM goods */",
        "/*M! DELETE FROM goods */",
        "SELECT 1 /*!50000 INTO @a */",
        "DELETE FROM goods RETURNING id",
        "INSERT INTO goods VALUES (9,'x') RETURNING id",
        "REPLACE INTO goods VALUES (1,'x') RETURNING id",
        "UPDATE goods SET name='x'",
        "TRUNCATE goods",
        "WITH a AS (SELECT 1) DELETE FROM goods",
        "ANALYZE DELETE FROM goods",
        "ANALYZE FORMAT=JSON UPDATE goods SET name='x'",
        "SET STATEMENT tx_read_only=0 FOR DELETE FROM goods",
        "SET STATEMENT autocommit=1 FOR DELETE FROM goods RETURNING id",
        "HANDLER goods OPEN",
        // Without transactions.
        "DELETE FROM old",
        "DELETE FROM plain RETURNING id",
        "INSERT INTO fast VALUES (2) RETURNING id",
        "INSERT DELAYED INTO old VALUES (2)",
        // By functions.
        "SELECT sly()",
        "SELECT id FROM goods WHERE sly() = 1",
        "SHOW WARNINGS WHERE sly()",
        "DO sly()",
        "SELECT NEXTVAL(numbers)",
        "SELECT NEXT VALUE FOR numbers",
        "SELECT SETVAL(numbers, 900)",
        "VALUES (sly())",
        // Definitions commit by themselves.
        "CREATE TABLE made(n INT)",
        "CREATE TABLE made SELECT * FROM goods",
        "CREATE TEMPORARY TABLE made(n INT)",
        "DROP TABLE goods",
        "ALTER TABLE goods ADD n INT",
        "CREATE DATABASE made",
        "CREATE OR REPLACE VIEW made AS SELECT 1",
        "CREATE FUNCTION made() RETURNS INT RETURN 1",
        "RENAME TABLE goods TO made",
        // The server itself.
        "CREATE USER made@'%'",
        "GRANT ALL ON *.* TO reader@'127.0.0.1'",
        "SET PASSWORD FOR reader@'127.0.0.1' = PASSWORD('x')",
        "SET GLOBAL max_connections=11",
        "SET GLOBAL general_log=1",
        "FLUSH TABLES WITH READ LOCK",
        "LOCK TABLES goods WRITE",
        "ANALYZE TABLE goods",
        "OPTIMIZE TABLE goods",
        "REPAIR TABLE old",
        "CHECK TABLE old",
        "/* a query */ ANALYZE TABLE goods PERSISTENT FOR ALL",
        "/*!ANALYZE TABLE goods*/",
        "-- SELECT\nREPAIR TABLE old USE_FRM",
        "CACHE INDEX old IN default",
        "FLUSH STATUS",
        "ANALYZE SELECT sly()",
        "KILL 1",
        "SHUTDOWN",
        "INSTALL SONAME 'ha_blackhole'",
        "CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (HOST 'x')",
        "RESET QUERY CACHE",
        "PURGE BINARY LOGS BEFORE '2030-01-01'",
        "BACKUP STAGE START",
        "USE mysql",
        "SET ROLE NONE",
        // Into and out of files.
        "SELECT * FROM goods INTO OUTFILE 'DIR/out'",
        "SELECT * FROM goods INTO DUMPFILE 'DIR/out'",
        "SELECT 1 INTO OUTFILE 'DIR/out' FROM goods",
        "(SELECT 1 INTO OUTFILE 'DIR/out')",
        "SELECT * FROM (SELECT 1) a INTO OUTFILE 'DIR/out'",
        "SELECT 1 UNION SELECT 2 INTO OUTFILE 'DIR/out'",
        "SELECT id INTO @a FROM goods LIMIT 1",
        // Locks of rows.
        "SELECT * FROM goods FOR UPDATE",
        "SELECT * FROM (SELECT * FROM goods FOR UPDATE) a",
        "LOAD DATA LOCAL INFILE 'DIR/secret' INTO TABLE goods",
        "LOAD DATA INFILE 'DIR/secret' INTO TABLE old",
        "SHOW TABLES INTO OUTFILE 'DIR/out'",
        "EXPLAIN SELECT 1 INTO OUTFILE 'DIR/out'",
        "ANALYZE SELECT 1 INTO OUTFILE 'DIR/out'",
        "VALUES (1) INTO OUTFILE 'DIR/out'",
        "WITH a AS (SELECT 1) SELECT * FROM a INTO OUTFILE 'DIR/out'",
    ];
    statements.iter().map(|statement| statement.replace("DIR", directory)).collect()
}

#[tokio::test]
async fn nothing_is_changed_whoever_logs_in_and_whatever_is_said() {
    let Some(server) = shop_with_more() else { return };
    std::fs::write(server.directory().join("secret"), "1\tx\n").unwrap();
    let before = state(&server);
    for user in [ROOT, OWNER] {
        let mut connection = connect(&server, user, Access::Read).await;
        for statement in writing(&server.directory().display().to_string()) {
            let result = read(&mut connection, &statement).await;
            assert_eq!(state(&server), before, "{user}: {statement}: {result:?}");
            assert!(!server.directory().join("out").exists(), "{user}: {statement}: {result:?}");
            match result {
                Err(EngineError::ReadOnly(_) | EngineError::Statement { .. }) => (),
                // It explains, and writes nothing.
                Ok(_) if statement.starts_with("EXPLAIN ") => println!("{user}: {statement}: harmless"),
                other => panic!("{user}: {statement}: {other:?}"),
            }
            assert!(connection.is_usable(), "{user}: {statement}");
            assert_eq!(cell(&mut connection, "SELECT COUNT(*) FROM goods").await, 3, "{user}: {statement}");
        }
    }
}

/// What the engine cannot stop: that is for the check of the login, and for the parser.
#[tokio::test]
async fn what_a_privileged_login_can_still_do_is_known() {
    let Some(server) = shop_with_more() else { return };
    std::fs::write(server.directory().join("secret"), "hidden").unwrap();
    let mut connection = connect(&server, ROOT, Access::Read).await;
    // FILE reads.
    let sql = format!("SELECT LOAD_FILE('{}/secret')", server.directory().display());
    assert_eq!(cell(&mut connection, &sql).await, "\\x68696464656e");
    // Other databases, and hashes of passwords.
    assert!(read(&mut connection, "SELECT authentication_string FROM mysql.user").await.is_ok());
    // A lock that others could wait for, as long as the statement runs.
    assert!(read(&mut connection, "SELECT * FROM goods LOCK IN SHARE MODE").await.is_ok());
    assert_eq!(cell(&mut connection, "SELECT GET_LOCK('a', 0)").await, 1);
    let mut other = connect(&server, OWNER, Access::Read).await;
    assert_eq!(cell(&mut other, "SELECT IS_FREE_LOCK('a')").await, 1);
    // Without the right it is nothing.
    let mut connection = connect(&server, OWNER, Access::Read).await;
    assert_eq!(cell(&mut connection, &sql).await, json!(null));
}

#[tokio::test]
async fn the_next_statement_sees_a_clean_session() {
    let Some(server) = shop() else { return };
    server.sql("mysql", "CREATE ROLE strong; GRANT ALL ON *.* TO strong; GRANT strong TO owner@'127.0.0.1'");
    for access in [Access::Read, Access::Write] {
        let mut connection = connect(&server, OWNER, access).await;
        let mut other = connect(&server, OWNER, Access::Read).await;
        // Each leaves something where it may, and says what must not be seen afterwards, and what is.
        let cases = [
            ("SELECT @a := 7", "SELECT @a", json!(null)),
            ("SET @a = 7", "SELECT @a", json!(null)),
            ("SET SESSION sql_mode = 'ANSI_QUOTES'", "SELECT \"a\"", json!("a")),
            ("SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'", "SELECT 'a\\'b'", json!("a'b")),
            ("SET SESSION time_zone = '+05:00'", "SELECT @@time_zone", json!("+00:00")),
            ("SET SESSION max_statement_time = 0", "SELECT @@max_statement_time", json!(20.0)),
            ("SET SESSION tx_read_only = 0", "SELECT @@SESSION.tx_read_only", json!(1)),
            ("SET SESSION autocommit = 0", "SELECT @@autocommit", json!(1)),
            ("SET SESSION sql_select_limit = 1", "SELECT COUNT(*) FROM (SELECT * FROM goods) a", json!(3)),
            ("SET SESSION foreign_key_checks = 0", "SELECT @@foreign_key_checks", json!(1)),
            ("SET NAMES latin1", "SELECT 'ö'", json!("ö")),
            ("USE information_schema", "SELECT DATABASE()", json!("shop")),
            ("SET ROLE strong", "SELECT CURRENT_ROLE()", json!(null)),
            ("CREATE TEMPORARY TABLE goods SELECT 1 AS id", "SELECT COUNT(*) FROM goods", json!(3)),
            ("SELECT GET_LOCK('mine', 0)", "SELECT IS_USED_LOCK('mine')", json!(null)),
            ("SELECT LAST_INSERT_ID(77)", "SELECT LAST_INSERT_ID()", json!(0)),
            ("LOCK TABLES goods WRITE", "SELECT COUNT(*) FROM mysql.help_topic WHERE 0", json!(0)),
        ];
        for (leaves, asks, expected) in cases {
            let left = match access {
                Access::Read => read(&mut connection, leaves).await.map(drop),
                Access::Write => write(&mut connection, leaves).await.map(drop),
            };
            if access == Access::Write {
                left.unwrap_or_else(|error| panic!("{leaves}: {error:?}"));
            }
            if leaves.starts_with("LOCK") {
                // Somebody else can use it.
                assert_eq!(cell(&mut other, "SELECT COUNT(*) FROM goods").await, 3);
                continue;
            }
            assert_eq!(cell(&mut connection, asks).await, expected, "{access:?}: {leaves}");
        }
        // A handler, a prepared statement.
        for (leaves, uses) in
            [("HANDLER goods OPEN", "HANDLER goods READ FIRST"), ("PREPARE a FROM 'SELECT 1'", "EXECUTE a")]
        {
            if access == Access::Write {
                let _ = write(&mut connection, leaves).await;
                let used = write(&mut connection, uses).await;
                assert!(matches!(used, Err(EngineError::Statement { .. })), "{uses}: {used:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_login_without_a_database_gets_none_by_use() {
    let Some(server) = shop() else { return };
    let address = windlass_sql::engine::Address { database: None, ..super::address(&server, READER) };
    let password = windlass_core::SecretString::from(server.password());
    let engine = windlass_sql::engine::mysql::Mysql::new(address).unwrap();
    let mut connection = windlass_sql::engine::Engine::connect(&engine, Some(&password), Access::Write).await.unwrap();
    assert_eq!(cell(&mut connection, "SELECT DATABASE()").await, json!(null));
    write(&mut connection, "USE shop").await.unwrap();
    assert_eq!(cell(&mut connection, "SELECT DATABASE()").await, json!(null));
}

#[tokio::test]
async fn a_connection_that_reads_writes_for_nobody() {
    let Some(server) = shop() else { return };
    let mut connection = connect(&server, OWNER, Access::Read).await;
    let refused = write(&mut connection, "DELETE FROM goods").await;
    assert!(matches!(refused, Err(EngineError::ReadOnly(_))), "{refused:?}");
    assert_eq!(cell(&mut connection, "SELECT COUNT(*) FROM goods").await, 3);
    // To see what a statement would give does not run it.
    connection.describe("SELECT GET_LOCK('a', 0)").await.unwrap();
    assert!(matches!(connection.describe("DELETE FROM goods").await, Err(EngineError::ReadOnly(_))));
    let mut writer = connect(&server, OWNER, Access::Write).await;
    for sql in ["DELETE FROM goods WHERE id = ?", "CREATE TABLE made(n INT)", "SELECT GET_LOCK('a', 0)", "SET @a = 1"] {
        writer.describe(sql).await.unwrap();
    }
    assert!(connection.describe("SELECT nothing FROM goods").await.is_err());
    assert_eq!(cell(&mut connection, "SELECT IS_USED_LOCK('a')").await, json!(null));
    assert_eq!(server.sql("shop", "SELECT COUNT(*) FROM goods; SHOW TABLES"), "3\ngoods");
}

#[tokio::test]
async fn files_of_this_machine_are_not_handed_out() {
    let Some(server) = shop() else { return };
    let file = server.directory().join("secret");
    std::fs::write(&file, "9\thidden\n").unwrap();
    let mut connection = connect(&server, OWNER, Access::Write).await;
    let sql = format!("LOAD DATA LOCAL INFILE '{}' INTO TABLE goods", file.display());
    let refused = write(&mut connection, &sql).await;
    assert!(matches!(refused, Err(EngineError::ReadOnly(_) | EngineError::Statement { .. })), "{refused:?}");
    assert_eq!(server.sql("shop", "SELECT COUNT(*) FROM goods"), "3");
}
