//! PostgreSQL with pgvector, as it is installed.

mod attacks;
mod generations;
mod logins;

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use async_trait::async_trait;
use windlass_index::{
    Index,
    postgres::{PostgresIndex, Settings},
};
use windlass_testkit::postgres::Server;

use crate::contract::Place;

/// A collection of a server that runs for one test.
pub struct Database {
    server: Server,
    collection: String,
}

/// Where it is, as somebody whose password is that of the superuser.
fn settings(server: &Server, user: &str, collection: &str) -> Settings {
    Settings {
        url: server.url(user, "postgres"),
        password: Some(server.password().to_owned().into()),
        ca: None,
        collection: collection.to_owned(),
    }
}

fn opened(server: &Server, collection: &str) -> Arc<dyn Index> {
    Arc::new(PostgresIndex::new(settings(server, "postgres", collection)).unwrap())
}

#[async_trait]
impl Place for Database {
    async fn open(&self) -> Arc<dyn Index> {
        opened(&self.server, &self.collection)
    }
}

async fn database() -> Option<Database> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let server = tokio::task::spawn_blocking(Server::start_with_vectors).await.unwrap()?;
    // There are others in the same tables.
    let collection = format!("it's \"{}\"", NUMBER.fetch_add(1, Ordering::Relaxed));
    crate::contract::publish(&*opened(&server, "another"), [crate::contract::document("another.md", &["other words"])])
        .await;
    Some(Database { server, collection })
}

mod contract {
    crate::contract::suite!(super::database);
}
