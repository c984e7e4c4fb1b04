//! What is known of an output, as an item of the table.

use std::{collections::HashMap, io};

use aws_sdk_dynamodb::types::AttributeValue;

use super::{Cloud, parts::PART, told};
use crate::entry::{Entry, Handle};

type Item = HashMap<String, AttributeValue>;

/// Records an output whose parts are all there. From now on it can be read.
pub(super) async fn put(cloud: &Cloud, handle: &Handle, entry: &Entry) -> io::Result<()> {
    let request = cloud.clients().await.dynamodb.put_item().table_name(&cloud.table);
    request.set_item(Some(item(handle, entry))).send().await.map_err(told)?;
    Ok(())
}

/// What is known of `handle`, and how long its parts are.
pub(super) async fn get(cloud: &Cloud, handle: &Handle) -> io::Result<Option<(Entry, u64)>> {
    let request = cloud.clients().await.dynamodb.get_item().table_name(&cloud.table);
    // The replica that is asked first may not be the one that was written to.
    let request = request.key("handle", AttributeValue::S(handle.as_str().to_owned())).consistent_read(true);
    Ok(request.send().await.map_err(told)?.item.as_ref().and_then(read))
}

fn item(handle: &Handle, entry: &Entry) -> Item {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let number = |number: u64| AttributeValue::N(number.to_string());
    [
        ("handle", text(handle.as_str())),
        ("owner", text(&entry.owner)),
        ("label", text(&entry.label)),
        ("bytes", number(entry.bytes)),
        ("kept", number(entry.kept)),
        ("part", number(PART as u64)),
        ("created", number(entry.created)),
        // Seconds, as times to live are counted there, and never too early.
        ("expires", number(entry.expires.div_ceil(1000))),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// `None` where it is not an item of ours.
fn read(item: &Item) -> Option<(Entry, u64)> {
    let text = |name: &str| item.get(name)?.as_s().ok().cloned();
    let number = |name: &str| item.get(name)?.as_n().ok()?.parse::<u64>().ok();
    let entry = Entry {
        owner: text("owner")?,
        label: text("label")?,
        bytes: number("bytes")?,
        kept: number("kept")?,
        created: number("created")?,
        expires: number("expires")?.saturating_mul(1000),
        finished: true,
    };
    Some((entry, number("part").filter(|part| *part > 0)?))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use windlass_core::Principal;

    use super::*;

    #[test]
    fn an_entry_comes_back_as_it_was() {
        let mut entry = Entry::begin(&Principal::local(), "stdout");
        entry.finish(u64::MAX, 7, Duration::from_secs(60));
        let (read, part) = read(&item(&Handle::new(), &entry)).unwrap();
        assert!((0..1000).contains(&(read.expires - entry.expires)));
        entry.expires = read.expires;
        assert_eq!((read, part), (entry, PART as u64));
    }

    #[test]
    fn the_owner_is_named_to_nobody_who_reads_the_table() {
        let owner = Principal { id: "key:alice".into(), ..Principal::local() };
        let item = item(&Handle::new(), &Entry::begin(&owner, "stdout"));
        assert!(!format!("{item:?}").contains("alice"));
    }

    #[test]
    fn an_item_that_is_not_ours_is_none() {
        let whole = item(&Handle::new(), &Entry::begin(&Principal::local(), "stdout"));
        for name in whole.keys().filter(|name| *name != "handle") {
            for instead in [None, Some(AttributeValue::Bool(true)), Some(AttributeValue::N("-1".to_owned()))] {
                let mut item = whole.clone();
                match instead {
                    Some(value) => item.insert(name.clone(), value),
                    None => item.remove(name),
                };
                assert!(read(&item).is_none(), "{name}");
            }
        }
        let mut item = whole;
        item.insert("part".to_owned(), AttributeValue::N("0".to_owned()));
        assert!(read(&item).is_none(), "it would be divided by");
    }
}
