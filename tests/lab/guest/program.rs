//! The guest's programs: run to their end, or kept running with their words in a log.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Outcome, expect, said};

/// Where programs write what they have to say; kept if the scenario fails.
pub(crate) const LOGS: &str = "/tmp/logs";
/// Generous: the machine is emulated.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a program to its end and yields what it wrote on its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let output = said(command.output())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let error = || format!("{command:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    expect(output.status.success(), error)?;
    Ok(text)
}

/// Runs a program of the first namespace to its end.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    output(Command::new(program).args(arguments))
}

/// Does so much, numbered from 0 on, as many at a time as the machine has processors.
pub(crate) fn side_by_side<T: Send>(
    count: usize,
    work: impl Fn(usize) -> Result<T, String> + Sync,
) -> Result<Vec<T>, String> {
    const PROCESSORS: usize = 2;
    let (mut done, mut left) = (Vec::with_capacity(count), 0..count);
    while !left.is_empty() {
        let some: Vec<usize> = left.by_ref().take(PROCESSORS).collect();
        let ended: Vec<_> = thread::scope(|scope| {
            let work = &work;
            let running: Vec<_> = some.into_iter().map(|n| scope.spawn(move || work(n))).collect();
            running.into_iter().map(thread::ScopedJoinHandle::join).collect()
        });
        for end in ended {
            done.push(end.map_err(|_| "a thread ended badly".to_owned())??);
        }
    }
    Ok(done)
}

/// Asks again and again until there is an answer. What was missing last is the error.
pub(crate) fn until<T>(what: &str, ask: impl FnMut() -> Result<T, String>) -> Result<T, String> {
    within(PATIENCE, what, ask)
}

/// As [`until`], with a bound of its own.
pub(crate) fn within<T>(
    bound: Duration,
    what: &str,
    mut ask: impl FnMut() -> Result<T, String>,
) -> Result<T, String> {
    let end = Instant::now() + bound;
    loop {
        match ask() {
            Ok(answer) => return Ok(answer),
            Err(why) if Instant::now() >= end => return Err(format!("{what}, for {bound:?}: {why}")),
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// A program that runs until it is told to end, or dropped.
pub(crate) struct Daemon {
    child: Child,
    log: String,
}

impl Daemon {
    /// Starts it; `name` is that of its log.
    pub(crate) fn start(command: &mut Command, name: &str) -> Result<Self, String> {
        said(fs::create_dir_all(LOGS))?;
        let log = format!("{LOGS}/{name}.log");
        let file = said(File::options().create(true).append(true).open(&log))?;
        command.stdin(Stdio::null()).stdout(said(file.try_clone())?).stderr(file);
        let child = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
        Ok(Self { child, log })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// An error once it has ended, with its last words.
    pub(crate) fn lives(&mut self) -> Outcome {
        match said(self.child.try_wait())? {
            None => Ok(()),
            Some(status) => Err(format!("it ended with {status}: {}", self.last_words())),
        }
    }

    pub(crate) fn signal(&self, signal: Signal) -> Outcome {
        said(kill(Pid::from_raw(said(i32::try_from(self.pid()))?), signal))
    }

    /// Waits until it ends by itself.
    pub(crate) fn end(&mut self) -> Result<ExitStatus, String> {
        let child = &mut self.child;
        until("a program that does not end", || {
            said(child.try_wait())?.ok_or_else(|| "it still runs".to_owned())
        })
    }

    /// Tells it to end and expects that it does so of its own accord.
    pub(crate) fn terminate(&mut self) -> Outcome {
        self.signal(Signal::SIGTERM)?;
        let status = self.end()?;
        expect(status.success(), || {
            format!("exit {:?}, signal {:?}: {}", status.code(), status.signal(), self.last_words())
        })
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// How many lines of its log have this word.
    pub(crate) fn said(&self, word: &str) -> usize {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().filter(|line| line.contains(word)).count()
    }

    /// What its log says, from the end.
    pub(crate) fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        log.chars().skip(log.chars().count().saturating_sub(600)).collect()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
    }
}
