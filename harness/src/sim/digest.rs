//! What of a message goes into the digest of a run: every field, and of entries all but their payloads,
//! of which the lengths.

use raft_proto::{Message, Snapshot};

use super::chance::{fold, mix};

/// A hash of `message`.
pub(super) fn of_message(message: &Message) -> u64 {
    let Message {
        msg_type,
        to,
        from,
        term,
        log_term,
        index,
        commit,
        reject,
        reject_hint,
        vote,
        ..
    } = *message;
    let numbers = [
        msg_type as u64,
        to,
        from,
        term,
        log_term,
        index,
        commit,
        reject.into(),
        reject_hint,
        vote,
    ];
    let mut hash = numbers.into_iter().fold(message.entries.len() as u64, add);
    for entry in message.entries.iter() {
        let kind = entry.entry_type.unwrap_or_default() as u64;
        hash = [entry.term, entry.index, kind, entry.data.len() as u64].into_iter().fold(hash, add);
    }
    if let Some(snapshot) = &message.snapshot {
        hash = add(hash, of_snapshot(snapshot));
    }
    let hash = fold(hash, &message.context);
    message.responses.iter().map(of_message).fold(hash, add)
}

fn of_snapshot(snapshot: &Snapshot) -> u64 {
    let config = snapshot.conf_state();
    let ids = [&config.voters, &config.learners, &config.voters_outgoing, &config.learners_next];
    let hash = ids.into_iter().fold(fold(snapshot.term(), &snapshot.data), |hash, ids| {
        ids.iter().copied().fold(add(hash, ids.len() as u64), add)
    });
    add(hash, snapshot.index())
}

fn add(hash: u64, word: u64) -> u64 {
    mix(hash ^ word)
}

#[cfg(test)]
mod tests {
    use raft_proto::{Entries, Entry, MessageType};

    use super::*;

    #[test]
    fn every_field_counts() {
        let plain = || Message::new(MessageType::MsgApp);
        let entry = |term, data: &'static str| -> Entries {
            [Entry { term, data: data.into(), ..Entry::default() }].into_iter().collect()
        };
        let messages = [
            plain(),
            Message { to: 1, ..plain() },
            Message { from: 1, ..plain() },
            Message { term: 1, ..plain() },
            Message { log_term: 1, ..plain() },
            Message { index: 1, ..plain() },
            Message { commit: 1, ..plain() },
            Message { reject: true, ..plain() },
            Message { reject_hint: 1, ..plain() },
            Message { vote: 1, ..plain() },
            Message { context: "x".into(), ..plain() },
            Message { entries: entry(1, ""), ..plain() },
            Message { entries: entry(2, ""), ..plain() },
            Message { entries: entry(1, "x"), ..plain() },
            Message { snapshot: Some(Box::default()), ..plain() },
            Message { responses: vec![plain()], ..plain() },
            Message::new(MessageType::MsgAppResp),
        ];
        let hashes: std::collections::BTreeSet<_> = messages.iter().map(of_message).collect();
        assert_eq!(hashes.len(), messages.len());
    }
}
