//! How far a batch is, for whoever waits for it. The standard output has nothing of it.

use std::io::{IsTerminal as _, stderr};
use std::time::{Duration, Instant};

use harness::sim::{SECOND, Summary};
use indicatif::{ProgressBar, ProgressStyle};

/// Where there is no terminal, a line so often.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// A bar on a terminal, a line now and then elsewhere.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    began: Instant,
    told: Instant,
}

impl Progress {
    /// Of so many runs.
    pub(crate) fn of_runs(count: u64) -> Self {
        let style = ProgressStyle::with_template("{bar:30} {pos} of {len} runs, {eta} left, {msg}");
        Self::new(ProgressBar::new(count), style.expect("a template of names that there are"))
    }

    /// Of runs of which nobody knows how many there will be.
    pub(crate) fn until_stopped() -> Self {
        let style = ProgressStyle::with_template("{spinner} {pos} runs in {elapsed}, {msg}");
        Self::new(ProgressBar::new_spinner(), style.expect("a template of names that there are"))
    }

    fn new(bar: ProgressBar, style: ProgressStyle) -> Self {
        let now = Instant::now();
        let bar = stderr().is_terminal().then(|| bar.with_style(style));
        if let Some(bar) = &bar {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Self { bar, began: now, told: now }
    }

    /// One more run is over.
    pub(crate) fn advance(&mut self, summary: &Summary) {
        if let Some(bar) = &self.bar {
            bar.set_message(self.rate(summary));
            bar.inc(1);
        } else if self.told.elapsed() >= LINE_EVERY {
            self.told = Instant::now();
            eprintln!("{} runs, {}", summary.runs(), self.rate(summary));
        }
    }

    /// Prints a line to the standard output, past the bar.
    pub(crate) fn print(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| println!("{line}")),
            None => println!("{line}"),
        }
    }

    /// The batch is over.
    pub(crate) fn finish(self, summary: &Summary) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let took = self.began.elapsed().as_secs_f64();
        eprintln!("{} runs in {took:.1} s, {}", summary.runs(), self.rate(summary));
    }

    fn rate(&self, summary: &Summary) -> String {
        let took = self.began.elapsed().as_secs_f64().max(1e-3);
        let total = summary.total();
        let virtual_seconds = total.time as f64 / SECOND as f64;
        format!(
            "{} broke a rule; in a second {:.0} virtual seconds, {:.0} events",
            summary.failures(),
            virtual_seconds / took,
            total.events as f64 / took,
        )
    }
}
