//! MCP on top of the gate: rmcp's `ServerHandler`, one small value per request (HTTP) or connection (stdio).

mod client;
mod library;
mod listen;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use rmcp::{
    RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CancelTaskParams, CompleteRequestParams, CompleteResult, ErrorData,
        GetPromptRequestParams, GetPromptResponse, GetTaskParams, GetTaskResult, Implementation, ListPromptsResult,
        ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, MetaObject, PaginatedRequestParams,
        ReadResourceRequestParams, ReadResourceResponse, ServerCapabilities, ServerConfig, SubscriptionFilter, Tool,
        UpdateTaskParams,
    },
    service::{RequestContext, SubscriptionContext},
};

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::gate::{Caller, Gate};
pub(crate) use listen::Announcer;

/// Everything a request's handler needs, shared by all of them.
pub(crate) struct Shared {
    pub gate: Arc<Gate>,
    pub announcer: Announcer,
    pub info: ServerConfig,
    /// The same as results carry it.
    server_info: Value,
}

/// Where 2026-07-28 has the server's name in a result's `_meta`.
const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";

impl Shared {
    pub fn new(gate: Arc<Gate>) -> Self {
        let toolsets = gate.toolsets();
        let announcer = Announcer::start(&gate);
        let mut capabilities = ServerCapabilities::builder().enable_tools().enable_tool_list_changed().build();
        if toolsets.iter().any(|toolset| toolset.library().is_some()) {
            let library = ServerCapabilities::builder()
                .enable_resources()
                .enable_resources_subscribe()
                .enable_resources_list_changed()
                .enable_prompts()
                .enable_prompts_list_changed()
                .enable_completions()
                .build();
            capabilities.resources = library.resources;
            capabilities.prompts = library.prompts;
            capabilities.completions = library.completions;
        }
        if toolsets.iter().any(|toolset| toolset.tasks().is_some()) {
            let tasks = ServerCapabilities::builder().enable_tasks().build();
            capabilities.extensions = tasks.extensions;
        }
        #[expect(deprecated, reason = "2025-era clients may still set a level")]
        if toolsets.iter().any(|toolset| toolset.asks_client()) {
            capabilities.logging = ServerCapabilities::builder().enable_logging().build().logging;
        }
        let info = ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("windlass", env!("CARGO_PKG_VERSION")).with_title("Windlass"));
        let server_info = serde_json::to_value(&info.server_info).unwrap_or_default();
        Self { gate, announcer, info, server_info }
    }
}

/// One request's or connection's view of the server.
#[derive(Clone)]
pub(crate) struct Protocol {
    shared: Arc<Shared>,
    /// The toolset served, where the address names one.
    scope: Option<Arc<str>>,
    /// Who calls on a transport without headers.
    local: Option<Arc<Caller>>,
    /// Tells connections apart; a stateless request is one by itself.
    connection: u64,
    /// Fires when nothing more can come from the client.
    ended: CancellationToken,
}

static CONNECTIONS: AtomicU64 = AtomicU64::new(0);

impl Protocol {
    pub fn http(shared: Arc<Shared>, scope: Option<Arc<str>>) -> Self {
        Self {
            shared,
            scope,
            local: None,
            connection: CONNECTIONS.fetch_add(1, Ordering::Relaxed),
            ended: CancellationToken::new(),
        }
    }

    pub fn stdio(shared: Arc<Shared>, caller: Caller, ended: CancellationToken) -> Self {
        Self { local: Some(Arc::new(caller)), ended, ..Self::http(shared, None) }
    }

    /// Who calls. The HTTP layer has put it on every request that reaches this point; a request without it is refused.
    fn caller(&self, context: &RequestContext<RoleServer>) -> Result<Arc<Caller>, ErrorData> {
        let from_http = || {
            context
                .extensions
                .get::<http::request::Parts>()
                .and_then(|parts| parts.extensions.get::<Arc<Caller>>().cloned())
        };
        self.local
            .clone()
            .or_else(from_http)
            .ok_or_else(|| ErrorData::internal_error("the request was not authenticated", None))
    }

    /// The server's name on a result, as 2026-07-28 wants it.
    fn stamp(&self, context_is_modern: bool, meta: &mut Option<MetaObject>) {
        if context_is_modern {
            meta.get_or_insert_default().0.insert(SERVER_INFO.to_owned(), self.shared.server_info.clone());
        }
    }
}

/// Whether the request speaks a revision without handshake.
fn is_modern(context: &RequestContext<RoleServer>) -> bool {
    context.meta.protocol_version().is_some_and(|version| version.as_str() >= "2026-07-28")
}

impl ServerHandler for Protocol {
    fn get_info(&self) -> ServerConfig {
        self.shared.info.clone()
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        // rmcp asks for it to check `Mcp-Param-*` headers: only a schema that maps some is worth the copy.
        let rules = self.shared.gate.rules();
        let catalog = rules.catalog.load();
        let entry = catalog.find(name, None, self.scope.as_deref())?;
        entry.maps_headers.then(|| entry.tool.clone())
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let caller = self.caller(&context)?;
        refuse_cursor(request)?;
        let tools = self.shared.gate.tools(&caller, self.scope.as_deref());
        let mut result = ListToolsResult::with_all_items(tools);
        self.stamp(is_modern(&context), &mut result.meta);
        Ok(result)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let mut caller = self.caller(&context)?;
        if let Some(trace) = context.meta.get_traceparent() {
            Arc::make_mut(&mut caller).trace = Some(trace.to_owned());
        }
        let modern = is_modern(&context);
        let meta = context.meta.clone();
        let gone = context.ct.clone();
        let client = client::PeerClient::of(context);
        let answer = self.shared.gate.call(&caller, self.scope.as_deref(), request, meta, client, gone).await;
        answer.map(|mut response| {
            match &mut response {
                CallToolResponse::Complete(result) => self.stamp(modern, &mut result.meta),
                CallToolResponse::InputRequired(result) => self.stamp(modern, &mut result.meta),
                CallToolResponse::Task(result) => self.stamp(modern, &mut result.meta),
                _ => {}
            }
            response
        })
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        refuse_cursor(request)?;
        let mut result = ListResourcesResult::with_all_items(self.resources(&context).await?);
        self.stamp(is_modern(&context), &mut result.meta);
        Ok(result)
    }

    async fn list_resource_templates(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        refuse_cursor(request)?;
        let mut result = ListResourceTemplatesResult::with_all_items(self.templates(&context).await?);
        self.stamp(is_modern(&context), &mut result.meta);
        Ok(result)
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        self.read(&request.uri, &context).await
    }

    async fn list_prompts(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        refuse_cursor(request)?;
        let mut result = ListPromptsResult::with_all_items(self.prompts(&context).await?);
        self.stamp(is_modern(&context), &mut result.meta);
        Ok(result)
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        self.prompt(request, &context).await
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        self.completion(&request, &context).await
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        self.shared.announcer.serve(context, &self.ended).await;
        Ok(())
    }

    async fn on_initialized(&self, context: rmcp::service::NotificationContext<RoleServer>) {
        self.shared.announcer.adopt(self.connection, context.peer);
    }

    #[expect(deprecated, reason = "2025-era clients may still set a level")]
    async fn set_level(
        &self,
        _request: rmcp::model::SetLevelRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        // Log messages are sent within a call only; a level kept between calls would be server-side state.
        Ok(())
    }

    async fn subscribe(
        &self,
        request: rmcp::model::SubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.caller(&context)?;
        self.shared.announcer.subscribe(self.connection, context.peer, request.uri);
        Ok(())
    }

    async fn unsubscribe(
        &self,
        request: rmcp::model::UnsubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.caller(&context)?;
        self.shared.announcer.unsubscribe(self.connection, context.peer, &request.uri);
        Ok(())
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        self.task(&request.task_id, &context).await.map(GetTaskResult::new)
    }

    async fn update_task(
        &self,
        request: UpdateTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.task_input(request, &context).await
    }

    async fn cancel_task(
        &self,
        request: CancelTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.end_task(&request.task_id, &context).await
    }
}

/// Lists are whole: a cursor can only be a mistake, or somebody else's.
fn refuse_cursor(request: Option<PaginatedRequestParams>) -> Result<(), ErrorData> {
    match request.and_then(|request| request.cursor) {
        Some(_) => Err(ErrorData::invalid_params("unknown cursor: this server returns lists whole", None)),
        None => Ok(()),
    }
}
