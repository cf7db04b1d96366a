//! Floor 6. The text forms in which etcd's tests show entries, messages and batches.

use core::fmt::{self, Display, Formatter, Write};

use raft_proto::{
    ConfChangeRequest, Entries, Entry, EntryType, HardState, LOCAL_APPEND_THREAD,
    LOCAL_APPLY_THREAD, Message, NONE, Snapshot, display_conf_changes, quoted,
};

use crate::read_index::ReadState;
use crate::ready::{AsyncReady, Ready, SoftState};

/// A thing in etcd's words.
struct Described<F>(F);

impl<F: Fn(&mut Formatter<'_>) -> fmt::Result> Display for Described<F> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        (self.0)(f)
    }
}

/// `1/4 EntryNormal "data"`: term, index, type, and data; of a configuration change the short form
/// of its changes.
pub fn entry(entry: &Entry) -> impl Display + '_ {
    Described(move |f: &mut Formatter<'_>| write_entry(f, entry))
}

/// `1->2 MsgApp Term:1 Log:1/11 Commit:11 Entries:[...]`.
pub fn message(message: &Message) -> impl Display + '_ {
    Described(move |f: &mut Formatter<'_>| write_message(f, message))
}

/// A [`Ready`] and what comes after it is persisted, as etcd shows them: as one.
pub fn ready(ready: &Ready) -> impl Display + '_ {
    Described(move |f: &mut Formatter<'_>| {
        let batch = Batch {
            must_sync: ready.must_sync,
            soft_state: ready.soft_state.as_ref(),
            hard_state: ready.hard_state.as_ref(),
            read_states: &ready.read_states,
            entries: &ready.entries,
            snapshot: ready.snapshot(),
            committed_entries: &ready.rest.committed_entries,
            messages: [&ready.messages, &ready.rest.messages],
        };
        write_batch(f, &batch)
    })
}

/// An [`AsyncReady`].
pub fn async_ready(ready: &AsyncReady) -> impl Display + '_ {
    Described(move |f: &mut Formatter<'_>| {
        let writes = &ready.writes;
        let batch = Batch {
            must_sync: writes.must_sync,
            soft_state: ready.soft_state.as_ref(),
            hard_state: writes.hard_state.as_ref(),
            read_states: &ready.read_states,
            entries: &writes.entries,
            snapshot: writes.snapshot.as_deref(),
            committed_entries: &writes.committed_entries,
            messages: [&ready.messages, &[]],
        };
        write_batch(f, &batch)
    })
}

struct Batch<'a> {
    must_sync: bool,
    soft_state: Option<&'a SoftState>,
    hard_state: Option<&'a HardState>,
    read_states: &'a [ReadState],
    entries: &'a Entries,
    snapshot: Option<&'a Snapshot>,
    committed_entries: &'a Entries,
    messages: [&'a [Message]; 2],
}

impl Batch<'_> {
    fn is_empty(&self) -> bool {
        self.soft_state.is_none()
            && self.hard_state.is_none()
            && self.read_states.is_empty()
            && self.entries.is_empty()
            && self.snapshot.is_none()
            && self.committed_entries.is_empty()
            && self.messages.iter().all(|messages| messages.is_empty())
    }
}

fn write_batch(f: &mut Formatter<'_>, batch: &Batch<'_>) -> fmt::Result {
    if batch.is_empty() {
        return f.write_str("<empty Ready>");
    }
    writeln!(f, "Ready MustSync={}:", batch.must_sync)?;
    if let Some(SoftState { leader_id, role }) = batch.soft_state {
        writeln!(f, "Lead:{leader_id} State:{role}")?;
    }
    if let Some(HardState { term, vote, commit }) = batch.hard_state {
        write!(f, "HardState Term:{term}")?;
        if *vote != NONE {
            write!(f, " Vote:{vote}")?;
        }
        writeln!(f, " Commit:{commit}")?;
    }
    if !batch.read_states.is_empty() {
        f.write_str("ReadStates ")?;
        write_read_states(f, batch.read_states)?;
        writeln!(f)?;
    }
    if !batch.entries.is_empty() {
        writeln!(f, "Entries:")?;
        write_entries(f, batch.entries)?;
    }
    if let Some(snapshot) = batch.snapshot {
        f.write_str("Snapshot ")?;
        write_snapshot(f, snapshot)?;
        writeln!(f)?;
    }
    if !batch.committed_entries.is_empty() {
        writeln!(f, "CommittedEntries:")?;
        write_entries(f, batch.committed_entries)?;
    }
    if batch.messages.iter().any(|messages| !messages.is_empty()) {
        writeln!(f, "Messages:")?;
        for message in batch.messages.into_iter().flatten() {
            write_message(f, message)?;
            writeln!(f)?;
        }
    }
    Ok(())
}

fn write_entries(f: &mut Formatter<'_>, entries: &Entries) -> fmt::Result {
    for entry in entries {
        write_entry(f, entry)?;
        writeln!(f)?;
    }
    Ok(())
}

/// `[{14 [114 51]} {15 [114 52]}]`: index and context bytes.
fn write_read_states(f: &mut Formatter<'_>, read_states: &[ReadState]) -> fmt::Result {
    f.write_char('[')?;
    for (i, read) in read_states.iter().enumerate() {
        let space = if i > 0 { " " } else { "" };
        write!(f, "{space}{{{} ", read.index)?;
        write_list(f, read.request_ctx.iter())?;
        f.write_char('}')?;
    }
    f.write_char(']')
}

fn write_list<T: Display>(f: &mut Formatter<'_>, items: impl Iterator<Item = T>) -> fmt::Result {
    f.write_char('[')?;
    for (i, item) in items.enumerate() {
        let space = if i > 0 { " " } else { "" };
        write!(f, "{space}{item}")?;
    }
    f.write_char(']')
}

fn write_entry(f: &mut Formatter<'_>, entry: &Entry) -> fmt::Result {
    let Entry { term, index, data, .. } = entry;
    match entry.kind() {
        Ok(EntryType::Normal) => write!(f, "{term}/{index} EntryNormal {}", quoted(data)),
        Ok(kind) => {
            let name = match kind {
                EntryType::ConfChange => "EntryConfChange",
                _ => "EntryConfChangeV2",
            };
            write!(f, "{term}/{index} {name}")?;
            match ConfChangeRequest::from_entry(entry) {
                Ok(Some(request)) => {
                    let changes = request.as_v2().changes;
                    if changes.is_empty() {
                        return Ok(());
                    }
                    write!(f, " {}", display_conf_changes(&changes))
                }
                Ok(None) => Ok(()),
                Err(error) => write!(f, " {error}"),
            }
        }
        Err(unknown) => write!(f, "{term}/{index} {unknown} {}", quoted(data)),
    }
}

fn write_snapshot(f: &mut Formatter<'_>, snapshot: &Snapshot) -> fmt::Result {
    let conf_state = snapshot.conf_state();
    write!(f, "Index:{} Term:{} ConfState:", snapshot.index(), snapshot.term())?;
    let lists = [
        ("Voters:", &conf_state.voters),
        (" VotersOutgoing:", &conf_state.voters_outgoing),
        (" Learners:", &conf_state.learners),
        (" LearnersNext:", &conf_state.learners_next),
    ];
    for (name, ids) in lists {
        f.write_str(name)?;
        write_list(f, ids.iter())?;
    }
    write!(f, " AutoLeave:{}", conf_state.auto_leave)
}

fn write_target(f: &mut Formatter<'_>, id: u64) -> fmt::Result {
    match id {
        NONE => f.write_str("None"),
        LOCAL_APPEND_THREAD => f.write_str("AppendThread"),
        LOCAL_APPLY_THREAD => f.write_str("ApplyThread"),
        id => write!(f, "{id:x}"),
    }
}

fn write_message(f: &mut Formatter<'_>, m: &Message) -> fmt::Result {
    write_message_indented(f, m, 0)
}

fn write_message_indented(f: &mut Formatter<'_>, m: &Message, indent: usize) -> fmt::Result {
    write!(f, "{:indent$}", "")?;
    write_target(f, m.from)?;
    f.write_str("->")?;
    write_target(f, m.to)?;
    match m.kind() {
        Ok(kind) => write!(f, " {kind}")?,
        Err(_) => write!(f, " {}", m.msg_type)?,
    }
    write!(f, " Term:{} Log:{}/{}", m.term, m.log_term, m.index)?;
    if m.reject {
        write!(f, " Rejected (Hint: {})", m.reject_hint)?;
    }
    if m.commit != 0 {
        write!(f, " Commit:{}", m.commit)?;
    }
    if m.vote != NONE {
        write!(f, " Vote:{}", m.vote)?;
    }
    match m.entries.len() {
        0 => {}
        1 => {
            f.write_str(" Entries:[")?;
            m.entries.iter().try_for_each(|entry| write_entry(f, entry))?;
            f.write_char(']')?;
        }
        _ => {
            f.write_str(" Entries:[")?;
            for entry in &m.entries {
                write!(f, "\n{:indent$}  ", "")?;
                write_entry(f, entry)?;
            }
            write!(f, "\n{:indent$}]", "")?;
        }
    }
    if let Some(snapshot) = m.snapshot.as_deref().filter(|snapshot| !snapshot.is_empty()) {
        write!(f, "\n{:indent$}  Snapshot: ", "")?;
        write_snapshot(f, snapshot)?;
    }
    if !m.responses.is_empty() {
        f.write_str(" Responses:[")?;
        for response in &m.responses {
            writeln!(f)?;
            write_message_indented(f, response, indent + 2)?;
        }
        write!(f, "\n{:indent$}]", "")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use raft_proto::parse_conf_changes;
    use raft_proto::{ConfChange, ConfChangeTransition, ConfChangeType, ConfChangeV2};

    use super::*;

    /// etcd: TestDescribeEntry
    #[test]
    fn an_entry_shows_its_place_and_what_it_holds() {
        let at = |entry| Entry { term: 1, index: 2, ..entry };
        let v1 = ConfChange::new(ConfChangeType::RemoveNode, 10);
        let changes = parse_conf_changes("v1 l2 r3 u4").expect("four changes");
        let v2 = ConfChangeV2::new(ConfChangeTransition::Auto, changes);
        let typed =
            |entry_type, data| Entry { entry_type: Some(entry_type), ..Entry::proposal(data) };
        for (held, expected) in [
            (Entry::proposal("hello\0world"), r#"1/2 EntryNormal "hello\x00world""#),
            (Entry::proposal(""), r#"1/2 EntryNormal """#),
            (typed(0, "x"), r#"1/2 EntryNormal "x""#),
            (ConfChangeRequest::from(v1).into_entry(), "1/2 EntryConfChange r10"),
            (ConfChangeRequest::from(v2).into_entry(), "1/2 EntryConfChangeV2 v1 l2 r3 u4"),
            // It leaves a joint configuration.
            (typed(2, ""), "1/2 EntryConfChangeV2"),
        ] {
            assert_eq!(entry(&at(held)).to_string(), expected);
        }
    }
}
