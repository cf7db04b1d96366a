//! The example on the crate's front page is `examples/hello`, to the letter.

use std::fs;
use std::path::Path;

#[test]
fn the_front_page_shows_the_hello_example() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| fs::read_to_string(root.join(path)).expect(path);
    let front_page = read("src/lib.rs");
    let shown: Vec<_> = front_page
        .lines()
        .filter_map(|line| line.strip_prefix("//!"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .skip_while(|line| *line != "```")
        .skip(1)
        .take_while(|line| *line != "```")
        .collect();
    let example = read("../examples/hello/src/main.rs");
    let code = example.lines().skip_while(|line| line.starts_with("//!") || line.is_empty());
    assert_eq!(shown, code.collect::<Vec<_>>());
}
