//! What etcd encodes, we decode to the same meaning, and keep it through our own encoding.
//!
//! The samples are the lines of `wire.jsonl` in the conformance folder: a test for each. The
//! folder is `RAFT_CONFORMANCE_DIR` if that is set, and must then have them, else
//! `../shared/conformance`, both seen from the workspace; without either the test says so and is
//! ignored.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::{env, fs};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use raft_proto::prost;
use raft_proto::{
    ConfChange, ConfChangeV2, ConfState, Entry, HardState, Message, Snapshot, SnapshotMetadata,
};
use serde_json::{Value, json};

const SAMPLES: &str = "wire.jsonl";
const SAMPLE_COUNT: usize = 270;
const DEFAULT_FOLDER: &str = "../shared/conformance";
const FOLDER_VARIABLE: &str = "RAFT_CONFORMANCE_DIR";

fn main() {
    libtest_mimic::run(&Arguments::from_args(), trials()).exit();
}

fn trials() -> Vec<Trial> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let named = env::var_os(FOLDER_VARIABLE).map(PathBuf::from);
    let folder = workspace.join(named.as_deref().unwrap_or(Path::new(DEFAULT_FOLDER)));
    if named.is_none() && !folder.exists() {
        return vec![Trial::ignorable_test(SAMPLES, || {
            let reason =
                format!("no {DEFAULT_FOLDER} from the workspace, and no {FOLDER_VARIABLE}");
            Ok(Completion::ignored_with(reason))
        })];
    }
    let path = folder.join(SAMPLES);
    let samples = match fs::read_to_string(&path) {
        Ok(samples) => samples,
        Err(error) => {
            let failure = format!("cannot read {}: {error}", path.display());
            return vec![Trial::test(SAMPLES, || Err(failure.into()))];
        }
    };
    let count = samples.lines().count();
    let mut trials = vec![Trial::test("count", move || check_eq("samples", &count, &SAMPLE_COUNT))];
    trials.extend((1..).zip(samples.lines()).map(|(number, line)| {
        let line = line.to_owned();
        Trial::test(format!("line_{number:03}"), move || check_line(&line))
    }));
    trials
}

fn check_line(line: &str) -> Result<(), Failed> {
    let sample = serde_json::from_str::<Value>(line)?;
    let text = |key: &str| sample[key].as_str().ok_or(format!("no {key}"));
    let bytes = hex::decode(text("hex")?)?;
    let value = &sample["value"];
    match text("message")? {
        "Message" => check(&bytes, value, message),
        "Entry" => check(&bytes, value, entry),
        "ConfState" => check(&bytes, value, conf_state),
        "HardState" => check(&bytes, value, hard_state),
        "ConfChange" => check(&bytes, value, conf_change),
        "ConfChangeV2" => check(&bytes, value, conf_change_v2),
        other => Err(format!("no such message: {other}").into()),
    }
}

fn check<M>(bytes: &[u8], expected: &Value, meaning: fn(&M) -> Value) -> Result<(), Failed>
where
    M: prost::Message + Default + PartialEq + Debug,
{
    let decoded = M::decode(bytes)?;
    check_eq("meaning", &meaning(&decoded), expected)?;
    let encoded = decoded.encode_to_vec();
    check_eq("encoded length", &encoded.len(), &decoded.encoded_len())?;
    let again = M::decode(encoded.as_slice())?;
    check_eq("decoded again", &again, &decoded)
}

fn check_eq<T: PartialEq + Debug>(what: &str, left: &T, right: &T) -> Result<(), Failed> {
    match left == right {
        true => Ok(()),
        false => Err(format!("{what}: {left:#?}, expected {right:#?}").into()),
    }
}

fn message(m: &Message) -> Value {
    json!({
        "type": m.msg_type,
        "to": m.to,
        "from": m.from,
        "term": m.term,
        "log_term": m.log_term,
        "index": m.index,
        "entries": m.entries.iter().map(entry).collect::<Vec<_>>(),
        "commit": m.commit,
        "snapshot": m.snapshot.as_deref().map(snapshot),
        "reject": m.reject,
        "reject_hint": m.reject_hint,
        "context": STANDARD.encode(&m.context),
        "vote": m.vote,
        "responses": m.responses.iter().map(message).collect::<Vec<_>>(),
    })
}

fn entry(e: &Entry) -> Value {
    json!({
        "type": e.entry_type.unwrap_or_default(),
        "term": e.term,
        "index": e.index,
        "data": STANDARD.encode(&e.data),
    })
}

fn snapshot(s: &Snapshot) -> Value {
    json!({
        "data": STANDARD.encode(&s.data),
        "metadata": s.metadata.as_ref().map(snapshot_metadata),
    })
}

fn snapshot_metadata(m: &SnapshotMetadata) -> Value {
    json!({
        "conf_state": m.conf_state.as_ref().map(conf_state),
        "index": m.index,
        "term": m.term,
    })
}

fn conf_state(c: &ConfState) -> Value {
    json!({
        "voters": c.voters,
        "learners": c.learners,
        "voters_outgoing": c.voters_outgoing,
        "learners_next": c.learners_next,
        "auto_leave": c.auto_leave,
    })
}

fn hard_state(h: &HardState) -> Value {
    json!({ "term": h.term, "vote": h.vote, "commit": h.commit })
}

fn conf_change(c: &ConfChange) -> Value {
    json!({
        "id": c.id.unwrap_or_default(),
        "type": c.change_type.unwrap_or_default(),
        "node_id": c.node_id.unwrap_or_default(),
        "context": STANDARD.encode(c.context()),
    })
}

fn conf_change_v2(c: &ConfChangeV2) -> Value {
    let changes = c.changes.iter().map(|change| {
        json!({
            "type": change.change_type.unwrap_or_default(),
            "node_id": change.node_id.unwrap_or_default(),
        })
    });
    json!({
        "transition": c.transition.unwrap_or_default(),
        "changes": changes.collect::<Vec<_>>(),
        "context": STANDARD.encode(c.context()),
    })
}
