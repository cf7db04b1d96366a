//! Where it was measured.

use std::process::Command;
use std::thread::available_parallelism;

/// The machine, the compiler and the peer, in words.
pub(crate) fn describe() -> String {
    let cores = available_parallelism().map_or(1, usize::from);
    let (processor, compiler) = (processor(), compiler());
    let peer = locked("raft").unwrap_or_default();
    format!("raft-rs {peer}, {compiler}, one thread of a machine with {cores} cores ({processor})")
}

fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or(std::env::consts::ARCH.to_owned(), |(_, model)| model.to_owned())
}

/// Without the hash of the build.
fn compiler() -> String {
    let said = Command::new("rustc").arg("--version").output();
    let said = said.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let said = said.unwrap_or_default();
    said.split(" (").next().unwrap_or_default().trim().to_owned()
}

/// The version of a package in the lock file.
fn locked(package: &str) -> Option<&'static str> {
    let name = format!("name = \"{package}\"\n");
    let (_, after) = include_str!("../Cargo.lock").split_once(&name)?;
    after.strip_prefix("version = \"")?.split('"').next()
}

/// The load of the machine in the last minute, where the system tells it.
pub(crate) fn load() -> String {
    let averages = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    averages.split_whitespace().next().unwrap_or("unknown").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_of_the_lock_file() {
        assert!(locked("raft").is_some_and(|version| version.starts_with("0.7.")));
        assert_eq!(locked("no-such-package"), None);
    }
}
