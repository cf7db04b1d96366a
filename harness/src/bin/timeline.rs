//! Draws a trace as a page.

use std::fs::File;
use std::io::{self, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use harness::timeline::{Record, TraceError, page, read};

/// Draws a trace as one page of HTML that needs nothing else, and prints it.
///
/// Exits with 1, and prints no page, when the trace cannot be read.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// The trace: a record a line, as JSON; `-` reads it from the standard input
    #[arg(value_name = "TRACE")]
    trace: PathBuf,
}

fn main() -> ExitCode {
    let Options { trace } = Options::parse();
    let records = match read_trace(&trace) {
        Ok(records) => records,
        Err(error) => {
            eprintln!("{}: {error}", trace.display());
            return ExitCode::FAILURE;
        }
    };
    match io::stdout().lock().write_all(page(&records).as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the page cannot be written: {error}");
            ExitCode::FAILURE
        }
    }
}

fn read_trace(path: &Path) -> Result<Vec<Record>, ReadError> {
    if path == Path::new("-") {
        return Ok(read(io::stdin().lock())?);
    }
    Ok(read(BufReader::new(File::open(path)?))?)
}

/// Why there is no trace.
#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error(transparent)]
    File(#[from] io::Error),
    #[error(transparent)]
    Trace(#[from] TraceError),
}
