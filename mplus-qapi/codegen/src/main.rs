//! `mplus-codegen`: run from the root of the workspace.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};
use mplus_codegen::{
    compare,
    error::{Error, Result},
    generate,
    render::MARK,
};

/// Generates the types and operations of mplus-qapi from the WSDL.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write the generated modules.
    Generate(Generate),
    /// List what changes from one WSDL to another, and what of it breaks code that uses the generated types.
    Diff(Diff),
}

#[derive(Debug, Args)]
struct Generate {
    /// The WSDL of the service.
    wsdl: PathBuf,
    /// Write nothing; fail when a file differs from what would be written.
    #[arg(long)]
    check: bool,
    /// Only these operations: names with commas between them, or a file with one name a line. Needs --out.
    #[arg(long, requires = "out")]
    only: Option<String>,
    /// Where the modules go.
    #[arg(long)]
    out: Option<PathBuf>,
    #[command(flatten)]
    tables: Tables,
}

#[derive(Debug, Args)]
struct Diff {
    /// The WSDL that the code was made for.
    old: PathBuf,
    /// The WSDL that it shall be made for.
    new: PathBuf,
    /// End with exit code 1 when a change is breaking.
    #[arg(long)]
    fail_on_breaking: bool,
    #[command(flatten)]
    tables: Tables,
}

#[derive(Debug, Args)]
struct Tables {
    /// Which operation belongs to which domain.
    #[arg(long, default_value = "mplus-qapi/codegen/domains.toml")]
    domains: PathBuf,
    /// Which integers are decimals.
    #[arg(long, default_value = "mplus-qapi/codegen/scaled.toml")]
    scaled: PathBuf,
    /// What operations do, for their documentation. Compared services need none.
    #[arg(long, default_value = "mplus-qapi/codegen/operations.toml")]
    docs: PathBuf,
}

/// Where the modules of the crate stand.
const GENERATED: &str = "mplus-qapi/src/generated";

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Generate(options) => run_generate(&options),
        Command::Diff(options) => run_diff(&options),
    };
    match result {
        Ok(summary) => {
            println!("{summary}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("mplus-codegen: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run_generate(options: &Generate) -> Result<String> {
    let only = options.only.as_deref().map(operations).transpose()?;
    let files = generate(
        &read(&options.wsdl)?,
        &read(&options.tables.domains)?,
        &read(&options.tables.scaled)?,
        &read(&options.tables.docs)?,
        only.as_ref(),
    )
    .map_err(|error| Error::new(format!("{}: {error}", options.wsdl.display())))?;
    let out = options.out.as_deref().unwrap_or(Path::new(GENERATED));
    let lines: usize = files.values().map(|text| text.lines().count()).sum();
    if options.check {
        check(out, &files)?;
        return Ok(format!("{} is up to date: {} files, {lines} lines", out.display(), files.len()));
    }
    write(out, &files)?;
    Ok(format!("{}: {} files, {lines} lines", out.display(), files.len()))
}

fn run_diff(options: &Diff) -> Result<String> {
    let changes = compare(
        &read(&options.old)?,
        &read(&options.new)?,
        &read(&options.tables.domains)?,
        &read(&options.tables.scaled)?,
    )?;
    for change in &changes {
        println!("{change}");
    }
    let breaking = changes.iter().filter(|change| change.breaking).count();
    let summary = format!("{} changes, {breaking} breaking", changes.len());
    if options.fail_on_breaking && breaking > 0 { Err(Error::new(summary)) } else { Ok(summary) }
}

/// `--only`: a file when there is one of that name, else the names themselves.
fn operations(argument: &str) -> Result<BTreeSet<String>> {
    let path = Path::new(argument);
    let text = if path.is_file() { read(path)? } else { argument.to_owned() };
    let lines = text.lines().map(|line| line.split_once('#').map_or(line, |(names, _)| names));
    Ok(lines
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect())
}

fn check(out: &Path, files: &BTreeMap<String, String>) -> Result<()> {
    for (name, text) in files {
        let path = out.join(name);
        if read(&path)? != *text {
            return Err(Error::new(format!(
                "{} is not what the generator writes; run it without --check",
                path.display()
            )));
        }
    }
    match stale(out, files)?.first() {
        Some(path) => Err(Error::new(format!("{} is no longer generated; remove it", path.display()))),
        None => Ok(()),
    }
}

fn write(out: &Path, files: &BTreeMap<String, String>) -> Result<()> {
    fs::create_dir_all(out).map_err(|error| failed("create", out, &error))?;
    for path in stale(out, files)? {
        fs::remove_file(&path).map_err(|error| failed("remove", &path, &error))?;
    }
    for (name, text) in files {
        let path = out.join(name);
        fs::write(&path, text).map_err(|error| failed("write", &path, &error))?;
    }
    Ok(())
}

/// Files in `out` that an earlier run has written and this one does not.
fn stale(out: &Path, files: &BTreeMap<String, String>) -> Result<Vec<PathBuf>> {
    let mut stale = Vec::new();
    for entry in fs::read_dir(out).map_err(|error| failed("read", out, &error))? {
        let path = entry.map_err(|error| failed("read", out, &error))?.path();
        let known = path.file_name().is_some_and(|name| files.contains_key(&*name.to_string_lossy()));
        if !known
            && path.extension().is_some_and(|extension| extension == "rs")
            && read(&path)?.starts_with(MARK)
        {
            stale.push(path);
        }
    }
    stale.sort();
    Ok(stale)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| failed("read", path, &error))
}

fn failed(verb: &str, path: &Path, error: &io::Error) -> Error {
    Error::new(format!("cannot {verb} {}: {error}", path.display()))
}
