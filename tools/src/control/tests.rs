use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use super::*;

struct Here {
    folder: tempfile::TempDir,
    _socket: SocketName,
}

impl Here {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::bind(&folder.path().join("socket")).unwrap();
        let status = Status { node: "north".to_owned(), ..Status::default() };
        let _socket = server.start(move |_| Answer::Status(Box::new(status.clone()))).unwrap();
        Self { folder, _socket }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    fn connect(&self) -> UnixStream {
        UnixStream::connect(self.path()).unwrap()
    }
}

fn asked(path: &Path) -> String {
    match ask(path, &Request::Status) {
        Ok(Answer::Status(status)) => status.node,
        other => format!("{other:?}"),
    }
}

/// What is answered to these bytes, line by line, until the connection is closed.
fn answers(mut stream: UnixStream, bytes: &[u8]) -> Vec<Answer> {
    // The node may have hung up already.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let lines = BufReader::new(stream).lines();
    lines.map_while(Result::ok).map(|line| serde_json::from_str(&line).unwrap()).collect()
}

fn is_error(answer: &Answer, words: &str) -> bool {
    matches!(answer, Answer::Error(why) if why.contains(words))
}

#[test]
fn the_socket_is_for_its_owner_and_goes_with_the_node() {
    let here = Here::start();
    assert_eq!(asked(&here.path()), "north");
    assert_eq!(fs::metadata(here.path()).unwrap().permissions().mode() & 0o777, 0o600);
    let Here { folder, _socket } = here;
    drop(_socket);
    assert!(!folder.path().join("socket").exists());
}

#[test]
fn a_live_socket_is_refused_a_stale_one_replaced_and_a_file_left_alone() {
    let here = Here::start();
    let error = Server::bind(&here.path()).err().unwrap().to_string();
    assert!(error.contains("another airloom runs there"), "{error}");
    assert_eq!(asked(&here.path()), "north");

    let stale = here.folder.path().join("stale");
    drop(UnixListener::bind(&stale).unwrap());
    assert!(Server::bind(&stale).is_ok());

    let file = here.folder.path().join("file");
    fs::write(&file, "precious").unwrap();
    let error = Server::bind(&file).err().unwrap().to_string();
    assert!(error.contains("is not a socket"), "{error}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");

    let long = here.folder.path().join("x".repeat(200));
    assert!(Server::bind(&long).is_err());
}

#[test]
fn nobody_there_is_told_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let stale = folder.path().join("stale");
    drop(UnixListener::bind(&stale).unwrap());
    for path in [folder.path().join("none"), stale] {
        let error = ask(&path, &Request::Status).unwrap_err().to_string();
        assert!(error.contains("start one with `airloom run"), "{error}");
    }
}

#[test]
fn what_is_no_request_is_answered_and_the_next_one_too() {
    let here = Here::start();
    for nonsense in [&b"hello"[..], b"", b"{\"command\":\"destroy\"}", b"\xff\xfe\0", &[b'['; 4000]] {
        let bytes = [nonsense, b"\n{\"command\":\"status\"}\n"].concat();
        let answers = answers(here.connect(), &bytes);
        assert_eq!(answers.len(), 2, "{answers:?}");
        assert!(is_error(&answers[0], "not a request"), "{answers:?}");
        assert!(matches!(answers[1], Answer::Status(_)));
    }
}

#[test]
fn an_endless_request_is_cut_off() {
    let here = Here::start();
    let answers = answers(here.connect(), &[b'x'; 1 << 20]);
    // The rest of the request may reset the connection before the answer is read.
    assert!(answers.iter().all(|answer| is_error(answer, "too long")), "{answers:?}");
    assert_eq!(asked(&here.path()), "north");
}

#[test]
fn silent_clients_do_not_keep_others_out_until_there_are_too_many() {
    let here = Here::start();
    let mut silent: Vec<_> = (0..15).map(|_| here.connect()).collect();
    silent[0].write_all(b"{\"comm").unwrap();
    assert_eq!(asked(&here.path()), "north");
    // The place of the one above is free once its thread has seen it go.
    silent.extend((0..2).map(|_| here.connect()));
    let turned_away = loop {
        match ask(&here.path(), &Request::Status) {
            Ok(_) => silent.push(here.connect()),
            Err(error) => break error.to_string(),
        }
    };
    assert!(turned_away.contains("too many ask"), "{turned_away}");
    drop(silent);
    while asked(&here.path()) != "north" {}
}

#[test]
fn who_does_not_read_the_answers_does_not_stop_those_of_others() {
    let here = Here::start();
    let mut deaf = here.connect();
    deaf.set_nonblocking(true).unwrap();
    while deaf.write(b"{\"command\":\"status\"}\n").is_ok() {}
    assert_eq!(asked(&here.path()), "north");
    let mut byte = [0];
    deaf.set_nonblocking(false).unwrap();
    assert_eq!(deaf.read(&mut byte).unwrap(), 1);
}
