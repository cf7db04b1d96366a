use super::*;
use crate::datadriven::Problem;

/// Prints what the first argument says, or panics.
#[derive(Default)]
struct Echo;

impl Interpreter for Echo {
    fn run(&mut self, directive: &Directive) -> Result<String, BadArgument> {
        match directive.command.as_str() {
            "panic" => panic!("{}", directive.args[0]),
            "refuse" => Err(BadArgument::invalid("something else", "this")),
            _ => Ok(directive.args[0].to_string()),
        }
    }
}

fn script(text: &str) -> Script {
    Script::parse(Path::new("s.txt"), text).unwrap()
}

fn run(text: &str) -> Run {
    run_script(&script(text), &mut Echo)
}

#[test]
fn a_difference_does_not_stop_a_script() {
    let run = run("echo a\n----\nb\n\necho c\n----\nc\n\necho d\n----\ne\n");
    assert_eq!(run.outputs, ["a", "c", "d"]);
    let lines = run.failures.iter().map(|failure| match failure {
        Failure::Difference { path, line, .. } => (path.as_path(), *line),
        other => panic!("{other}"),
    });
    assert_eq!(lines.collect::<Vec<_>>(), [(Path::new("s.txt"), 1), (Path::new("s.txt"), 9)]);
}

#[test]
fn a_difference_shows_the_lines_that_differ_and_their_neighbours() {
    let expected: String = (1..=9).map(|n| format!("line {n}\n")).collect();
    let printed = expected.replace("line 5\n", "line V\n");
    let failure = Failure::Difference { path: "s.txt".into(), line: 7, expected, printed };
    assert_eq!(
        failure.to_string(),
        "s.txt:7: output differs (-expected +printed)\n\
         @@ -2,7 +2,7 @@\n line 2\n line 3\n line 4\n-line 5\n+line V\n line 6\n line 7\n line 8\n"
    );
}

#[test]
fn a_panic_is_a_failure_of_its_script_alone() {
    let text = "echo a\n----\na\n\npanic now\n----\n\necho b\n----\nb\n";
    let failed = run(text);
    assert_eq!(failed.outputs, ["a"]);
    let [Failure::Panic { line: 5, message, .. }] = failed.failures.as_slice() else {
        panic!("{:?}", failed.failures)
    };
    assert_eq!(message, "now");
    assert!(run("echo a\n----\na\n").failures.is_empty());
}

#[test]
fn a_refused_directive_ends_its_script() {
    let run = run("refuse\n----\n\necho b\n----\nb\n");
    let [Failure::Script(error)] = run.failures.as_slice() else { panic!("{:?}", run.failures) };
    let problem = Problem::Argument(BadArgument::invalid("something else", "this"));
    assert_eq!(*error, ScriptError::new(Path::new("s.txt"), 1, problem));
    assert!(run.outputs.is_empty());
}

#[test]
fn the_first_command_tells_the_language() {
    let language = |command| Language::of(&script(&format!("# c\n{command}\n----\n")));
    assert_eq!(language("vote"), Language::Quorum);
    assert_eq!(language("committed cfg=(1)"), Language::Quorum);
    assert_eq!(language("simple\nv1"), Language::ConfChange);
    assert_eq!(language("enter-joint"), Language::ConfChange);
    assert_eq!(language("leave-joint"), Language::ConfChange);
    assert_eq!(language("add-nodes 1"), Language::Interaction);
    assert_eq!(language("unheard-of"), Language::Interaction);
    assert_eq!(Language::of(&script("# nothing")), Language::Interaction);
}

#[test]
fn a_folder_is_searched_and_a_file_is_taken_as_it_is() {
    let root = std::env::temp_dir().join(format!("harness-find-{}", std::process::id()));
    for file in ["b.txt", "a/z.txt", "a/y.txt", "a/b/x.txt", "a/readme.md", "c.d/w.txt"] {
        let file = root.join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, "").unwrap();
    }
    std::fs::create_dir_all(root.join("empty")).unwrap();
    let found = |paths: &[&str]| {
        let paths: Vec<_> = paths.iter().map(|path| root.join(path)).collect();
        let found = find_scripts(&paths).map_err(|failure| failure.to_string())?;
        let names = found.iter().map(|path| path.strip_prefix(&root).unwrap().display());
        Ok::<_, String>(names.map(|name| name.to_string()).collect::<Vec<_>>())
    };
    assert_eq!(found(&[""]).unwrap(), ["a/b/x.txt", "a/y.txt", "a/z.txt", "b.txt", "c.d/w.txt"]);
    assert_eq!(found(&["b.txt", "a/readme.md"]).unwrap(), ["b.txt", "a/readme.md"]);
    assert_eq!(found(&["empty"]).unwrap(), [""; 0]);
    assert!(found(&["missing"]).unwrap_err().contains("missing"));
    std::fs::remove_dir_all(root).unwrap();
}

#[test]
fn a_tally_reads_as_scripts_expect_it() {
    let mut tally = Tally::default();
    for passed in [true, false, true] {
        tally.count(passed);
    }
    assert_eq!(tally.to_string(), "2 passed, 1 failed");
}
