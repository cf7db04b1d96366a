//! Where everything prints to: commands, and the nodes' events.

use std::cell::{Cell, RefCell};
use std::fmt::{Display, Write};
use std::rc::Rc;

use raft_core::{Event, Level, Observer};

/// How much is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LogLevel {
    /// Everything.
    #[default]
    Debug,
    /// Events from [`Level::Info`] on.
    Info,
    /// Events from [`Level::Warn`] on.
    Warn,
    /// Events of [`Level::Error`].
    Error,
    /// No events.
    Fatal,
    /// Neither events nor what commands print. Errors still show.
    None,
}

impl LogLevel {
    /// The levels with their names, in etcd's words.
    pub(super) const NAMES: [(&str, LogLevel); 6] = [
        ("DEBUG", LogLevel::Debug),
        ("INFO", LogLevel::Info),
        ("WARN", LogLevel::Warn),
        ("ERROR", LogLevel::Error),
        ("FATAL", LogLevel::Fatal),
        ("NONE", LogLevel::None),
    ];

    /// The level called `name`, in capitals or not.
    pub(super) fn named(name: &str) -> Option<LogLevel> {
        let mut names = LogLevel::NAMES.into_iter();
        names.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, level)| level)
    }
}

/// What commands and nodes print to. Clones share one text.
#[derive(Clone, Debug, Default)]
pub(super) struct Console {
    text: Rc<RefCell<String>>,
    level: Rc<Cell<LogLevel>>,
}

impl Console {
    pub(super) fn level(&self) -> LogLevel {
        self.level.get()
    }

    pub(super) fn set_level(&self, level: LogLevel) {
        self.level.set(level);
    }

    pub(super) fn print(&self, text: impl Display) {
        if self.level() < LogLevel::None {
            write!(self.text.borrow_mut(), "{text}").expect("a string takes any text");
        }
    }

    pub(super) fn line(&self, text: impl Display) {
        self.print(format_args!("{text}\n"));
    }

    /// Takes what was printed.
    pub(super) fn take(&self) -> String {
        self.text.take()
    }

    /// Does `work`, and indents the lines that it prints.
    pub(super) fn indented<T>(&self, work: impl FnOnce() -> T) -> T {
        let start = self.text.borrow().len();
        let done = work();
        let mut text = self.text.borrow_mut();
        let printed = text.split_off(start);
        for line in printed.lines() {
            text.push_str("  ");
            text.push_str(line);
            text.push('\n');
        }
        done
    }
}

/// A leader that was elected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Election {
    pub(super) term: u64,
    pub(super) leader: u64,
}

/// Prints a node's events and takes note of the elections that it wins.
#[derive(Clone, Debug, Default)]
pub(super) struct EventLog {
    pub(super) console: Console,
    pub(super) elections: Rc<RefCell<Vec<Election>>>,
}

impl Observer for EventLog {
    fn on_event(&mut self, event: &Event<'_>) {
        if let Event::BecameLeader { id, term } = *event {
            self.elections.borrow_mut().push(Election { term, leader: id });
        }
        let (name, level) = match event.level() {
            Level::Debug => ("DEBUG", LogLevel::Debug),
            Level::Info => ("INFO", LogLevel::Info),
            Level::Warn => ("WARN", LogLevel::Warn),
            Level::Error => ("ERROR", LogLevel::Error),
        };
        if self.console.level() <= level {
            self.console.line(format_args!("{name} {event}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_is_indented_may_end_within_a_line() {
        let console = Console::default();
        console.line("header");
        let done = console.indented(|| {
            console.line("first");
            console.indented(|| console.print("second\nthird"));
            7
        });
        assert_eq!(done, 7);
        assert_eq!(console.take(), "header\n  first\n    second\n    third\n");
        assert_eq!(console.take(), "");
    }

    #[test]
    fn events_print_from_their_level_on() {
        let events = [
            Event::NoProgress { id: 1, peer: 2 },
            Event::BecameLeader { id: 1, term: 3 },
            Event::QuorumNotActive { id: 1 },
            Event::ForgetLeaderIgnored,
        ];
        for (level, printed) in [
            (LogLevel::Debug, 4),
            (LogLevel::Info, 3),
            (LogLevel::Warn, 2),
            (LogLevel::Error, 1),
            (LogLevel::Fatal, 0),
            (LogLevel::None, 0),
        ] {
            let mut log = EventLog::default();
            log.console.set_level(level);
            events.iter().for_each(|event| log.on_event(event));
            assert_eq!(log.console.take().lines().count(), printed, "{level:?}");
            assert_eq!(*log.elections.borrow(), [Election { term: 3, leader: 1 }]);
        }
    }

    #[test]
    fn nothing_is_printed_at_level_none() {
        let console = Console::default();
        console.set_level(LogLevel::None);
        console.line("silent");
        console.set_level(LogLevel::Fatal);
        console.line("loud");
        assert_eq!(console.take(), "loud\n");
    }

    #[test]
    fn levels_are_named_in_any_case() {
        assert_eq!(LogLevel::named("debug"), Some(LogLevel::Debug));
        assert_eq!(LogLevel::named("None"), Some(LogLevel::None));
        assert_eq!(LogLevel::named("loud"), None);
    }
}
