//! Tokens as a server writes them (MS-TDS 2.2.7), one function each.

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A text with its length in one byte.
fn short(text: &str) -> Vec<u8> {
    [vec![text.encode_utf16().count() as u8], utf16(text)].concat()
}

/// A token whose length stands in two bytes.
fn sized(kind: u8, body: Vec<u8>) -> Vec<u8> {
    [vec![kind], (body.len() as u16).to_le_bytes().to_vec(), body].concat()
}

pub fn login_ack() -> Vec<u8> {
    sized(0xad, [vec![1, 0x74, 0, 0, 4], short("Microsoft SQL Server"), vec![16, 0, 0x10, 0]].concat())
}

/// The database is now this one.
pub fn database(name: &str) -> Vec<u8> {
    sized(0xe3, [vec![1], short(name), short("master")].concat())
}

/// Go elsewhere.
pub fn routing(host: &str, port: u16) -> Vec<u8> {
    let host = [(host.encode_utf16().count() as u16).to_le_bytes().to_vec(), utf16(host)].concat();
    let place = [vec![0], port.to_le_bytes().to_vec(), host].concat();
    sized(0xe3, [vec![20], (place.len() as u16).to_le_bytes().to_vec(), place, vec![0, 0]].concat())
}

pub fn error(number: u32, class: u8, message: &str) -> Vec<u8> {
    let text = [(message.encode_utf16().count() as u16).to_le_bytes().to_vec(), utf16(message)].concat();
    let line = 1_u32.to_le_bytes().to_vec();
    sized(0xaa, [number.to_le_bytes().to_vec(), vec![1, class], text, short("standin"), short(""), line].concat())
}

pub const FINAL: u16 = 0;
pub const COUNTED: u16 = 0x10;
pub const ATTENTION: u16 = 0x20;

pub fn done(status: u16, rows: u64) -> Vec<u8> {
    [vec![0xfd], status.to_le_bytes().to_vec(), vec![0xc1, 0], rows.to_le_bytes().to_vec()].concat()
}

/// Columns, each a name and how its type is written.
pub fn columns(columns: &[(&str, &[u8])]) -> Vec<u8> {
    let mut token = [vec![0x81], (columns.len() as u16).to_le_bytes().to_vec()].concat();
    for (name, kind) in columns {
        token.extend([[0, 0, 0, 0, 8, 0].as_slice(), kind, &short(name)].concat());
    }
    token
}

/// Values as they are written, one after the other.
pub fn row(values: &[Vec<u8>]) -> Vec<u8> {
    [vec![0xd1], values.concat()].concat()
}

pub const INT: &[u8] = &[0x26, 4];
pub const BIGINT: &[u8] = &[0x26, 8];
pub const NVARCHAR: &[u8] = &[0xe7, 0x40, 0x1f, 9, 4, 0xd0, 0, 0x34];

pub fn int(value: i32) -> Vec<u8> {
    [vec![4], value.to_le_bytes().to_vec()].concat()
}

pub fn bigint(value: i64) -> Vec<u8> {
    [vec![8], value.to_le_bytes().to_vec()].concat()
}

pub fn nvarchar(text: &str) -> Vec<u8> {
    [((2 * text.encode_utf16().count()) as u16).to_le_bytes().to_vec(), utf16(text)].concat()
}

/// An answer of texts.
pub fn texts(names: &[&str], rows: &[&[&str]]) -> Vec<u8> {
    let heads: Vec<_> = names.iter().map(|name| (*name, NVARCHAR)).collect();
    let rows = rows.iter().flat_map(|cells| row(&cells.iter().map(|cell| nvarchar(cell)).collect::<Vec<_>>()));
    [columns(&heads), rows.collect(), done(COUNTED, 0)].concat()
}

/// An answer of one number.
pub fn number(name: &str, value: i32) -> Vec<u8> {
    [columns(&[(name, INT)]), row(&[int(value)]), done(COUNTED, 1)].concat()
}
