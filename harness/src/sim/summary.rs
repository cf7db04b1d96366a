//! What a batch of runs has done, and what it has failed to do.

use std::collections::BTreeMap;
use std::fmt;

use strum::VariantNames as _;

use super::board::Fact;
use super::chance::mix;
use super::outcome::{Outcome, Tally};
use super::schedule::Act;
use super::watch::{Coverage, Seen};
use super::{SECOND, Time};

/// Adds up the outcomes of many runs. Equal runs in equal order give equal summaries.
#[derive(Debug, Default)]
pub struct Summary {
    runs: usize,
    /// How often each rule was broken.
    broken: BTreeMap<&'static str, u64>,
    total: Tally,
    shortest: Option<Time>,
    answered: Vec<u64>,
    /// Until there was a leader, in hundredths of the longest election timeout of the run.
    to_leader: Vec<u64>,
    coverage: Coverage,
    rules: BTreeMap<&'static str, u64>,
    facts: BTreeMap<&'static str, u64>,
    acts: BTreeMap<&'static str, u64>,
    digest: u64,
}

/// Something that a batch was to show, and has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// No run was in this state.
    State(Seen),
    /// No run had anything for this rule to judge.
    Rule(&'static str),
    /// Nothing of this kind was told to the rules.
    Fact(&'static str),
    /// No such act was carried out.
    Act(&'static str),
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::State(seen) => write!(f, "no run has seen that {} ({seen:?})", seen.text()),
            Self::Rule(rule) => write!(f, "the rule \"{rule}\" had nothing to judge"),
            Self::Fact(fact) => write!(f, "no rule was told the fact {fact}"),
            Self::Act(act) => write!(f, "no act {act} was carried out"),
        }
    }
}

impl Summary {
    /// Adds what came of a run.
    pub fn add(&mut self, outcome: &Outcome) {
        self.runs += 1;
        let tally = &outcome.tally;
        match &outcome.violation {
            Some(violation) => *self.broken.entry(violation.rule).or_default() += 1,
            // Others may not have come so far.
            None => {
                let timeout = tally.election_timeout.max(1);
                self.to_leader.push(100 * tally.time_to_leader / timeout);
            }
        }
        let shortest = self.shortest.get_or_insert(tally.time);
        *shortest = (*shortest).min(tally.time);
        self.answered.push(tally.answered);
        self.total.events += tally.events;
        self.total.time += tally.time;
        self.total.messages += tally.messages;
        self.total.bytes += tally.bytes;
        self.total.answered += tally.answered;
        self.total.gave_up += tally.gave_up;
        self.total.checks += tally.checks;
        self.coverage.merge(&outcome.coverage);
        for (rule, count) in &outcome.rules {
            *self.rules.entry(rule).or_default() += count;
        }
        for (fact, count) in &outcome.facts {
            *self.facts.entry(fact).or_default() += count;
        }
        for (act, count) in &outcome.acts {
            *self.acts.entry(act).or_default() += count;
        }
        self.digest = mix(self.digest ^ outcome.digest);
    }

    /// Runs so far.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.runs
    }

    /// Runs that broke a rule.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.broken.values().sum()
    }

    /// Sums over all runs. What does not add up is left at 0.
    #[must_use]
    pub fn total(&self) -> &Tally {
        &self.total
    }

    /// A hash of all digests, in their order.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// What has never happened: states, rules, facts and acts whose count is zero.
    #[must_use]
    pub fn gaps(&self) -> Vec<Gap> {
        let unseen = Seen::ALL.iter().filter(|seen| self.coverage.count(**seen) == 0);
        let idle = self.rules.iter().filter(|(_, count)| **count == 0);
        let untold = Fact::VARIANTS.iter().filter(|fact| !self.facts.contains_key(*fact));
        let absent = Act::VARIANTS.iter().filter(|act| !self.acts.contains_key(*act));
        unseen
            .map(|seen| Gap::State(*seen))
            .chain(idle.map(|(rule, _)| Gap::Rule(rule)))
            .chain(untold.map(|fact| Gap::Fact(fact)))
            .chain(absent.map(|act| Gap::Act(act)))
            .collect()
    }

    fn write_to_leader(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut times = self.to_leader.clone();
        times.sort_unstable();
        // Of a node that draws the longest.
        let unit = "in timeouts of 2 x election_tick:";
        write!(f, "{:<24}{unit}", "leader after the faults")?;
        for (name, percent) in [("median", 50), ("90%", 90), ("99%", 99), ("longest", 100)] {
            let time = quantile(&times, percent);
            write!(f, " {name} {}.{:02}", time / 100, time % 100)?;
        }
        let at_once = times.iter().take_while(|time| **time == 0).count();
        writeln!(f, "; in {at_once} of {} runs at once", times.len())?;
        let bounds = [(0, 1), (1, 2), (2, 3), (3, 5), (5, u64::MAX)];
        let later = &times[at_once..];
        for (from, to) in bounds {
            let is_within = |time: &&u64| (from..to).contains(&(**time / 100));
            let count = later.iter().filter(is_within).count();
            match to {
                u64::MAX => writeln!(f, "{count:>14}  in {from} or more")?,
                _ => writeln!(f, "{count:>14}  in {from} to {to}")?,
            }
        }
        Ok(())
    }
}

/// The value below or at which `percent` of the ascending `values` are; 0 when there are none.
fn quantile(values: &[u64], percent: usize) -> u64 {
    let at = (values.len() * percent).div_ceil(100).saturating_sub(1);
    values.get(at).copied().unwrap_or(0)
}

/// A time in seconds, as `12.345`.
fn seconds(time: Time) -> String {
    let millis = time / (SECOND / 1000);
    format!("{}.{:03}", millis / 1000, millis % 1000)
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { events, time, messages, bytes, answered, gave_up, checks, .. } = self.total;
        let mut each = self.answered.clone();
        each.sort_unstable();
        let (median, least) = (quantile(&each, 50), quantile(&each, 0));
        let shortest = seconds(self.shortest.unwrap_or(0));
        let mut row = |name: &str, text: fmt::Arguments<'_>| writeln!(f, "{name:<24}{text}");
        row("runs", format_args!("{}, of which {} broke a rule", self.runs, self.failures()))?;
        row("virtual time", format_args!("{} s, at least {shortest} s a run", seconds(time)))?;
        row("events", format_args!("{events}"))?;
        row("messages", format_args!("{messages} of {bytes} bytes"))?;
        row("requests", format_args!("{answered} answered, {gave_up} given up"))?;
        row("answered in a run", format_args!("median {median}, least {least}"))?;
        row("checks", format_args!("{checks}"))?;
        row("digest of all", format_args!("{:016x}", self.digest))?;
        self.write_to_leader(f)?;

        let mut table = |title: &str, rows: Vec<(u64, &str)>| {
            writeln!(f, "\n{title}")?;
            rows.iter().try_for_each(|(count, name)| writeln!(f, "{count:>14}  {name}"))
        };
        if !self.broken.is_empty() {
            table("rules broken", self.broken.iter().map(|(rule, n)| (*n, *rule)).collect())?;
        }
        table("judged by the rules", self.rules.iter().map(|(rule, n)| (*n, *rule)).collect())?;
        let told = |fact: &&'static str| self.facts.get(fact).copied().unwrap_or(0);
        table("facts told", Fact::VARIANTS.iter().map(|fact| (told(fact), *fact)).collect())?;
        let carried_out = |act: &&'static str| self.acts.get(act).copied().unwrap_or(0);
        table(
            "acts carried out",
            Act::VARIANTS.iter().map(|act| (carried_out(act), *act)).collect(),
        )?;
        let seen = Seen::ALL.iter().map(|seen| (self.coverage.count(*seen), seen.text()));
        table("states seen", seen.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::outcome::Violation;
    use crate::sim::{Plan, kv};

    #[test]
    fn a_quantile_is_one_of_the_values() {
        assert_eq!(quantile(&[], 50), 0);
        assert_eq!(quantile(&[7], 50), 7);
        let values: Vec<u64> = (1..=200).collect();
        let found = [0, 50, 99, 100].map(|percent| quantile(&values, percent));
        assert_eq!(found, [1, 100, 198, 200]);
    }

    #[test]
    fn runs_add_up_and_what_they_lack_is_a_gap() {
        let plan = Plan::calm(1, 3);
        let outcome = kv::world(plan).run();
        assert_eq!(outcome.violation, None);
        let mut summary = Summary::default();
        let all = Seen::ALL.len() + Fact::VARIANTS.len() + Act::VARIANTS.len();
        assert_eq!(summary.gaps().len(), all);
        summary.add(&outcome);
        summary.add(&outcome);
        assert_eq!((summary.runs(), summary.failures()), (2, 0));
        assert_eq!(summary.total().events, 2 * outcome.tally.events);
        let gaps = summary.gaps();
        assert!(gaps.contains(&Gap::State(Seen::Wiped)) && gaps.contains(&Gap::Act("wipe")));
        assert!(gaps.contains(&Gap::Fact("installed")));
        assert!(!gaps.contains(&Gap::State(Seen::Elected)) && !gaps.contains(&Gap::Fact("led")));
        let least =
            format!("answered in a run       median {0}, least {0}", outcome.tally.answered);
        assert!(summary.to_string().contains(&least), "{summary}");
    }

    #[test]
    fn a_rule_that_had_nothing_to_judge_is_a_gap() {
        let plan = Plan::calm(1, 1);
        let mut outcome = kv::world(plan).run();
        outcome.rules.push(("about nothing", 0));
        let mut summary = Summary::default();
        summary.add(&outcome);
        assert!(summary.gaps().contains(&Gap::Rule("about nothing")));
        outcome.rules = vec![("about nothing", 1)];
        summary.add(&outcome);
        assert!(!summary.gaps().contains(&Gap::Rule("about nothing")));
    }

    #[test]
    fn a_broken_rule_is_counted_and_its_run_had_no_leader_to_wait_for() {
        let plan = Plan::calm(1, 1);
        let mut outcome = kv::world(plan).run();
        outcome.violation = Some(Violation { at: 1, node: 1, rule: "ours", text: "no".into() });
        let mut summary = Summary::default();
        summary.add(&outcome);
        assert_eq!(summary.failures(), 1);
        assert!(summary.to_leader.is_empty());
        assert!(summary.to_string().contains("rules broken\n             1  ours"), "{summary}");
    }

    #[test]
    fn the_order_of_the_runs_is_in_the_digest() {
        let plans = [Plan::calm(1, 1), Plan::calm(2, 1)];
        let runs = plans.map(|plan| kv::world(plan).run());
        let digest = |order: [usize; 2]| {
            let mut summary = Summary::default();
            order.iter().for_each(|at| summary.add(&runs[*at]));
            summary.digest()
        };
        assert_eq!(digest([0, 1]), digest([0, 1]));
        assert_ne!(digest([0, 1]), digest([1, 0]));
    }

    #[test]
    fn schedules_have_every_kind_of_act() {
        let drawn = (0..300).flat_map(|seed| Plan::draw(seed).schedule);
        let kinds: std::collections::BTreeSet<&str> =
            drawn.map(|timed| (&timed.act).into()).collect();
        assert_eq!(kinds, Act::VARIANTS.iter().copied().collect());
    }
}
