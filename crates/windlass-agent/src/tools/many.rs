//! The tools of several servers as one list.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use futures::future::join_all;
use rmcp::model::Tool;
use serde_json::{Map, Value};

use super::{Answer, Offer, Progress, Server, Tools, fit};
use crate::model::ToolDefinition;

/// Several servers.
pub struct Many {
    servers: Vec<Server>,
    known: Mutex<Known>,
}

/// What the last list said.
#[derive(Default)]
struct Known {
    /// Where a tool is: the server's place, and the name it has there.
    routes: BTreeMap<String, (usize, String)>,
    renamed: Vec<Renamed>,
    unreached: Vec<Unreached>,
}

/// A tool that has another name here than at its server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renamed {
    /// Its server.
    pub server: String,
    /// Its name there.
    pub there: String,
    /// Its name here.
    pub here: String,
}

/// A server whose tools are missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreached {
    /// Its name.
    pub server: String,
    /// Why.
    pub why: String,
}

impl Many {
    /// The tools of `servers`, in their order.
    pub fn new(servers: Vec<Server>) -> Self {
        Self { servers, known: Mutex::default() }
    }

    /// Tools that were renamed in the last list, to tell a person.
    pub fn renamed(&self) -> Vec<Renamed> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).renamed.clone()
    }

    /// Servers that were missing in the last list, to tell a person.
    pub fn unreached(&self) -> Vec<Unreached> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).unreached.clone()
    }

    /// Ends every connection.
    pub async fn close(&self) {
        join_all(self.servers.iter().map(Server::close)).await;
    }
}

#[async_trait]
impl Tools for Many {
    async fn list(&self) -> Vec<Offer> {
        let listed = join_all(self.servers.iter().map(Server::tools)).await;
        let (mut known, mut all) = (Known::default(), Vec::new());
        for (at, (server, tools)) in self.servers.iter().zip(listed).enumerate() {
            match tools {
                Ok(tools) => all.extend(tools.into_iter().map(|tool| (at, server.name(), tool))),
                Err(error) => {
                    known.unreached.push(Unreached { server: server.name().to_owned(), why: error.to_string() });
                }
            }
        }
        // Servers are not bound to an order. By name within each, the same tools make the same prompt.
        all.sort_by(|(at, _, tool), (other, _, than)| (at, &tool.name).cmp(&(other, &than.name)));
        let offers = name(&all, &mut known);
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = known;
        offers
    }

    async fn call(&self, name: &str, arguments: &Map<String, Value>, progress: &(dyn Fn(Progress) + Sync)) -> Answer {
        let route = self.known.lock().unwrap_or_else(PoisonError::into_inner).routes.get(name).cloned();
        match route.and_then(|(at, tool)| Some((self.servers.get(at)?, tool))) {
            Some((server, tool)) => server.call(&tool, arguments, progress).await,
            None => Answer::error(format!("there is no tool `{name}` any more")),
        }
    }
}

/// Gives each tool a name that fits and is its own. Where two servers have the same one, both are named after their server,
/// and say so: which of them has the plain name would depend on the order of a list.
fn name(all: &[(usize, &str, Tool)], known: &mut Known) -> Vec<Offer> {
    let mut times: BTreeMap<String, u32> = BTreeMap::new();
    for (_, _, tool) in all {
        *times.entry(fit(&tool.name)).or_default() += 1;
    }
    let mut taken = BTreeSet::new();
    let mut offers = Vec::with_capacity(all.len());
    for (at, server, tool) in all {
        let plain = fit(&tool.name);
        let clashes = times.get(&plain).is_some_and(|times| *times > 1);
        let wanted = if clashes { fit(&format!("{server}_{}", tool.name)) } else { plain };
        let here = (1..)
            .map(|n| if n == 1 { wanted.clone() } else { fit(&format!("{wanted}_{n}")) })
            .find(|name| !taken.contains(name))
            .unwrap_or(wanted);
        taken.insert(here.clone());
        if here != tool.name {
            let (server, there) = ((*server).to_owned(), tool.name.to_string());
            known.renamed.push(Renamed { server, there, here: here.clone() });
        }
        known.routes.insert(here.clone(), (*at, tool.name.to_string()));
        let note = clashes.then(|| format!("(Of the server `{server}`; another one has a `{}` too.)", tool.name));
        offers.push(offer(here, server, tool, note));
    }
    offers
}

fn offer(name: String, server: &str, tool: &Tool, note: Option<String>) -> Offer {
    let said = tool.description.as_deref().or(tool.title.as_deref()).unwrap_or_default();
    let description = [Some(said.to_owned()), note].into_iter().flatten().filter(|text| !text.is_empty());
    let description = description.collect::<Vec<_>>().join("\n");
    let annotations = tool.annotations.as_ref();
    let read_only = annotations.and_then(|said| said.read_only_hint) == Some(true);
    // What says nothing may destroy: that is the protocol's default.
    let destructive = !read_only && annotations.and_then(|said| said.destructive_hint) != Some(false);
    let input_schema = (*tool.input_schema).clone();
    Offer {
        definition: ToolDefinition { name, description, input_schema },
        source: server.to_owned(),
        read_only,
        destructive,
    }
}

#[cfg(test)]
mod tests {
    use rmcp::model::ToolAnnotations;

    use super::*;

    fn tool(name: &'static str) -> Tool {
        Tool::new(name, "does it", std::sync::Arc::new(Map::new()))
    }

    fn named(all: &[(usize, &str, Tool)]) -> (Vec<Offer>, Known) {
        let mut known = Known::default();
        (name(all, &mut known), known)
    }

    #[test]
    fn clashes_are_resolved_visibly() {
        let (offers, known) = named(&[
            (0, "here", tool("query")),
            (0, "here", tool("run")),
            (1, "db", tool("query")),
            (1, "db", tool("files.read")),
            (2, "fs", tool("files_read")),
        ]);
        let shown: Vec<String> = offers
            .iter()
            .map(|offer| format!("{}: {}", offer.definition.name, offer.definition.description.replace('\n', " ")))
            .collect();
        insta::assert_snapshot!(shown.join("\n"), @r"
        here_query: does it (Of the server `here`; another one has a `query` too.)
        run: does it
        db_query: does it (Of the server `db`; another one has a `query` too.)
        db_files_read: does it (Of the server `db`; another one has a `files.read` too.)
        fs_files_read: does it (Of the server `fs`; another one has a `files_read` too.)
        ");
        assert_eq!(known.routes["db_files_read"], (1, "files.read".to_owned()));
        assert_eq!(known.renamed.len(), 4);
    }

    #[test]
    fn every_tool_has_a_name_of_its_own() {
        let long: &'static str = "a_tool_whose_name_is_much_longer_than_any_provider_of_models_would_take_it";
        let all = [(0, "a", tool("b_c")), (1, "a_b", tool("c")), (2, "a", tool("b_c")), (3, "x", tool(long))];
        let (offers, known) = named(&all);
        let names: BTreeSet<&str> = offers.iter().map(|offer| offer.definition.name.as_str()).collect();
        assert_eq!((names.len(), known.routes.len()), (4, 4), "{names:?}");
        assert!(names.iter().all(|name| name.len() <= 64), "{names:?}");
    }

    #[test]
    fn what_says_nothing_may_destroy() {
        for (annotations, expected) in [
            (None, (false, true)),
            (Some(ToolAnnotations::new().read_only(true)), (true, false)),
            (Some(ToolAnnotations::new().destructive(false)), (false, false)),
            (Some(ToolAnnotations::new().destructive(true)), (false, true)),
            (Some(ToolAnnotations::new().read_only(false)), (false, true)),
        ] {
            let mut tool = tool("x");
            tool.annotations = annotations;
            let offer = offer("x".into(), "s", &tool, None);
            assert_eq!((offer.read_only, offer.destructive), expected);
        }
    }
}
