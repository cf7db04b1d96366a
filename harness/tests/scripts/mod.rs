//! Which scripts there are to run.

use std::path::{Path, PathBuf};

use harness::runner::find_scripts;
use libtest_mimic::{Failed, Trial};

/// Where the conformance scripts are, unless they are where a checkout has them.
const CONFORMANCE_DIR: &str = "RAFT_CONFORMANCE_DIR";

/// A script, and what to call it.
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

/// A trial for each conformance script and for each of our own.
///
/// Without conformance scripts there is one trial in their place: it fails if they should be there,
/// and else is reported as ignored.
pub(crate) fn trials(kind: &str, test: fn(&Path) -> Result<(), Failed>) -> Vec<Trial> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let own = named("testdata", &own).expect("our own scripts are part of the checkout");
    let mut trials: Vec<Trial> = own.into_iter().map(|script| trial(script, kind, test)).collect();
    match conformance() {
        Ok(scripts) => trials.extend(scripts.into_iter().map(|script| trial(script, kind, test))),
        Err(absent) => trials.push(absent),
    }
    trials
}

fn trial(script: Named, kind: &str, test: fn(&Path) -> Result<(), Failed>) -> Trial {
    Trial::test(script.name, move || test(&script.path)).with_kind(kind)
}

/// The conformance scripts, or the trial that tells why there are none.
pub(crate) fn conformance() -> Result<Vec<Named>, Trial> {
    if let Some(dir) = std::env::var_os(CONFORMANCE_DIR) {
        return named("conformance", Path::new(&dir)).map_err(|reason| {
            let reason = format!("{CONFORMANCE_DIR}: {reason}");
            Trial::test("conformance", move || Err(reason.into()))
        });
    }
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance");
    named("conformance", &beside).map_err(|_| {
        let name = format!("conformance: no scripts beside the checkout, and no {CONFORMANCE_DIR}");
        Trial::test(name, || Ok(())).with_ignored_flag(true)
    })
}

/// The scripts below `folder`, named by their places in it; without any, why.
fn named(prefix: &str, folder: &Path) -> Result<Vec<Named>, String> {
    let scripts = find_scripts(&[folder]).map_err(|failure| failure.to_string())?;
    if scripts.is_empty() {
        return Err(format!("{}: no script in it", folder.display()));
    }
    let named = scripts.into_iter().map(|path| {
        let place = path.strip_prefix(folder).unwrap_or(&path).display();
        Named { name: format!("{prefix}/{place}"), path }
    });
    Ok(named.collect())
}
