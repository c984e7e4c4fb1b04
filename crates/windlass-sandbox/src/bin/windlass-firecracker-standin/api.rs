//! The requests, and what is answered.

use std::{cell::RefCell, convert::Infallible, rc::Rc};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, Response, StatusCode, body::Incoming, header::CONTENT_TYPE, server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::{net::UnixListener, task::LocalSet};

use crate::{
    machine::Machine,
    say,
    shapes::{Drive, Entropy, SnapshotType, Vm, VmState},
    told::Told,
};

/// The longest body.
const LONGEST: usize = 51200;

/// What is answered with, if it is not a no.
type Answer = Result<Option<Value>, String>;

pub async fn serve(told: Told, id: String, socket: &str) -> Result<(), String> {
    let listener = UnixListener::bind(socket).map_err(|error| format!("Failed to open the API socket: {error}"))?;
    say(&format!("Listening on API socket ({socket:?})."));
    let machine = Rc::new(RefCell::new(Machine::new(told.clone())));
    let (told, id) = (Rc::new(told), Rc::new(id));
    let serving = async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (machine, told, id) = (machine.clone(), told.clone(), id.clone());
            let service = service_fn(move |request| {
                let (machine, told, id) = (machine.clone(), told.clone(), id.clone());
                async move { Ok::<_, Infallible>(respond(&machine, &told, &id, request).await) }
            });
            tokio::task::spawn_local(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    };
    LocalSet::new().run_until(serving).await;
    Err("the API socket is gone".into())
}

async fn respond(
    machine: &RefCell<Machine>,
    told: &Told,
    id: &str,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let name = format!("{} {}", head.method, head.uri.path());
    say(&format!("The API server received a {name} request."));
    let is = |told: &Option<String>| told.as_deref() == Some(&*name);
    if is(&told.hang) {
        std::future::pending::<()>().await;
    }
    if is(&told.die) {
        eprintln!("Error: told to end at {name}");
        std::process::exit(1);
    }
    if is(&told.flood) {
        return Response::new(Full::new(vec![b' '; 8 << 20].into()));
    }
    let body = match Limited::new(body, LONGEST).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return fault(StatusCode::BAD_REQUEST, "the request is too long"),
    };
    let json = head.headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    let answer = if is(&told.refuse) {
        Err("told to refuse".into())
    } else if !json {
        Err("the request is not said to be JSON".into())
    } else {
        handle(&mut machine.borrow_mut(), told, id, &head.method, head.uri.path(), &body)
    };
    if machine.borrow().over {
        // After the answer, which is small and goes out at once.
        tokio::task::spawn_local(async {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            eprintln!("Error: Loading snapshot failed.");
            std::process::exit(1);
        });
    }
    match answer {
        Ok(None) => {
            let mut response = Response::new(Full::default());
            *response.status_mut() = StatusCode::NO_CONTENT;
            response
        }
        Ok(Some(value)) => Response::new(Full::new(value.to_string().into())),
        Err(error) => fault(StatusCode::BAD_REQUEST, &error),
    }
}

fn fault(status: StatusCode, why: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(json!({ "fault_message": why }).to_string().into()));
    *response.status_mut() = status;
    response
}

fn handle(machine: &mut Machine, told: &Told, id: &str, method: &Method, path: &str, body: &[u8]) -> Answer {
    if *method == Method::GET && !body.is_empty() {
        return Err("GET request cannot have a body.".into());
    }
    let state = machine.state();
    let info = json!({ "app_name": "Firecracker", "id": id, "state": state, "vmm_version": told.version });
    let done = match (method.as_str(), path) {
        ("GET", "/") => return Ok(Some(info)),
        ("GET", "/version") => return Ok(Some(json!({ "firecracker_version": told.version }))),
        ("PUT", "/machine-config") => machine.configure(&read(body)?),
        ("PUT", "/boot-source") => machine.boot_source(read(body)?),
        ("PUT", "/vsock") => machine.vsock(&read(body)?),
        ("PUT", "/entropy") => read::<Entropy>(body).and_then(|_| machine.entropy()),
        ("PUT", "/actions") => machine.act(&read(body)?),
        ("PATCH", "/vm") => match read::<Vm>(body)?.state {
            VmState::Paused => machine.pause(),
            VmState::Resumed => machine.resume(),
        },
        ("PUT", "/snapshot/create") => {
            let create: crate::shapes::SnapshotCreate = read(body)?;
            match create.snapshot_type {
                SnapshotType::Full => machine.store(&create),
                SnapshotType::Diff => Err("only all of it is asked for here".into()),
            }
        }
        ("PUT", "/snapshot/load") => machine.load(&read(body)?),
        ("PUT", drive) if drive.starts_with("/drives/") => {
            let (drive, named): (Drive, &str) = (read(body)?, &drive["/drives/".len()..]);
            if !named.chars().all(|one| one == '_' || one.is_ascii_alphanumeric()) || named.is_empty() {
                Err("API Resource IDs can only contain alphanumeric characters and underscores.".into())
            } else if drive.drive_id != named {
                Err("The id from the path does not match the id from the body!".into())
            } else {
                machine.drive(&drive)
            }
        }
        (method, path) => Err(format!("Invalid request method and/or path: {method} {path}.")),
    };
    done.map(|()| None)
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body)
        .map_err(|error| format!("An error occurred when deserializing the json body of a request: {error}."))
}
