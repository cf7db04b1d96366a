//! One node in memory: propose a line, and apply it.

use raft_core::proto::ConfState;
use raft_core::{Config, MemoryStorage, RawNode, SlogObserver};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let storage = MemoryStorage::with_conf_state(ConfState::new([1], []));
    let mut node = RawNode::with_observer(Config::new(1), storage, SlogObserver::discard())?;
    node.campaign()?;
    run(&mut node)?; // The node votes for itself, and leads.
    println!("proposed: {:?}", node.propose("hello")?);
    run(&mut node)
}

/// Does the node's work until there is none.
fn run(node: &mut RawNode<MemoryStorage>) -> Result<(), Box<dyn std::error::Error>> {
    while node.has_ready() {
        let mut ready = node.ready()?;
        ready.take_messages().for_each(drop); // There is nobody to send them to.
        let storage = node.storage_mut();
        if let Some(snapshot) = ready.snapshot() {
            storage.apply_snapshot(snapshot.clone())?;
        }
        storage.append(ready.entries())?;
        if let Some(hard_state) = ready.hard_state() {
            storage.set_hard_state(*hard_state);
        }
        let mut done = ready.persisted();
        for entry in &done.take_committed_entries() {
            // The first entry of a leader is empty.
            println!("applied {}/{}: {:?}", entry.term, entry.index, entry.data);
        }
        node.advance(done)?;
    }
    Ok(())
}
