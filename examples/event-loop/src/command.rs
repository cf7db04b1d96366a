//! The commands in the input: the lines that start with a colon.

use std::str::FromStr;

use anyhow::{Context, Error, bail};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Kill(u64),
    KillLeader,
    Restart(u64),
    RestartAll,
    Add(u64),
    Remove(u64),
    Status,
}

impl FromStr for Command {
    type Err = Error;

    fn from_str(line: &str) -> Result<Self, Error> {
        let id = |word: &str| word.parse().with_context(|| format!("{word:?} is no node's id"));
        Ok(match line.split_whitespace().collect::<Vec<_>>()[..] {
            [":kill", word] => Self::Kill(id(word)?),
            [":kill-leader"] => Self::KillLeader,
            [":restart", "all"] => Self::RestartAll,
            [":restart", word] => Self::Restart(id(word)?),
            [":add", word] => Self::Add(id(word)?),
            [":remove", word] => Self::Remove(id(word)?),
            [":status"] => Self::Status,
            _ => bail!(
                "not one of :kill ID, :kill-leader, :restart ID, :restart all, :add ID, \
                 :remove ID, :status"
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_told_apart() {
        let commands = [
            (":kill 2", Command::Kill(2)),
            (":kill-leader", Command::KillLeader),
            (":restart 18446744073709551615", Command::Restart(u64::MAX)),
            (" :restart  all\r", Command::RestartAll),
            (":add 4", Command::Add(4)),
            (":remove 1", Command::Remove(1)),
            (":status", Command::Status),
        ];
        for (line, command) in commands {
            assert_eq!(line.parse::<Command>().ok(), Some(command), "{line}");
        }
    }

    #[test]
    fn anything_else_is_an_error() {
        for line in ["", ":", ":kill", ":kill all", ":kill -1", ":kill 1 2", ":add x", ":stop"] {
            assert!(line.parse::<Command>().is_err(), "{line}");
        }
    }
}
