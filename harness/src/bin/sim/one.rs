//! One run: what it did, and how to see it.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::{Context as _, ensure};
use harness::sim::{Outcome, Plan, SECOND, Seen, Time, kv, shrink};
use harness::timeline;
use indicatif::ProgressBar;

use super::{Files, replay_plan, replay_seed};

/// Runs `seed`. Answers whether every rule held.
pub(crate) fn seed(seed: u64, files: &Files) -> anyhow::Result<bool> {
    run(Plan::draw(seed), &replay_seed(seed), files)
}

/// Runs the plan in a file. Answers whether every rule held.
pub(crate) fn plan(path: &Path, files: &Files) -> anyhow::Result<bool> {
    let name = || format!("{}", path.display());
    let text = fs::read_to_string(path).with_context(name)?;
    let plan: Plan = serde_json::from_str(&text).with_context(name)?;
    ensure!(plan.is_valid(), "{}: no cluster can be made of this plan", path.display());
    run(plan, &replay_plan(path), files)
}

fn run(mut plan: Plan, replay: &str, files: &Files) -> anyhow::Result<bool> {
    let mut replay = replay.to_owned();
    if let Some(path) = &files.shrink
        && let Some(small) = shrunk(&plan)
    {
        let text = serde_json::to_string_pretty(&small)? + "\n";
        fs::write(path, text).with_context(|| format!("{}", path.display()))?;
        (plan, replay) = (small, replay_plan(path));
    }
    let world = kv::world(plan.clone());
    let is_recorded = files.trace.is_some() || files.html.is_some();
    let outcome = if is_recorded { world.recorded().run() } else { world.run() };
    if let Some(path) = &files.trace {
        let create = || outcome.recorder.write_to(&mut BufWriter::new(File::create(path)?));
        create().with_context(|| format!("{}", path.display()))?;
    }
    if let Some(path) = &files.html {
        let page = timeline::page(outcome.recorder.records());
        fs::write(path, page).with_context(|| format!("{}", path.display()))?;
    }
    tell(&plan, &outcome, &replay, &mut io::stdout().lock())?;
    Ok(outcome.violation.is_none())
}

/// A smaller plan that breaks the same rule; `None` when none is broken.
fn shrunk(plan: &Plan) -> Option<Plan> {
    let rule_broken = |plan: &Plan| kv::world(plan.clone()).run().violation.map(|v| v.rule);
    let rule = rule_broken(plan)?;
    let bar = ProgressBar::new_spinner();
    let mut runs = 0;
    let small = shrink(plan.clone(), |smaller| {
        runs += 1;
        bar.set_message(format!("{runs} runs, {} acts left", smaller.schedule.len()));
        bar.tick();
        rule_broken(smaller) == Some(rule)
    });
    bar.finish_and_clear();
    Some(small)
}

fn tell(plan: &Plan, outcome: &Outcome, replay: &str, out: &mut impl Write) -> io::Result<()> {
    let tally = &outcome.tally;
    match &outcome.violation {
        None => writeln!(out, "seed {}: no rule was broken", plan.seed)?,
        Some(violation) => {
            writeln!(out, "seed {}: {violation}\nrun it again: {replay}", plan.seed)?;
        }
    }
    writeln!(out, "digest {:016x}", outcome.digest)?;
    let joining = plan.nodes.len() as u64 - plan.voters - plan.learners;
    writeln!(
        out,
        "{} voters, {} learners, {joining} nodes to join, {} clients, faults for {} s",
        plan.voters,
        plan.learners,
        plan.clients.count,
        seconds(plan.chaos),
    )?;
    writeln!(
        out,
        "{} s of virtual time, {} events, {} checks, {} messages of {} bytes",
        seconds(tally.time),
        tally.events,
        tally.checks,
        tally.messages,
        tally.bytes,
    )?;
    writeln!(out, "{} requests answered, {} given up", tally.answered, tally.gave_up)?;
    if outcome.violation.is_none() {
        writeln!(
            out,
            "a leader {} s after the faults; an election timeout is up to {} s",
            seconds(tally.time_to_leader),
            seconds(tally.election_timeout),
        )?;
    }
    writeln!(out, "\nacts of the schedule")?;
    for timed in &plan.schedule {
        writeln!(out, "{:>10} s  {:?}", seconds(timed.at), timed.act)?;
    }
    writeln!(out, "\nstates seen")?;
    for seen in Seen::ALL.iter().filter(|seen| outcome.coverage.count(**seen) > 0) {
        writeln!(out, "{:>12}  {}", outcome.coverage.count(*seen), seen.text())?;
    }
    Ok(())
}

fn seconds(time: Time) -> String {
    format!("{}.{:03}", time / SECOND, time % SECOND / 1000)
}
