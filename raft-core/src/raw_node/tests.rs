//! What an application sees: the loop, its two faces, and what becomes of each request.
//!
//! `/// etcd: TestX` names the test of etcd's raft that checks the same: see `tests/upstream.rs`.

mod fixture;

mod asynchronous;
mod batches;
mod contract;
mod failure;
mod fetching;
mod outcomes;
mod pagination;
mod shrink;
mod start;
mod status;
mod steps;
mod zero_copy;
