//! Makes the database of a shop that does not exist: the same bytes each time.

#[path = "words.rs"]
mod words;

use std::{error::Error, fs, os::unix::fs::PermissionsExt, path::Path};

use rusqlite::{Connection, OpenFlags, Transaction, params};
use time::{Date, Duration, Month};
use words::{CATEGORIES, CITIES, COLOURS, FIRST, KINDS, NOTES, SECOND, SUPPLIERS};

/// Raised when the same program would make other bytes.
const VERSION: i32 = 1;

/// Says that a file is of this program: `wdls`.
const APPLICATION: i32 = 0x7764_6c73;

const CUSTOMERS: i64 = 200;
const ORDERS: i64 = 2000;
const FIRST_DAY: (i32, Month, u8) = (2025, Month::January, 1);
const DAYS: i64 = 546; // to 2026-06-30

/// What [`make`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// The file is new, or was of another version.
    New,
    /// It was there already.
    AlreadyThere,
}

/// Makes the database at that place, all of it or nothing. A file that is something else is left alone.
pub fn make(path: &Path) -> Result<Made, Box<dyn Error>> {
    if path.try_exists()? {
        let there = Connection::open_with_flags(fs::canonicalize(path)?, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let number = |name| there.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
        if number("application_id")? != APPLICATION {
            return Err(format!("{} is there, and not of this program", path.display()).into());
        }
        if number("user_version")? == VERSION {
            return Ok(Made::AlreadyThere);
        }
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let readable = fs::Permissions::from_mode(0o644);
    let draft = tempfile::Builder::new().prefix(".shop-").permissions(readable).tempfile_in(folder)?;
    write(&fs::canonicalize(draft.path())?)?;
    draft.as_file().sync_all()?;
    draft.persist(path)?;
    Ok(Made::New)
}

fn write(path: &Path) -> Result<(), Box<dyn Error>> {
    let mut database = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    database.execute_batch(&format!(
        "PRAGMA journal_mode = OFF; PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION};"
    ))?;
    let transaction = database.transaction()?;
    transaction.execute_batch(include_str!("schema.sql"))?;
    Shop { rows: &transaction, dice: Dice(2026), stock: Vec::new() }.fill()?;
    transaction.commit()?;
    database.execute_batch("ANALYZE; VACUUM;")?;
    Ok(())
}

/// Numbers that look random and never change: splitmix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.roll() % bound
    }

    fn in_hundred(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    /// An index, as often as its weight says.
    fn weighted(&mut self, weights: impl Iterator<Item = u64> + Clone) -> usize {
        let mut left = self.below(weights.clone().sum());
        for (index, weight) in weights.enumerate() {
            if left < weight {
                return index;
            }
            left -= weight;
        }
        0
    }
}

struct Product {
    price: i64,
    supplier: usize,
    category: usize,
    popularity: u64,
}

struct Customer {
    kind: usize,
    joined: Date,
}

struct Shop<'a> {
    rows: &'a Transaction<'a>,
    dice: Dice,
    /// What is there of each product.
    stock: Vec<i64>,
}

impl Shop<'_> {
    fn fill(&mut self) -> Result<(), Box<dyn Error>> {
        let begin = Date::from_calendar_date(FIRST_DAY.0, FIRST_DAY.1, FIRST_DAY.2)?;
        for (id, category) in (1..).zip(&CATEGORIES) {
            self.rows.execute("INSERT INTO categories VALUES (?1, ?2)", params![id, category.name])?;
        }
        for (id, (name, city, days)) in (1..).zip(SUPPLIERS) {
            let (city, country) = CITIES[city];
            let row = params![id, name, city, country, days];
            self.rows.execute("INSERT INTO suppliers VALUES (?1, ?2, ?3, ?4, ?5)", row)?;
        }
        let products = self.products(begin)?;
        let customers = self.customers(begin)?;
        // A little more is sold each month, and more in some months than in others.
        let weights = (0..DAYS).map(|day| {
            let month = usize::from(u8::from((begin + Duration::days(day)).month())) - 1;
            let season: u64 = CATEGORIES.iter().map(|category| category.season[month]).sum();
            season * (600 + day as u64)
        });
        let mut days: Vec<usize> = (0..ORDERS).map(|_| self.dice.weighted(weights.clone())).collect();
        days.sort_unstable();
        for (id, day) in (1..).zip(days) {
            self.order(id, day as i64, begin, &products, &customers)?;
        }
        Ok(())
    }

    fn products(&mut self, begin: Date) -> Result<Vec<Product>, Box<dyn Error>> {
        let mut products = Vec::new();
        let insert = "INSERT INTO products VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        for (category, words) in CATEGORIES.iter().enumerate() {
            for (number, (name, price)) in (1..).zip(words.products) {
                let id = products.len() as i64 + 1;
                let supplier = self.dice.below(SUPPLIERS.len() as u64) as usize;
                let cost = price * (45 + self.dice.below(20) as i64) / 100;
                let grams = 50 * (1 + self.dice.below(40));
                let attributes = format!(r#"{{"colour":"{}","grams":{grams}}}"#, self.dice.of(&COLOURS));
                let sku = format!("{}-{number:03}", words.code);
                let gone = self.dice.in_hundred(5);
                let (category_id, supplier_id) = (category as i64 + 1, supplier as i64 + 1);
                let row = params![id, sku, name, category_id, supplier_id, price, cost, attributes, gone];
                self.rows.execute(insert, row)?;
                // Cheap things sell more often.
                let popularity = 1 + self.dice.below(9) + 4000 / price as u64;
                products.push(Product { price, supplier, category, popularity });
                self.stock.push(0);
                self.moved(id as usize - 1, begin, 80, "delivery", None)?;
            }
        }
        Ok(products)
    }

    fn customers(&mut self, begin: Date) -> Result<Vec<Customer>, Box<dyn Error>> {
        let mut customers = Vec::new();
        let insert = "INSERT INTO customers VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        for id in 1..=CUSTOMERS {
            let kind = self.dice.weighted(KINDS.iter().map(|kind| kind.2));
            let place = format!("{} {}", FIRST[(id % 20) as usize], SECOND[((id * 7 + id / 20) % 16) as usize]);
            let name = format!("{place} {}", KINDS[kind].1);
            let (city, country) = self.dice.of(&CITIES);
            let email = format!("{}.{id}@example.com", place.to_lowercase().replace(' ', "."));
            // Half of them were there before.
            let joined = begin + Duration::days(self.dice.below(900) as i64 - 450);
            let row = params![id, name, KINDS[kind].0, city, country, email, joined.to_string()];
            self.rows.execute(insert, row)?;
            customers.push(Customer { kind, joined });
        }
        Ok(customers)
    }

    fn order(
        &mut self,
        id: i64,
        day: i64,
        begin: Date,
        products: &[Product],
        customers: &[Customer],
    ) -> Result<(), Box<dyn Error>> {
        let today = begin + Duration::days(day);
        let month = usize::from(u8::from(today.month())) - 1;
        let buyer = loop {
            // The smaller of two rolls: the first customers come back most.
            let one = self.dice.below(CUSTOMERS as u64).min(self.dice.below(CUSTOMERS as u64)) as usize;
            if customers[one].joined <= today {
                break one;
            }
        };
        let mut lines: Vec<(usize, i64, i64)> = Vec::new();
        for _ in 0..self.dice.of(&[1_u8, 1, 2, 2, 2, 3, 3, 4, 5]) {
            let weights =
                products.iter().map(|product| product.popularity * CATEGORIES[product.category].season[month]);
            let product = self.dice.weighted(weights);
            if lines.iter().all(|line| line.0 != product) {
                let quantity = 1 + self.dice.below(KINDS[customers[buyer].kind].3) as i64;
                lines.push((product, quantity, self.dice.of(&[0, 0, 0, 0, 0, 0, 0, 5, 10, 15])));
            }
        }
        let total: i64 = lines.iter().map(|line| line.1 * products[line.0].price).sum();
        let age = DAYS - day;
        let status = match self.dice.below(100) {
            0..=3 => "cancelled",
            _ if age < 4 => "open",
            _ if age < 10 => "shipped",
            4..=7 => "returned",
            _ => "delivered",
        };
        let left = today + Duration::days(1 + self.dice.below(3) as i64);
        let left = (!matches!(status, "cancelled" | "open")).then(|| left.to_string());
        let note = self.dice.in_hundred(8).then(|| self.dice.of(&NOTES));
        let shipping = if total >= 6000 { 0 } else { 490 };
        let row = params![id, buyer as i64 + 1, today.to_string(), status, left, shipping, note];
        self.rows.execute("INSERT INTO orders VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)", row)?;
        for (line, (product, quantity, discount)) in (1..).zip(lines) {
            let price = price_on(products[product].price, day);
            let row = params![id, line, product as i64 + 1, quantity, price, discount];
            self.rows.execute("INSERT INTO order_items VALUES (?1, ?2, ?3, ?4, ?5, ?6)", row)?;
            if status != "cancelled" {
                self.sold(product, quantity, today, &products[product], id)?;
            }
            if status == "returned" {
                self.moved(product, today + Duration::days(9), quantity, "return", Some(id))?;
            }
        }
        Ok(())
    }

    /// Takes it from the shelf, which is filled first where too little is on it.
    fn sold(
        &mut self,
        product: usize,
        quantity: i64,
        day: Date,
        of: &Product,
        order: i64,
    ) -> Result<(), Box<dyn Error>> {
        if self.stock[product] < quantity + 10 {
            let ordered = day - Duration::days(SUPPLIERS[of.supplier].2 % 3);
            self.moved(product, ordered, 60 + quantity, "delivery", None)?;
        }
        if self.dice.in_hundred(1) {
            self.moved(product, day, -1, "breakage", None)?;
        }
        self.moved(product, day, -quantity, "sale", Some(order))
    }

    fn moved(
        &mut self,
        product: usize,
        day: Date,
        quantity: i64,
        reason: &str,
        order: Option<i64>,
    ) -> Result<(), Box<dyn Error>> {
        self.stock[product] += quantity;
        let row = params![product as i64 + 1, day.to_string(), quantity, reason, order];
        let insert = "INSERT INTO stock_movements (product_id, moved_on, quantity, reason, order_id) \
                      VALUES (?1, ?2, ?3, ?4, ?5)";
        self.rows.execute(insert, row)?;
        Ok(())
    }
}

/// Prices rose by four percent with the year 2026, in steps of five cents.
fn price_on(today: i64, day: i64) -> i64 {
    if day >= 365 { today } else { today * 96 / 100 / 5 * 5 }
}
