//! Every interaction script under our own stricter rules, beside etcd's: see
//! [`harness::interaction::StrictTwin`]. One trial a script, and one for all of them.

mod scripts;

use harness::interaction::Agreement;
use harness::runner::{Language, read_script, run_file_strictly};
use libtest_mimic::{Arguments, Failed, Trial};

/// Of 10 scripts, at least so many are to end in the same state under both rules after every
/// `stabilize`. What agreement there must be is checked in each script; this is to notice when
/// there is much less of it than there can be.
const EQUAL_IN_TEN: usize = 8;

fn main() {
    let mut trials = scripts::trials("strict", |path| {
        if Language::of(&read_script(path)?) != Language::Interaction {
            return Ok(());
        }
        let (failures, _) = run_file_strictly(path);
        let failures: Vec<String> = failures.iter().map(ToString::to_string).collect();
        if failures.is_empty() { Ok(()) } else { Err(failures.join("\n").into()) }
    });
    if let Ok(scripts) = scripts::conformance() {
        let most_are_equal = move || -> Result<(), Failed> {
            let runs = scripts.iter().map(|script| run_file_strictly(&script.path));
            let agreements: Vec<Agreement> = runs.filter_map(|(_, agreement)| agreement).collect();
            let equal = agreements.iter().filter(|&&how| how == Agreement::AfterEveryStabilize);
            let (equal, all) = (equal.count(), agreements.len());
            if equal * 10 < all * EQUAL_IN_TEN {
                return Err(format!("only {equal} of {all} are equal after every stabilize").into());
            }
            Ok(())
        };
        let name = "most scripts are equal after every stabilize";
        trials.push(Trial::test(name, most_are_equal).with_kind("strict"));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
