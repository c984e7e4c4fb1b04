//! What stands in for AWS in tests: MiniStack and moto, two programs that speak its APIs on one port of loopback.
//! `tests/aws/setup.sh` installs both.

mod fake;

use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::{Child, Command},
};

pub use fake::{Asked, FakeAws, ec2_error, identity, json_error, query_error, s3_error};

use crate::{free_port, skip};

/// Under load these take long to import everything.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs a program in this process group, and ends the group when the program ends, or when the test's end of the pipe
/// closes: also when the test was killed.
const LEASH: &str = r#"("$@" </dev/null; kill -s KILL -- -$$) & read -r _; kill -s KILL -- -$$"#;

/// One running stand-in with state of its own. Ends, with all it started, when dropped.
#[derive(Debug)]
pub struct StandIn {
    child: Child,
    address: SocketAddr,
    folder: TempDir,
}

struct Program {
    argv: Vec<String>,
    environment: Vec<(String, String)>,
    /// Answers 200 once everything is there.
    ready: &'static str,
}

impl StandIn {
    /// MiniStack: runs functions as processes, proxies for API gateways and load balancers, and is a registry. `None`
    /// where it cannot be installed, which is said as a skip; the test returns then.
    pub async fn ministack() -> Option<Self> {
        // Nothing listens there, whatever engine this machine has.
        Self::start_ministack("unix:///nonexistent/engine.sock").await
    }

    /// [`StandIn::ministack`] that runs the containers of tasks on the engine behind `docker_host`.
    pub async fn ministack_with_engine(docker_host: &str) -> Option<Self> {
        Self::start_ministack(docker_host).await
    }

    /// moto: knows more APIs, and runs nothing.
    pub async fn moto() -> Option<Self> {
        let bin = installed("moto")?;
        Some(Self::start(move |port| moto(&[program(&bin, "moto_server")], port)).await)
    }

    /// [`StandIn::moto`] as `script` changes it: a Python program that takes the arguments of `moto_server`.
    pub async fn moto_with(script: &Path) -> Option<Self> {
        let bin = installed("moto")?;
        let argv = [program(&bin, "python"), script.display().to_string()];
        Some(Self::start(move |port| moto(&argv, port)).await)
    }

    async fn start_ministack(docker_host: &str) -> Option<Self> {
        let bin = installed("MiniStack")?;
        Some(
            Self::start(move |port| Program {
                argv: vec![program(&bin, "ministack")],
                environment: [
                    ("GATEWAY_PORT", &*port.to_string()),
                    ("BIND_HOST", "127.0.0.1"),
                    ("MINISTACK_HOST", "localhost"),
                    ("IOT_MTLS_ENABLED", "0"),
                    ("SFTP_ENABLED", "0"),
                    ("DOCKER_HOST", docker_host),
                    // Where functions find it.
                    ("AWS_ENDPOINT_URL", &*format!("http://127.0.0.1:{port}")),
                ]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
                ready: "/_ministack/health",
            })
            .await,
        )
    }

    async fn start(program: impl Fn(u16) -> Program) -> Self {
        let mut said = String::new();
        // Another process may take a free port before the program does.
        for _ in 0..3 {
            let port = free_port().unwrap_or_else(|error| panic!("no free port: {error}"));
            match Self::start_at(port, &program(port)).await {
                Ok(this) => return this,
                Err(why) => said = why,
            }
        }
        panic!("what stands in for AWS does not start: {said}");
    }

    async fn start_at(port: u16, program: &Program) -> Result<Self, String> {
        let failed = |error: io::Error| format!("{}: {error}", program.argv.join(" "));
        let folder = tempfile::Builder::new().prefix("aws").tempdir().map_err(failed)?;
        let log = folder.path().join("log");
        let output = fs::File::create(&log).map_err(failed)?;
        let child = Command::new("sh")
            .args(["-c", LEASH, "leash"])
            .args(&program.argv)
            .env_remove("AWS_ENDPOINT_URL")
            .envs(program.environment.iter().cloned())
            .env("TMPDIR", folder.path())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .current_dir(folder.path())
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(output.try_clone().map_err(failed)?)
            .stderr(output)
            .spawn()
            .map_err(failed)?;
        let mut this = Self { child, address: (Ipv4Addr::LOCALHOST, port).into(), folder };
        let deadline = Instant::now() + PATIENCE;
        while !this.answers(program.ready).await {
            let ended = this.child.try_wait().map_err(failed)?;
            if ended.is_some() || Instant::now() >= deadline {
                let log = fs::read_to_string(&log).unwrap_or_default();
                return Err(format!("{}, {ended:?}:\n{log}", program.argv.join(" ")));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(this)
    }

    async fn answers(&self, path: &str) -> bool {
        let ask = self.request("GET", path, &[], "");
        tokio::time::timeout(Duration::from_secs(5), ask)
            .await
            .is_ok_and(|answer| answer.is_ok_and(|text| text.get(8..12) == Some(" 200")))
    }

    /// The whole answer, its head included.
    async fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect(self.address).await?;
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.address);
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    /// Makes a bucket.
    pub async fn create_bucket(&self, name: &str) {
        self.ask("s3", "PUT", &format!("/{name}"), &[], "").await;
    }

    /// Makes a DynamoDB table whose items are found by `key`, a text.
    pub async fn create_table(&self, name: &str, key: &str) {
        let table = serde_json::json!({
            "TableName": name,
            "KeySchema": [{ "AttributeName": key, "KeyType": "HASH" }],
            "AttributeDefinitions": [{ "AttributeName": key, "AttributeType": "S" }],
            "BillingMode": "PAY_PER_REQUEST",
        });
        let headers =
            [("x-amz-target", "DynamoDB_20120810.CreateTable"), ("content-type", "application/x-amz-json-1.0")];
        self.ask("dynamodb", "POST", "/", &headers, &table.to_string()).await;
    }

    /// Writes a line to a log group.
    pub async fn put_log(&self, group: &str, line: &str) {
        let json = |action: &str, body: serde_json::Value| {
            let headers = [("x-amz-target", format!("Logs_20140328.{action}"))];
            (headers, body.to_string())
        };
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let event = serde_json::json!({ "timestamp": now.as_millis() as u64, "message": line });
        let stream = serde_json::json!({ "logGroupName": group, "logStreamName": "test" });
        let mut events = stream.clone();
        events["logEvents"] = serde_json::json!([event]);
        for (headers, body) in [json("CreateLogStream", stream), json("PutLogEvents", events)] {
            let [(name, value)] = &headers;
            let headers = [("content-type", "application/x-amz-json-1.1"), (*name, value.as_str())];
            self.ask("logs", "POST", "/", &headers, &body).await;
        }
    }

    /// The services that still have something whose name holds `name`.
    pub async fn named(&self, name: &str) -> Vec<String> {
        const JSON: (&str, &str) = ("content-type", "application/x-amz-json-1.1");
        const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
        let json = |service, target| (service, "POST", "/", vec![JSON, ("x-amz-target", target)], "{}");
        let form = |service, body| (service, "POST", "/", vec![FORM], body);
        let lists = [
            ("s3", "GET", "/", vec![], ""),
            ("lambda", "GET", "/2015-03-31/functions", vec![], ""),
            ("apigateway", "GET", "/v2/apis", vec![], ""),
            json("ecs", "AmazonEC2ContainerServiceV20141113.ListClusters"),
            json("ecr", "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories"),
            json("secretsmanager", "secretsmanager.ListSecrets"),
            json("logs", "Logs_20140328.DescribeLogGroups"),
            json("dynamodb", "DynamoDB_20120810.ListTables"),
            form("elasticloadbalancing", "Action=DescribeLoadBalancers&Version=2015-12-01"),
            form("ec2", "Action=DescribeVpcs&Version=2016-11-15"),
            form("ec2", "Action=DescribeSecurityGroups&Version=2016-11-15"),
            form("iam", "Action=ListRoles&Version=2010-05-08"),
            form("monitoring", "Action=DescribeAlarms&Version=2010-08-01"),
            form("sns", "Action=ListTopics&Version=2010-03-31"),
        ];
        let mut left = Vec::new();
        for (service, method, path, headers, body) in lists {
            let answer = self.ask(service, method, path, &headers, body).await;
            if answer.contains(name) {
                left.push(format!("{service} {body}: {answer}"));
            }
        }
        left
    }

    /// A request that must succeed. Stand-ins look at the service in a signature, and not at the signature.
    async fn ask(&self, service: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
        let signed = format!(
            "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
        );
        let headers = [&[("authorization", &*signed)], headers].concat();
        match self.request(method, path, &headers, body).await {
            Ok(answer) if answer.get(8..12) == Some(" 200") => answer,
            other => panic!("{method} {path}: {other:?}"),
        }
    }

    /// Where it listens: `http://127.0.0.1:PORT`. An address rather than a name, so that clients name buckets in the path.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address of [`StandIn::endpoint`].
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the standard AWS clients take their endpoint, region and credentials from. The files of whoever runs the test
    /// are left unread.
    pub fn environment(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL", &*self.endpoint()),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    /// What it has said so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        // Gone already where it has been waited for, and then the id may be another's.
        let group = self.child.id().and_then(|pid| rustix::process::Pid::from_raw(pid.cast_signed()));
        if let Some(group) = group {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

fn moto(argv: &[String], port: u16) -> Program {
    let port = port.to_string();
    let arguments = ["-H", "127.0.0.1", "-p", &port].map(str::to_owned);
    Program { argv: [argv, &arguments].concat(), environment: Vec::new(), ready: "/moto-api/data.json" }
}

fn program(bin: &Path, name: &str) -> String {
    bin.join(name).display().to_string()
}

/// The directory of the programs; installs them first where they are not yet.
fn installed(what: &str) -> Option<PathBuf> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/aws/setup.sh");
    let why = match std::process::Command::new(script).output() {
        Ok(output) if output.status.success() => {
            let printed = String::from_utf8_lossy(&output.stdout);
            return Some(printed.trim_end().into());
        }
        Ok(output) => format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim_end()),
        Err(error) => error.to_string(),
    };
    let test = std::env::var("NEXTEST_TEST_NAME").ok();
    let thread = std::thread::current();
    let test = test.as_deref().or(thread.name()).unwrap_or("a test");
    skip(test, &format!("{what} cannot be installed: {why}"));
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::{is_running, with_command_line};

    async fn gone(port: u16) {
        let deadline = Instant::now() + Duration::from_secs(10);
        let connects = || std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
        while connects() {
            assert!(Instant::now() < deadline, "something still listens at {port}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    #[tokio::test]
    async fn both_serve_and_leave_nothing_behind() {
        for aws in [StandIn::ministack().await, StandIn::moto().await] {
            let Some(aws) = aws else { return };
            let (port, pid) = (aws.address().port(), aws.child.id().unwrap());
            aws.create_bucket("one-bucket").await;
            aws.create_table("one-table", "handle").await;
            let folder = aws.folder.path().to_owned();
            drop(aws);
            gone(port).await;
            assert!(!folder.exists());
            let deadline = Instant::now() + Duration::from_secs(10);
            while is_running(pid) {
                assert!(Instant::now() < deadline, "the leash is still there");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    #[tokio::test]
    async fn the_leash_ends_what_runs_when_the_test_is_gone() {
        let mark = format!("600.{}", std::process::id());
        let mut child = Command::new("sh")
            .args(["-c", LEASH, "leash", "sleep", &mark])
            .process_group(0)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while with_command_line(&mark).unwrap().len() < 2 {
            assert!(Instant::now() < deadline, "it never ran");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // What happens to the pipe when its only writer is killed.
        drop(child.stdin.take());
        assert!(!child.wait().await.unwrap().success());
        while with_command_line(&mark).unwrap().iter().any(|process| is_running(process.pid)) {
            assert!(Instant::now() < deadline, "it still runs");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
