//! Every script prints what it expects, byte for byte. One trial a script.
//!
//! The conformance scripts are those of the folder that `RAFT_CONFORMANCE_DIR` names, or of
//! `../shared/conformance` beside the checkout. Our own are in `testdata`.

mod scripts;

use std::path::Path;

use harness::datadriven::Script;
use harness::runner::{Language, read_script, run_script};
use libtest_mimic::{Arguments, Failed};

fn main() {
    let trials = scripts::trials("script", |path| {
        let script = read_script(path)?;
        let run = run_script(&script, Language::of(&script).interpreter().as_mut());
        if !run.failures.is_empty() {
            let failures: Vec<String> = run.failures.iter().map(ToString::to_string).collect();
            return Err(failures.join("\n").into());
        }
        rewriting_keeps_all_but_outputs(&script, &run.outputs)
    });
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn rewriting_keeps_all_but_outputs(script: &Script, outputs: &[String]) -> Result<(), Failed> {
    if script.rewritten(outputs) != script.text() {
        return Err("rewriting with the expected outputs changes the script".into());
    }
    let others = vec!["first\n\nsecond".to_owned(); outputs.len()];
    let rewritten = Script::parse(Path::new("rewritten.txt"), script.rewritten(&others))?;
    if !rewritten.directives().iter().all(|directive| directive.is_expected(&others[0])) {
        return Err("rewriting with other outputs loses some".into());
    }
    let none = vec![String::new(); outputs.len()];
    if rewritten.rewritten(&none) != script.rewritten(&none) {
        return Err("rewriting with other outputs changes more than outputs".into());
    }
    Ok(())
}
