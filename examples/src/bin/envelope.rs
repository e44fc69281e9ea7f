//! Envelopes through the typed models and back, for tests against other implementations.

use std::{
    fs,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand, ValueEnum};
use mplus_qapi::testkit::{Direction, Message};

/// Reads envelopes of any operation into their types and writes them again.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// XML on stdin, XML on stdout.
    Roundtrip {
        /// Name in the WSDL, such as getProducts.
        operation: String,
        which: Which,
    },
    /// XML on stdin, JSON on stdout.
    Json {
        /// Name in the WSDL, such as getProducts.
        operation: String,
        which: Which,
    },
    /// Every file OPERATION.req.*.xml and OPERATION.resp.*.xml of a folder, to files of the same names.
    RoundtripDir {
        input: PathBuf,
        /// Made when it is not there.
        output: PathBuf,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Which {
    Request,
    Response,
}

impl From<Which> for Direction {
    fn from(which: Which) -> Self {
        match which {
            Which::Request => Self::Request,
            Which::Response => Self::Response,
        }
    }
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), String> {
    match command {
        Command::Roundtrip { operation, which } => print(
            &roundtrip(&operation, which.into(), &stdin()?)
                .map_err(|error| format!("{operation}: {error}"))?,
        ),
        Command::Json { operation, which } => {
            let message = Message::read(&operation, which.into(), &stdin()?);
            let message = message.map_err(|error| format!("{operation}: {error}"))?;
            let json =
                serde_json::to_string_pretty(&message).map_err(|error| format!("{operation}: {error}"))?;
            print(&json)
        }
        Command::RoundtripDir { input, output } => roundtrip_dir(&input, &output),
    }
}

fn roundtrip(operation: &str, direction: Direction, document: &[u8]) -> Result<String, String> {
    let message = Message::read(operation, direction, document).map_err(|error| error.to_string())?;
    message.write().map_err(|error| error.to_string())
}

/// Files that cannot be read are named one by one; the others are written all the same.
fn roundtrip_dir(input: &Path, output: &Path) -> Result<(), String> {
    let problem = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    fs::create_dir_all(output).map_err(|error| problem(output, error))?;
    let (mut written, mut bad) = (0, 0);
    for entry in fs::read_dir(input).map_err(|error| problem(input, error))? {
        let path = entry.map_err(|error| problem(input, error))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let Some((operation, direction)) = named(name) else { continue };
        let document = fs::read(&path).map_err(|error| problem(&path, error))?;
        match roundtrip(operation, direction, &document) {
            Ok(text) => {
                let target = output.join(name);
                fs::write(&target, text).map_err(|error| problem(&target, error))?;
                written += 1;
            }
            Err(error) => {
                eprintln!("error: {name}: {error}");
                bad += 1;
            }
        }
    }
    match (written, bad) {
        (0, 0) => Err(format!("{}: no file OPERATION.req.*.xml or OPERATION.resp.*.xml", input.display())),
        (_, 0) => {
            eprintln!("{written} files");
            Ok(())
        }
        _ => Err(format!("{bad} of {} files cannot be read", written + bad)),
    }
}

/// Operation and direction, as a file's name tells them.
fn named(file: &str) -> Option<(&str, Direction)> {
    let mut parts = file.strip_suffix(".xml")?.split('.');
    let operation = parts.next()?;
    let direction = match parts.next()? {
        "req" => Direction::Request,
        "resp" => Direction::Response,
        _ => return None,
    };
    Some((operation, direction))
}

fn stdin() -> Result<Vec<u8>, String> {
    let mut document = Vec::new();
    std::io::stdin().read_to_end(&mut document).map_err(|error| format!("stdin: {error}"))?;
    Ok(document)
}

fn print(text: &str) -> Result<(), String> {
    writeln!(std::io::stdout(), "{text}").map_err(|error| format!("stdout: {error}"))
}
