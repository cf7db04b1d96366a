//! The language of etcd's quorum scripts: commit indexes and votes.
//!
//! ```text
//! committed cfg=(1,2) [cfgj=(2,3)|zero] idx=(5,_,7)
//! vote      cfg=(1,2) [cfgj=(2,3)|zero] votes=(y,_,n)
//! ```
//!
//! `cfg` is a majority quorum; with `cfgj` it is one half of a joint one (`zero`: the other half
//! is empty). The answers are those of the voters in the order in which they are listed, without
//! repetition; `_` is none.
//!
//! What must be the same by other ways of computing it is computed by them as well, and printed
//! when it is not.

use std::collections::BTreeMap;
use std::fmt::Display;

use raft_core::IdSet;
use raft_core::quorum::{JointConfig, MajorityConfig, VoteResult};

use crate::datadriven::{Arguments, BadArgument, Directive, FromArgument};
use crate::runner::Interpreter;

/// Runs quorum scripts. Directives do not depend on each other.
#[derive(Debug, Default)]
pub struct QuorumScript(());

impl Interpreter for QuorumScript {
    fn run(&mut self, directive: &Directive) -> Result<String, BadArgument> {
        let mut args = Arguments::new(directive);
        let voters = Voters::read(&mut args)?;
        let output = match directive.command.as_str() {
            "committed" => {
                let answers: Answers<Index> = voters.answers(args.list("idx")?)?;
                voters.committed(&answers)
            }
            "vote" => {
                let answers: Answers<Vote> = voters.answers(args.list("votes")?)?;
                voters.vote(&answers)
            }
            other => return Err(BadArgument::invalid("committed or vote", other)),
        };
        args.finish()?;
        Ok(output)
    }
}

/// The voters of a directive.
struct Voters {
    /// In the order in which they were given, both halves, without repetition.
    listed: Vec<u64>,
    config: MajorityConfig,
    /// The other half; `None` when a majority quorum is asked for.
    other_half: Option<MajorityConfig>,
}

/// A voter, or the word `zero` for the lack of any.
#[derive(PartialEq)]
enum VoterOrZero {
    Voter(u64),
    Zero,
}

impl FromArgument for VoterOrZero {
    const EXPECTED: &'static str = "ids, or the word zero alone,";

    fn from_argument(text: &str) -> Option<Self> {
        match text {
            "zero" => Some(VoterOrZero::Zero),
            id => u64::from_argument(id).map(VoterOrZero::Voter),
        }
    }
}

/// An acknowledged index. 0 would be taken for none.
#[derive(Clone, Copy)]
struct Index(u64);

/// Whether a voter votes for the candidate.
#[derive(Clone, Copy)]
struct Vote(bool);

/// What each voter that answered has answered.
type Answers<T> = BTreeMap<u64, T>;

impl FromArgument for Option<Index> {
    const EXPECTED: &'static str = "indexes above 0 or _";

    fn from_argument(text: &str) -> Option<Self> {
        match text {
            "_" => Some(None),
            index => u64::from_argument(index).filter(|&index| index > 0).map(|i| Some(Index(i))),
        }
    }
}

impl FromArgument for Option<Vote> {
    const EXPECTED: &'static str = "y, n or _";

    fn from_argument(text: &str) -> Option<Self> {
        match text {
            "_" => Some(None),
            "y" => Some(Some(Vote(true))),
            "n" => Some(Some(Vote(false))),
            _ => None,
        }
    }
}

impl Voters {
    fn read(args: &mut Arguments<'_>) -> Result<Voters, BadArgument> {
        let mut listed: Vec<u64> = args.list("cfg")?.unwrap_or_default();
        let config = MajorityConfig(listed.iter().copied().collect());
        let other_half = args.list("cfgj")?.map(other_half).transpose()?;
        let other_ids = other_half.iter().flatten().copied();
        listed.extend(other_ids);
        let mut seen = IdSet::new();
        listed.retain(|&id| seen.insert(id));
        let other_half = other_half.map(|ids| MajorityConfig(ids.into_iter().collect()));
        Ok(Voters { listed, config, other_half })
    }

    fn answers<T: Copy>(&self, given: Option<Vec<Option<T>>>) -> Result<Answers<T>, BadArgument> {
        let given = given.unwrap_or_default();
        if given.len() != self.listed.len() {
            let expected = format!("{} answers, one for each voter", self.listed.len());
            return Err(BadArgument::invalid(expected, format!("{} answers", given.len())));
        }
        let answers = self.listed.iter().zip(given);
        Ok(answers.filter_map(|(&id, answer)| Some((id, answer?))).collect())
    }

    fn committed(&self, answers: &Answers<Index>) -> String {
        let acked = |id: u64| answers.get(&id).map(|index| index.0);
        let mut output = String::new();
        let index = match &self.other_half {
            None => {
                let index = self.config.committed_index(&acked);
                output += &self.config.describe(&acked);
                majority_identities(&self.config, index, &acked, &mut output);
                index
            }
            Some(other) => {
                let joint = join(&self.config, other);
                let index = joint.committed_index(&acked);
                output += &joint.describe(&acked);
                let swapped = join(other, &self.config).committed_index(&acked);
                note(&mut output, index, swapped, "symmetry", |index| shown(*index));
                index
            }
        };
        output + &shown(index) + "\n"
    }

    fn vote(&self, answers: &Answers<Vote>) -> String {
        let vote = |id: u64| answers.get(&id).map(|vote| vote.0);
        let mut output = String::new();
        let mut note = |result, other: VoteResult, way| {
            note(&mut output, result, other, way, VoteResult::to_string);
            result
        };
        let result = match &self.other_half {
            None => {
                let result = self.config.vote_result(&vote);
                let zero_joint = join(&self.config, &MajorityConfig::default());
                note(result, zero_joint.vote_result(&vote), "zero-joint quorum");
                let self_joint = join(&self.config, &self.config);
                note(result, self_joint.vote_result(&vote), "self-joint quorum")
            }
            Some(other) => {
                let result = join(&self.config, other).vote_result(&vote);
                note(result, join(other, &self.config).vote_result(&vote), "symmetry")
            }
        };
        output + &result.to_string() + "\n"
    }
}

fn other_half(given: Vec<VoterOrZero>) -> Result<Vec<u64>, BadArgument> {
    if given == [VoterOrZero::Zero] {
        return Ok(Vec::new());
    }
    let ids = given.into_iter().map(|given| match given {
        VoterOrZero::Voter(id) => Ok(id),
        VoterOrZero::Zero => Err(BadArgument::invalid("zero to be alone in cfgj=", "more")),
    });
    ids.collect()
}

fn join(incoming: &MajorityConfig, outgoing: &MajorityConfig) -> JointConfig {
    JointConfig { incoming: incoming.clone(), outgoing: outgoing.clone() }
}

/// Notes down the ways that lead to another commit index than `index`.
fn majority_identities(
    config: &MajorityConfig,
    index: u64,
    acked: &dyn Fn(u64) -> Option<u64>,
    output: &mut String,
) {
    let ways = [
        ("alternative computation", highest_reached_by_majority(config, acked)),
        (
            "zero-joint quorum",
            join(config, &MajorityConfig::default()).committed_index(&|id: u64| acked(id)),
        ),
        ("self-joint quorum", join(config, config).committed_index(&|id: u64| acked(id))),
    ];
    for (way, other) in ways {
        note(output, index, other, way, |index| shown(*index));
    }
    // An index below the committed one is not needed for it, so that it may as well be lower.
    let below = config.0.iter().filter_map(|id| Some((id, acked(id).filter(|&at| at < index)?)));
    for (id, at) in below {
        for lower in [at - 1, 0] {
            let lowered = |voter: u64| if voter == id { Some(lower) } else { acked(voter) };
            let way = format!("overlaying {id}->{lower}");
            note(output, index, config.committed_index(&lowered), way, |index| shown(*index));
        }
    }
}

/// The definition of the commit index, as slow as it is plain: the highest index that a majority
/// has reached.
fn highest_reached_by_majority(config: &MajorityConfig, acked: &dyn Fn(u64) -> Option<u64>) -> u64 {
    let indexes: Vec<u64> = config.0.iter().map(|id| acked(id).unwrap_or(0)).collect();
    if indexes.is_empty() {
        return u64::MAX;
    }
    let reached = |candidate| indexes.iter().filter(|&&index| index >= candidate).count();
    let by_majority = indexes.iter().filter(|&&candidate| 2 * reached(candidate) > indexes.len());
    by_majority.max().copied().unwrap_or(0)
}

fn note<T: PartialEq>(
    output: &mut String,
    result: T,
    other: T,
    way: impl Display,
    show: impl Fn(&T) -> String,
) {
    if result != other {
        *output += &format!("{} <-- via {way}\n", show(&other));
    }
}

/// An index as etcd prints it.
fn shown(index: u64) -> String {
    match index {
        u64::MAX => "∞".to_owned(),
        index => index.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::datadriven::Script;

    fn run(line: &str) -> Result<String, BadArgument> {
        let script = Script::parse(Path::new("s.txt"), format!("{line}\n----\n")).unwrap();
        QuorumScript::default().run(&script.directives()[0])
    }

    #[test]
    fn answers_belong_to_the_voters_in_the_order_given() {
        let output = run("committed cfg=(9,1) cfgj=(1,4) idx=(5,_,7)").unwrap();
        let chart = [
            "       idx",
            "?        0    (id=1)",
            "xx>      7    (id=4)",
            "x>       5    (id=9)",
            "0",
        ];
        assert_eq!(output, chart.join("\n") + "\n");
        assert_eq!(run("vote cfg=(9,1) votes=(y,y)").unwrap(), "VoteWon\n");
        assert_eq!(run("vote cfg=(9,1) cfgj=(1) votes=(n,y)").unwrap(), "VoteLost\n");
    }

    #[test]
    fn no_voters_commit_everything() {
        assert_eq!(run("committed").unwrap(), "<empty majority quorum>∞\n");
    }

    #[test]
    fn arguments_that_do_not_fit_are_refused() {
        let error = |line| run(line).unwrap_err().to_string();
        assert_eq!(
            error("vote cfg=(1,2) votes=(y)"),
            "expected 2 answers, one for each voter, found \"1 answers\""
        );
        assert_eq!(error("vote cfg=(1) votes=(x)"), "expected y, n or _ for votes=, found \"x\"");
        assert_eq!(
            error("committed cfg=(1) idx=(0)"),
            "expected indexes above 0 or _ for idx=, found \"0\""
        );
        assert_eq!(
            error("committed cfg=(1) cfgj=(zero,1) idx=(1)"),
            "expected zero to be alone in cfgj=, found \"more\""
        );
        assert_eq!(
            error("vote cfgj=x"),
            "expected ids, or the word zero alone, for cfgj=, found \"x\""
        );
        assert_eq!(error("other"), "expected committed or vote, found \"other\"");
        assert_eq!(
            error("vote idx=(1)"),
            "expected no further argument than cfg=, cfgj=, votes=, found \"idx=1\""
        );
    }

    #[test]
    fn a_difference_is_printed() {
        let mut output = String::new();
        let one = MajorityConfig([1].into_iter().collect());
        majority_identities(&one, 6, &|_| Some(5), &mut output);
        let ways: Vec<Vec<_>> =
            output.lines().map(|line| line.split(" <-- via ").collect()).collect();
        let expected: [Vec<&str>; 5] = [
            vec!["5", "alternative computation"],
            vec!["5", "zero-joint quorum"],
            vec!["5", "self-joint quorum"],
            vec!["4", "overlaying 1->4"],
            vec!["0", "overlaying 1->0"],
        ];
        assert_eq!(ways, expected);
    }
}
