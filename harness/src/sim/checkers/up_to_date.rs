//! Votes, and pre-votes, are for those whose log is up to date: whose last entry has a later term, or the
//! same term and no lower an index (Raft §5.4.1; thesis §9.6).

use crate::sim::board::{Checker, Fact, Judged, Scene};

#[derive(Debug, Default)]
pub(super) struct UpToDate;

impl Checker for UpToDate {
    fn rule(&self) -> &'static str {
        "votes for logs that are up to date"
    }

    fn on_fact(&mut self, fact: &Fact<'_>, _: &Scene<'_>) -> Result<Judged, String> {
        let Fact::Voted { request } = fact else { return Ok(Judged::Nothing) };
        let (ours, theirs) = (request.last, request.candidate_last);
        match (theirs.term, theirs.index) < (ours.term, ours.index) {
            true => Err(format!(
                "{} of {} is granted, whose log ends at {theirs}, and ours at {ours}",
                request.kind, request.from
            )),
            false => Ok(Judged::Sound),
        }
    }
}
