//! What the parser made of the statement: every query, table and expression in it is of a kind that is known to only
//! read. The parser's own visitor finds them, so none is overlooked; patterns name all fields, so a new one does not slip
//! in with a new version.

mod expression;

use std::{collections::BTreeSet, ops::ControlFlow};

use sqlparser::ast::{
    Cte, Expr, ExprWithAlias, ForClause, GroupByExpr, GroupByWithModifier, Ident, Join, JoinOperator, LimitClause,
    ObjectName, ObjectNamePart, OrderBy, OrderByExpr, OrderByKind, PivotValueSource, Query, Select, SelectFlavor,
    SelectItem, SetExpr, Statement, TableAlias, TableFactor, TableFunctionArgs, TableVersion, TableWithJoins,
    Visit as _, Visitor, WildcardAdditionalOptions, With,
};
use windlass_config::settings::SourceKind;

use super::{Refusal, agree::Places, relations};

/// What is in a query.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Functions that are called, their names in parts.
    pub functions: Vec<Vec<Ident>>,
    /// Tables that are read; the names of WITH queries are among them.
    pub relations: BTreeSet<String>,
    /// Where names stand that look like functions and are none: those of tables, and of what has a list of columns behind
    /// it.
    pub not_functions: BTreeSet<usize>,
}

/// Looks at all of `query`.
pub(super) fn check(query: &Query, kind: SourceKind, places: &Places) -> Result<Found, Refusal> {
    let mut walk = Walk { kind, places, found: Found::default() };
    match query.visit(&mut walk) {
        ControlFlow::Continue(()) => Ok(walk.found),
        ControlFlow::Break(refusal) => Err(refusal),
    }
}

type Step = ControlFlow<Refusal>;

struct Walk<'a> {
    kind: SourceKind,
    places: &'a Places,
    found: Found,
}

/// Refused unless it holds.
fn only(holds: bool, what: &str) -> Step {
    if holds { ControlFlow::Continue(()) } else { refuse(what) }
}

fn refuse(what: &str) -> Step {
    ControlFlow::Break(Refusal::new(format!("{what} is not known to only read"), "write the query without it"))
}

impl Visitor for Walk<'_> {
    type Break = Refusal;

    fn pre_visit_statement(&mut self, _: &Statement) -> Step {
        refuse("a statement within the query")
    }

    fn pre_visit_query(&mut self, query: &Query) -> Step {
        let Query {
            with,
            body,
            order_by: _,
            limit_clause,
            fetch: _,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators,
        } = query;
        if let Some(With { with_token: _, recursive: _, cte_tables }) = with {
            for Cte { alias, query: _, from, materialized: _, closing_paren_token: _ } in cte_tables {
                self.alias(Some(alias))?;
                only(from.is_none(), "FROM behind a WITH query")?;
            }
        }
        self.body(body)?;
        if let Some(LimitClause::LimitOffset { limit_by, .. }) = limit_clause {
            only(limit_by.is_empty(), "LIMIT BY")?;
        }
        only(locks.is_empty(), "locking rows")?;
        only(
            match for_clause {
                None => true,
                Some(ForClause::Json { .. } | ForClause::Xml { .. }) => self.kind == SourceKind::Mssql,
                Some(ForClause::Browse) => false,
            },
            "FOR",
        )?;
        only(settings.is_none(), "SETTINGS")?;
        only(format_clause.is_none(), "FORMAT")?;
        only(pipe_operators.is_empty(), "`|>`")
    }

    fn pre_visit_select(&mut self, select: &Select) -> Step {
        let Select {
            select_token: _,
            optimizer_hints,
            distinct: _,
            select_modifiers,
            top,
            top_before_distinct: _,
            projection,
            exclude,
            into,
            from,
            lateral_views,
            prewhere,
            selection: _,
            connect_by,
            group_by: _,
            cluster_by,
            distribute_by,
            sort_by,
            having: _,
            named_window: _,
            qualify,
            window_before_qualify: _,
            value_table_mode,
            flavor,
        } = select;
        only(into.is_none(), "INTO")?;
        only(optimizer_hints.is_empty(), "a hint to the optimizer")?;
        only(select_modifiers.is_none() || self.kind == SourceKind::Mysql, "a modifier of SELECT")?;
        only(top.is_none() || self.kind == SourceKind::Mssql, "TOP")?;
        only(exclude.is_none(), "EXCLUDE")?;
        only(lateral_views.is_empty(), "LATERAL VIEW")?;
        only(prewhere.is_none(), "PREWHERE")?;
        only(connect_by.is_empty(), "CONNECT BY")?;
        only(cluster_by.is_empty() && distribute_by.is_empty() && sort_by.is_empty(), "CLUSTER BY")?;
        only(qualify.is_none(), "QUALIFY")?;
        only(value_table_mode.is_none(), "SELECT AS")?;
        only(*flavor == SelectFlavor::Standard, "FROM in front of SELECT")?;
        for item in projection {
            match item {
                SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { expr: _, alias: _ } => {}
                SelectItem::QualifiedWildcard(_, options) | SelectItem::Wildcard(options) => wildcard(options)?,
                SelectItem::ExprWithAliases { .. } => refuse("a list of names for one column")?,
            }
        }
        from.iter().try_for_each(joins)
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> Step {
        match relations::check(&parts(relation)?, self.kind) {
            Ok(()) => ControlFlow::Continue(()),
            Err(refusal) => ControlFlow::Break(refusal),
        }
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> Step {
        use SourceKind::{Mssql, Mysql, Postgres};
        match factor {
            TableFactor::Table {
                name,
                alias,
                args,
                with_hints,
                version,
                with_ordinality: _,
                partitions: _,
                json_path,
                sample: _,
                index_directives: _,
                inheritance: _,
            } => {
                self.alias(alias.as_ref())?;
                only(json_path.is_none(), "a path behind a table")?;
                only(matches!(version, None | Some(TableVersion::ForSystemTimeAsOf(_))), "a version of a table")?;
                with_hints.iter().try_for_each(|hint| self.hint(hint))?;
                match args {
                    None => self.relation(name),
                    Some(TableFunctionArgs { args: _, settings }) => {
                        only(settings.is_none(), "SETTINGS")?;
                        self.function(name)
                    }
                }
            }
            TableFactor::Derived { lateral: _, subquery: _, alias, sample: _ } => self.alias(alias.as_ref()),
            TableFactor::Function { lateral: _, name, args: _, with_ordinality: _, alias } => {
                self.alias(alias.as_ref())?;
                self.function(name)
            }
            TableFactor::UNNEST { alias, array_exprs: _, with_offset, with_offset_alias: _, with_ordinality: _ } => {
                self.alias(alias.as_ref())?;
                only(self.kind == Postgres && !with_offset, "UNNEST")
            }
            TableFactor::JsonTable { json_expr: _, json_path: _, columns: _, alias } => {
                self.alias(alias.as_ref())?;
                only(matches!(self.kind, Mysql | Postgres), "JSON_TABLE")
            }
            TableFactor::OpenJsonTable { json_expr: _, json_path: _, columns: _, alias } => {
                self.alias(alias.as_ref())?;
                only(self.kind == Mssql, "OPENJSON")
            }
            TableFactor::XmlTable { namespaces: _, row_expression: _, passing: _, columns: _, alias } => {
                self.alias(alias.as_ref())?;
                only(self.kind == Postgres, "XMLTABLE")
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                self.alias(alias.as_ref())?;
                joins(table_with_joins)
            }
            TableFactor::Pivot {
                table: _,
                aggregate_functions,
                value_column: _,
                value_source,
                default_on_null,
                alias,
            } => {
                self.alias(alias.as_ref())?;
                let plain = aggregate_functions
                    .iter()
                    .all(|ExprWithAlias { expr, alias: _ }| matches!(expr, Expr::Function(_)))
                    && matches!(value_source, PivotValueSource::List(_))
                    && default_on_null.is_none();
                only(self.kind == Mssql && plain, "PIVOT")
            }
            TableFactor::Unpivot { table: _, value: _, name: _, columns: _, null_inclusion, alias } => {
                self.alias(alias.as_ref())?;
                only(self.kind == Mssql && null_inclusion.is_none(), "UNPIVOT")
            }
            TableFactor::TableFunction { .. } => refuse("TABLE(...)"),
            TableFactor::UnpivotExpr { .. } => refuse("UNPIVOT"),
            TableFactor::MatchRecognize { .. } => refuse("MATCH_RECOGNIZE"),
            TableFactor::SemanticView { .. } => refuse("SEMANTIC_VIEW"),
        }
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> Step {
        self.expression(expr)
    }

    fn pre_visit_order_by(&mut self, order: &OrderBy) -> Step {
        let OrderBy { kind, interpolate } = order;
        only(matches!(kind, OrderByKind::Expressions(_)) && interpolate.is_none(), "ORDER BY ALL")
    }

    fn pre_visit_order_by_expr(&mut self, order: &OrderByExpr) -> Step {
        let OrderByExpr { expr: _, options, with_fill } = order;
        only(with_fill.is_none(), "WITH FILL")?;
        only(!matches!(&options.sort, Some(sqlparser::ast::OrderBySort::Using(_))), "ORDER BY USING")
    }

    fn pre_visit_group_by(&mut self, group: &GroupByExpr) -> Step {
        match group {
            GroupByExpr::All(_) => refuse("GROUP BY ALL"),
            GroupByExpr::Expressions(_, modifiers) => only(
                modifiers.iter().all(|modifier| {
                    matches!(
                        modifier,
                        GroupByWithModifier::Rollup | GroupByWithModifier::Cube | GroupByWithModifier::GroupingSets(_)
                    )
                }),
                "WITH TOTALS",
            ),
        }
    }
}

impl Walk<'_> {
    fn body(&mut self, body: &SetExpr) -> Step {
        match body {
            // These are visited.
            SetExpr::Select(_) | SetExpr::Query(_) | SetExpr::Values(_) => ControlFlow::Continue(()),
            SetExpr::SetOperation { left, op: _, set_quantifier: _, right } => {
                self.body(right)?;
                self.body(left)
            }
            SetExpr::Table(table) => {
                let names = [&table.schema_name, &table.table_name].into_iter().flatten().cloned();
                let name = ObjectName::from(names.collect::<Vec<_>>());
                self.pre_visit_relation(&name)?;
                self.relation(&name)
            }
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                refuse("a statement within the query")
            }
        }
    }

    fn relation(&mut self, name: &ObjectName) -> Step {
        let parts = parts(name)?;
        let names: Vec<_> = parts.iter().map(|part| part.value.as_str()).collect();
        self.found.relations.insert(names.join("."));
        self.found.not_functions.extend(parts.iter().filter_map(|part| self.places.of(part.span.start)));
        ControlFlow::Continue(())
    }

    fn function(&mut self, name: &ObjectName) -> Step {
        let parts = parts(name)?;
        self.found.functions.push(parts);
        ControlFlow::Continue(())
    }

    fn alias(&mut self, alias: Option<&TableAlias>) -> Step {
        let Some(TableAlias { explicit: _, name, columns, at }) = alias else { return ControlFlow::Continue(()) };
        only(at.is_none(), "AT behind a table")?;
        if !columns.is_empty()
            && let Some(place) = self.places.of(name.span.start)
        {
            self.found.not_functions.insert(place);
        }
        // PostgreSQL: `AS t(id int, point numeric(5, 2))`.
        let typed = columns.iter().filter_map(|column| self.places.of(column.name.span.start));
        self.found.not_functions.extend(typed);
        ControlFlow::Continue(())
    }

    /// `WITH (NOLOCK)` of SQL Server: those that take no lock.
    fn hint(&self, hint: &Expr) -> Step {
        const READING: [&str; 7] =
            ["NOLOCK", "READUNCOMMITTED", "READCOMMITTED", "READPAST", "NOEXPAND", "FORCESEEK", "FORCESCAN"];
        let known = match hint {
            Expr::Identifier(name) => READING.iter().any(|known| name.value.eq_ignore_ascii_case(known)),
            _ => false,
        };
        only(self.kind == SourceKind::Mssql && known, "this hint at a table")
    }
}

fn wildcard(options: &WildcardAdditionalOptions) -> Step {
    let WildcardAdditionalOptions {
        wildcard_token: _,
        opt_ilike,
        opt_exclude,
        opt_except,
        opt_replace,
        opt_rename,
        opt_alias,
    } = options;
    let plain = opt_ilike.is_none()
        && opt_exclude.is_none()
        && opt_except.is_none()
        && opt_replace.is_none()
        && opt_rename.is_none()
        && opt_alias.is_none();
    only(plain, "an addition to `*`")
}

fn joins(tables: &TableWithJoins) -> Step {
    let TableWithJoins { relation: _, joins } = tables;
    joins.iter().try_for_each(|Join { relation: _, global, join_operator }| {
        let known = matches!(
            join_operator,
            JoinOperator::Join(_)
                | JoinOperator::Inner(_)
                | JoinOperator::Left(_)
                | JoinOperator::LeftOuter(_)
                | JoinOperator::Right(_)
                | JoinOperator::RightOuter(_)
                | JoinOperator::FullOuter(_)
                | JoinOperator::CrossJoin(_)
                | JoinOperator::CrossApply
                | JoinOperator::OuterApply
                | JoinOperator::StraightJoin(_)
        );
        only(known && !global, "this kind of join")
    })
}

/// The parts of a name, all of them written down.
fn parts(name: &ObjectName) -> ControlFlow<Refusal, Vec<Ident>> {
    let mut parts = Vec::with_capacity(name.0.len());
    for part in &name.0 {
        match part {
            ObjectNamePart::Identifier(part) => parts.push(part.clone()),
            ObjectNamePart::Function(_) => {
                refuse("a name made by a function")?;
            }
        }
    }
    ControlFlow::Continue(parts)
}
