//! The wire format of [`Message`], by hand: what `prost` would generate, but with shared entries.

use alloc::boxed::Box;

use bytes::{Buf, BufMut};
use prost::DecodeError;
use prost::encoding::{self, DecodeContext, WireType};

use super::Message;
use crate::Entry;

/// The field numbers of `proto/raftpb.proto`.
mod tag {
    pub(super) const MSG_TYPE: u32 = 1;
    pub(super) const TO: u32 = 2;
    pub(super) const FROM: u32 = 3;
    pub(super) const TERM: u32 = 4;
    pub(super) const LOG_TERM: u32 = 5;
    pub(super) const INDEX: u32 = 6;
    pub(super) const ENTRIES: u32 = 7;
    pub(super) const COMMIT: u32 = 8;
    pub(super) const SNAPSHOT: u32 = 9;
    pub(super) const REJECT: u32 = 10;
    pub(super) const REJECT_HINT: u32 = 11;
    pub(super) const CONTEXT: u32 = 12;
    pub(super) const VOTE: u32 = 13;
    pub(super) const RESPONSES: u32 = 14;
}

impl prost::Message for Message {
    fn encode_raw(&self, buf: &mut impl BufMut) {
        if self.msg_type != 0 {
            encoding::int32::encode(tag::MSG_TYPE, &self.msg_type, buf);
        }
        encode_uint64(tag::TO, self.to, buf);
        encode_uint64(tag::FROM, self.from, buf);
        encode_uint64(tag::TERM, self.term, buf);
        encode_uint64(tag::LOG_TERM, self.log_term, buf);
        encode_uint64(tag::INDEX, self.index, buf);
        for segment in self.entries.segments() {
            encoding::message::encode_repeated(tag::ENTRIES, segment, buf);
        }
        encode_uint64(tag::COMMIT, self.commit, buf);
        if let Some(snapshot) = &self.snapshot {
            encoding::message::encode(tag::SNAPSHOT, snapshot, buf);
        }
        if self.reject {
            encoding::bool::encode(tag::REJECT, &self.reject, buf);
        }
        encode_uint64(tag::REJECT_HINT, self.reject_hint, buf);
        if !self.context.is_empty() {
            encoding::bytes::encode(tag::CONTEXT, &self.context, buf);
        }
        encode_uint64(tag::VOTE, self.vote, buf);
        encoding::message::encode_repeated(tag::RESPONSES, &self.responses, buf);
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        ctx: DecodeContext,
    ) -> Result<(), DecodeError> {
        self.merge_value(tag, wire_type, buf, ctx).map_err(|mut error| {
            if let Some(field) = field_name(tag) {
                error.push("Message", field);
            }
            error
        })
    }

    fn encoded_len(&self) -> usize {
        let mut len = uint64_len(tag::TO, self.to)
            + uint64_len(tag::FROM, self.from)
            + uint64_len(tag::TERM, self.term)
            + uint64_len(tag::LOG_TERM, self.log_term)
            + uint64_len(tag::INDEX, self.index)
            + uint64_len(tag::COMMIT, self.commit)
            + uint64_len(tag::REJECT_HINT, self.reject_hint)
            + uint64_len(tag::VOTE, self.vote)
            + encoding::message::encoded_len_repeated(tag::RESPONSES, &self.responses);
        for segment in self.entries.segments() {
            len += encoding::message::encoded_len_repeated(tag::ENTRIES, segment);
        }
        if self.msg_type != 0 {
            len += encoding::int32::encoded_len(tag::MSG_TYPE, &self.msg_type);
        }
        if let Some(snapshot) = &self.snapshot {
            len += encoding::message::encoded_len(tag::SNAPSHOT, snapshot);
        }
        if self.reject {
            len += encoding::bool::encoded_len(tag::REJECT, &self.reject);
        }
        if !self.context.is_empty() {
            len += encoding::bytes::encoded_len(tag::CONTEXT, &self.context);
        }
        len
    }

    fn clear(&mut self) {
        *self = Message::default();
    }
}

fn encode_uint64(tag: u32, value: u64, buf: &mut impl BufMut) {
    if value != 0 {
        encoding::uint64::encode(tag, &value, buf);
    }
}

fn uint64_len(tag: u32, value: u64) -> usize {
    if value == 0 { 0 } else { encoding::uint64::encoded_len(tag, &value) }
}

impl Message {
    fn merge_value(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        ctx: DecodeContext,
    ) -> Result<(), DecodeError> {
        use prost::encoding::{bool, bytes, int32, message, skip_field, uint64};
        match tag {
            tag::MSG_TYPE => int32::merge(wire_type, &mut self.msg_type, buf, ctx),
            tag::TO => uint64::merge(wire_type, &mut self.to, buf, ctx),
            tag::FROM => uint64::merge(wire_type, &mut self.from, buf, ctx),
            tag::TERM => uint64::merge(wire_type, &mut self.term, buf, ctx),
            tag::LOG_TERM => uint64::merge(wire_type, &mut self.log_term, buf, ctx),
            tag::INDEX => uint64::merge(wire_type, &mut self.index, buf, ctx),
            tag::ENTRIES => {
                let mut entry = Entry::default();
                message::merge(wire_type, &mut entry, buf, ctx)?;
                self.entries.push(entry);
                Ok(())
            }
            tag::COMMIT => uint64::merge(wire_type, &mut self.commit, buf, ctx),
            tag::SNAPSHOT => {
                let snapshot = self.snapshot.get_or_insert_with(Box::default);
                message::merge(wire_type, snapshot, buf, ctx)
            }
            tag::REJECT => bool::merge(wire_type, &mut self.reject, buf, ctx),
            tag::REJECT_HINT => uint64::merge(wire_type, &mut self.reject_hint, buf, ctx),
            tag::CONTEXT => bytes::merge(wire_type, &mut self.context, buf, ctx),
            tag::VOTE => uint64::merge(wire_type, &mut self.vote, buf, ctx),
            tag::RESPONSES => message::merge_repeated(wire_type, &mut self.responses, buf, ctx),
            _ => skip_field(wire_type, tag, buf, ctx),
        }
    }
}

fn field_name(tag: u32) -> Option<&'static str> {
    Some(match tag {
        tag::MSG_TYPE => "msg_type",
        tag::TO => "to",
        tag::FROM => "from",
        tag::TERM => "term",
        tag::LOG_TERM => "log_term",
        tag::INDEX => "index",
        tag::ENTRIES => "entries",
        tag::COMMIT => "commit",
        tag::SNAPSHOT => "snapshot",
        tag::REJECT => "reject",
        tag::REJECT_HINT => "reject_hint",
        tag::CONTEXT => "context",
        tag::VOTE => "vote",
        tag::RESPONSES => "responses",
        _ => return None,
    })
}
