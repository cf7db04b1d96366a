//! The generated files are checked in. These tests generate them again from
//! `proto/raftpb.proto` and compare, so that neither can be edited alone.

use std::path::{Path, PathBuf};
use std::{env, fs};

use prost_build::{Config, Module};

const HEADER: &str = "\
// @generated from proto/raftpb.proto. Do not edit; after a change of the proto run
// `REWRITE=1 cargo test -p raft-proto --test generated`.

";

/// The crate's own types: all but `Message`, which is written by hand because it
/// holds shared entries.
#[test]
fn types_are_up_to_date() {
    let mut config = Config::new();
    config.extern_path(".raftpb.Message", "crate::Message");
    // prost derives both for every message but those with repeated messages in them.
    config.type_attribute(".raftpb.ConfChangeV2", "#[derive(Eq, Hash)]");
    check("src/generated.rs", config);
}

/// All types as prost has them, `Message` too: what the hand-written codec is
/// tested against.
#[test]
fn twin_is_up_to_date() {
    check("tests/twin/raftpb.rs", Config::new());
}

fn check(file: &str, mut config: Config) {
    let path = manifest_dir().join(file);
    let generated = generate(&mut config);
    if env::var_os("REWRITE").is_some() {
        fs::write(&path, generated).unwrap();
        return;
    }
    let checked_in = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        checked_in == generated,
        "raft-proto/{file} is not what proto/raftpb.proto generates; \
         `REWRITE=1 cargo test -p raft-proto --test generated` brings it up to date",
    );
}

fn generate(config: &mut Config) -> String {
    let proto_dir = manifest_dir().join("../proto");
    let descriptors = protox::compile(["raftpb.proto"], [proto_dir]).unwrap();
    let module = Module::from_protobuf_package_name("raftpb");
    let requests =
        descriptors.file.into_iter().map(|file| (module.clone(), file)).collect::<Vec<_>>();
    let code = config.bytes(["."]).generate(requests).unwrap();
    format!("{HEADER}{}", code[&module])
}

fn manifest_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}
