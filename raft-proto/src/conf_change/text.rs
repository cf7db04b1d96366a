//! Configuration changes as text: the short form of tests and tools, and etcd's description.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::{
    ConfChangeSingle, ConfChangeTransition, ConfChangeType, ConfChangeV2, ParseConfChangeError,
    quoted,
};

/// Reads changes such as `v1 l2 r3 u4`, separated by white space: a letter and a node id in
/// decimal each.
///
/// | letter | change |
/// |---|---|
/// | `v` | [`AddNode`](ConfChangeType::AddNode) |
/// | `l` | [`AddLearnerNode`](ConfChangeType::AddLearnerNode) |
/// | `r` | [`RemoveNode`](ConfChangeType::RemoveNode) |
/// | `u` | [`UpdateNode`](ConfChangeType::UpdateNode) |
///
/// # Errors
/// Names the first part that is not such a change.
pub fn parse_conf_changes(text: &str) -> Result<Vec<ConfChangeSingle>, ParseConfChangeError> {
    text.split_whitespace()
        .map(|token| {
            parse_change(token).ok_or_else(|| ParseConfChangeError { token: token.to_string() })
        })
        .collect()
}

fn parse_change(token: &str) -> Option<ConfChangeSingle> {
    let mut chars = token.chars();
    let change_type = match chars.next()? {
        'v' => ConfChangeType::AddNode,
        'l' => ConfChangeType::AddLearnerNode,
        'r' => ConfChangeType::RemoveNode,
        'u' => ConfChangeType::UpdateNode,
        _ => return None,
    };
    let digits = chars.as_str();
    // `parse` would take a sign.
    let node_id = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?;
    Some(ConfChangeSingle::new(change_type, node_id?))
}

/// The changes in the form that [`parse_conf_changes`] reads.
///
/// A change of unknown type is shown as `unknown` and its node id, which is not read back.
#[must_use]
pub fn format_conf_changes(changes: &[ConfChangeSingle]) -> String {
    display_conf_changes(changes).to_string()
}

/// [`format_conf_changes`] without a string of its own.
#[must_use]
pub fn display_conf_changes(changes: &[ConfChangeSingle]) -> DisplayConfChanges<'_> {
    DisplayConfChanges(changes)
}

/// Shows changes as `v1 l2 r3 u4`. Made by [`display_conf_changes`].
#[derive(Clone, Copy, Debug)]
pub struct DisplayConfChanges<'a>(&'a [ConfChangeSingle]);

impl fmt::Display for DisplayConfChanges<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, change) in self.0.iter().enumerate() {
            let separator = if position == 0 { "" } else { " " };
            let letter = match change.kind() {
                Ok(ConfChangeType::AddNode) => "v",
                Ok(ConfChangeType::AddLearnerNode) => "l",
                Ok(ConfChangeType::RemoveNode) => "r",
                Ok(ConfChangeType::UpdateNode) => "u",
                Err(_) => "unknown",
            };
            write!(f, "{separator}{letter}{}", change.node_id())?;
        }
        Ok(())
    }
}

/// etcd's names, as `ConfChangeAddNode`.
impl fmt::Display for ConfChangeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConfChange{self:?}")
    }
}

/// etcd's names, as `ConfChangeTransitionAuto`.
impl fmt::Display for ConfChangeTransition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConfChangeTransition{self:?}")
    }
}

/// etcd's description, as
/// `transition:ConfChangeTransitionAuto changes:{type:ConfChangeAddNode node_id:3}`. The
/// context follows if there is one, [`quoted`]. A number that is no known type or transition
/// stands for itself.
impl fmt::Display for ConfChangeV2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("transition:")?;
        write_name::<ConfChangeTransition>(self.transition, f)?;
        for change in &self.changes {
            f.write_str(" changes:{type:")?;
            write_name::<ConfChangeType>(change.change_type, f)?;
            write!(f, " node_id:{}}}", change.node_id())?;
        }
        if !self.context().is_empty() {
            write!(f, " context:{}", quoted(self.context()))?;
        }
        Ok(())
    }
}

fn write_name<E>(value: Option<i32>, f: &mut fmt::Formatter<'_>) -> fmt::Result
where
    E: TryFrom<i32> + fmt::Display,
{
    let value = value.unwrap_or_default();
    match E::try_from(value) {
        Ok(known) => write!(f, "{known}"),
        Err(_) => write!(f, "{value}"),
    }
}
