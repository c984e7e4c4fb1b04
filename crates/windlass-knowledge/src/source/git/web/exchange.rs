//! Requests and their answers, as git's side wants to have them: written first, read afterwards.

use std::{
    any::Any,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use gix::protocol::transport::client::blocking_io::http::{GetResponse, Http, PostBodyDataKind, PostResponse};
use reqwest::{
    Method, Response,
    header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, LOCATION},
};
use url::Url;

use super::{
    Shared,
    body::{Body, Headers, Question},
};
use crate::source::SourceError;

const REDIRECTS: usize = 5;
/// What is sent is a list of commits.
pub(super) const MAX_QUESTION: usize = 16 << 20;

/// Speaks HTTP for git.
pub(in crate::source::git) struct Exchange {
    shared: Arc<Shared>,
    /// Where the repository is in truth.
    moved: Arc<Mutex<Option<String>>>,
}

/// One request, which is sent when its answer is read first.
pub(super) struct Pending {
    shared: Arc<Shared>,
    method: Method,
    url: String,
    base: String,
    headers: Vec<(String, String)>,
    pub question: Vec<u8>,
    moved: Arc<Mutex<Option<String>>>,
    answer: Option<Response>,
    sent: bool,
}

impl Exchange {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, moved: Arc::default() }
    }

    fn pending(
        &self,
        method: Method,
        url: &str,
        base: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Arc<Mutex<Pending>> {
        let split = |line: &str| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
        let headers = headers.into_iter().filter_map(|line| split(line.as_ref())).collect();
        Arc::new(Mutex::new(Pending {
            shared: self.shared.clone(),
            method,
            url: url.to_owned(),
            base: base.to_owned(),
            headers,
            question: Vec::new(),
            moved: self.moved.clone(),
            answer: None,
            sent: false,
        }))
    }
}

impl Http for Exchange {
    type Headers = Headers;
    type ResponseBody = Body;
    type PostBody = Question;

    fn get(
        &mut self,
        url: &str,
        base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> gix::Result<GetResponse<Headers, Body>> {
        let pending = self.pending(Method::GET, url, base_url, headers);
        let body = Body::new(self.shared.clone(), pending.clone());
        Ok(GetResponse { headers: Headers::new(pending), body })
    }

    fn post(
        &mut self,
        url: &str,
        base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
        _: PostBodyDataKind,
    ) -> gix::Result<PostResponse<Headers, Body, Question>> {
        let pending = self.pending(Method::POST, url, base_url, headers);
        let body = Body::new(self.shared.clone(), pending.clone());
        Ok(PostResponse { post_body: Question::new(pending.clone()), headers: Headers::new(pending), body })
    }

    fn configure(&mut self, _: &dyn Any) -> gix::Result<()> {
        Ok(())
    }

    fn redirected_base_url(&self) -> Option<String> {
        self.moved.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Pending {
    /// Sends it, unless that was done. The answer is given once.
    pub fn answer(&mut self) -> io::Result<Option<Response>> {
        self.send()?;
        Ok(self.answer.take())
    }

    /// The headers of the answer, a line for each.
    pub fn headers(&mut self) -> io::Result<Vec<u8>> {
        self.send()?;
        let mut lines = Vec::new();
        for (name, value) in self.answer.as_ref().map(Response::headers).into_iter().flatten() {
            lines.extend_from_slice(name.as_str().as_bytes());
            lines.extend_from_slice(b": ");
            lines.extend_from_slice(value.as_bytes());
            lines.extend_from_slice(b"\r\n");
        }
        Ok(lines)
    }

    fn send(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.sent, true) {
            return Ok(());
        }
        let shared = self.shared.clone();
        let wrong = |what: &str| shared.failed(SourceError::Unreachable(format!("{}: {what}", shared.name)));
        let tail = self.url.strip_prefix(&self.base).unwrap_or_default().to_owned();
        let moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let first = moved.map_or_else(|| self.url.clone(), |moved| format!("{moved}{tail}"));
        let mut url = Url::parse(&first).map_err(|_| wrong("the address of the repository is none"))?;
        for _ in 0..=REDIRECTS {
            let answer = self.once(url.clone())?;
            let status = answer.status();
            if status.is_success() {
                self.answer = Some(answer);
                return Ok(());
            }
            if !status.is_redirection() {
                return Err(shared.refused(status));
            }
            // Something that is asked for by POST was found already.
            let next = answer.headers().get(LOCATION).and_then(|location| location.to_str().ok());
            let next = next.filter(|_| self.method == Method::GET).and_then(|location| url.join(location).ok());
            let Some(next) = next else { return Err(wrong("it leads nowhere")) };
            if next.origin() != url.origin() {
                let host = next.host_str().unwrap_or_default().to_owned();
                let told = format!("{} leads to {host}: write the address where it is now", shared.name);
                return Err(shared.failed(SourceError::Refused(told)));
            }
            let Some(base) = next.as_str().strip_suffix(&tail) else { return Err(wrong("it leads to something else")) };
            *self.moved.lock().unwrap_or_else(PoisonError::into_inner) = Some(base.to_owned());
            url = next;
        }
        Err(wrong("it leads from one address to the next"))
    }

    fn once(&self, url: Url) -> io::Result<Response> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            // Ours says who asks.
            let name = HeaderName::from_bytes(name.as_bytes()).ok().filter(|name| name != reqwest::header::USER_AGENT);
            if let (Some(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
                headers.append(name, value);
            }
        }
        if let Some(authorization) = &self.shared.authorization
            && url.origin() == self.shared.repository.origin()
        {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        let request = self.shared.client.request(self.method.clone(), url).headers(headers);
        let request = match self.method {
            Method::POST => request.body(self.question.clone()),
            _ => request,
        };
        self.shared.wait(request.send())
    }
}
