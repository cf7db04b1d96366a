mod contract;

use tempfile::{TempDir, tempdir};

use super::*;

const NODE_1: Identity = Identity { cluster: 7, node: 1 };

fn start() -> Snapshot {
    Snapshot::new(1, 1, ConfState::new([1, 2, 3], []), "start")
}

fn entries(term: u64, range: Range<u64>) -> Entries {
    range.map(|index| Entry::new(term, index, format!("entry {index} of term {term}"))).collect()
}

fn hard_state(term: u64, commit: u64) -> HardState {
    HardState { term, vote: 2, commit }
}

/// What the core would read.
#[derive(Debug, PartialEq)]
struct Content {
    initial: InitialState,
    snapshot: Snapshot,
    first: u64,
    before_first: u64,
    entries: Entries,
}

fn content(storage: &impl Storage) -> Result<Content> {
    let (first, next) = (storage.first_index()?, storage.last_index()? + 1);
    let mut entries = Entries::new();
    if first < next {
        storage.entries(first..next, u64::MAX, ReadPurpose::Scan, &mut entries)?;
    }
    Ok(Content {
        initial: storage.initial_state()?,
        snapshot: storage.snapshot().unwrap_or_default(),
        first,
        before_first: storage.term(first - 1)?,
        entries,
    })
}

fn open(dir: &Path) -> Result<(DiskStorage, Option<Cut>)> {
    DiskStorage::open(dir, NODE_1)
}

/// Opens a directory whose log was not torn.
fn reopen(dir: &Path) -> Result<DiskStorage> {
    let (storage, cut) = open(dir)?;
    assert!(cut.is_none(), "{cut:?}");
    Ok(storage)
}

fn create() -> Result<(TempDir, DiskStorage)> {
    let dir = tempdir()?;
    DiskStorage::create(dir.path(), NODE_1, Some(start()))?;
    let storage = reopen(dir.path())?;
    Ok((dir, storage))
}

/// A directory with a log of `bytes`.
fn dir_of(bytes: &[u8]) -> Result<TempDir> {
    let dir = tempdir()?;
    fs::write(dir.path().join(LOG), bytes)?;
    Ok(dir)
}

fn log_of(dir: &Path) -> Result<Vec<u8>> {
    Ok(fs::read(dir.join(LOG))?)
}

/// Where the records of a log end.
fn ends(log: &[u8]) -> Result<Vec<usize>> {
    let mut ends = Vec::new();
    let mut end = 0;
    while let Some(record) = read_record(&log[end..])? {
        end += record.size;
        ends.push(end);
    }
    Ok(ends)
}

/// A log with records of every kind, and entries that replace others.
fn sample() -> Result<Vec<u8>> {
    let (dir, mut storage) = create()?;
    storage.save(None, &entries(1, 2..5), Some(&hard_state(1, 2)), true)?;
    storage.save(None, &Entries::new(), Some(&hard_state(1, 3)), false)?;
    storage.save(None, &entries(2, 4..6), Some(&hard_state(2, 3)), true)?;
    log_of(dir.path())
}

#[test]
fn a_new_node_starts_where_its_group_does() -> Result<()> {
    let (_dir, storage) = create()?;
    let start = Content {
        initial: InitialState {
            hard_state: HardState { term: 1, vote: 0, commit: 1 },
            conf_state: ConfState::new([1, 2, 3], []),
        },
        snapshot: start(),
        first: 2,
        before_first: 1,
        entries: Entries::new(),
    };
    assert_eq!(content(&storage)?, start);
    Ok(())
}

#[test]
fn a_node_that_joins_starts_from_nothing() -> Result<()> {
    let dir = tempdir()?;
    DiskStorage::create(dir.path(), NODE_1, None)?;
    assert_eq!(content(&reopen(dir.path())?)?, content(&MemoryStorage::new())?);
    Ok(())
}

#[test]
fn a_node_is_made_once() -> Result<()> {
    let (dir, _) = create()?;
    let before = log_of(dir.path())?;
    assert!(DiskStorage::create(dir.path(), NODE_1, None).is_err());
    assert_eq!(log_of(dir.path())?, before);
    Ok(())
}

#[test]
fn what_is_saved_is_there_again() -> Result<()> {
    let (dir, mut storage) = create()?;
    let mut saved = content(&storage)?;
    for (added, hard_state) in [
        (entries(1, 2..5), Some(hard_state(1, 1))),
        (Entries::new(), Some(hard_state(1, 4))),
        (entries(2, 5..6), None),
        (Entries::new(), None),
    ] {
        storage.save(None, &added, hard_state.as_ref(), true)?;
        saved.entries.append(added);
        saved.initial.hard_state = hard_state.unwrap_or(saved.initial.hard_state);
        assert_eq!(content(&storage)?, saved);
        assert_eq!(content(&reopen(dir.path())?)?, saved);
    }
    Ok(())
}

#[test]
fn later_entries_replace_those_from_their_index_on() -> Result<()> {
    let (dir, mut storage) = create()?;
    storage.save(None, &entries(1, 2..7), None, true)?;
    storage.save(None, &entries(2, 4..5), None, true)?;
    storage.save(None, &entries(3, 5..6), None, true)?;
    let mut expected = entries(1, 2..4);
    expected.append(entries(2, 4..5));
    expected.append(entries(3, 5..6));
    assert_eq!(content(&storage)?.entries, expected);
    assert_eq!(content(&reopen(dir.path())?)?, content(&storage)?);
    Ok(())
}

#[test]
fn entries_that_leave_a_gap_do_not_reach_the_disk() -> Result<()> {
    let (dir, mut storage) = create()?;
    let before = log_of(dir.path())?;
    assert!(storage.save(None, &entries(1, 3..4), None, true).is_err());
    assert_eq!(log_of(dir.path())?, before);
    Ok(())
}

#[test]
fn a_snapshot_replaces_everything() -> Result<()> {
    let (dir, mut storage) = create()?;
    storage.save(None, &entries(1, 2..9), Some(&hard_state(1, 3)), true)?;
    let snapshot = Snapshot::new(6, 2, ConfState::new([1, 4], []), "state");
    storage.save(Some(&snapshot), &entries(3, 7..9), Some(&hard_state(3, 6)), true)?;
    let expected = Content {
        initial: InitialState {
            hard_state: hard_state(3, 6),
            conf_state: ConfState::new([1, 4], []),
        },
        snapshot,
        first: 7,
        before_first: 2,
        entries: entries(3, 7..9),
    };
    assert_eq!(content(&storage)?, expected);
    assert_eq!(content(&reopen(dir.path())?)?, expected);
    Ok(())
}

#[test]
fn compaction_shortens_the_log() -> Result<()> {
    let (dir, mut storage) = create()?;
    storage.save(None, &entries(1, 2..12), Some(&hard_state(1, 10)), true)?;
    let before = log_of(dir.path())?.len();
    storage.compact(9, ConfState::new([1, 2], []), "state".into(), 3)?;
    assert!(log_of(dir.path())?.len() < before);

    // A tail before the snapshot is kept in memory only.
    let expected = Content {
        initial: InitialState {
            hard_state: hard_state(1, 10),
            conf_state: ConfState::new([1, 2], []),
        },
        snapshot: Snapshot::new(9, 1, ConfState::new([1, 2], []), "state"),
        first: 7,
        before_first: 1,
        entries: entries(1, 7..12),
    };
    assert_eq!(content(&storage)?, expected);
    let on_disk = Content { first: 10, entries: entries(1, 10..12), ..expected };
    assert_eq!(content(&reopen(dir.path())?)?, on_disk);

    // The new file goes on as the old one did.
    storage.save(None, &entries(2, 11..13), Some(&hard_state(2, 11)), true)?;
    let mut goes_on = entries(1, 10..11);
    goes_on.append(entries(2, 11..13));
    assert_eq!(content(&reopen(dir.path())?)?.entries, goes_on);

    // With room for a longer tail than there is nothing more is dropped.
    storage.compact(11, ConfState::new([1], []), "later".into(), 100)?;
    assert_eq!(storage.first_index()?, 7);
    assert_eq!(content(&reopen(dir.path())?)?.entries, entries(2, 12..13));
    Ok(())
}

#[test]
fn a_half_written_new_log_means_nothing() -> Result<()> {
    let (dir, storage) = create()?;
    let log = log_of(dir.path())?;
    fs::write(dir.path().join(NEW_LOG), &log[..log.len() / 2])?;
    let mut again = reopen(dir.path())?;
    assert_eq!(content(&again)?, content(&storage)?);
    again.save(None, &entries(1, 2..3), Some(&hard_state(1, 2)), true)?;
    again.compact(2, ConfState::new([1], []), Bytes::new(), 0)?;
    assert_eq!(content(&reopen(dir.path())?)?, content(&again)?);
    Ok(())
}

#[test]
fn an_incomplete_last_record_is_cut_off() -> Result<()> {
    let log = sample()?;
    let ends = ends(&log)?;
    assert_eq!((ends.len(), ends.last()), (3 + 4 + 1 + 3, Some(&log.len())));
    let base = ends[2]; // header, snapshot, hard state

    let mut last_end = base;
    for length in base..=log.len() {
        if ends.contains(&length) {
            last_end = length;
        }
        let (torn, whole) = (dir_of(&log[..length])?, dir_of(&log[..last_end])?);
        let (mut storage, cut) = open(torn.path())?;
        let notice = format!(
            "{}: cut off an incomplete last record, {} bytes at offset {last_end}",
            torn.path().join(LOG).display(),
            length - last_end,
        );
        let notice = (length > last_end).then_some(notice);
        assert_eq!(cut.map(|cut| cut.to_string()), notice, "{length} bytes");
        assert_eq!(log_of(torn.path())?, &log[..last_end], "{length} bytes");
        assert_eq!(content(&storage)?, content(&reopen(whole.path())?)?, "{length} bytes");

        // And the log goes on from there.
        let next = storage.last_index()? + 1;
        storage.save(None, &entries(3, next..next + 2), Some(&hard_state(3, 2)), true)?;
        assert_eq!(content(&reopen(torn.path())?)?, content(&storage)?, "{length} bytes");
    }
    Ok(())
}

#[test]
fn no_crash_cuts_what_was_whole_when_it_got_its_name() -> Result<()> {
    let log = sample()?;
    for length in 0..ends(&log)?[2] {
        assert_damaged(&log[..length], None)?;
    }
    Ok(())
}

#[test]
fn a_flipped_byte_is_damage_wherever_it_is() -> Result<()> {
    let log = sample()?;
    let mut start = 0;
    for end in ends(&log)? {
        for (at, flip) in (start..end).flat_map(|at| [0x01, 0x80, 0xff].map(|flip| (at, flip))) {
            let mut damaged = log.clone();
            damaged[at] ^= flip;
            assert_damaged(&damaged, Some(start))?;
        }
        start = end;
    }
    Ok(())
}

/// Asserts that a log is refused, with its name and the offset of the record, and not touched.
fn assert_damaged(log: &[u8], offset: Option<usize>) -> Result<()> {
    let dir = dir_of(log)?;
    let error = format!("{:#}", open(dir.path()).map(drop).unwrap_err());
    let file = dir.path().join(LOG);
    assert!(error.contains(&format!("{}", file.display())), "{error}");
    let offset = offset.map_or_else(String::new, |offset| format!("{offset}:"));
    assert!(error.contains(&format!("damaged at offset {offset}")), "{error}");
    assert_eq!(fs::read(file)?, log);
    Ok(())
}

#[test]
fn a_record_in_the_wrong_place_is_damage() -> Result<()> {
    let log = sample()?;
    let ends = ends(&log)?;
    let (header, snapshot, rest) = (&log[..ends[0]], &log[ends[0]..ends[1]], &log[ends[1]..]);
    for parts in [
        &[snapshot, rest][..],
        &[header, rest],
        &[header, header, snapshot, rest],
        &[header, snapshot, rest, header],
        &[header, snapshot, rest, snapshot],
    ] {
        assert_damaged(&parts.concat(), None)?;
    }
    let mut unknown = log;
    push_record(&mut unknown, 5, b"")?;
    assert_damaged(&unknown, None)
}

#[test]
fn the_log_of_another_is_refused() -> Result<()> {
    let (dir, _) = create()?;
    let before = log_of(dir.path())?;
    for (identity, message) in [
        (Identity { node: 2, ..NODE_1 }, "it belongs to node 1 of cluster 0000000000000007"),
        (Identity { cluster: 8, ..NODE_1 }, "not to node 1 of cluster 0000000000000008"),
    ] {
        let error = format!("{:#}", DiskStorage::open(dir.path(), identity).unwrap_err());
        assert!(error.contains(message), "{error}");
        assert_eq!(log_of(dir.path())?, before);
    }
    Ok(())
}

#[test]
fn a_log_of_another_format_is_refused() -> Result<()> {
    for (magic, version, message) in [
        (*b"raft-log", 2_u32, "its format is 2, not 1"),
        (*b"raft-cat", 1, "not a log of this program"),
    ] {
        let mut header = magic.to_vec();
        header.extend(version.to_le_bytes());
        let mut log = Vec::new();
        push_record(&mut log, HEADER, &header)?;
        let error = format!("{:#}", open(dir_of(&log)?.path()).unwrap_err());
        assert!(error.contains(message), "{error}");
    }
    Ok(())
}

#[test]
fn a_directory_without_a_log_is_an_error() -> Result<()> {
    let dir = tempdir()?;
    assert!(open(dir.path()).is_err());
    assert!(open(&dir.path().join("missing")).is_err());
    Ok(())
}
