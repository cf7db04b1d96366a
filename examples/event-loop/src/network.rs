//! The network: a channel to each node that is up.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, PoisonError, RwLock};

use crate::node::Input;

#[derive(Clone, Default)]
pub(crate) struct Network {
    inboxes: Arc<RwLock<BTreeMap<u64, Sender<Input>>>>,
}

impl Network {
    /// The inbox of a node that comes up. What was sent while it was down is lost.
    pub(crate) fn connect(&self, id: u64) -> Receiver<Input> {
        let (sender, inbox) = channel();
        self.inboxes.write().unwrap_or_else(PoisonError::into_inner).insert(id, sender);
        inbox
    }

    /// Closes the inbox, which tells the node to end.
    pub(crate) fn disconnect(&self, id: u64) {
        self.inboxes.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    /// Answers whether the node is up, and will find the input in its inbox.
    pub(crate) fn send(&self, to: u64, input: Input) -> bool {
        let inboxes = self.inboxes.read().unwrap_or_else(PoisonError::into_inner);
        inboxes.get(&to).is_some_and(|inbox| inbox.send(input).is_ok())
    }
}
