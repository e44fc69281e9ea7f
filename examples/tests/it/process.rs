//! Programs to run, and programs to run against.

use std::process::{Command, Output, Stdio};

use mplus_qapi::testkit::{Pos, PosServer};

/// A program without anything of this machine's environment that it would read.
pub(crate) fn program(path: &str) -> Command {
    let mut command = Command::new(path);
    command.stdin(Stdio::null());
    for name in [
        "MPLUS_URL",
        "MPLUS_HOST",
        "MPLUS_PORT",
        "MPLUS_IDENT",
        "MPLUS_SECRET",
        "MPLUS_DATABASE",
        "MPLUS_WEBHOOK_URL",
        "MPLUS_SUBSCRIPTION",
        "MPLUS_WEBHOOK_SECRET",
    ] {
        command.env_remove(name);
    }
    command
}

/// What a program printed and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) fn run(command: &mut Command) -> Ran {
    let Output { status, stdout, stderr } = command.output().expect("the program starts");
    Ran {
        code: status.code(),
        out: String::from_utf8(stdout).expect("text"),
        err: String::from_utf8(stderr).expect("text"),
    }
}

impl Ran {
    #[track_caller]
    pub(crate) fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }
}

/// The test POS on a port, in a runtime that goes on while a test waits for a program.
pub(crate) struct Till {
    pub(crate) pos: Pos,
    pub(crate) url: String,
    _server: PosServer,
    _runtime: tokio::runtime::Runtime,
}

impl Till {
    pub(crate) fn start() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let pos = Pos::brasserie();
        let server = runtime.block_on(pos.serve()).expect("a free port");
        let url = server.endpoint().as_str().to_owned();
        Self { pos, url, _server: server, _runtime: runtime }
    }
}

/// An address of this machine where nobody listens.
pub(crate) fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    format!("http://{}", listener.local_addr().expect("an address"))
}
