//! The Unix socket in the data folder, through which a command asks the running relay.
//!
//! One question per connection: the caller writes it as JSON and closes its side, the relay writes the answer as JSON and
//! closes. Only the user who runs the relay, and root, are answered.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::desk::{Answer, Desk, Question};

/// A question that names a million dead letters fits.
const LONGEST_QUESTION: u64 = 16 << 20;
/// How long a caller may take to ask, and then to listen.
const PATIENCE: Duration = Duration::from_secs(10);
/// As many are answered at a time.
const CALLERS: usize = 8;
/// `sockaddr_un` holds 108 bytes, the last of them zero.
const LONGEST_PATH: usize = 107;

/// The socket, open.
pub(crate) struct Socket {
    listener: UnixListener,
    path: PathBuf,
    owner: u32,
}

impl Socket {
    /// Opens the socket. Whoever calls holds the lock on the folder, so a socket that is there is nobody's.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = within_reach(path, |short| UnixListener::bind(short))?;
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
        Ok(Self { listener, path: path.to_owned(), owner: fs::metadata(path)?.uid() })
    }

    /// Answers until shutdown, then takes the socket away.
    pub(crate) async fn serve(self, desk: Arc<Desk>, shutdown: CancellationToken) {
        let callers = Arc::new(Semaphore::new(CALLERS));
        loop {
            let accepted = tokio::select! {
                () = shutdown.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "The control socket could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let Ok(permit) = Arc::clone(&callers).acquire_owned().await else { break };
            let desk = Arc::clone(&desk);
            let owner = self.owner;
            tokio::spawn(async move {
                if let Err(error) = answer(stream, &desk, owner).await {
                    tracing::warn!(%error, "A question on the control socket was not answered");
                }
                drop(permit);
            });
        }
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(%error, "The control socket could not be removed");
        }
    }
}

async fn answer(mut stream: UnixStream, desk: &Desk, owner: u32) -> io::Result<()> {
    let caller = stream.peer_cred()?.uid();
    if caller != owner && caller != 0 {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("user {caller} asked, who is not ours")));
    }
    let mut question = Vec::new();
    in_time((&mut stream).take(LONGEST_QUESTION).read_to_end(&mut question)).await?;
    let answer = match serde_json::from_slice(&question) {
        Ok(question) => desk.answer(question).await,
        Err(error) => Answer::Failed(format!(
            "the running tieline does not understand the question; is it the same version? ({error})"
        )),
    };
    in_time(stream.write_all(&serde_json::to_vec(&answer)?)).await
}

async fn in_time<T>(step: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(PATIENCE, step).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Asks the running relay. `None`: nobody listens.
pub(crate) async fn ask(path: &Path, question: &Question) -> io::Result<Option<Answer>> {
    let connect = within_reach(path, |short| Ok(std::os::unix::net::UnixStream::connect(short)))?;
    let mut stream = match connect {
        Ok(stream) => {
            stream.set_nonblocking(true)?;
            UnixStream::from_std(stream)?
        }
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    stream.write_all(&serde_json::to_vec(question)?).await?;
    stream.shutdown().await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    if answer.is_empty() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the running tieline hung up; its log says why"));
    }
    Ok(Some(serde_json::from_slice(&answer)?))
}

/// Uses a path that may be too long for a socket's address by way of its open folder.
fn within_reach<T>(path: &Path, call: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) if path.as_os_str().len() > LONGEST_PATH => {
            let Ok(folder) = File::open(parent) else { return call(path) };
            call(&Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name))
        }
        _ => call(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tieline_net::Spool;
    use tieline_outbox::SqliteOutbox;
    use tieline_relay::{SecretGuard, StoredMessages};

    use crate::clock::SystemClock;
    use crate::data_dir::DataDir;

    #[tokio::test]
    async fn nobody_listens_where_nothing_is() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("control.sock");
        assert_eq!(ask(&path, &Question::DeadLetters).await.unwrap(), None);
        drop(UnixListener::bind(&path).unwrap());
        assert_eq!(ask(&path, &Question::DeadLetters).await.unwrap(), None, "left by a process that was killed");
    }

    #[tokio::test]
    async fn a_long_path_and_a_stale_socket_are_no_obstacle() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("d".repeat(120));
        fs::create_dir(&folder).unwrap();
        let path = folder.join("control.sock");
        drop(Socket::open(&path).unwrap());
        let socket = Socket::open(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        drop(socket);
    }

    #[tokio::test]
    async fn a_question_is_answered_and_nonsense_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::new(temp.path());
        let outbox = Arc::new(SqliteOutbox::open(&dir.outbox()).unwrap());
        let spool = Arc::new(Spool::open(dir.spool()).unwrap());
        let stored = StoredMessages::alone(outbox, spool, &SecretGuard::default(), Arc::new(SystemClock));
        let desk = Desk::new(stored);
        let shutdown = CancellationToken::new();
        let socket = Socket::open(&dir.socket()).unwrap();
        let serving = tokio::spawn(socket.serve(Arc::new(desk), shutdown.clone()));
        let asked = ask(&dir.socket(), &Question::Trace("nobody".into())).await.unwrap();
        assert_eq!(asked, Some(Answer::Traces(vec![])));

        let mut stream = UnixStream::connect(dir.socket()).await.unwrap();
        stream.write_all(b"nonsense").await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.contains("does not understand"), "{answer}");

        shutdown.cancel();
        serving.await.unwrap();
        assert!(!dir.socket().exists());
    }
}
