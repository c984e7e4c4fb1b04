use time::Date;
use tokio_postgres::types::ToSql;

use super::{fault::clean, glob};
use crate::{Filter, IndexError};

/// [`Filter`] as the parameters that every statement which filters begins with: collection and generation, then these.
/// What is null lets everything through.
pub(super) struct Parameters {
    collection: i32,
    number: i64,
    path: Option<String>,
    languages: Option<Vec<String>>,
    tags: Option<Vec<String>>,
    since: Option<Date>,
    until: Option<Date>,
}

/// The documents `d` that are in generation `$2` of collection `$1`.
macro_rules! standing {
    () => {
        "d.collection = $1::int4 AND d.born <= $2::int8 AND (d.died IS NULL OR d.died > $2::int8)"
    };
}

/// Which of them the filter lets through: `$3` to `$7`.
macro_rules! passing {
    () => {
        "($3::text IS NULL OR d.path ~ $3::text) AND ($4::text[] IS NULL OR d.language = ANY($4::text[])) \
         AND ($5::text[] IS NULL OR d.tags @> $5::text[]) \
         AND ($6::date IS NULL OR coalesce(d.day >= $6::date, false)) \
         AND ($7::date IS NULL OR coalesce(d.day <= $7::date, false))"
    };
}

pub(super) use {passing, standing};

impl Parameters {
    pub(super) fn new(collection: i32, number: u64, filter: &Filter) -> Result<Self, IndexError> {
        let texts = |texts: &[String]| -> Option<Vec<String>> {
            (!texts.is_empty()).then(|| texts.iter().map(|text| clean(text).into_owned()).collect())
        };
        Ok(Self {
            collection,
            number: number.cast_signed(),
            path: filter.path.as_deref().map(glob::regex).transpose()?,
            languages: texts(&filter.languages),
            tags: texts(&filter.tags),
            since: filter.since,
            until: filter.until,
        })
    }

    /// With what the statement takes besides, from `$8`.
    pub(super) fn with<'a>(&'a self, more: &[&'a (dyn ToSql + Sync)]) -> Vec<&'a (dyn ToSql + Sync)> {
        let mut all: Vec<&(dyn ToSql + Sync)> =
            vec![&self.collection, &self.number, &self.path, &self.languages, &self.tags, &self.since, &self.until];
        all.extend(more);
        all
    }
}
