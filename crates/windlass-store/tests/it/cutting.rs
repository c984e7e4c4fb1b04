use proptest::prelude::*;
use windlass_core::{Outputs, Principal};

use crate::{Bench, finish, keep, pages};

#[test]
fn small_output_is_whole_and_touches_no_disk() {
    let bench = Bench::new();
    let captured = keep(&bench.open(), &Principal::local(), "héllo\n".repeat(500).as_bytes());
    assert_eq!((captured.truncated, captured.handle), (false, None));
    assert_eq!(captured.text, "héllo\n".repeat(500));
    assert!(bench.files().is_empty());
}

#[test]
fn long_output_shows_head_note_and_tail() {
    let bench = Bench::new().output(200);
    let text: String = (0..400_000).map(|line| format!("{line}\n")).collect();
    let captured = keep(&bench.open(), &Principal::local(), text.as_bytes());
    let handle = captured.handle.unwrap();
    assert_eq!(captured.bytes, text.len() as u64);
    let shown = captured.text.replace(&handle, "HANDLE").replace('\n', " ");
    insta::assert_snapshot!(shown, @r#"0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 [... 2,688,740 bytes left out; read_output handle="HANDLE" offset=100 ...]  399993 399994 399995 399996 399997 399998 399999"#);
}

#[test]
fn binary_never_outgrows_the_answer() {
    let bench = Bench::new();
    for length in [1000, 1365, 1366, 4000, 4096, 4097, 50_000] {
        let captured = keep(&bench.open(), &Principal::local(), &vec![0xFE; length]);
        assert!(captured.text.len() <= 4096, "{length} became {}", captured.text.len());
        assert_eq!(captured.truncated, length > 1365, "{length}");
        assert_eq!(captured.handle.is_some(), captured.truncated);
    }
}

#[test]
fn what_is_hidden_is_kept_and_only_that_is_left_out() {
    let keep_hidden = |bench: &Bench, shown: &str, hidden: &str| {
        let store = bench.open();
        let mut sink = store.open(&Principal::local(), "rows");
        sink.write(shown.as_bytes());
        sink.hide_rest();
        sink.write(hidden.as_bytes());
        let captured = finish(sink);
        let whole = captured.handle.as_ref().map(|handle| pages(&store, &Principal::local(), handle, 65_536));
        (captured, whole)
    };
    let bench = Bench::new().output(200);
    let (captured, whole) = keep_hidden(&bench, "one\ntwo\n", &"more\n".repeat(100_000));
    let shown = captured.text.replace(captured.handle.as_deref().unwrap(), "HANDLE");
    insta::assert_snapshot!(shown.replace('\n', " "), @r#"one two  [... 500,000 bytes left out; read_output handle="HANDLE" offset=8 ...] "#);
    assert_eq!(whole.unwrap(), format!("one\ntwo\n{}", "more\n".repeat(100_000)));
    // What is shown can itself be too long.
    let (captured, whole) = keep_hidden(&bench, &"long\n".repeat(1000), "more\n");
    assert_eq!(captured.text.matches("bytes left out").count(), 2, "{}", captured.text);
    assert!(captured.truncated && whole.unwrap().ends_with("long\nmore\n"));
    // Nothing came after it.
    let (captured, whole) = keep_hidden(&bench, "all\n", "");
    assert_eq!((captured.text.as_str(), captured.truncated, whole), ("all\n", false, None));
}

#[test]
fn what_was_not_kept_is_said() {
    let text = "x".repeat(10_000);
    let captured = keep(&Bench::new().spill(6000).open(), &Principal::local(), text.as_bytes());
    assert!(captured.text.contains("(only the first 6,000 bytes were kept)"), "{}", captured.text);
    let captured = keep(&Bench::new().spill(0).open(), &Principal::local(), text.as_bytes());
    assert!(captured.text.contains("bytes left out, and not kept ...]"), "{}", captured.text);
    assert_eq!(captured.handle, None);
}

#[test]
fn a_sink_that_is_dropped_leaves_nothing() {
    let bench = Bench::new();
    let mut sink = bench.open().open(&Principal::local(), "stdout");
    sink.write(&[b'x'; 200_000]);
    assert_eq!(bench.files().len(), 1);
    drop(sink);
    assert!(bench.files().is_empty());
}

fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(vec!["a", "é", "€", "😀", "\n", "日本", "\u{301}"]), 0..900)
        .prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_character_is_ever_cut(text in text(), cap in 1_u64..1500, split in 1_usize..400, page in 16_u64..200) {
        let bench = Bench::new().output(cap);
        let store = bench.open();
        let owner = Principal::local();
        let mut sink = store.open(&owner, "stdout");
        text.as_bytes().chunks(split).for_each(|piece| sink.write(piece));
        let captured = finish(sink);
        prop_assert_eq!(captured.bytes, text.len() as u64);
        prop_assert_eq!(captured.truncated, text.len() as u64 > cap);
        prop_assert!(!captured.text.contains(char::REPLACEMENT_CHARACTER));
        if !captured.truncated {
            prop_assert_eq!(captured.text, text);
            return Ok(());
        }
        prop_assert!(cap < 1024 || captured.text.len() as u64 <= cap);
        let (head, rest) = captured.text.split_once("\n[... ").unwrap();
        let (note, tail) = rest.split_once(" ...]\n").unwrap();
        let left_out: usize = note.split_once(' ').unwrap().0.replace(',', "").parse().unwrap();
        prop_assert!(text.starts_with(head) && text.ends_with(tail));
        prop_assert_eq!(head.len() + left_out + tail.len(), text.len());
        let offset = format!("offset={}", head.len());
        prop_assert!(note.ends_with(&offset), "{}", note);
        prop_assert_eq!(pages(&store, &owner, &captured.handle.unwrap(), page), text);
    }

    #[test]
    fn binary_is_shown_like_a_lossy_reader_would(bytes in proptest::collection::vec(any::<u8>(), 600..900), page in 16_u64..99) {
        let store = Bench::new().nowhere().output(512).open();
        let captured = keep(&store, &Principal::local(), &bytes);
        let whole = pages(&store, &Principal::local(), &captured.handle.unwrap(), page);
        prop_assert_eq!(whole, String::from_utf8_lossy(&bytes));
    }
}
