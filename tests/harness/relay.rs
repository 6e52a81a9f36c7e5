//! The relay as a process.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{free_port, run, tieline};

/// Longest wait for anything; a test that needs it is broken.
const PATIENCE: Duration = Duration::from_mins(1);

/// A configuration in a folder of its own, and the process that runs it, if one does.
pub struct Relay {
    child: Option<Child>,
    dir: TempDir,
    control: u16,
    /// Appended to the environment of the process.
    environment: Vec<(String, String)>,
}

impl Relay {
    /// Writes a configuration into a new folder. `global.data_dir` and `global.http.listen` are filled in unless given.
    pub fn new(mut configuration: Value) -> Self {
        let dir = TempDir::new().expect("a folder for the test");
        let control = free_port();
        let global = configuration["global"].as_object_mut().map(std::mem::take).unwrap_or_default();
        let mut global = Value::Object(global);
        if global["data_dir"].is_null() {
            global["data_dir"] = json!(dir.path().join("data"));
        }
        if global["http"]["listen"].is_null() {
            global["http"]["listen"] = json!(format!("127.0.0.1:{control}"));
        }
        configuration["global"] = global;
        let relay = Self { child: None, dir, control, environment: Vec::new() };
        relay.write(&configuration);
        relay
    }

    /// Writes a configuration and starts it; returns when every instance is ready.
    pub async fn start(configuration: Value) -> Self {
        let mut relay = Self::new(configuration);
        relay.spawn();
        relay.ready().await;
        relay
    }

    /// Sets a variable in the environment of the next process.
    pub fn set_environment(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Replaces the configuration file.
    pub fn write(&self, configuration: &Value) {
        let text = serde_json::to_string_pretty(configuration).expect("a JSON value");
        std::fs::write(self.configuration(), text).expect("the folder can be written");
    }

    /// The configuration file.
    pub fn configuration(&self) -> PathBuf {
        self.dir.path().join("tieline.json")
    }

    /// The folder that it runs in.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The folder of outbox and spool.
    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Everything that the processes have logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// Starts the process without waiting for anything.
    pub fn spawn(&mut self) {
        self.spawn_under(&[]);
    }

    /// The same by way of another program with its first arguments, which must put the relay in its own place.
    pub fn spawn_under(&mut self, program: &[&str]) {
        assert!(self.child.is_none(), "the relay runs already");
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.dir.path().join("log"))
            .expect("the folder can be written");
        let mut line = program.iter().map(AsRef::as_ref).chain([tieline().as_os_str()]);
        let child = Command::new(line.next().expect("the binary at least"))
            .args(line)
            .args(["run", "-c", "tieline.json"])
            .current_dir(self.dir.path())
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("the binary starts");
        self.child = Some(child);
    }

    /// Waits until `readyz` says that every instance is ready.
    pub async fn ready(&mut self) {
        self.wait_for("readyz to answer 200", async |relay: &Self| {
            matches!(relay.get("/readyz").await, Some((200, _)))
        })
        .await;
    }

    /// Waits until the process answers at all, ready or not.
    pub async fn alive(&mut self) {
        self.wait_for("healthz to answer", async |relay: &Self| matches!(relay.get("/healthz").await, Some((200, _))))
            .await;
    }

    /// Asks again and again until a condition holds.
    ///
    /// # Panics
    ///
    /// If the process ends meanwhile, or after a minute; the log is in the message.
    pub async fn wait_for(&mut self, what: &str, condition: impl AsyncFnMut(&Self) -> bool) {
        self.wait_within(PATIENCE, what, condition).await;
    }

    /// The same for what takes long by its nature.
    ///
    /// # Panics
    ///
    /// If the process ends meanwhile, or after that time; the log is in the message.
    pub async fn wait_within(&mut self, patience: Duration, what: &str, mut condition: impl AsyncFnMut(&Self) -> bool) {
        let began = tokio::time::Instant::now();
        while !condition(self).await {
            if let Some(status) = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten()) {
                panic!("the relay ended ({status}) while the test waited for {what}:\n{}", self.log());
            }
            assert!(began.elapsed() < patience, "waited in vain for {what}:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// `host:port` of the control listener.
    pub fn control(&self) -> String {
        format!("127.0.0.1:{}", self.control)
    }

    /// Asks the control listener. `None`: no answer.
    pub async fn get(&self, path: &str) -> Option<(u16, String)> {
        let url = format!("http://127.0.0.1:{}{path}", self.control);
        let reply = tieline_testkit::call(Method::GET, &url, &[], Bytes::new(), PATIENCE).await.ok()?;
        Some((reply.status.as_u16(), String::from_utf8_lossy(&reply.body).into_owned()))
    }

    /// Waits for something that happens outside of the process.
    ///
    /// # Panics
    ///
    /// If the process ends meanwhile, or after a minute; the log is in the message.
    pub async fn unless_it_ends<T>(&mut self, happening: impl Future<Output = T>) -> T {
        let child = self.child.as_mut().expect("the relay runs");
        let why = tokio::select! {
            happened = happening => return happened,
            status = child.wait() => format!("the relay ended ({status:?})"),
            () = tokio::time::sleep(PATIENCE) => "nothing happened for a minute".to_owned(),
        };
        panic!("{why}:\n{}", self.log());
    }

    /// A metric's value; 0 if it is not there yet.
    pub async fn metric(&self, series: &str) -> f64 {
        let (status, text) = self.get("/metrics").await.expect("the control listener answers");
        assert_eq!(status, 200, "{text}");
        text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok()).unwrap_or_default()
    }

    /// How many messages of the outbox are in a state.
    pub async fn messages(&self, state: &str) -> i64 {
        self.metric(&format!("tieline_messages{{state=\"{state}\"}}")).await as i64
    }

    /// Waits until nothing is pending or held.
    pub async fn settled(&mut self) {
        self.wait_for("everything to be settled", async |relay: &Self| {
            relay.messages("pending").await == 0 && relay.messages("held").await == 0
        })
        .await;
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().and_then(Child::id).expect("the relay runs")
    }

    /// How much memory the process has resident now, in MiB, as Linux tells it.
    pub fn resident_mib(&self) -> f64 {
        self.memory("VmRSS:")
    }

    /// How much it had at most, in MiB, since its start or [`forget_peak`](Self::forget_peak).
    pub fn peak_mib(&self) -> f64 {
        self.memory("VmHWM:")
    }

    /// Lets Linux count the peak from now on.
    pub fn forget_peak(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.pid()), "5").expect("a process of ours");
    }

    fn memory(&self, line: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("Linux and a live process");
        let value = status.lines().find_map(|found| found.strip_prefix(line)).expect("a line of that name");
        let kib: f64 = value.trim().trim_end_matches(" kB").parse().expect("a number");
        kib / 1024.0
    }

    /// Ends the process at once, as a power cut does.
    pub async fn kill9(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().await.expect("the process can be killed");
        }
    }

    /// Asks the process to stop; returns its exit code.
    pub async fn terminate(&mut self) -> Option<i32> {
        self.signal("TERM").await;
        self.ended().await
    }

    /// Sends a signal by name.
    pub async fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.pid().to_string()).status().await;
        assert!(sent.expect("kill runs").success(), "the signal was not sent");
    }

    /// Waits for the end of the process; returns its exit code.
    pub async fn ended(&mut self) -> Option<i32> {
        let mut child = self.child.take().expect("the relay runs");
        let status = tokio::time::timeout(PATIENCE, child.wait()).await;
        status
            .unwrap_or_else(|_| panic!("the relay does not end:\n{}", self.log()))
            .expect("it can be waited for")
            .code()
    }

    /// Runs another command on this configuration; returns exit code, standard output and standard error.
    pub fn command(&self, args: &[&str]) -> (Option<i32>, String, String) {
        let output = run(self.dir(), args);
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    }

    /// The dead letters, as `dead list --json` shows them.
    pub fn dead(&self) -> Vec<Value> {
        let (code, out, err) = self.command(&["dead", "list", "--json"]);
        assert_eq!(code, Some(0), "{err}");
        serde_json::from_str(&out).expect("an array")
    }
}
