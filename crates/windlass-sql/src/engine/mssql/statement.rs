//! The text around a statement. It travels as an argument, never as a part of it.

use std::{fmt::Write as _, time::Duration};

use super::{Access, bind::Bound, cell::LONGEST_VALUE};

/// The name of the column in which a write says how many rows it changed.
pub const AFFECTED: &str = "windlass affected rows";

/// The text to run, to which the statement is the last argument.
///
/// To read: an error that is caught dooms the transaction (`XACT_STATE() = -1`), and SQL Server refuses to write in one
/// that is doomed, or to commit it (error 3930). It costs no round trip.
///
/// To write: committed if the statement had no error.
pub fn wrap(access: Access, timeout: Duration, arguments: &[Bound]) -> String {
    let patience = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    let begin =
        format!("SET XACT_ABORT ON; SET LOCK_TIMEOUT {patience}; SET TEXTSIZE {LONGEST_VALUE};\nBEGIN TRANSACTION;\n");
    let execute = execute(arguments);
    match access {
        Access::Read => format!(
            "{begin}BEGIN TRY THROW 50000, N'read only', 1; END TRY\n\
             BEGIN CATCH {execute} END CATCH;\n\
             IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION;"
        ),
        Access::Write => format!(
            "{begin}DECLARE @windlass_error int, @windlass_rows bigint;\n\
             {execute}\n\
             SELECT @windlass_error = @@ERROR, @windlass_rows = ROWCOUNT_BIG();\n\
             IF @windlass_error <> 0 ROLLBACK TRANSACTION;\n\
             ELSE BEGIN COMMIT TRANSACTION; SELECT @windlass_rows AS [{AFFECTED}]; END;"
        ),
    }
}

fn execute(arguments: &[Bound]) -> String {
    let mut text = format!("EXEC sys.sp_executesql @P{}", arguments.len() + 1);
    for (place, argument) in (1..).zip(arguments) {
        let before = if place == 1 { ", N'" } else { ", " };
        // Writing to a text cannot fail.
        let _ = write!(text, "{before}@P{place} {}", argument.declared);
    }
    for place in 1..=arguments.len() {
        let before = if place == 1 { "', " } else { ", " };
        let _ = write!(text, "{before}@P{place}");
    }
    text.push(';');
    text
}

/// The highest number of a placeholder in the text, quoted or not.
pub fn placeholders(sql: &str) -> usize {
    let numbers = sql.split(['@']).filter_map(|rest| rest.strip_prefix(['P', 'p'])).map(|rest| {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        rest[..digits].parse().unwrap_or(0)
    });
    // SQL Server takes 2,100 at most; a larger number is no placeholder.
    numbers.filter(|number| *number <= 2100).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use windlass_config::settings::SqlParameterKind as Kind;

    use super::{super::bind, *};
    use crate::engine::Argument;

    #[test]
    fn reading_is_in_a_transaction_that_cannot_write() {
        insta::assert_snapshot!(wrap(Access::Read, Duration::from_secs(30), &[]), @"
        SET XACT_ABORT ON; SET LOCK_TIMEOUT 30000; SET TEXTSIZE 8388608;
        BEGIN TRANSACTION;
        BEGIN TRY THROW 50000, N'read only', 1; END TRY
        BEGIN CATCH EXEC sys.sp_executesql @P1; END CATCH;
        IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION;
        ");
    }

    #[test]
    fn writing_is_committed_where_it_succeeded() {
        let argument = |kind, value| Argument { kind, items: None, value };
        let arguments = [argument(Kind::Integer, json!(1)), argument(Kind::String, json!("a"))];
        let bound = bind::arguments(&arguments).unwrap();
        insta::assert_snapshot!(wrap(Access::Write, Duration::MAX, &bound), @"
        SET XACT_ABORT ON; SET LOCK_TIMEOUT 2147483647; SET TEXTSIZE 8388608;
        BEGIN TRANSACTION;
        DECLARE @windlass_error int, @windlass_rows bigint;
        EXEC sys.sp_executesql @P3, N'@P1 bigint, @P2 nvarchar(4000)', @P1, @P2;
        SELECT @windlass_error = @@ERROR, @windlass_rows = ROWCOUNT_BIG();
        IF @windlass_error <> 0 ROLLBACK TRANSACTION;
        ELSE BEGIN COMMIT TRANSACTION; SELECT @windlass_rows AS [windlass affected rows]; END;
        ");
    }

    #[test]
    fn placeholders_are_counted_by_their_numbers() {
        assert_eq!(placeholders("SELECT @P1, @p12, @P2, @x, a@PX, @P99999"), 12);
        assert_eq!(placeholders("SELECT 1"), 0);
    }
}
