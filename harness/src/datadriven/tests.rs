use super::*;

fn script(text: &str) -> Script {
    Script::parse(Path::new("s.txt"), text).unwrap()
}

fn error(text: &str) -> String {
    Script::parse(Path::new("s.txt"), text).unwrap_err().to_string()
}

fn arg(key: &str, values: Option<&[&str]>) -> Arg {
    let values = values.map(|values| values.iter().map(|value| (*value).to_owned()).collect());
    Arg { key: key.to_owned(), values }
}

fn args(line: &str) -> Vec<Arg> {
    script(&format!("{line}\n----\n")).directives()[0].args.clone()
}

#[test]
fn a_directive_has_command_arguments_input_and_output() {
    let script =
        script("\n# comment\ncmd 1 k=v\n in 1\n\nin 2 \n----\nout 1\nout 2\n\n  \nnext\n----\n");
    let [first, next] = script.directives() else { panic!("{script:?}") };
    assert_eq!((first.line, first.command.as_str()), (3, "cmd"));
    assert_eq!(first.args, [arg("1", None), arg("k", Some(&["v"]))]);
    assert_eq!(first.input, "in 1\n\nin 2");
    assert_eq!(first.expected, "out 1\nout 2\n");
    assert_eq!((next.line, next.command.as_str(), next.expected.as_str()), (12, "next", ""));
}

#[test]
fn values_are_words_or_lists() {
    assert_eq!(args("c a= b=1=2"), [arg("a", Some(&[""])), arg("b", Some(&["1=2"]))]);
    assert_eq!(args("c  a=(1, 2 ,x y)\t"), [arg("a", Some(&["1", "2", "x y"]))]);
    assert_eq!(args("c a=() b=(,)"), [arg("a", Some(&[])), arg("b", Some(&["", ""]))]);
    assert_eq!(args("c a=(f(1,2),3) b"), [arg("a", Some(&["f(1,2)", "3"])), arg("b", None)]);
    assert_eq!(args("c (1)"), [arg("(1)", None)]);
}

#[test]
fn arguments_print_as_they_are_written() {
    for line in ["a", "a=1", "a=", "a=(1,2)", "a=()"] {
        assert_eq!(args(&format!("c {line}"))[0].to_string(), line);
    }
}

#[test]
fn a_backslash_continues_the_command() {
    let script = script("# no continuation \\\ncmd a \\\n   b=(1, \\\n  2) \\\n c\n----\nout\n");
    let [directive] = script.directives() else { panic!("{script:?}") };
    assert_eq!((directive.line, directive.command.as_str()), (2, "cmd"));
    let expected = [arg("a", None), arg("b", Some(&["1", "2"])), arg("c", None)];
    assert_eq!(directive.args, expected);
}

#[test]
fn comments_end_where_input_and_output_begin() {
    let script = script("  # indented\ncmd\n# input\n----\n# output\n");
    let [directive] = script.directives() else { panic!("{script:?}") };
    assert_eq!((directive.input.as_str(), directive.expected.as_str()), ("# input", "# output\n"));
}

#[test]
fn the_long_form_keeps_blank_lines() {
    let script = script("a\n----\n----\n1\n\n----\n2\n----\n----\n\nb\n----\n----\n----\n----\n");
    let [a, b] = script.directives() else { panic!("{script:?}") };
    assert_eq!(a.expected, "1\n\n----\n2\n");
    assert_eq!(b.expected, "");
}

#[test]
fn the_last_line_needs_no_end() {
    assert_eq!(script("a\n----\nout").directives()[0].expected, "out\n");
    assert_eq!(script("a\n----").directives()[0].expected, "");
    assert_eq!(script("a\r\n----\r\nout\r\n").directives()[0].expected, "out\n");
    assert!(script("").directives().is_empty());
    assert!(script("# nothing").directives().is_empty());
}

#[test]
fn malformed_scripts_are_refused_with_file_line_and_expectation() {
    assert_eq!(
        error("\ncmd\ninput\n"),
        "s.txt:2: expected a line `----` after the command, found the end of the script"
    );
    assert_eq!(
        error("cmd =1\n----\n"),
        "s.txt:1: column 5: expected an argument's name before the `=`"
    );
    assert_eq!(
        error("ok\n----\n\nécmd k=(1,(2)\n----\n"),
        "s.txt:4: column 14: expected `)` at the end of the list"
    );
    assert_eq!(error("cmd k=(1)2\n----\n"), "s.txt:1: column 10: expected a space after the list");
    assert_eq!(
        error("cmd\n----\n----\nout\n----\n"),
        "s.txt:3: expected `----` twice at the end of this output, found the end of the script"
    );
    assert_eq!(
        error("cmd\n----\n----\n----\n----\nmore\n"),
        "s.txt:6: expected a blank line after the output, found \"more\""
    );
}

#[test]
fn rewriting_replaces_what_differs_and_nothing_else() {
    let script =
        script("# c\na\n----\nold\n\n\nb\n----\nkept\n\nc\n----\n----\n\n----\n----\n\nd\n----");
    let outputs = ["new\n\nmore", "kept\n", "short\n", "end"].map(str::to_owned);
    assert_eq!(
        script.rewritten(&outputs),
        "# c\na\n----\n----\nnew\n\nmore\n----\n----\n\n\nb\n----\nkept\n\nc\n----\nshort\n\nd\n----\nend\n"
    );
    assert_eq!(
        script.rewritten(&outputs[..1]),
        "# c\na\n----\n----\nnew\n\nmore\n----\n----\n\n\nb\n----\nkept\n\nc\n----\n----\n\n----\n----\n\nd\n----"
    );
}

#[test]
fn what_was_rewritten_is_expected_the_next_time() {
    let outputs = ["", "one", "one\ntwo\n", "\n", "a\n\nb", "----\na\n", "a\n----\nb\n"];
    for output in outputs.map(str::to_owned) {
        let script = script("a\n----\nold\n\nb\n----\n");
        let again =
            Script::parse(Path::new("s.txt"), script.rewritten(std::slice::from_ref(&output)))
                .unwrap();
        assert!(again.directives()[0].is_expected(&output), "{output:?}: {again:?}");
        assert_eq!(again.directives().len(), 2);
    }
}

mod arguments {
    use super::*;

    fn directive(text: &str) -> Directive {
        script(&format!("{text}\n----\n")).directives()[0].clone()
    }

    #[test]
    fn arguments_are_taken_by_kind_and_key() {
        let directive = directive("cmd 1 n=5 2 list=(x,y) flag=true 3\nthe input");
        let mut args = Arguments::new(&directive);
        assert_eq!(args.list::<String>("list"), Ok(Some(vec!["x".to_owned(), "y".to_owned()])));
        assert_eq!(args.positional::<u64>("the first"), Ok(1));
        assert_eq!(args.positionals::<usize>("the others"), Ok(vec![2, 3]));
        assert_eq!(args.required::<u32>("n"), Ok(5));
        assert_eq!(args.keyed::<bool>("flag"), Ok(Some(true)));
        assert_eq!(args.keyed::<bool>("other"), Ok(None));
        assert_eq!(args.input(), "the input");
        assert_eq!(args.finish(), Ok(()));
    }

    #[test]
    fn what_is_wrong_is_told_with_what_was_expected() {
        let text = |error: BadArgument| error.to_string();
        let given = directive("cmd x k=(1,2) n=-1 big=99999999999999999999");
        let mut args = Arguments::new(&given);
        assert_eq!(
            text(args.positional::<u64>("the node").unwrap_err()),
            "expected a number for the node, found \"x\""
        );
        assert_eq!(
            text(args.positional::<u64>("the peer").unwrap_err()),
            "expected a number for the peer, found no further argument"
        );
        assert_eq!(
            text(args.keyed::<u64>("k").unwrap_err()),
            "expected a number for k=, found \"k=(1,2)\""
        );
        assert_eq!(
            text(args.required::<u64>("n").unwrap_err()),
            "expected a number for n=, found \"-1\""
        );
        assert_eq!(
            text(args.keyed::<u64>("big").unwrap_err()),
            "expected a number for big=, found \"99999999999999999999\""
        );
        assert_eq!(
            text(args.required::<bool>("flag").unwrap_err()),
            "expected true or false for flag=, found no further argument"
        );
    }

    #[test]
    fn nothing_is_left_over_in_silence() {
        let left_over = directive("cmd 1 typo=2");
        let mut args = Arguments::new(&left_over);
        args.positional::<u64>("the node").unwrap();
        args.keyed::<u64>("index").unwrap();
        args.list::<u64>("voters").unwrap();
        assert_eq!(
            args.finish().unwrap_err().to_string(),
            "expected no further argument than index=, voters=, found \"typo=2\""
        );

        let twice = directive("cmd n=1 n=1");
        let mut args = Arguments::new(&twice);
        args.keyed::<u64>("n").unwrap();
        assert!(args.finish().is_err());

        let swallowed = directive("cmd\nnext 1");
        assert_eq!(
            Arguments::new(&swallowed).finish().unwrap_err().to_string(),
            "expected a line `----` after the command, found \"next 1\""
        );
    }
}
