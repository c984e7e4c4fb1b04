//! A tool that runs a statement its operator wrote.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};
use windlass_config::settings::SqlToolSettings;
use windlass_core::{
    Call, Output, ToolError, ToolSpec,
    mcp::{JsonObject, Tool, ToolAnnotations},
    schema,
};

use crate::{
    answer,
    databases::{Mistake, mistake},
    engine::{Access, Argument},
    parameter::{Parameter, Unfit},
    rows::RowsAnswer,
    source::{Source, SourceError, Statement},
    template::{Template, TemplateError},
};

/// A declared tool, ready to be called.
pub struct Declared {
    name: String,
    settings: SqlToolSettings,
    source: Arc<Source>,
    parameters: Vec<Parameter>,
    template: Template,
}

impl Declared {
    /// Checks what can be checked without the database.
    pub fn compile(name: &str, settings: &SqlToolSettings, source: Arc<Source>) -> Result<Self, Mistake> {
        let setting = |rest: &str| format!("sql.tools.{name}.{rest}");
        let compiled = settings.parameters.iter().enumerate().map(|(at, parameter)| {
            Parameter::compile(parameter).map_err(|Unfit { key, message, hint }| Mistake {
                setting: setting(&format!("parameters[{at}].{key}")),
                message,
                hint: Some(hint),
            })
        });
        let parameters: Vec<Parameter> = compiled.collect::<Result<_, _>>()?;
        let names: Vec<&str> = parameters.iter().map(Parameter::name).collect();
        let identifiers: Vec<&str> = parameters.iter().filter(|one| one.is_identifier()).map(Parameter::name).collect();
        let template = Template::parse(&settings.statement, source.kind(), &names, &identifiers).map_err(|error| {
            Mistake { setting: setting("statement"), message: error.told(), hint: Some(error.hint()) }
        })?;
        Ok(Self { name: name.to_owned(), settings: settings.clone(), source, parameters, template })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The toolset it belongs to.
    pub fn toolset(&self) -> &str {
        &self.settings.toolset
    }

    /// The source it asks.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// As clients see it.
    pub fn spec(&self) -> ToolSpec {
        let properties: JsonObject = self.parameters.iter().map(|one| (one.name().to_owned(), one.schema())).collect();
        let required: Vec<&str> = self.parameters.iter().filter(|one| one.is_required()).map(Parameter::name).collect();
        let mut input = JsonObject::new();
        input.insert("type".into(), "object".into());
        input.insert("properties".into(), Value::Object(properties));
        if !required.is_empty() {
            input.insert("required".into(), json!(required));
        }
        input.insert("additionalProperties".into(), false.into());
        let writes = self.settings.writes;
        let annotations = ToolAnnotations::new()
            .read_only(!writes)
            .destructive(writes)
            .idempotent(!writes || self.settings.idempotent)
            .open_world(false);
        let mut tool = Tool::new(self.name.clone(), self.settings.description.clone(), input)
            .with_raw_output_schema(schema::schema::<RowsAnswer>())
            .with_annotations(annotations);
        if let Some(title) = &self.settings.title {
            tool = tool.with_title(title.clone());
        }
        ToolSpec::new(tool)
    }

    /// Does the work of a call.
    pub async fn call(&self, call: &Call) -> Result<Output, ToolError> {
        let mut arguments = Vec::with_capacity(self.parameters.len());
        let mut identifiers = BTreeMap::new();
        for parameter in &self.parameters {
            let taken = parameter.take(call.arguments.get(parameter.name()))?;
            if let (true, Some(name)) = (parameter.is_identifier(), taken.value.as_str()) {
                identifiers.insert(parameter.name().to_owned(), name.to_owned());
            }
            arguments.push(taken);
        }
        let statement = self.statement(&identifiers, &arguments).map_err(ToolError::internal)?;
        let mut limits = answer::Wanted::of(&self.source);
        limits.shorten(self.settings.statement_timeout.map(|span| span.0), self.settings.max_rows);
        answer::run(&self.source, call, statement, limits).await
    }

    fn access(&self) -> Access {
        if self.settings.writes { Access::Write } else { Access::Read }
    }

    fn statement(
        &self,
        identifiers: &BTreeMap<String, String>,
        arguments: &[Argument],
    ) -> Result<Statement, TemplateError> {
        let rendered = self.template.render(identifiers)?;
        let arguments = rendered.parameters.into_iter().map(|at| arguments[at].clone()).collect();
        Ok(Statement { sql: rendered.sql, arguments, access: self.access() })
    }

    /// Asks the database whether the statement fits it: every table and column an identifier may name, and the types. Up to
    /// the first mistake.
    pub async fn verify(&self) -> Result<Vec<Mistake>, SourceError> {
        let identifiers: Vec<&Parameter> = self.parameters.iter().filter(|one| one.is_identifier()).collect();
        let first =
            |one: &&Parameter| (one.name().to_owned(), one.choices().first().copied().unwrap_or_default().to_owned());
        let base: BTreeMap<String, String> = identifiers.iter().map(first).collect();
        let mut variants = vec![base.clone()];
        for parameter in &identifiers {
            let others = parameter.choices().into_iter().skip(1);
            variants.extend(others.map(|choice| {
                let mut variant = base.clone();
                variant.insert(parameter.name().to_owned(), choice.to_owned());
                variant
            }));
        }
        let setting = format!("sql.tools.{}.statement", self.name);
        let mut mistakes = Vec::new();
        for variant in variants {
            let rendered = match self.template.render(&variant) {
                Ok(rendered) => rendered,
                Err(error) => {
                    mistakes.push(Mistake { setting, message: error.told(), hint: Some(error.hint()) });
                    break;
                }
            };
            match self.source.describe(&rendered.sql, self.access()).await {
                Ok(shape) => {
                    for (parameter, kind) in
                        rendered.parameters.iter().map(|at| &self.parameters[*at]).zip(&shape.parameters)
                    {
                        if let Some(message) = parameter.disagrees_with(kind) {
                            let hint = format!(
                                "change its `type`, or cast it where it stands: `CAST(:{} AS ...)`",
                                parameter.name()
                            );
                            mistakes.push(Mistake { setting: setting.clone(), message, hint: Some(hint) });
                        }
                    }
                }
                Err(error) => mistakes.push(mistake(&setting, error)?),
            }
            if !mistakes.is_empty() {
                break;
            }
        }
        Ok(mistakes)
    }
}
