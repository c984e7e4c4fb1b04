//! `windlass knowledge ...`.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum KnowledgeCommand {
    /// Read what changed in the sources, and publish the next generation of the index
    Refresh(KnowledgeRefreshArgs),
    /// What there is to search, where it came from, and what can be gone back to
    Status {
        /// Which [default: all]
        collections: Vec<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Search an earlier generation again. The next refresh brings the sources' state back
    Rollback {
        /// Which
        collection: String,
        /// The generation, as `status` numbers them [default: the one before the current]
        #[arg(long, value_name = "GENERATION")]
        to: Option<u64>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Search, as an agent would
    Search(KnowledgeSearchArgs),
}

#[derive(Debug, Args)]
pub struct KnowledgeRefreshArgs {
    /// Which [default: all]
    pub collections: Vec<String>,
    /// Publish also where more of a collection is gone than `knowledge.max_shrink` lets go, or all of it
    #[arg(long)]
    pub force: bool,
    /// Read every document again, also where nothing says that it changed
    #[arg(long)]
    pub all: bool,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct KnowledgeSearchArgs {
    /// What is asked
    pub query: String,
    /// Which collection; may be repeated [default: all]
    #[arg(long = "collection", short = 'C', value_name = "NAME")]
    pub collections: Vec<String>,
    /// Only documents whose path matches this glob, e.g. `guides/**`
    #[arg(long, value_name = "GLOB")]
    pub path: Option<String>,
    /// How many results
    #[arg(long, short = 'n', default_value_t = 5)]
    pub limit: usize,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}
