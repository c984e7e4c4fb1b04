//! A service of embeddings as OpenAI's is, which waits when it is told to.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
};

use serde_json::{Value, json};

use crate::house::PATIENCE;

const DIMENSIONS: usize = 8;

/// The service. It ends with the test's process.
pub struct Embeddings {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Texts with this word wait.
    held: Option<&'static str>,
    /// So many have had to wait.
    waited: usize,
    /// What was answered.
    texts: Vec<String>,
}

impl Embeddings {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, shared) = (listener.local_addr().unwrap(), Arc::<Shared>::default());
        let served = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = served.clone();
                std::thread::spawn(move || drop(shared.serve(stream)));
            }
        });
        Self { address, shared }
    }

    /// From now on whoever asks for a text with this word waits.
    pub fn hold(&self, word: &'static str) {
        self.shared.state.lock().unwrap().held = Some(word);
    }

    /// Everybody who waits is answered.
    pub fn release(&self) {
        self.shared.state.lock().unwrap().held = None;
        self.shared.changed.notify_all();
    }

    /// Returns once so many have had to wait, those included that did before.
    pub fn await_waiting(&self, count: usize) {
        let state = self.shared.state.lock().unwrap();
        let few = |state: &mut State| state.waited < count;
        let (state, outcome) = self.shared.changed.wait_timeout_while(state, PATIENCE, few).unwrap();
        assert!(!outcome.timed_out(), "only {} of {count} had to wait", state.waited);
    }

    /// How often there was an answer for a text with this word.
    pub fn answered(&self, word: &str) -> usize {
        self.shared.state.lock().unwrap().texts.iter().filter(|text| text.contains(word)).count()
    }
}

impl Shared {
    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut stream = stream;
        loop {
            let mut length = 0;
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line)? == 0 {
                    return Ok(());
                }
                let line = line.trim_end().to_ascii_lowercase();
                if let Some(value) = line.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                if line.is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body)?;
            let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
            let texts: Vec<String> = match &asked["input"] {
                Value::String(text) => vec![text.clone()],
                texts => serde_json::from_value(texts.clone()).unwrap_or_default(),
            };
            self.wait(&texts);
            let data: Vec<Value> = texts.iter().enumerate().map(|(index, text)| vector(index, text)).collect();
            let usage = json!({ "prompt_tokens": 1, "total_tokens": 1 });
            let answer = json!({ "object": "list", "data": data, "model": asked["model"], "usage": usage }).to_string();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length";
            write!(stream, "{head}: {}\r\n\r\n{answer}", answer.len())?;
        }
    }

    fn wait(&self, texts: &[String]) {
        let mut state = self.state.lock().unwrap();
        let is_held = |state: &State| state.held.is_some_and(|word| texts.iter().any(|text| text.contains(word)));
        if is_held(&state) {
            state.waited += 1;
            self.changed.notify_all();
            state = self.changed.wait_while(state, |state| is_held(state)).unwrap();
        }
        state.texts.extend_from_slice(texts);
    }
}

/// Numbers that differ with the text.
fn vector(index: usize, text: &str) -> Value {
    let mut numbers = [1.0_f64; DIMENSIONS];
    for (at, byte) in text.bytes().enumerate() {
        numbers[at % DIMENSIONS] += f64::from(byte);
    }
    json!({ "object": "embedding", "index": index, "embedding": numbers })
}
