//! The corpus of the fuzz targets, run without a fuzzer. It must still reach what it was kept for.

use std::fs;
use std::path::Path;

use harness::fuzz;

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

#[test]
fn decode() {
    let seen: Vec<_> = corpus("decode").iter().map(|bytes| fuzz::decode(bytes)).collect();
    assert!(seen.iter().any(|seen| seen.types == 0));
    assert!(seen.iter().any(|seen| seen.types >= 5));
    assert!(seen.iter().any(|seen| seen.entries >= 1));
    assert!(seen.iter().any(|seen| seen.responses >= 1));
}

#[test]
fn step() {
    let seen: Vec<_> = corpus("step").iter().map(|bytes| fuzz::step(bytes)).collect();
    assert!(seen.iter().any(|seen| seen.healed && seen.refused > 0));
    assert!(seen.iter().any(|seen| seen.taken > 0 && seen.ignored > 0));
    assert!(seen.iter().any(|seen| seen.roles > 1));
    assert!(seen.iter().any(|seen| seen.snapshots > 0));
}

#[test]
fn cluster() {
    let seen: Vec<_> = corpus("cluster").iter().map(|bytes| fuzz::cluster(bytes)).collect();
    assert!(seen.iter().any(|seen| seen.leaders > 2));
    assert!(seen.iter().any(|seen| seen.applied > 5));
    assert!(seen.iter().any(|seen| seen.lost > 0 && seen.doubled > 0));
    assert!(seen.iter().any(|seen| seen.snapshots > 0));
    assert!(seen.iter().any(|seen| seen.conf_changes > 0 && seen.crashes > 0));
}

#[test]
fn script() {
    let seen: Vec<_> = corpus("script").iter().map(|bytes| fuzz::script(bytes)).collect();
    assert!(seen.iter().any(|seen| seen.directives.is_none()));
    assert!(seen.iter().any(|seen| seen.directives > Some(1)));
    assert!(seen.iter().any(|seen| seen.conf_changes > Some(1)));
}
