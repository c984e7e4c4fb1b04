use super::Questions;

pub(super) const QUESTIONS: Questions = Questions {
    tables: "
select s.name, o.name, case o.type when 'U' then 'table' else 'view' end,
       (select sum(p.rows) from sys.partitions p where p.object_id = o.object_id and p.index_id in (0, 1)),
       cast(e.value as nvarchar(4000))
from sys.objects o
join sys.schemas s on s.schema_id = o.schema_id
left join sys.extended_properties e
  on e.class = 1 and e.major_id = o.object_id and e.minor_id = 0 and e.name = 'MS_Description'
where o.type in ('U', 'V') and o.is_ms_shipped = 0
  and s.name = coalesce(@P1, s.name) and (@P2 is null or charindex(lower(@P2), lower(o.name)) > 0)
order by s.name, o.name",
    columns: "
select c.name,
       t.name + case when t.name in ('varchar', 'char', 'varbinary', 'binary') then '(' + iif(c.max_length = -1, 'max', cast(c.max_length as varchar(10))) + ')'
                     when t.name in ('nvarchar', 'nchar') then '(' + iif(c.max_length = -1, 'max', cast(c.max_length / 2 as varchar(10))) + ')'
                     when t.name in ('decimal', 'numeric') then '(' + cast(c.precision as varchar(10)) + ',' + cast(c.scale as varchar(10)) + ')'
                     else '' end,
       c.is_nullable, d.definition, cast(e.value as nvarchar(4000)), ic.key_ordinal
from sys.columns c
join sys.objects o on o.object_id = c.object_id
join sys.schemas s on s.schema_id = o.schema_id
join sys.types t on t.user_type_id = c.user_type_id
left join sys.default_constraints d on d.object_id = c.default_object_id
left join sys.extended_properties e
  on e.class = 1 and e.major_id = o.object_id and e.minor_id = c.column_id and e.name = 'MS_Description'
left join sys.indexes i on i.object_id = o.object_id and i.is_primary_key = 1
left join sys.index_columns ic on ic.object_id = o.object_id and ic.index_id = i.index_id and ic.column_id = c.column_id
where s.name = @P1 and o.name = @P2
order by c.column_id",
    indexes: "
select i.name, i.is_unique,
       string_agg(c.name, char(10)) within group (order by ic.key_ordinal)
from sys.indexes i
join sys.objects o on o.object_id = i.object_id
join sys.schemas s on s.schema_id = o.schema_id
join sys.index_columns ic on ic.object_id = i.object_id and ic.index_id = i.index_id and ic.key_ordinal > 0
join sys.columns c on c.object_id = i.object_id and c.column_id = ic.column_id
where s.name = @P1 and o.name = @P2 and i.name is not null
group by i.name, i.is_unique
order by i.name",
    foreign_keys: "
select string_agg(c.name, char(10)) within group (order by fc.constraint_column_id), max(rs.name), max(r.name),
       string_agg(rc.name, char(10)) within group (order by fc.constraint_column_id)
from sys.foreign_keys f
join sys.objects o on o.object_id = f.parent_object_id
join sys.schemas s on s.schema_id = o.schema_id
join sys.objects r on r.object_id = f.referenced_object_id
join sys.schemas rs on rs.schema_id = r.schema_id
join sys.foreign_key_columns fc on fc.constraint_object_id = f.object_id
join sys.columns c on c.object_id = fc.parent_object_id and c.column_id = fc.parent_column_id
join sys.columns rc on rc.object_id = fc.referenced_object_id and rc.column_id = fc.referenced_column_id
where s.name = @P1 and o.name = @P2
group by f.name
order by f.name",
};
