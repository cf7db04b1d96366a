//! Kills the program at random instants while lines pour in: no line that it has acknowledged may
//! be missing afterwards.
//!
//! More of it: `EVENT_LOOP_KILLS=100 EVENT_LOOP_SEED=7 cargo test -p event-loop ever_lost`.

use std::collections::BTreeMap;
use std::env;
use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::tempdir;

use crate::program::{Program, run};

#[test]
fn no_acknowledged_line_is_ever_lost() {
    let kills = setting("EVENT_LOOP_KILLS", 8);
    let seed = setting("EVENT_LOOP_SEED", 1);
    eprintln!("{kills} kills, seed {seed}");

    let mut random = Random(seed);
    let dir = tempdir().unwrap();
    // Each number that was acknowledged, with its line.
    let mut acknowledged: BTreeMap<u64, String> = BTreeMap::new();
    for round in 0..kills {
        // Snapshots are frequent, so that some kills hit one.
        let (program, mut input) = Program::start(dir.path(), &["--snapshot-every", "50"]);
        let pour = thread::spawn(move || {
            (0..).try_for_each(|i: u64| writeln!(input, "round {round} line {i}"))
        });
        // By the clock the kill may come while the nodes start, or even while they are made. By
        // count it comes when there is something to lose.
        let mut said = Vec::new();
        let by_clock = round % 2 == 0;
        let (millis, count) = (random.below(400), random.below(600));
        let wait = if by_clock { Duration::from_millis(millis) } else { Duration::from_secs(120) };
        let deadline = Instant::now() + wait;
        while by_clock || said.len() < count as usize {
            match program.next_line(deadline) {
                Some(line) => said.push(line),
                None => break,
            }
        }
        said.extend(program.kill());
        pour.join().unwrap().unwrap_err();

        let mut last = 0;
        for (number, line) in said.iter().filter_map(|line| acknowledgement(line)) {
            // Had a line been lost, its number would be given again.
            let before = acknowledged.insert(number, line.to_owned());
            assert_eq!(before, None, "number {number} is given twice");
            assert!(number > last, "the numbers do not go up");
            last = number;
        }
        // What the group holds after a restart is at least what was acknowledged.
        if let Some(held) = said.iter().find_map(|line| held(line)) {
            let first = round_start(&acknowledged, round);
            assert!(held >= first, "{first} lines were acknowledged, and {held} are there");
        }
    }

    let end = run(dir.path(), &["--list"], "");
    assert!(end.success, "{}", end.errors);
    let list: BTreeMap<u64, &str> = end.output.iter().filter_map(|line| numbered(line)).collect();
    for (number, line) in &acknowledged {
        assert_eq!(list.get(number), Some(&line.as_str()), "line {number}");
    }
    // And of what was poured in, each round's lines are there from its first one on, each once.
    let mut next_line = BTreeMap::new();
    for line in list.values() {
        let (round, line) = line.split_once(" line ").unwrap();
        let next: &mut u64 = next_line.entry(round).or_default();
        assert_eq!(line.parse(), Ok(*next), "{round}");
        *next += 1;
    }
    let acknowledged = acknowledged.len();
    assert!(kills < 2 || acknowledged > 0, "nothing was acknowledged at all");
    eprintln!("{acknowledged} lines acknowledged, {} lines held", list.len());
}

/// The highest number that was acknowledged before `round`.
fn round_start(acknowledged: &BTreeMap<u64, String>, round: u64) -> u64 {
    let this_round = format!("round {round} ");
    let before = acknowledged.iter().filter(|(_, line)| !line.starts_with(&this_round));
    before.map(|(number, _)| *number).max().unwrap_or(0)
}

fn acknowledgement(line: &str) -> Option<(u64, &str)> {
    numbered(line.strip_prefix("ok ")?)
}

fn held(line: &str) -> Option<u64> {
    line.strip_prefix("the group holds ")?.strip_suffix(" entries")?.parse().ok()
}

fn numbered(line: &str) -> Option<(u64, &str)> {
    let (number, line) = line.split_once(": ")?;
    Some((number.parse().ok()?, line))
}

fn setting(name: &str, default: u64) -> u64 {
    match env::var(name) {
        Ok(value) => value.parse().unwrap_or_else(|_| panic!("{name}={value} is not a number")),
        Err(_) => default,
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}
