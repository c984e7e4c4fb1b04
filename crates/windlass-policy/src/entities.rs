//! A question as Cedar takes it. Names become entity ids through constructors, never through text, so that no name,
//! whatever is in it, can be read as Cedar.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::LazyLock,
};

use cedar_policy::{Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request, RestrictedExpression};
use windlass_core::{Principal, PrincipalSource};

use crate::facts::{Action, Asked, ToolFacts};

pub(crate) fn request(asked: &Asked<'_>) -> Result<(Request, Entities), String> {
    let principal = principal(asked.principal)?;
    let (action, resource) = match asked.action {
        Action::Call(facts) => (uid(&CALLED, "call"), tool(facts)?),
        Action::Read(toolset) => (uid(&CALLED, "read"), Entity::new_no_attrs(uid(&TOOLSET, toolset), HashSet::new())),
    };
    let context = Context::from_pairs([("transport".to_owned(), string(asked.transport))]).map_err(text)?;
    let request = Request::new(principal.uid(), action, resource.uid(), context, None).map_err(text)?;
    let entities = Entities::from_entities([principal, resource], None).map_err(text)?;
    Ok((request, entities))
}

fn principal(principal: &Principal) -> Result<Entity, String> {
    let source = match principal.source {
        PrincipalSource::Key => "key",
        PrincipalSource::Jwt => "jwt",
        PrincipalSource::Local => "local",
    };
    let attributes = HashMap::from([
        ("id".to_owned(), string(&principal.id)),
        ("source".to_owned(), string(source)),
        ("groups".to_owned(), strings(&principal.groups)),
        ("scopes".to_owned(), strings(&principal.scopes)),
    ]);
    let groups = principal.groups.iter().map(|name| uid(&GROUP, name));
    let scopes = principal.scopes.iter().map(|name| uid(&SCOPE, name));
    Entity::new(uid(&PRINCIPAL, &principal.id), attributes, groups.chain(scopes).collect()).map_err(text)
}

fn tool(tool: &ToolFacts) -> Result<Entity, String> {
    let attributes = HashMap::from([
        ("name".to_owned(), string(&tool.name)),
        ("read_only".to_owned(), RestrictedExpression::new_bool(tool.read_only)),
        ("destructive".to_owned(), RestrictedExpression::new_bool(tool.destructive)),
        ("open_world".to_owned(), RestrictedExpression::new_bool(tool.open_world)),
    ]);
    Entity::new(uid(&TOOL, &tool.name), attributes, HashSet::from([uid(&TOOLSET, &tool.toolset)])).map_err(text)
}

macro_rules! entity_types {
    ($($name:ident = $text:literal),+ $(,)?) => {
        $(static $name: LazyLock<EntityTypeName> =
            LazyLock::new(|| $text.parse().expect("a plain identifier names an entity type"));)+
    };
}

entity_types! {
    PRINCIPAL = "Principal",
    GROUP = "Group",
    SCOPE = "Scope",
    TOOL = "Tool",
    TOOLSET = "Toolset",
    CALLED = "Action",
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

fn string(text: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(text.to_owned())
}

fn strings(texts: &BTreeSet<String>) -> RestrictedExpression {
    RestrictedExpression::new_set(texts.iter().map(|text| string(text)))
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use cedar_policy::Schema;

    use super::*;

    /// At run time nothing is checked against the schema again, so what is built here must conform by construction.
    #[test]
    fn what_is_built_conforms_to_the_schema() {
        let (schema, _) = Schema::from_cedarschema_str(crate::SCHEMA).unwrap();
        let who = Principal { scopes: BTreeSet::from(["a b\"".to_owned()]), ..Principal::local() };
        let facts = ToolFacts {
            name: "run_command".into(),
            toolset: "shell".into(),
            read_only: false,
            destructive: true,
            open_world: true,
        };
        for action in [Action::Call(&facts), Action::Read("shell")] {
            let (request, entities) = request(&Asked { principal: &who, action, transport: "http" }).unwrap();
            Request::new(
                request.principal().unwrap().clone(),
                request.action().unwrap().clone(),
                request.resource().unwrap().clone(),
                request.context().unwrap().clone(),
                Some(&schema),
            )
            .unwrap();
            let group = |uid| Entity::new_no_attrs(uid, HashSet::new());
            let parents = [group(uid(&GROUP, "local")), group(uid(&SCOPE, "a b\""))];
            Entities::from_entities(entities.iter().cloned().chain(parents), Some(&schema)).unwrap();
        }
    }
}
