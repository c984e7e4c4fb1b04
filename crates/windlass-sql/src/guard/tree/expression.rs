//! Expressions.

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, CastKind, Expr, Function, FunctionArguments, InTarget, ObjectName, ObjectNamePart, TypedString,
    WindowType,
};
use windlass_config::settings::SourceKind;

use super::{Step, Walk, only, refuse};

impl Walk<'_> {
    pub(super) fn expression(&mut self, expr: &Expr) -> Step {
        match expr {
            // What is within them is visited.
            Expr::Identifier(_)
            | Expr::CompoundIdentifier(_)
            | Expr::IsFalse(_)
            | Expr::IsNotFalse(_)
            | Expr::IsTrue(_)
            | Expr::IsNotTrue(_)
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::IsUnknown(_)
            | Expr::IsNotUnknown(_)
            | Expr::IsDistinctFrom(..)
            | Expr::IsNotDistinctFrom(..)
            | Expr::IsJson { .. }
            | Expr::IsNormalized { .. }
            | Expr::Between { .. }
            | Expr::UnaryOp { .. }
            | Expr::AtTimeZone { .. }
            | Expr::Extract { .. }
            | Expr::Ceil { .. }
            | Expr::Floor { .. }
            | Expr::Position { .. }
            | Expr::Substring { .. }
            | Expr::Trim { .. }
            | Expr::Overlay { .. }
            | Expr::Collate { .. }
            | Expr::Nested(_)
            | Expr::Value(_)
            | Expr::Case { .. }
            | Expr::Exists { .. }
            | Expr::Subquery(_)
            | Expr::GroupingSets(_)
            | Expr::Cube(_)
            | Expr::Rollup(_)
            | Expr::Tuple(_)
            | Expr::Named { .. }
            | Expr::Array(_)
            | Expr::Interval(_)
            | Expr::Wildcard(_)
            | Expr::QualifiedWildcard(..)
            | Expr::CompoundFieldAccess { .. } => ControlFlow::Continue(()),
            Expr::Like { any, .. } | Expr::ILike { any, .. } => {
                only(!any || self.kind == SourceKind::Postgres, "LIKE ANY")
            }
            Expr::SimilarTo { .. } | Expr::RLike { .. } => ControlFlow::Continue(()),
            Expr::AnyOp { compare_op, .. } | Expr::AllOp { compare_op, .. } => self.operator(compare_op),
            Expr::BinaryOp { left: _, op, right: _ } => self.operator(op),
            Expr::In { expr: _, target, negated: _, global } => {
                only(!global, "GLOBAL IN")?;
                match target {
                    InTarget::List(_) | InTarget::Subquery(_) => ControlFlow::Continue(()),
                    InTarget::Table { name, args } => {
                        only(self.kind == SourceKind::Sqlite, "IN with a table")?;
                        if args.is_some() { self.function(name) } else { self.relation(name) }
                    }
                    InTarget::Unnest(_) => refuse("IN UNNEST"),
                }
            }
            Expr::Convert { .. } => only(matches!(self.kind, SourceKind::Mysql | SourceKind::Mssql), "CONVERT"),
            Expr::Cast { kind, format, .. } => {
                let known = match kind {
                    CastKind::Cast => true,
                    CastKind::DoubleColon => self.kind == SourceKind::Postgres,
                    CastKind::TryCast => self.kind == SourceKind::Mssql,
                    CastKind::SafeCast => false,
                };
                only(known && format.is_none(), "this kind of cast")
            }
            Expr::TypedString(TypedString { data_type: _, value: _, uses_odbc_syntax }) => {
                only(!uses_odbc_syntax, "`{`")
            }
            // `_utf8mb4'text'`.
            Expr::Prefixed { .. } | Expr::MatchAgainst { .. } | Expr::MemberOf(_) => {
                only(self.kind == SourceKind::Mysql, "this expression")
            }
            Expr::Function(function) => self.call(function),
            Expr::JsonAccess { .. } => refuse("a path behind a value"),
            Expr::Struct { .. } => refuse("STRUCT"),
            Expr::Dictionary(_) | Expr::Map(_) => refuse("a map"),
            Expr::OuterJoin(_) => refuse("`(+)`"),
            Expr::Prior(_) => refuse("PRIOR"),
            Expr::Lambda(_) => refuse("a lambda"),
        }
    }

    fn call(&mut self, function: &Function) -> Step {
        let Function {
            name,
            uses_odbc_syntax,
            parameters,
            args: _,
            within_group: _,
            filter: _,
            null_treatment: _,
            over,
        } = function;
        only(!uses_odbc_syntax, "`{fn}`")?;
        only(matches!(parameters, FunctionArguments::None), "a function with two lists of arguments")?;
        match over {
            None | Some(WindowType::WindowSpec(_) | WindowType::NamedWindow(_)) => {}
        }
        if self.kind == SourceKind::Postgres && is_grammar(name) {
            return ControlFlow::Continue(());
        }
        self.function(name)
    }

    fn operator(&self, operator: &BinaryOperator) -> Step {
        match operator {
            BinaryOperator::Assignment => refuse("`:=`"),
            BinaryOperator::DuckIntegerDivide => refuse("`//`"),
            // Says which schema's operator it is, which may be anybody's.
            BinaryOperator::PGCustomBinaryOperator(_) => refuse("OPERATOR()"),
            BinaryOperator::Custom(_) => only(self.kind == SourceKind::Postgres, "this operator"),
            _ => ControlFlow::Continue(()),
        }
    }
}

/// `ROW(...)`, `ARRAY(SELECT ...)` and the `ALL (...)` of `LIKE ALL (...)`, which the parser takes for calls. PostgreSQL's
/// grammar has no place for a function of these names that stand alone and without quotes.
fn is_grammar(name: &ObjectName) -> bool {
    const WORDS: [&str; 5] = ["row", "array", "all", "any", "some"];
    match name.0.as_slice() {
        [ObjectNamePart::Identifier(word)] => {
            word.quote_style.is_none() && WORDS.iter().any(|known| word.value.eq_ignore_ascii_case(known))
        }
        _ => false,
    }
}
