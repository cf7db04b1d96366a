//! The sources of a folder, as text.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Texts by path below the folder.
pub(crate) type Sources = BTreeMap<String, String>;

/// All Rust files below `folder`.
pub(crate) fn below(folder: &Path) -> Sources {
    let mut found = Sources::new();
    collect(folder, folder, &mut found);
    found
}

fn collect(root: &Path, folder: &Path, found: &mut Sources) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry of the folder").path();
        if path.is_dir() {
            collect(root, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let below = path.strip_prefix(root).expect("a path below the root");
            let names: Vec<_> = below.iter().map(|name| name.to_string_lossy()).collect();
            found.insert(names.join("/"), fs::read_to_string(&path).expect("a source"));
        }
    }
}
