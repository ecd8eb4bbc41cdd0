//! The terminal and the node: everything that is not pure.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};

use crate::control::{Answer, Request, ask};
use crate::status::Status;

use super::{Key, View, draw};

/// Between two questions to the node.
const PACE: Duration = Duration::from_millis(500);
/// How long a key is waited for before the screen is looked after.
const PATIENCE: Duration = Duration::from_millis(100);

/// What one has to do with an event of the terminal.
enum Wish {
    Quit,
    Press(Key),
    Nothing,
}

/// Shows the node behind this control socket until somebody has seen enough.
pub fn watch(control: &Path) -> anyhow::Result<()> {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        bail!("top needs a terminal; for a file or another program there is `airloom status --json`");
    }
    let mut view = View::default();
    view.take(Ok(question(control)?));
    let answers = keep_asking(control.to_owned())?;
    let mut terminal = ratatui::try_init().context("the terminal cannot be taken over")?;
    let result = show(&mut terminal, &mut view, &answers);
    ratatui::try_restore().context("the terminal could not be given back; `reset` does")?;
    result
}

fn show(
    terminal: &mut ratatui::DefaultTerminal,
    view: &mut View,
    answers: &Receiver<Result<Status, String>>,
) -> anyhow::Result<()> {
    loop {
        terminal.draw(|frame| draw(frame, view))?;
        if event::poll(PATIENCE)? {
            match wish(&event::read()?) {
                Wish::Quit => return Ok(()),
                Wish::Press(key) => view.press(key),
                Wish::Nothing => {}
            }
        }
        for answer in answers.try_iter() {
            view.take(answer);
        }
    }
}

fn wish(event: &Event) -> Wish {
    let Event::Key(key) = event else { return Wish::Nothing };
    if key.kind == KeyEventKind::Release {
        return Wish::Nothing;
    }
    match key.code {
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => Wish::Quit,
        KeyCode::Char('q') | KeyCode::Esc => Wish::Quit,
        KeyCode::Up | KeyCode::Char('k') => Wish::Press(Key::Up),
        KeyCode::Down | KeyCode::Char('j') => Wish::Press(Key::Down),
        KeyCode::Char('s') => Wish::Press(Key::Sort),
        _ => Wish::Nothing,
    }
}

fn question(control: &Path) -> anyhow::Result<Status> {
    match ask(control, &Request::Status)? {
        Answer::Status(status) => Ok(*status),
        Answer::Moved(_) => bail!("{} answers something else", control.display()),
        Answer::Error(why) => bail!("{}: {why}", control.display()),
    }
}

/// Asks on a thread of its own, so that a node that is slow to answer does not hold up the keys. It ends when nobody
/// listens any more.
fn keep_asking(control: PathBuf) -> io::Result<Receiver<Result<Status, String>>> {
    let (sender, receiver) = sync_channel(1);
    thread::Builder::new().name("asking".to_owned()).spawn(move || questions(&control, &sender))?;
    Ok(receiver)
}

fn questions(control: &Path, sender: &SyncSender<Result<Status, String>>) {
    loop {
        thread::sleep(PACE);
        let answer = question(control).map_err(|error| format!("{error:#}"));
        if sender.send(answer).is_err() {
            return;
        }
    }
}
