use super::Questions;

/// A database has one schema here, so what is asked for is always in `main`; `?1` says so all the same.
pub(super) const QUESTIONS: Questions = Questions {
    tables: "
select 'main', name, type, null, null from sqlite_schema
where type in ('table', 'view') and name not like 'sqlite\\_%' escape '\\'
  and 'main' = coalesce(?1, 'main') and instr(lower(name), lower(coalesce(?2, ''))) > 0 order by name",
    columns: "
select name, type, \"notnull\" = 0 and pk = 0, dflt_value, null, pk
from pragma_table_xinfo(?2) where ?1 = 'main' order by cid",
    indexes: "
select l.name, l.\"unique\", (select group_concat(coalesce(i.name, 'expression'), char(10)) from pragma_index_info(l.name) i)
from pragma_index_list(?2) l where ?1 = 'main' order by l.name",
    foreign_keys: "
select group_concat(\"from\", char(10)), null, max(\"table\"), group_concat(\"to\", char(10))
from pragma_foreign_key_list(?2) where ?1 = 'main' group by id order by id",
};
