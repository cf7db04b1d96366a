//! Making configuration changes, and what they ask for.

mod request;
mod text;

use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;

pub use request::ConfChangeRequest;
pub use text::{DisplayConfChanges, display_conf_changes, format_conf_changes, parse_conf_changes};

use crate::{
    ConfChange, ConfChangeSingle, ConfChangeTransition, ConfChangeType, ConfChangeV2,
    UnknownEnumValue,
};

impl ConfChange {
    /// A change of one node.
    #[must_use]
    pub fn new(change_type: ConfChangeType, node_id: u64) -> Self {
        ConfChange {
            change_type: Some(change_type.into()),
            node_id: Some(node_id),
            ..ConfChange::default()
        }
    }

    /// The same change with the application's bytes.
    #[must_use]
    pub fn with_context(self, context: impl Into<Bytes>) -> Self {
        ConfChange { context: Some(context.into()), ..self }
    }

    /// What happens to the node; an absent type is [`ConfChangeType::AddNode`].
    ///
    /// Unlike the generated `change_type()`, which takes a number it does not know for
    /// [`ConfChangeType::AddNode`].
    ///
    /// # Errors
    /// The type's number is not one of [`ConfChangeType`].
    pub fn kind(&self) -> Result<ConfChangeType, UnknownEnumValue> {
        change_kind(self.change_type)
    }

    /// The same change in the second form.
    #[must_use]
    pub fn as_v2(&self) -> ConfChangeV2 {
        self.clone().into_v2()
    }

    /// The same change in the second form, which has no place for `id`.
    #[must_use]
    pub fn into_v2(self) -> ConfChangeV2 {
        let change = ConfChangeSingle { change_type: self.change_type, node_id: self.node_id };
        ConfChangeV2 {
            context: self.context,
            ..ConfChangeV2::new(ConfChangeTransition::Auto, vec![change.with_zeros()])
        }
    }

    /// The same change with absent type and node id as zeros, which is how etcd encodes it.
    fn with_zeros(self) -> Self {
        ConfChange {
            change_type: Some(self.change_type.unwrap_or_default()),
            node_id: Some(self.node_id.unwrap_or_default()),
            ..self
        }
    }
}

impl ConfChangeSingle {
    /// A change of one node.
    #[must_use]
    pub fn new(change_type: ConfChangeType, node_id: u64) -> Self {
        ConfChangeSingle { change_type: Some(change_type.into()), node_id: Some(node_id) }
    }

    /// What happens to the node; an absent type is [`ConfChangeType::AddNode`].
    ///
    /// Unlike the generated `change_type()`, which takes a number it does not know for
    /// [`ConfChangeType::AddNode`].
    ///
    /// # Errors
    /// The type's number is not one of [`ConfChangeType`].
    pub fn kind(&self) -> Result<ConfChangeType, UnknownEnumValue> {
        change_kind(self.change_type)
    }

    fn with_zeros(self) -> Self {
        ConfChangeSingle {
            change_type: Some(self.change_type.unwrap_or_default()),
            node_id: Some(self.node_id.unwrap_or_default()),
        }
    }
}

impl ConfChangeV2 {
    /// A set of changes, made in this order.
    #[must_use]
    pub fn new(transition: ConfChangeTransition, changes: Vec<ConfChangeSingle>) -> Self {
        ConfChangeV2 { transition: Some(transition.into()), changes, context: None }
    }

    /// The same change with the application's bytes.
    #[must_use]
    pub fn with_context(self, context: impl Into<Bytes>) -> Self {
        ConfChangeV2 { context: Some(context.into()), ..self }
    }

    /// Whether this leaves a joint configuration: it changes nothing, and its transition is
    /// auto. The context does not matter.
    #[must_use]
    pub fn leave_joint(&self) -> bool {
        self.transition.unwrap_or_default() == i32::from(ConfChangeTransition::Auto)
            && self.changes.is_empty()
    }

    /// Whether this goes by a joint configuration: `Some` if so, with whether that
    /// configuration is left automatically.
    ///
    /// # Errors
    /// The transition's number is not one of [`ConfChangeTransition`].
    pub fn enter_joint(&self) -> Result<Option<bool>, UnknownEnumValue> {
        let value = self.transition.unwrap_or_default();
        let transition = ConfChangeTransition::try_from(value)
            .map_err(|_| UnknownEnumValue { enum_name: "ConfChangeTransition", value })?;
        Ok(match transition {
            // One change fits into a simple one; more need both quorums.
            ConfChangeTransition::Auto if self.changes.len() <= 1 => None,
            ConfChangeTransition::Auto | ConfChangeTransition::JointImplicit => Some(true),
            ConfChangeTransition::JointExplicit => Some(false),
        })
    }

    fn with_zeros(mut self) -> Self {
        self.transition = Some(self.transition.unwrap_or_default());
        for change in &mut self.changes {
            *change = change.with_zeros();
        }
        self
    }
}

fn change_kind(change_type: Option<i32>) -> Result<ConfChangeType, UnknownEnumValue> {
    let value = change_type.unwrap_or_default();
    ConfChangeType::try_from(value)
        .map_err(|_| UnknownEnumValue { enum_name: "ConfChangeType", value })
}
