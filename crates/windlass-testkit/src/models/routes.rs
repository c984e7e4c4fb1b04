//! Its doors, and which turn goes through them.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Body,
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};

use super::{
    Shared,
    asked::Asked,
    door::{self, Door, Refusal},
    openai, play, rules,
    script::{Dialect, Fault, Pick, Turn, Usage},
};

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/model/{model}/converse-stream", post(converse))
        .route("/v1/messages", post(messages))
        .route("/v1/chat/completions", post(chat))
        .route("/v1/models", get(models))
        .route("/v1/models/{model}", get(one_model))
        .route(
            "/standin/violations",
            get(async |State(shared): State<Arc<Shared>>| Json(shared.state().violations.clone())),
        )
        .route("/standin/asked", get(async |State(shared): State<Arc<Shared>>| Json(shared.state().asked.clone())))
        // Conversations have pictures.
        .layer(DefaultBodyLimit::disable())
        .with_state(shared)
}

async fn converse(
    State(shared): State<Arc<Shared>>,
    Path(model): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response {
    answer(&shared, Door::Bedrock, &model, &headers, &body)
}

async fn messages(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: String) -> Response {
    answer(&shared, Door::Anthropic, "", &headers, &body)
}

async fn chat(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: String) -> Response {
    let dialect = shared.script.dialect;
    let names_it_so = serde_json::from_str::<Value>(&body).is_ok_and(|body| body.get("max_tokens").is_some());
    if dialect == Dialect::OpenaiReasoning && names_it_so {
        return openai::refuses_max_tokens().into_response();
    }
    answer(&shared, Door::Openai(dialect), "", &headers, &body)
}

async fn models(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let door = Door::Openai(shared.script.dialect);
    if let Some(refusal) = barred(&shared, door, "", &headers) {
        return refusal.into_response();
    }
    if shared.script.models.is_empty() {
        return StatusCode::NOT_FOUND.into_response();
    }
    let models = shared.script.models.iter().map(|id| json!({ "id": id, "object": "model", "created": 0 }));
    Json(json!({ "object": "list", "data": models.collect::<Vec<_>>() })).into_response()
}

async fn one_model(State(shared): State<Arc<Shared>>, Path(model): Path<String>, headers: HeaderMap) -> Response {
    if let Some(refusal) = barred(&shared, Door::Anthropic, &model, &headers) {
        return refusal.into_response();
    }
    let known = &shared.script.models;
    if !known.is_empty() && !known.contains(&model) {
        let refusal = Door::Anthropic.refusal(Fault::UnknownModel, &model, "");
        return refusal.map_or(StatusCode::NOT_FOUND.into_response(), IntoResponse::into_response);
    }
    Json(json!({ "type": "model", "id": model, "display_name": model })).into_response()
}

/// Why whoever asks may not ask at all: for the wrong key, or for a fault that lasts and is the next turn.
fn barred(shared: &Shared, door: Door, model: &str, headers: &HeaderMap) -> Option<Refusal> {
    let key = door::key(headers);
    let wants = shared.script.key.as_deref().filter(|_| !matches!(door, Door::Bedrock));
    if wants.is_some_and(|wanted| wanted != key) {
        return door.refusal(Fault::BadKey, model, key);
    }
    let mut state = shared.state();
    let fault = shared.script.turns.get(state.said).and_then(|turn| turn.fault).filter(|fault| fault.lasts())?;
    state.said += 1;
    door.refusal(fault, model, key)
}

fn answer(shared: &Arc<Shared>, door: Door, model: &str, headers: &HeaderMap, body: &str) -> Response {
    let asked = door.read(model, headers, body);
    let broken = rules::broken(&asked);
    if !broken.is_empty() {
        return violated(shared, door, &broken);
    }
    if let Some(refusal) = barred(shared, door, &asked.model, headers) {
        return refusal.into_response();
    }
    if asked.is_check() {
        return said(shared, door, &asked, &Turn::text("Yes.").costing(Usage::default()), 0);
    }
    let (turn, number) = {
        let mut state = shared.state();
        let (turns, at) = (&shared.script.turns, state.said);
        let (turn, number) = match shared.script.pick {
            Pick::InOrder => (turns.get(at), at),
            Pick::Around => (turns.get(at.checked_rem(turns.len()).unwrap_or_default()), at),
            Pick::ByConversation => (turns.get(asked.answers()), asked.answers()),
        };
        state.said += 1;
        state.asked.push(asked.clone());
        (turn.cloned(), number)
    };
    let Some(turn) = turn else {
        return violated(shared, door, &[format!("the script has no turn {}", number + 1)]);
    };
    match turn.fault.and_then(|fault| door.refusal(fault, &asked.model, door::key(headers))) {
        Some(refusal) => refusal.into_response(),
        None => said(shared, door, &asked, &turn, number),
    }
}

fn violated(shared: &Shared, door: Door, broken: &[String]) -> Response {
    let mut state = shared.state();
    let number = state.said + 1;
    state.violations.extend(broken.iter().map(|what| format!("request {number}: {what}")));
    door.wrong(&format!("the request breaks the rules of this stand-in: {}", broken.join("; "))).into_response()
}

fn said(shared: &Arc<Shared>, door: Door, asked: &Asked, turn: &Turn, number: usize) -> Response {
    let steps = play::steps(turn, door, asked, number);
    let kind = if turn.fault == Some(Fault::Page) { "text/html" } else { door.content_type() };
    let left = shared.clone();
    let body = play::body(steps, &shared.script, move || left.gone.send_modify(|gone| *gone += 1));
    ([("content-type", kind)], body).into_response()
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body.to_string()));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        for (name, value) in self.headers {
            if let Ok(value) = value.parse() {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}
