//! What things in the shop are called.

/// A category, the first letters of its article numbers, its products with prices in cents, and how its sales go over
/// the year: the weight of each month.
pub struct Category {
    pub name: &'static str,
    pub code: &'static str,
    pub products: [(&'static str, i64); 10],
    pub season: [u64; 12],
}

pub const CATEGORIES: [Category; 6] = [
    Category {
        name: "Coffee",
        code: "COF",
        products: [
            ("Morning Ledger Espresso, 250 g", 890),
            ("Tin Roof Filter Roast, 250 g", 840),
            ("Low Tide Decaf, 250 g", 920),
            ("Quarry House Blend, 1 kg", 2890),
            ("Ember & Rye Dark Roast, 500 g", 1590),
            ("Kestrel Hand Grinder", 6400),
            ("Pourwell Dripper", 2450),
            ("Pourwell Papers, 100 pieces", 620),
            ("Brass Dosing Spoon", 1180),
            ("Two-Cup Moka Pot", 3350),
        ],
        season: [11, 10, 10, 9, 9, 8, 7, 7, 9, 10, 12, 14],
    },
    Category {
        name: "Tea",
        code: "TEA",
        products: [
            ("Fogline Earl Grey, 100 g", 760),
            ("Orchard Gate Fruit Tea, 120 g", 690),
            ("Nine Bridges Oolong, 80 g", 1420),
            ("Snowmelt White Tea, 60 g", 1680),
            ("Late Hour Camomile, 80 g", 640),
            ("Granite Glaze Teapot", 4900),
            ("Steeping Basket", 1150),
            ("Swallow Cup, Pair", 2600),
            ("Tea Tin, Large", 1390),
            ("Timer Glass, Four Minutes", 980),
        ],
        season: [14, 13, 11, 8, 6, 5, 4, 5, 8, 11, 14, 17],
    },
    Category {
        name: "Kitchen",
        code: "KIT",
        products: [
            ("Ashwood Chopping Board", 3900),
            ("Harbour Paring Knife", 2750),
            ("Linen Tea Towel, Three Pieces", 1950),
            ("Cast Pan, 24 cm", 5600),
            ("Nesting Bowls, Set of Four", 4450),
            ("Salt Pig with Lid", 2200),
            ("Olive Oil Can", 1850),
            ("Kitchen Scale Plain", 3100),
            ("Bread Bag, Waxed", 1690),
            ("Spice Rack for Twelve", 3650),
        ],
        season: [8, 8, 8, 8, 8, 8, 8, 8, 8, 9, 13, 18],
    },
    Category {
        name: "Garden",
        code: "GAR",
        products: [
            ("Copper Hand Fork", 2400),
            ("Seed Box, Oak", 3750),
            ("Meadow Mix, 100 g", 890),
            ("Long Spout Watering Can", 4200),
            ("Potting Bench Apron", 3300),
            ("Twine, 200 m", 590),
            ("Bird Bath Slate", 6900),
            ("Herb Planter, Three Pots", 2850),
            ("Secateurs No. 2", 3480),
            ("Plant Labels, 50 pieces", 740),
        ],
        season: [2, 5, 15, 18, 16, 11, 8, 6, 5, 4, 2, 3],
    },
    Category {
        name: "Desk",
        code: "DSK",
        products: [
            ("Field Notebook, Grid", 1290),
            ("Graphite Set, Six Pencils", 1450),
            ("Folding Letter Tray", 3200),
            ("Desk Lamp Heron", 8900),
            ("Paper Knife, Walnut", 1980),
            ("Wall Calendar, Letterpress", 2350),
            ("Card Box with Dividers", 2700),
            ("Blotter, Large", 3600),
            ("Ink Bottle, Night Blue", 1590),
            ("Archive Labels, 120 pieces", 540),
        ],
        season: [13, 9, 8, 7, 6, 6, 6, 11, 14, 9, 9, 14],
    },
    Category {
        name: "Lighting",
        code: "LIG",
        products: [
            ("Beeswax Candles, Six Pieces", 1490),
            ("Storm Lantern, Small", 3900),
            ("Storm Lantern, Large", 5400),
            ("String Lights, Ten Metres", 2900),
            ("Clip Lamp Wren", 4650),
            ("Paper Shade, Round", 2750),
            ("Candle Plate, Iron", 1720),
            ("Match Jar with Striker", 1360),
            ("Reading Light, Rechargeable", 5200),
            ("Hallway Pendant", 11900),
        ],
        season: [10, 8, 6, 5, 4, 4, 4, 5, 8, 12, 17, 20],
    },
];

pub const SUPPLIERS: [(&str, usize, i64); 12] = [
    ("Northgate Roasters", 3, 6),
    ("Companhia do Cais", 0, 9),
    ("Weir & Willow Imports", 8, 14),
    ("Steinbach Keramik", 2, 12),
    ("Atelier des Quais", 5, 8),
    ("Lindqvist Trading", 6, 10),
    ("Fjell Outdoor Works", 7, 15),
    ("Officina Tre Archi", 9, 11),
    ("Papeterie du Moulin", 4, 7),
    ("Kupfer und Eisen", 3, 10),
    ("Tallow Lane Chandlers", 8, 9),
    ("Bluebell Nurseries", 10, 5),
];

pub const CITIES: [(&str, &str); 12] = [
    ("Porto", "PT"),
    ("Lisbon", "PT"),
    ("Dresden", "DE"),
    ("Hamburg", "DE"),
    ("Lyon", "FR"),
    ("Nantes", "FR"),
    ("Gothenburg", "SE"),
    ("Bergen", "NO"),
    ("Galway", "IE"),
    ("Bologna", "IT"),
    ("Ghent", "BE"),
    ("Utrecht", "NL"),
];

pub const FIRST: [&str; 20] = [
    "Amber", "Birch", "Cobalt", "Dune", "Elder", "Fern", "Granite", "Harbour", "Indigo", "Juniper", "Kestrel", "Larch",
    "Marble", "Nettle", "Osprey", "Pebble", "Quince", "Rowan", "Saffron", "Thistle",
];

pub const SECOND: [&str; 16] = [
    "Bay", "Bridge", "Corner", "Court", "Field", "Gate", "Hill", "Lane", "Mill", "Passage", "Quay", "Row", "Square",
    "Terrace", "Wharf", "Yard",
];

/// A kind of customer, how its name ends, how many of a hundred are of it, and the most it takes of one thing.
pub const KINDS: [(&str, &str, u64, u64); 4] = [
    ("household", "Household", 62, 3),
    ("cafe", "Café", 18, 8),
    ("office", "Office", 13, 6),
    ("reseller", "Stores", 7, 20),
];

pub const COLOURS: [&str; 6] = ["slate", "cream", "moss", "brick", "night blue", "natural"];

pub const NOTES: [&str; 5] = [
    "leave with the neighbour",
    "gift wrap, please",
    "deliver after 17:00",
    "invoice to the head office",
    "call before delivery",
];
