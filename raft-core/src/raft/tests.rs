//! What the machine does, one behaviour a test.
//!
//! `/// etcd: TestX` names the test of etcd's raft that checks the same: see `tests/upstream.rs`. A
//! test without a word on it holds under [`Compat::Strict`](crate::Compat::Strict); one that loops
//! over `BOTH` holds under etcd's rules as well.

mod fixture;

mod election;
#[cfg(raft_fault)]
mod faults;
mod flow_control;
mod gate;
mod membership;
mod paper;
mod parity;
mod reads;
mod replication;
mod shrink;
mod snapshot;
mod strict;
mod transfer;
