use super::Questions;

pub(super) const QUESTIONS: Questions = Questions {
    tables: "
select n.nspname, c.relname,
       case c.relkind when 'r' then 'table' when 'p' then 'partitioned table' when 'v' then 'view'
                      when 'm' then 'materialized view' else 'foreign table' end,
       case when c.reltuples >= 0 and c.relkind in ('r', 'p', 'm') then c.reltuples::int8 end,
       obj_description(c.oid, 'pg_class')
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f')
  and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'
  and n.nspname = coalesce($1, n.nspname) and strpos(lower(c.relname), lower(coalesce($2, ''))) > 0
  and has_schema_privilege(n.oid, 'USAGE') and has_any_column_privilege(c.oid, 'SELECT')
order by n.nspname, c.relname",
    columns: "
select a.attname, format_type(a.atttypid, a.atttypmod), not a.attnotnull, pg_get_expr(d.adbin, d.adrelid),
       col_description(c.oid, a.attnum), array_position(k.conkey, a.attnum)
from pg_catalog.pg_attribute a
join pg_catalog.pg_class c on c.oid = a.attrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
left join pg_catalog.pg_constraint k on k.conrelid = c.oid and k.contype = 'p'
where n.nspname = $1 and c.relname = $2 and a.attnum > 0 and not a.attisdropped
order by a.attnum",
    indexes: "
select i.relname, x.indisunique,
       array(select pg_get_indexdef(x.indexrelid, at, true) from generate_series(1, x.indnkeyatts) at)
from pg_catalog.pg_index x
join pg_catalog.pg_class i on i.oid = x.indexrelid
join pg_catalog.pg_class c on c.oid = x.indrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = $1 and c.relname = $2
order by i.relname",
    foreign_keys: "
select array(select a.attname::text from unnest(k.conkey) with ordinality u(num, at)
             join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.num order by u.at),
       fn.nspname, f.relname,
       array(select a.attname::text from unnest(k.confkey) with ordinality u(num, at)
             join pg_catalog.pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.num order by u.at)
from pg_catalog.pg_constraint k
join pg_catalog.pg_class c on c.oid = k.conrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_class f on f.oid = k.confrelid
join pg_catalog.pg_namespace fn on fn.oid = f.relnamespace
where k.contype = 'f' and n.nspname = $1 and c.relname = $2
order by k.conname",
};
