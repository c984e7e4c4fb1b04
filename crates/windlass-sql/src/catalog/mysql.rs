use super::Questions;

pub(super) const QUESTIONS: Questions = Questions {
    tables: "
select table_schema, table_name,
       case table_type when 'BASE TABLE' then 'table' when 'VIEW' then 'view' else lower(table_type) end,
       table_rows, nullif(table_comment, 'VIEW')
from information_schema.tables
where (table_schema = database()
   or (database() is null and table_schema not in ('mysql', 'information_schema', 'performance_schema', 'sys')))
  and table_schema = coalesce(?, table_schema) and instr(lower(table_name), lower(coalesce(?, ''))) > 0
order by table_schema, table_name",
    columns: "
select c.column_name, c.column_type, c.is_nullable = 'YES', c.column_default, c.column_comment, s.seq_in_index
from information_schema.columns c
left join information_schema.statistics s
  on s.table_schema = c.table_schema and s.table_name = c.table_name and s.column_name = c.column_name
 and s.index_name = 'PRIMARY'
where c.table_schema = ? and c.table_name = ?
order by c.ordinal_position",
    indexes: "
select index_name, max(non_unique) = 0, group_concat(column_name order by seq_in_index separator '\\n')
from information_schema.statistics
where table_schema = ? and table_name = ?
group by index_name
order by index_name",
    foreign_keys: "
select group_concat(column_name order by ordinal_position separator '\\n'), max(referenced_table_schema),
       max(referenced_table_name), group_concat(referenced_column_name order by ordinal_position separator '\\n')
from information_schema.key_column_usage
where table_schema = ? and table_name = ? and referenced_table_name is not null
group by constraint_name
order by constraint_name",
};
