//! The command, run as a process: `reset_app().root(..).args(..).run()` answers with its [`Outcome`].

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::{JoinHandle, spawn};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// A run that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// The command line under test, with no argument and an environment that says nothing.
pub(crate) fn reset_app() -> Invocation {
    Invocation {
        wrapper: Vec::new(),
        arguments: Vec::new(),
        variables: Vec::new(),
        directory: None,
        input: Input::Nothing,
    }
}

/// What goes into the standard input.
#[derive(Clone, Debug)]
enum Input {
    Nothing,
    Bytes(Vec<u8>),
    NeverEnding,
}

/// A command line in the making.
#[derive(Clone, Debug)]
pub(crate) struct Invocation {
    wrapper: Vec<OsString>,
    arguments: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
    directory: Option<OsString>,
    input: Input,
}

impl Invocation {
    /// `--root`.
    pub(crate) fn root(self, root: &Path) -> Self {
        self.args([OsStr::new("--root"), root.as_os_str()])
    }

    /// More arguments.
    pub(crate) fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        let arguments = arguments.into_iter().map(|one| one.as_ref().to_owned());
        self.arguments.extend(arguments);
        self
    }

    /// An environment variable.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.variables
            .push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// The working directory.
    pub(crate) fn within(mut self, directory: &Path) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Somebody types this, but not at a terminal.
    pub(crate) fn typing(mut self, text: &str) -> Self {
        self.input = Input::Bytes(text.into());
        self
    }

    /// The standard input stays open and says nothing.
    pub(crate) fn silence(mut self) -> Self {
        self.input = Input::NeverEnding;
        self
    }

    /// Run by another program, such as strace: `<wrapper> reset-app …`.
    pub(crate) fn under<A: AsRef<OsStr>>(mut self, wrapper: impl IntoIterator<Item = A>) -> Self {
        self.wrapper = wrapper
            .into_iter()
            .map(|one| one.as_ref().to_owned())
            .collect();
        self
    }

    /// Runs it to its end, which must come within a minute.
    pub(crate) fn run(self) -> Outcome {
        self.start().wait()
    }

    /// Starts it.
    pub(crate) fn start(self) -> Running {
        let program = OsString::from(env!("CARGO_BIN_EXE_reset-app"));
        let mut words = self
            .wrapper
            .into_iter()
            .chain([program])
            .chain(self.arguments);
        let mut command = Command::new(words.next().unwrap());
        command.args(words).env_clear();
        for kept in ["PATH", "TMPDIR", "HOME", "LLVM_PROFILE_FILE"] {
            command.envs(std::env::var_os(kept).map(|value| (kept, value)));
        }
        command.envs(self.variables);
        if let Some(directory) = self.directory {
            command.current_dir(directory);
        }
        command.stdin(match self.input {
            Input::Nothing => Stdio::null(),
            Input::Bytes(_) | Input::NeverEnding => Stdio::piped(),
        });
        let spawned = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        if let Input::Bytes(bytes) = &self.input {
            // One that asks nobody may have ended already.
            let _ = child.stdin.take().unwrap().write_all(bytes);
        }
        Running {
            stdout: gathered(child.stdout.take().unwrap()),
            stderr: gathered(child.stderr.take().unwrap()),
            started: Instant::now(),
            child,
        }
    }
}

fn gathered(mut stream: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        bytes
    })
}

/// A run under way.
pub(crate) struct Running {
    child: Child,
    stdout: JoinHandle<Vec<u8>>,
    stderr: JoinHandle<Vec<u8>>,
    started: Instant,
}

impl Running {
    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Waits for its end, which must come within a minute.
    pub(crate) fn wait(mut self) -> Outcome {
        let (ended, end) = channel::<()>();
        let pid = self.pid();
        let watchdog = spawn(move || {
            let late = end.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout);
            if late {
                let _ = kill_process(pid, Signal::KILL);
            }
            late
        });
        let input = self.child.stdin.take();
        let status = self.child.wait().unwrap();
        drop((ended, input));
        let took = self.started.elapsed();
        let outcome = Outcome {
            status,
            stdout: text(&self.stdout.join().unwrap()),
            stderr: text(&self.stderr.join().unwrap()),
            took,
        };
        assert!(!watchdog.join().unwrap(), "hangs:\n{outcome}");
        outcome
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// How a run ended, and all it said.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

impl Outcome {
    /// The exit code; none where a signal ended it.
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The signal that ended it, if one did.
    pub(crate) fn signal(&self) -> Option<i32> {
        self.status.signal()
    }

    /// Whether SIGKILL ended it.
    pub(crate) fn was_killed(&self) -> bool {
        self.signal() == Some(9)
    }

    /// Fails with all that was said, unless it ended with this exit code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code(), Some(code), "{self}");
        self
    }

    /// Fails unless stderr holds all of these.
    #[track_caller]
    pub(crate) fn complains<'a>(self, of: impl IntoIterator<Item = &'a str>) -> Self {
        for part in of {
            assert!(self.stderr.contains(part), "does not say `{part}`:\n{self}");
        }
        self
    }

    /// Fails unless stdout holds all of these.
    #[track_caller]
    pub(crate) fn says<'a>(self, parts: impl IntoIterator<Item = &'a str>) -> Self {
        for part in parts {
            assert!(self.stdout.contains(part), "does not say `{part}`:\n{self}");
        }
        self
    }

    /// Stdout, which is one JSON object.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let object: Value =
            serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}:\n{self}"));
        assert!(object.is_object(), "{self}");
        object
    }

    /// The count of a line of the summary block; `not checked` is none.
    #[track_caller]
    pub(crate) fn line(&self, name: &str) -> Option<u64> {
        let line = self
            .stdout
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let count = line.unwrap_or_else(|| panic!("no line `{name}`:\n{self}"));
        (count != "not checked").then(|| {
            count
                .parse()
                .unwrap_or_else(|_| panic!("`{name}` is no count:\n{self}"))
        })
    }

    /// All that the report says but its title, in the words of a deed: after it, it is too late to
    /// refuse anything.
    pub(crate) fn body(&self) -> String {
        let lines: Vec<&str> = self.stdout.lines().skip(2).collect();
        lines.join("\n").replace(
            "hang on these go too (refuse them: --no-collateral):",
            "hung on these went too:",
        )
    }

    /// The summary block, without its title: from the users to the total.
    pub(crate) fn summary(&self) -> Vec<&str> {
        let lines = self
            .stdout
            .lines()
            .skip_while(|line| !line.starts_with("Users Processed: "));
        let mut block: Vec<&str> = lines.take_while(|line| !line.starts_with("====")).collect();
        block.retain(|line| !line.starts_with("...."));
        block
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            status,
            stdout,
            stderr,
            took,
        } = self;
        write!(
            f,
            "{status} after {took:?}\n--- stdout\n{stdout}--- stderr\n{stderr}---"
        )
    }
}

/// Says something past the test harness, which swallows what a successful test prints.
pub(crate) fn say(line: &str) {
    std::io::stderr()
        .write_all(format!("{line}\n").as_bytes())
        .unwrap();
}

/// Whether a tool that a test needs is there. Where it is missing that is said aloud; with `CI` set
/// it is a failure.
pub(crate) fn has_tool(tool: &str, lost: &str) -> bool {
    let probe = Command::new("sh")
        .args(["-c", &format!("command -v {tool}")])
        .stdout(Stdio::null())
        .status();
    let there = probe.is_ok_and(|status| status.success());
    assert!(
        there || std::env::var_os("CI").is_none(),
        "{tool} is missing: {lost}"
    );
    if !there {
        say(&format!("SKIPPED: {tool} is missing: {lost}"));
    }
    there
}

/// Whether the tests run as root, who may do what others may not.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
