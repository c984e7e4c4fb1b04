-- A shop for kitchens, gardens and desks. Everything in it is invented.
-- Money is in whole cents (euro), days are text: 2026-03-31.

CREATE TABLE categories (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);

CREATE TABLE suppliers (
    id           INTEGER PRIMARY KEY,
    name         TEXT NOT NULL UNIQUE,
    city         TEXT NOT NULL,
    country      TEXT NOT NULL,              -- ISO 3166: PT, DE
    lead_days    INTEGER NOT NULL            -- from an order to its delivery
);

CREATE TABLE products (
    id           INTEGER PRIMARY KEY,
    sku          TEXT NOT NULL UNIQUE,       -- COF-003
    name         TEXT NOT NULL,
    category_id  INTEGER NOT NULL REFERENCES categories (id),
    supplier_id  INTEGER NOT NULL REFERENCES suppliers (id),
    price_cents  INTEGER NOT NULL CHECK (price_cents > 0), -- what a customer pays today
    cost_cents   INTEGER NOT NULL CHECK (cost_cents > 0),  -- what the supplier is paid
    attributes   JSON NOT NULL,              -- {"colour": "slate", "grams": 250}
    discontinued BOOLEAN NOT NULL DEFAULT 0
);

CREATE TABLE customers (
    id           INTEGER PRIMARY KEY,
    name         TEXT NOT NULL,
    kind         TEXT NOT NULL CHECK (kind IN ('household', 'cafe', 'office', 'reseller')),
    city         TEXT NOT NULL,
    country      TEXT NOT NULL,
    email        TEXT NOT NULL UNIQUE,
    joined_on    DATE NOT NULL
);

CREATE TABLE orders (
    id             INTEGER PRIMARY KEY,
    customer_id    INTEGER NOT NULL REFERENCES customers (id),
    ordered_on     DATE NOT NULL,
    status         TEXT NOT NULL CHECK (status IN ('open', 'shipped', 'delivered', 'returned', 'cancelled')),
    shipped_on     DATE,                     -- NULL until it left, and for ever if it was cancelled
    shipping_cents INTEGER NOT NULL,         -- 0 from 60 euros on
    note           TEXT
);

CREATE TABLE order_items (
    order_id         INTEGER NOT NULL REFERENCES orders (id),
    line             INTEGER NOT NULL,
    product_id       INTEGER NOT NULL REFERENCES products (id),
    quantity         INTEGER NOT NULL CHECK (quantity > 0),
    unit_price_cents INTEGER NOT NULL,       -- on that day; products.price_cents is today's
    discount_percent INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (order_id, line)
) WITHOUT ROWID;

CREATE TABLE stock_movements (
    id         INTEGER PRIMARY KEY,
    product_id INTEGER NOT NULL REFERENCES products (id),
    moved_on   DATE NOT NULL,
    quantity   INTEGER NOT NULL CHECK (quantity <> 0), -- in is positive, out is negative; their sum is what is there
    reason     TEXT NOT NULL CHECK (reason IN ('delivery', 'sale', 'return', 'breakage')),
    order_id   INTEGER REFERENCES orders (id)          -- of sales and returns
);

CREATE INDEX products_category ON products (category_id);
CREATE INDEX orders_customer ON orders (customer_id);
CREATE INDEX orders_day ON orders (ordered_on);
CREATE INDEX order_items_product ON order_items (product_id);
CREATE INDEX stock_movements_product ON stock_movements (product_id, moved_on);

-- One row for each line of an order that was not cancelled or sent back: what was earned.
CREATE VIEW sales AS
SELECT o.id AS order_id,
       o.ordered_on,
       substr(o.ordered_on, 1, 7) AS month,
       cu.name AS customer,
       cu.kind AS customer_kind,
       cu.country,
       ca.name AS category,
       p.name AS product,
       i.quantity,
       i.quantity * i.unit_price_cents * (100 - i.discount_percent) / 100 AS revenue_cents
FROM order_items AS i
JOIN orders AS o ON o.id = i.order_id
JOIN products AS p ON p.id = i.product_id
JOIN categories AS ca ON ca.id = p.category_id
JOIN customers AS cu ON cu.id = o.customer_id
WHERE o.status NOT IN ('cancelled', 'returned');
